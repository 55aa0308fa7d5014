//! Table of words while paths are made.
//!
//! The hash of a word is linear over GF(2): the sum of a key for each X and each Z. So the hash of a product is the sum
//! of hashes, and a quarter turn, which maps words linearly, leaves all stored hashes true once a few keys have changed.

use crate::mask::{Mask, Wide};
use crate::observable::PauliWord;
use crate::random::Generator;
use rand::{RngCore, SeedableRng};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Limbs of a mask.
const LIMBS: usize = 4;

/// Hasher of numbers that are random already.
#[derive(Debug, Default)]
struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }
}

/// Words with their signs, hashes and numbers of sines.
#[derive(Debug)]
pub(super) struct Words {
    /// Keys of X and Z of each qubit.
    keys: Vec<[u128; 2]>,
    /// Limbs of the masks, a list each, as a turn reads the few that it touches.
    x: [Vec<u64>; LIMBS],
    z: [Vec<u64>; LIMBS],
    /// Whether the word that the term began as is minus this one.
    pub(super) minus: Vec<bool>,
    /// Smallest number of sines on a path to the word.
    pub(super) sines: Vec<u32>,
    hashes: Vec<u128>,
    places: HashMap<u128, u32, BuildHasherDefault<Given>>,
    /// Limbs that the qubits need; the others are 0.
    limbs: usize,
}

impl Words {
    /// Bytes of a word while paths are made: its numbers, its place in the map, and twice that, as lists that grow are
    /// copied.
    pub(super) const BYTES: u64 = 2 * (2 * LIMBS as u64 * 8 + 1 + 4 + 16 + 40);

    pub(super) fn new(qubits: usize) -> Self {
        // The same keys always, so the same places always.
        let mut generator = Generator::seed_from_u64(0);
        let mut key = || u128::from(generator.next_u64()) << 64 | u128::from(generator.next_u64());
        Self {
            keys: (0..qubits).map(|_| [key(), key()]).collect(),
            x: Default::default(),
            z: Default::default(),
            minus: Vec::new(),
            sines: Vec::new(),
            hashes: Vec::new(),
            places: HashMap::default(),
            limbs: qubits.div_ceil(64).min(LIMBS),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn word(&self, index: u32) -> PauliWord {
        let at = |list: &[Vec<u64>; LIMBS]| {
            Wide(std::array::from_fn(|limb| if limb < self.limbs { list[limb][index as usize] } else { 0 }))
        };
        PauliWord { x: at(&self.x), z: at(&self.z) }
    }

    pub(super) fn hash(&self, word: &PauliWord) -> u128 {
        let sum = |mask: Wide, of: usize| mask.qubits().fold(0, |sum, qubit| sum ^ self.keys[qubit][of]);
        sum(word.x, 0) ^ sum(word.z, 1)
    }

    /// Place of the word that is the product of a word and another one with this hash.
    pub(super) fn partner(&self, index: u32, hash: u128) -> Option<u32> {
        self.places.get(&(self.hashes[index as usize] ^ hash)).copied()
    }

    /// Place of a word, which is added unless it is there.
    pub(super) fn place(&mut self, word: PauliWord) -> u32 {
        let hash = self.hash(&word);
        match self.places.get(&hash) {
            Some(index) => *index,
            None => self.push(word, hash, false, 0),
        }
    }

    /// Adds the product of a word and another one with this hash.
    pub(super) fn born(&mut self, of: u32, word: PauliWord, hash: u128, minus: bool, sines: u32) -> u32 {
        self.push(word, self.hashes[of as usize] ^ hash, minus, sines)
    }

    fn push(&mut self, word: PauliWord, hash: u128, minus: bool, sines: u32) -> u32 {
        let index = self.len() as u32;
        for limb in 0..self.limbs {
            self.x[limb].push(word.x.0[limb]);
            self.z[limb].push(word.z.0[limb]);
        }
        self.minus.push(minus);
        self.sines.push(sines);
        self.hashes.push(hash);
        self.places.insert(hash, index);
        index
    }

    /// Words that have a letter on one of these qubits, in ascending order.
    pub(super) fn on(&self, qubits: Wide) -> Vec<u32> {
        self.scan([(&self.x, qubits), (&self.z, qubits)], |any, limb| any | limb, |any| any != 0)
    }

    /// Words that do not commute with a word, in ascending order.
    pub(super) fn hits(&self, word: &PauliWord) -> Vec<u32> {
        self.scan([(&self.x, word.z), (&self.z, word.x)], |odd, limb| odd ^ limb, |odd| odd.count_ones() % 2 == 1)
    }

    /// Words whose masked limbs, taken together, meet a condition.
    #[inline(always)]
    fn scan(
        &self,
        lists: [(&[Vec<u64>; LIMBS], Wide); 2],
        together: impl Fn(u64, u64) -> u64,
        is_hit: impl Fn(u64) -> bool,
    ) -> Vec<u32> {
        let mut hits = Vec::new();
        let masked =
            lists.map(|(list, mask)| list.iter().zip(mask.0).filter(|(_, mask)| *mask != 0).collect::<Vec<_>>());
        // Stretches of words whose results stay in the cache.
        let mut found = [0; 1024];
        for first in (0..self.len()).step_by(found.len()) {
            let found = &mut found[..(self.len() - first).min(1024)];
            found.fill(0);
            for (list, mask) in masked.iter().flatten() {
                let limbs = &list[first..first + found.len()];
                found.iter_mut().zip(limbs).for_each(|(found, limb)| *found = together(*found, limb & mask));
            }
            let numbers = first as u32..;
            hits.extend(numbers.zip(&*found).filter(|(_, found)| is_hit(**found)).map(|(number, _)| number));
        }
        hits
    }

    /// Maps all words by a quarter turn about a word, from behind the turn to in front of it: P that does not commute
    /// becomes `i W P`, and its negative if the angle is negative.
    pub(super) fn quarter(&mut self, word: &PauliWord, negative: bool) {
        let hash = self.hash(word);
        let hits = self.hits(word);
        // An X at a qubit moves where the word has a Z or a Y there.
        for qubit in word.z.qubits() {
            self.keys[qubit][0] ^= hash;
        }
        for qubit in word.x.qubits() {
            self.keys[qubit][1] ^= hash;
        }
        for index in hits {
            let old = self.word(index);
            let new = word.product(old);
            self.minus[index as usize] ^= word.turn_is_negative(old) ^ negative;
            for limb in 0..self.limbs {
                self.x[limb][index as usize] = new.x.0[limb];
                self.z[limb][index as usize] = new.z.0[limb];
            }
        }
    }

    /// Changes the signs of the words that do not commute with a word.
    pub(super) fn half(&mut self, word: &PauliWord) {
        for index in self.hits(word) {
            self.minus[index as usize] ^= true;
        }
    }
}
