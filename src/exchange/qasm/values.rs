//! Values of qubits in the computational basis, to find out which are 0 again.
//!
//! A state is a sum over paths, and on each path every qubit is a bit. X under controls adds the product of their bits
//! to that of its target, over GF(2); phases change no bit; H and others give their targets bits of which nothing is
//! known. Bits are written as sums of products of such unknown bits. Equal sums are equal bits on all paths, so a qubit
//! whose sum is empty is in 0, and a reset of it does nothing. Unequal sums say nothing.

use crate::circuit::Condition;
use crate::gate::{FactorKind, Form, GateSpec};
use crate::limits::MAX_QUBITS;
use crate::mask::{Mask, Wide};
use std::collections::HashMap;
use std::rc::Rc;

/// Most terms of a sum. A longer sum becomes an unknown bit, so that each operation takes little time.
const TERMS: usize = 64;

/// Most numbers that the tables hold, 16 MiB of them. Fuller tables are emptied: long texts take little memory.
const TABLES: usize = 1 << 22;

/// Numbers that an entry of a table counts for beyond those of its key.
const ENTRY: usize = 16;

/// Most terms that get a number before the tables are emptied: a literal is twice as large.
const NUMBERS: u32 = 1 << 30;

/// Effect of an operation on the bits of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It complements the bit of its target.
    Flip,
    /// It exchanges the bits of its two targets.
    Exchange,
    /// It makes the bits of these targets unknown, a mask of their places.
    Mix(Wide),
}

impl Effect {
    /// Returns the effect of a gate of the table.
    pub(super) fn of(spec: &GateSpec) -> Self {
        let zero = num_complex::Complex64::default();
        match (spec.form, spec.qubits.len() - spec.controls) {
            (Form::Phase | Form::FixedPhase(_), _) => Self::Mix(Wide::EMPTY),
            (Form::Permutation(&[(0, 1)]), 1) => Self::Flip,
            (Form::Permutation(&[(1, 2)]), 2) => Self::Exchange,
            (Form::Matrix1([[a, _], [_, d]]), _) if a == zero && d == zero => Self::Flip,
            (Form::PauliRotation(word), _) => Self::of_word(word),
            (Form::Product(factors), _) => {
                Self::Mix(factors.iter().fold(Wide::EMPTY, |mask, factor| match factor.kind {
                    FactorKind::Phase => mask,
                    FactorKind::PauliRotation(word) => {
                        let moved = word.chars().zip(factor.targets).filter(|(letter, _)| moves(*letter));
                        mask | Wide::of_qubits(moved.map(|(_, target)| *target))
                    }
                }))
            }
            _ => Self::Mix(!Wide::EMPTY),
        }
    }

    /// Returns the effect of a rotation about a Pauli word.
    pub(super) fn of_word(word: &str) -> Self {
        let moved = word.chars().take(MAX_QUBITS).enumerate().filter(|(_, letter)| moves(*letter));
        Self::Mix(Wide::of_qubits(moved.map(|(place, _)| place)))
    }

    /// Returns whether the bit of the target at a place may change.
    pub(super) fn changes(self, place: usize) -> bool {
        match self {
            Self::Flip | Self::Exchange => true,
            Self::Mix(mask) => mask.contains(place),
        }
    }
}

/// Returns whether a letter of a Pauli word changes bits.
fn moves(letter: char) -> bool {
    !matches!(letter, 'I' | 'Z')
}

/// Bit on each path: the sum of terms over GF(2), and of 1 if it is complemented. A term is the number of an unknown
/// bit, of a product or of a sum that is a factor of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    /// Numbers in increasing order.
    terms: Vec<u32>,
    complement: bool,
}

impl Sum {
    fn term(number: u32) -> Self {
        Self { terms: vec![number], complement: false }
    }

    fn constant(&self) -> Option<bool> {
        self.terms.is_empty().then_some(self.complement)
    }

    /// Adds another sum: terms of both disappear.
    fn add(&mut self, other: &Self) {
        let mut sum = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut left, mut right) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a == b => {
                    left.next();
                    right.next();
                }
                (Some(a), Some(b)) if a < b => sum.extend(left.next()),
                (_, Some(_)) => sum.extend(right.next()),
                (_, None) => break,
            }
        }
        sum.extend(left);
        self.terms = sum;
        self.complement ^= other.complement;
    }
}

/// Bits of all qubits of a circuit. All are 0 at first.
#[derive(Debug)]
pub(super) struct Values {
    bits: Vec<Sum>,
    /// Numbers of products, by their factors in increasing order: twice a term's number, and 1 more if complemented.
    products: HashMap<Box<[u32]>, u32>,
    /// Numbers of sums that are factors, by their terms.
    sums: HashMap<Box<[u32]>, u32>,
    /// Numbers of conditions on inputs, by their addresses. Each is an unknown bit.
    conditions: HashMap<usize, u32>,
    used: Used,
}

