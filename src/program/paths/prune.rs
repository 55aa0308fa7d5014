//! Pruning: a pass from the start of the circuit drops words that have no value there and get none on their way.

use super::structure::{FactorStep, TurnStep};

impl TurnStep {
    /// Drops words without a value in front of the turn; `live` has those with one, and becomes that behind the turn.
    /// `ever` gathers them.
    pub(super) fn prune(&mut self, live: &mut [bool], ever: &mut [bool]) {
        self.cuts.retain(|i| live[*i as usize]);
        self.pairs.retain(|pair| {
            let either = pair.iter().any(|at| live[*at as usize]);
            pair.iter().for_each(|at| live[*at as usize] = either);
            pair.iter().for_each(|at| ever[*at as usize] |= either);
            either
        });
        let (births, cuts) = (&mut self.births, &mut self.cuts);
        births.retain(|[i, j]| {
            let [parent, child] = [i, j].map(|at| live[*at as usize]);
            live[*j as usize] = false;
            live[*i as usize] |= child;
            ever[*i as usize] |= child;
            if parent && !child {
                cuts.push(*i);
            }
            child
        });
    }
}

impl FactorStep {
    /// Drops words as [`TurnStep::prune`] does.
    pub(super) fn prune(&mut self, live: &mut [bool], ever: &mut [bool]) {
        self.factors.iter_mut().for_each(|(_, words)| words.retain(|i| live[*i as usize]));
        self.shifts.iter_mut().for_each(|(_, words)| words.retain(|([_, j], _)| live[*j as usize]));
        for ([i, _], _) in self.shifts.iter().flat_map(|(_, words)| words) {
            (live[*i as usize], ever[*i as usize]) = (true, true);
        }
        self.born.retain(|j| std::mem::take(&mut live[*j as usize]));
        self.factors.retain(|(_, words)| !words.is_empty());
        self.shifts.retain(|(_, words)| !words.is_empty());
    }
}
