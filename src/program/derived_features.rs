//! Derived features of a program, which engines see behind a sample's features.
//!
//! The angle of a conditional gate has its *switch* as a further factor. The switch is 1 in the samples in which the
//! gate's conditions hold, and 0 in the other samples, where the gate is the identity. Expressions have at most two
//! variables in a product. If a switch would be the third, it forms a *product* with one of the two. Some
//! channels have square roots or exponential functions of their strengths as coefficients: these are derived features,
//! too. All are numbers of each sample, like features. [`crate::derived_features`] computes them.

use super::{Program, Slot, Variable};
use crate::channel::Function;
use crate::circuit::{Comparison, Token};
use std::collections::HashMap;

/// Derived features of a program, and the tests of its conditions.
#[derive(Debug, Clone, Default)]
pub(crate) struct DerivedFeatures {
    pub(crate) tests: Vec<Comparison<Slot>>,
    /// Arguments of functions.
    pub(crate) arguments: Vec<Slot>,
    /// Derived features in the order in which they follow the features.
    pub(crate) list: Vec<DerivedFeature>,
    known_tests: HashMap<Vec<u64>, usize>,
    known_arguments: HashMap<Vec<u64>, usize>,
    known: HashMap<DerivedFeature, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum DerivedFeature {
    /// Switch: 1 where a condition holds, 0 where it does not, and NaN where a value is NaN. Tokens are in postfix
    /// order, and a test is an index into `tests`.
    Switch(Vec<Token<usize>>),
    /// Product of an earlier derived feature, by its index in the list, and a variable.
    Product { switch: usize, of: Variable },
    /// Function of strengths; its arguments are indices into `arguments`.
    Function { function: Function, arguments: [usize; 2] },
}

impl DerivedFeatures {
    /// Index of a test, which is added unless an equal test exists.
    pub(super) fn test_index(&mut self, test: Comparison<Slot>) -> usize {
        let mut bits = test.value.key();
        bits.extend([u64::from(test.absolute), u64::from(test.above), test.threshold.to_bits()]);
        *self.known_tests.entry(bits).or_insert_with(|| {
            self.tests.push(test);
            self.tests.len() - 1
        })
    }

    /// Index of an argument, which is added unless an equal one exists.
    pub(super) fn argument_index(&mut self, argument: Slot) -> usize {
        *self.known_arguments.entry(argument.key()).or_insert_with(|| {
            self.arguments.push(argument);
            self.arguments.len() - 1
        })
    }

    /// Index of a derived feature, which is added unless an equal one exists.
    pub(super) fn feature_index(&mut self, feature: DerivedFeature) -> usize {
        *self.known.entry(feature).or_insert_with_key(|feature| {
            self.list.push(feature.clone());
            self.list.len() - 1
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether derived features are computed by functions.
    pub(crate) fn has_functions(&self) -> bool {
        self.list.iter().any(|feature| matches!(feature, DerivedFeature::Function { .. }))
    }
}

impl Program {
    /// Variable that an engine input is made from, and the switch that is its other factor in a product. `None` for a
    /// switch. A function of strengths counts as a variable of its own.
    pub(crate) fn origin(&self, variable: Variable) -> Option<(Variable, Option<usize>)> {
        let Variable::Input(index) = variable else { return Some((variable, None)) };
        match index.checked_sub(self.inputs()).map(|place| &self.derived.list[place]) {
            None => Some((variable, None)),
            Some(DerivedFeature::Switch(_)) => None,
            Some(DerivedFeature::Product { switch, of }) => Some((*of, Some(self.inputs() + switch))),
            Some(DerivedFeature::Function { .. }) => Some((variable, None)),
        }
    }
}