/// Room that the terms and the tables take.
#[derive(Debug, Default)]
struct Used {
    /// Number of terms that have a number.
    terms: u32,
    /// Numbers that the tables hold.
    tables: usize,
}

impl Used {
    /// Returns a number that no term has.
    fn term(&mut self) -> u32 {
        self.terms += 1;
        self.terms
    }

    /// Returns the number of a new entry of a table.
    fn entry(&mut self, length: usize) -> u32 {
        self.tables += ENTRY + length;
        self.term()
    }
}

impl Values {
    pub(super) fn new() -> Self {
        Self {
            bits: vec![Sum::default(); MAX_QUBITS],
            products: HashMap::new(),
            sums: HashMap::new(),
            conditions: HashMap::new(),
            used: Used::default(),
        }
    }

    /// Returns the bit of a qubit that is the same on all paths.
    pub(super) fn constant(&self, qubit: usize) -> Option<bool> {
        self.bits[qubit].constant()
    }

    /// Follows an operation under controls with their values and under conditions on inputs.
    pub(super) fn apply(
        &mut self,
        effect: Effect,
        targets: &[usize],
        controls: &[(usize, bool)],
        conditions: &[Rc<Condition>],
    ) {
        self.make_room();
        let product = self.product(controls, conditions);
        match (effect, targets) {
            _ if product.constant() == Some(false) => {}
            (Effect::Flip, &[target]) => self.add(target, &product),
            (Effect::Exchange, &[one, other]) if product.constant().is_some() => self.bits.swap(one, other),
            (Effect::Exchange, &[one, other]) => {
                // Where the product is 1, each bit changes by the sum of both.
                let mut change = self.bits[one].clone();
                change.add(&self.bits[other]);
                let change = self.joined(vec![product, change]);
                self.add(one, &change);
                self.add(other, &change);
            }
            _ => {
                for (_, &target) in targets.iter().enumerate().filter(|(place, _)| effect.changes(*place)) {
                    self.bits[target] = Sum::term(self.used.term());
                }
            }
        }
    }

    fn add(&mut self, qubit: usize, sum: &Sum) {
        self.bits[qubit].add(sum);
        if self.bits[qubit].terms.len() > TERMS {
            self.bits[qubit] = Sum::term(self.used.term());
        }
    }

    /// Returns the product of controls that have their values and of conditions.
    fn product(&mut self, controls: &[(usize, bool)], conditions: &[Rc<Condition>]) -> Sum {
        let mut factors = Vec::with_capacity(controls.len() + conditions.len());
        for &(qubit, value) in controls {
            let mut factor = self.bits[qubit].clone();
            factor.complement ^= !value;
            factors.push(factor);
        }
        for condition in conditions {
            let number = self.conditions.entry(condition.address()).or_insert_with(|| self.used.entry(1));
            factors.push(Sum::term(*number));
        }
        self.joined(factors)
    }

    /// Returns the product of sums.
    fn joined(&mut self, mut factors: Vec<Sum>) -> Sum {
        if factors.iter().any(|factor| factor.constant() == Some(false)) {
            return Sum::default();
        }
        factors.retain(|factor| factor.constant().is_none());
        match factors.len() {
            0 => return Sum { terms: Vec::new(), complement: true },
            1 => return factors.swap_remove(0),
            _ => {}
        }
        let mut literals: Vec<u32> = factors.iter().map(|factor| self.literal(factor)).collect();
        literals.sort_unstable();
        literals.dedup();
        if literals.windows(2).any(|pair| pair[0] ^ 1 == pair[1]) {
            return Sum::default();
        }
        match literals.len() {
            1 => factors.swap_remove(0),
            _ => Sum::term(numbered(&mut self.products, &literals, &mut self.used)),
        }
    }

    /// Returns a sum as a factor of a product.
    fn literal(&mut self, sum: &Sum) -> u32 {
        let number = match sum.terms[..] {
            [number] => number,
            _ => numbered(&mut self.sums, &sum.terms, &mut self.used),
        };
        number << 1 | u32::from(sum.complement)
    }

    /// Empties the tables where they are full. Bits that are not constant become unknown ones, equal bits the same.
    fn make_room(&mut self) {
        if self.used.tables <= TABLES && self.used.terms <= NUMBERS {
            return;
        }
        let old = std::mem::replace(self, Self::new());
        let mut renamed: HashMap<Vec<u32>, u32> = HashMap::new();
        for (bit, Sum { terms, complement }) in self.bits.iter_mut().zip(old.bits) {
            bit.complement = complement;
            if !terms.is_empty() {
                bit.terms = vec![*renamed.entry(terms).or_insert_with(|| self.used.term())];
            }
        }
    }
}

/// Returns the number of a key, a new one if the table lacks it.
fn numbered(table: &mut HashMap<Box<[u32]>, u32>, key: &[u32], used: &mut Used) -> u32 {
    if let Some(number) = table.get(key) {
        return *number;
    }
    let number = used.entry(key.len());
    table.insert(key.into(), number);
    number
}
