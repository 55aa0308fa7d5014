//! DerivedFeatures that a program's engines see behind a sample's features.
//!
//! A conditional gate's angles have a factor more, its *switch*: 1 in the samples in which its conditions hold, 0 in the
//! others, where the gate is then the identity. Expressions have two variables at most; where a switch would be the third, it
//! forms a *product* with one of them. Both are numbers a sample, as features are. [`crate::derived_features`] computes them.

use super::{Program, Slot, Variable};
use crate::circuit::{Comparison, Token};
use std::collections::HashMap;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct DerivedFeatures {
    pub(crate) tests: Vec<Comparison<Slot>>,
    /// In the order in which they stand behind the features.
    pub(crate) list: Vec<DerivedFeature>,
    known_tests: HashMap<Vec<u64>, usize>,
    known: HashMap<DerivedFeature, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum DerivedFeature {
    /// 1 where a condition holds, 0 where it does not, NaN where that cannot be said. Tests are numbered, and stand before
    /// their operators.
    Switch(Vec<Token<usize>>),
    /// An earlier column, by its place in the list, times a variable.
    Product { switch: usize, of: Variable },
}

impl DerivedFeatures {
    /// Where a test stands, a new one unless the same is there.
    pub(super) fn test(&mut self, test: Comparison<Slot>) -> usize {
        let mut bits = test.value.key();
        bits.extend([u64::from(test.absolute), u64::from(test.above), test.threshold.to_bits()]);
        *self.known_tests.entry(bits).or_insert_with(|| {
            self.tests.push(test);
            self.tests.len() - 1
        })
    }

    /// Where a column stands, a new one unless the same is there.
    pub(super) fn column(&mut self, column: DerivedFeature) -> usize {
        *self.known.entry(column).or_insert_with_key(|column| {
            self.list.push(column.clone());
            self.list.len() - 1
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Program {
    /// What a variable is made from, and the input that is the other factor if it is a product; nothing for a switch.
    pub(crate) fn origin(&self, variable: Variable) -> Option<(Variable, Option<usize>)> {
        let Variable::Input(index) = variable else { return Some((variable, None)) };
        match index.checked_sub(self.inputs()).map(|column| &self.columns.list[column]) {
            None => Some((variable, None)),
            Some(DerivedFeature::Switch(_)) => None,
            Some(DerivedFeature::Product { switch, of }) => Some((*of, Some(self.inputs() + switch))),
        }
    }
}
