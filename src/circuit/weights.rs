//! Named weight tensors of a circuit: names, shapes and initialisations.

use super::Circuit;
use crate::angle::{WeightTensor, Weights};
use crate::error::Mistake;
use crate::limits::MAX_WEIGHTS;
use candle_core::Shape;
use candle_nn::Init;
use std::collections::BTreeMap;
use std::mem::discriminant;
use std::sync::Arc;

/// Name of the tensor that holds a fingerprint. No weights may have this name.
pub(crate) const FINGERPRINT: &str = "circuit_fingerprint";

/// Declared weight tensor.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub(crate) handle: Weights,
    pub(crate) init: Init,
}

impl Declaration {
    /// Returns whether `other` declares a tensor with the same name, shape and initialisation.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.handle == other.handle && is_same_init(self.init, other.init)
    }
}

/// Weight tensors by name. A block, such as `controlled` opens, has its own tensors, and refers to the tensors of the
/// circuit around it.
#[derive(Debug, Clone, Default)]
pub(super) struct Declarations {
    own: BTreeMap<String, Declaration>,
    /// Number of entries of all tensors, outer tensors included.
    entries: usize,
    around: Option<Arc<Self>>,
}

impl Declarations {
    /// Returns empty declarations of a block inside `around`.
    pub(super) fn inside(around: &Arc<Self>) -> Self {
        Self { own: BTreeMap::new(), entries: around.entries, around: Some(Arc::clone(around)) }
    }

    /// Returns the declarations of the block only, if the block is inside `around`, and otherwise all declarations.
    pub(super) fn new_in(&self, around: &Arc<Self>) -> Vec<Declaration> {
        match &self.around {
            Some(known) if Arc::ptr_eq(known, around) => self.own.values().cloned().collect(),
            _ => self.iter().cloned().collect(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Declaration> {
        self.levels().find_map(|level| level.own.get(name))
    }

    /// Iterates over all declarations, sorted by name.
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

    /// Adds a tensor of a new name. Returns whether all tensors together are small enough.
    fn insert(&mut self, new: &Declaration) -> bool {
        let total = entries(new.handle.shape()).and_then(|count| count.checked_add(self.entries));
        let Some(total) = total.filter(|total| *total <= MAX_WEIGHTS) else { return false };
        self.entries = total;
        self.own.insert(new.handle.name().to_owned(), new.clone());
        true
    }
}

/// Weights of a template: the name of a new tensor, or a handle on a tensor of the circuit, which the template then
/// shares.
///
/// ```
/// use candle_nn::Init;
/// use candlewick::{gate::Gate, prelude::*};
/// let mut circuit = Circuit::new(2);
/// let w = circuit.weights_with_init("w", (1, 2), Init::Const(0.1)); // a start of its own
/// for _ in 0..3 {
///     circuit.angle_embedding(Gate::ry, (0..2).map(input));
///     circuit.basic_entangler_layers(&w, 1, Gate::rx); // the same weights three times
/// }
/// circuit.check().unwrap();
/// assert_eq!(circuit.weight_tensors().len(), 1);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum TemplateWeights<'a> {
    /// Name of a tensor that the template declares, as [`Circuit::weights`] does.
    New(&'a str),
    /// Tensor of the circuit, with the template's shape.
    Shared(&'a Weights),
}

impl<'a> From<&'a str> for TemplateWeights<'a> {
    fn from(name: &'a str) -> Self {
        Self::New(name)
    }
}

impl<'a> From<&'a String> for TemplateWeights<'a> {
    fn from(name: &'a String) -> Self {
        Self::New(name)
    }
}

impl<'a> From<&'a Weights> for TemplateWeights<'a> {
    fn from(weights: &'a Weights) -> Self {
        Self::Shared(weights)
    }
}

impl Weights {
    /// Returns whether this is a handle on this very tensor.
    pub(super) fn is(&self, tensor: &Arc<WeightTensor>) -> bool {
        Arc::ptr_eq(&self.tensor, tensor)
    }
}

/// Default initialisation: angles are uniform on the circle.
pub(crate) const DEFAULT_INIT: Init = Init::Uniform { lo: 0.0, up: std::f64::consts::TAU };

impl Circuit {
    /// Declares a weight tensor of any shape; its entries start uniformly in [0, 2π).
    ///
    /// The tensor has this `name` under the layer's `VarBuilder`. A name is declared once. Programs share weights
    /// through the handle: its entries are angles, templates take it in the place of a name, and [`share`](Self::share)
    /// declares it in another circuit.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(2);
    /// let w = circuit.weights("theta", (2, 3));
    /// circuit.u(w.at([0, 0]), w.at([0, 1]), w.at([0, 2]), 0);
    /// circuit.check().unwrap();
    /// circuit.weights("theta", (2, 3)); // another tensor of the same name: a mistake
    /// assert!(circuit.check().is_err());
    /// ```
    pub fn weights(&mut self, name: &str, shape: impl Into<Shape>) -> Weights {
        self.weights_with_init(name, shape, DEFAULT_INIT)
    }

    /// Declares a weight tensor as [`weights`](Self::weights) does, with its own initialisation.
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
        let handle = Weights { tensor: Arc::new(WeightTensor { name: name.to_owned(), shape, init }) };
        if name.is_empty() || name.contains('.') || name == FINGERPRINT {
            self.fail("weights", Mistake::WeightName { name: name.to_owned() });
        }
        if let Err(mistake) = check_init(init) {
            self.fail("weights", mistake);
        }
        self.share(&handle);
        handle
    }

