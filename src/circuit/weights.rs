//! Named weight tensors of a circuit: what they are called, their shape, how they start.

use super::Circuit;
use super::angle::{WeightTensor, Weights};
use crate::error::Mistake;
use candle_core::Shape;
use candle_nn::Init;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A declared weight tensor.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub(crate) handle: Weights,
    pub(crate) init: Init,
}

/// Weight tensors by name. Those of a block, such as `controlled` hands out, are its own behind those of the circuit around it.
#[derive(Debug, Clone, Default)]
pub(super) struct Declarations {
    own: BTreeMap<String, Declaration>,
    /// Entries of all tensors, those around included.
    entries: usize,
    around: Option<Arc<Self>>,
}

impl Declarations {
    /// Declarations of a block inside.
    pub(super) fn inside(around: &Arc<Self>) -> Self {
        Self { own: BTreeMap::new(), entries: around.entries, around: Some(Arc::clone(around)) }
    }

    /// Declarations of a block alone, if it is one inside `around`, or else all that there are.
    pub(super) fn new_in(&self, around: &Arc<Self>) -> Vec<Declaration> {
        match &self.around {
            Some(known) if Arc::ptr_eq(known, around) => self.own.values().cloned().collect(),
            _ => self.iter().cloned().collect(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Declaration> {
        self.levels().find_map(|level| level.own.get(name))
    }

    /// All of them, sorted by name.
    fn iter(&self) -> impl ExactSizeIterator<Item = &Declaration> + use<'_> {
        let mut all: Vec<_> = self.levels().flat_map(|level| level.own.values()).collect();
        if self.around.is_some() {
            all.sort_unstable_by_key(|declaration| declaration.handle.name());
        }
        all.into_iter()
    }

    fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |level| level.around.as_deref())
    }

    /// Adds a tensor of a new name; whether all together are few enough.
    fn insert(&mut self, new: &Declaration) -> bool {
        let total = entries(new.handle.shape()).and_then(|count| count.checked_add(self.entries));
        let Some(total) = total.filter(|total| *total <= MAX_WEIGHTS) else { return false };
        self.entries = total;
        self.own.insert(new.handle.name().to_owned(), new.clone());
        true
    }
}

/// The most entries the weight tensors of a circuit may have together.
pub const MAX_WEIGHTS: usize = 1 << 31;

/// Angles start uniformly on the circle.
const DEFAULT_INIT: Init = Init::Uniform { lo: 0.0, up: std::f64::consts::TAU };

impl Circuit {
    /// Declares a weight tensor of any shape; its entries start uniformly in [0, 2π).
    ///
    /// Under a `VarBuilder` the layer's tensor has this `name`. Declaring a name again with the same shape gives the same
    /// tensor back, so that parts of a circuit can share weights.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(2);
    /// let w = circuit.weights("theta", (2, 3));
    /// circuit.u(w.at([0, 0]), w.at([0, 1]), w.at([0, 2]), 0);
    /// ```
    pub fn weights(&mut self, name: &str, shape: impl Into<Shape>) -> Weights {
        self.weights_with_init(name, shape, DEFAULT_INIT)
    }

    /// As [`weights`](Self::weights), with its own initialisation.
    ///
    /// ```
    /// use candle_nn::Init;
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// let w = circuit.weights_with_init("w", 1, Init::Randn { mean: 0.0, stdev: 0.1 });
    /// circuit.ry(w.at([0]), 0);
    /// ```
    pub fn weights_with_init(&mut self, name: &str, shape: impl Into<Shape>, init: Init) -> Weights {
        let shape = shape.into().into_dims();
        let handle = Weights { tensor: Arc::new(WeightTensor { name: name.to_owned(), shape }) };
        if name.is_empty() || name.contains('.') {
            self.fail("weights", Mistake::WeightName { name: name.to_owned() });
        }
        if let Some(value) = not_finite(init) {
            self.fail("weights", Mistake::NotFinite { what: "the initialisation", value });
        }
        self.declare(&Declaration { handle: handle.clone(), init });
        handle
    }

    /// Adds a declaration, or checks it against the one that is there.
    pub(super) fn declare(&mut self, new: &Declaration) {
        let (name, shape) = (|| new.handle.name().to_owned(), || new.handle.shape().to_vec());
        match self.weights.get(new.handle.name()) {
            None => {
                if !Arc::make_mut(&mut self.weights).insert(new) {
                    let mistake = Mistake::TooManyWeights { name: name(), shape: shape(), limit: MAX_WEIGHTS };
                    self.fail("weights", mistake);
                }
            }
            Some(old) if old.handle == new.handle => {}
            Some(old) => {
                let declared = old.handle.shape().to_vec();
                self.fail("weights", Mistake::WeightRedeclared { name: name(), declared, shape: shape() });
            }
        }
    }

    /// All declarations, sorted by name.
    pub(crate) fn declarations(&self) -> impl ExactSizeIterator<Item = &Declaration> {
        self.weights.iter()
    }

    /// Handles on all weight tensors, sorted by name.
    pub fn weight_tensors(&self) -> Vec<Weights> {
        self.declarations().map(|declaration| declaration.handle.clone()).collect()
    }
}

/// Number of entries of a shape, unless it overflows.
fn entries(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size))
}

/// A number of an initialisation that no weight can be drawn from.
pub(crate) fn not_finite(init: Init) -> Option<f64> {
    let numbers = match init {
        Init::Const(value) => [value, 0.0],
        Init::Randn { mean, stdev } => [mean, stdev],
        Init::Uniform { lo, up } => [lo, up - lo],
        Init::Kaiming { .. } => [0.0, 0.0],
    };
    numbers.into_iter().find(|number| !number.is_finite())
}
