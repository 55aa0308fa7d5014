//! Cuts: factors of words whose partners are left out.
//!
//! A word beyond the limit of the weight is cut by every turn that hits it. All cuts between two other steps of a word are
//! one factor, a product of cosines, so that a sweep touches the word once.

use super::numbers::Coefficient;
use super::structure::{FactorStep, PathStep, Paths};
use std::collections::{BTreeMap, HashMap};

/// Cuts of words that nothing else has touched since.
struct Pending {
    /// Angle of each word's cuts, and their number, if all have the same angle.
    same: Vec<(u32, u32)>,
    /// Angles of the cuts of words that have several.
    several: HashMap<u32, Vec<u32>>,
    /// Coefficient of each product of cosines.
    known: HashMap<Vec<(u32, u32)>, usize>,
}

impl Pending {
    /// Notes a cut of a word.
    fn add(&mut self, word: u32, angle: u32) {
        match &mut self.same[word as usize] {
            (same, count) if *count == 0 || *same == angle => (*same, *count) = (angle, *count + 1),
            _ => self.several.entry(word).or_default().push(angle),
        }
    }

    /// Takes the cuts of a word as a factor of a step.
    fn flush(&mut self, word: u32, paths: &mut Paths, step: &mut BTreeMap<usize, Vec<u32>>) {
        let (angle, count) = std::mem::take(&mut self.same[word as usize]);
        if count == 0 {
            return;
        }
        let mut powers = vec![(angle, count)];
        if let Some(several) = self.several.remove(&word) {
            several.into_iter().for_each(|angle| match powers.iter_mut().find(|(known, _)| *known == angle) {
                Some((_, count)) => *count += 1,
                None => powers.push((angle, 1)),
            });
            powers.sort_unstable();
        }
        let coefficient = self.known.get(&powers).copied().unwrap_or_else(|| {
            let (first, count) = (paths.cosines.len() as u32, powers.len() as u32);
            paths.cosines.extend(&powers);
            paths.coefficients.push(Coefficient::Cosines { first, count });
            self.known.insert(powers, paths.coefficients.len() - 1);
            paths.coefficients.len() - 1
        });
        step.entry(coefficient).or_default().push(word);
    }
}

impl Paths {
    /// Makes one factor of all cuts of a word between two other steps of it.
    pub(super) fn merge_cuts(&mut self) {
        let (several, known) = (HashMap::new(), HashMap::new());
        let mut pending = Pending { same: vec![(0, 0); self.terms], several, known };
        let mut merged = Vec::new();
        for mut step in std::mem::take(&mut self.steps) {
            let mut factors = BTreeMap::new();
            step.each_moved(|word| pending.flush(word, self, &mut factors));
            push_factors(&mut merged, factors);
            if let PathStep::Turn(turn) = &mut step {
                turn.cuts.drain(..).for_each(|word| pending.add(word, turn.angle as u32));
            }
            if step.moves() > 0 {
                merged.push(step);
            }
        }
        let mut factors = BTreeMap::new();
        (0..self.terms as u32).for_each(|word| pending.flush(word, self, &mut factors));
        push_factors(&mut merged, factors);
        self.steps = merged;
    }
}

fn push_factors(steps: &mut Vec<PathStep>, factors: BTreeMap<usize, Vec<u32>>) {
    if !factors.is_empty() {
        let factors = factors.into_iter().collect();
        steps.push(PathStep::Factors(FactorStep { factors, ..FactorStep::default() }));
    }
}