    /// Declares a tensor of another circuit here. The two circuits share it, and either may be appended to the other.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut first = Circuit::new(2);
    /// let w = first.weights("w", 1);
    /// first.ry(w.at([0]), 0);
    /// let mut second = Circuit::new(2);
    /// second.share(&w).ry(w.at([0]), 1);
    /// first.append(&second); // one weight turns both qubits
    /// first.check().unwrap();
    /// assert_eq!(first.weight_tensors().len(), 1);
    /// ```
    ///
    /// A different tensor of that name in this circuit is a mistake.
    pub fn share(&mut self, weights: &Weights) -> &mut Self {
        self.declare(&Declaration { handle: weights.clone(), init: weights.tensor.init });
        self
    }

    /// Returns the weights of a template: a new tensor, or a tensor of this circuit that has the shape.
    pub(super) fn of_template(&mut self, given: TemplateWeights<'_>, shape: impl Into<Shape>, init: Init) -> Weights {
        let handle = match given {
            TemplateWeights::New(name) => return self.weights_with_init(name, shape, init),
            TemplateWeights::Shared(handle) => handle,
        };
        let (name, shape) = (handle.name().to_owned(), shape.into().into_dims());
        if !self.weights.get(&name).is_some_and(|own| own.handle.is(&handle.tensor)) {
            self.fail("weights", Mistake::UnknownWeights { name });
        } else if handle.shape() != shape {
            let declared = handle.shape().to_vec();
            self.fail("weights", Mistake::WeightRedeclared { name, declared, shape });
        }
        handle.clone()
    }

    /// Adds a declaration, or checks that an existing declaration is of the same tensor.
    pub(super) fn declare(&mut self, new: &Declaration) {
        let (name, shape) = (|| new.handle.name().to_owned(), || new.handle.shape().to_vec());
        match self.weights.get(new.handle.name()) {
            None => {
                if !Arc::make_mut(&mut self.weights).insert(new) {
                    let mistake = Mistake::TooManyWeights { name: name(), shape: shape(), limit: MAX_WEIGHTS };
                    self.fail("weights", mistake);
                }
            }
            Some(old) if old.handle.is(&new.handle.tensor) => {}
            Some(old) => {
                let declared = old.handle.shape().to_vec();
                self.fail("weights", Mistake::WeightRedeclared { name: name(), declared, shape: shape() });
            }
        }
    }

    /// Returns all declarations, sorted by name.
    pub(crate) fn declarations(&self) -> impl ExactSizeIterator<Item = &Declaration> {
        self.weights.iter()
    }

    /// Checks that a tensor is one of the circuit's.
    pub(crate) fn check_declared(&self, tensor: &Arc<WeightTensor>) -> Result<(), Mistake> {
        match self.weights.get(&tensor.name) {
            Some(declaration) if declaration.handle.is(tensor) => Ok(()),
            _ => Err(Mistake::UnknownWeights { name: tensor.name.clone() }),
        }
    }

    /// Returns handles on all weight tensors, sorted by name.
    pub fn weight_tensors(&self) -> Vec<Weights> {
        self.declarations().map(|declaration| declaration.handle.clone()).collect()
    }
}

/// Returns the number of entries of a shape, or `None` if it overflows.
fn entries(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size))
}

/// Returns whether two initialisations draw alike.
fn is_same_init(one: Init, other: Init) -> bool {
    match (one, other) {
        (Init::Const(a), Init::Const(b)) => a == b,
        (Init::Randn { mean: a, stdev: b }, Init::Randn { mean, stdev }) => (a, b) == (mean, stdev),
        (Init::Uniform { lo: a, up: b }, Init::Uniform { lo, up }) => (a, b) == (lo, up),
        (Init::Kaiming { dist: a, fan: b, non_linearity: c }, Init::Kaiming { dist, fan, non_linearity }) => {
            discriminant(&a) == discriminant(&dist)
                && discriminant(&b) == discriminant(&fan)
                && c.gain() == non_linearity.gain()
        }
        _ => false,
    }
}

/// Checks that weights can be drawn from an initialisation.
pub(crate) fn check_init(init: Init) -> Result<(), Mistake> {
    let numbers = match init {
        Init::Const(value) => [value, 0.0],
        Init::Randn { stdev, .. } if stdev < 0.0 => {
            return Err(Mistake::NotPositive { what: "the deviation of the initialisation", value: stdev });
        }
        Init::Uniform { lo, up } if up < lo => {
            return Err(Mistake::NotPositive { what: "the range of the initialisation", value: up - lo });
        }
        Init::Randn { mean, stdev } => [mean, stdev],
        Init::Uniform { lo, up } => [lo, up - lo],
        Init::Kaiming { non_linearity, .. } => {
            let gain = non_linearity.gain();
            if gain <= 0.0 {
                return Err(Mistake::NotPositive { what: "the gain of the initialisation", value: gain });
            }
            // Entries are within √3 of it, on both sides of 0.
            [gain, 4.0 * gain]
        }
    };
    match numbers.into_iter().find(|number| !number.is_finite()) {
        None => Ok(()),
        Some(value) => Err(Mistake::NotFinite { what: "the initialisation", value }),
    }
}
