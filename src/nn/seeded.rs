//! Reproducible initialisation from a seed: candle's CPU generator has no seed.

use crate::circuit::check_init;
use crate::hash::fnv1a;
use crate::memory::check_numbers;
use crate::random::Generator;
use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder, VarMap};
use rand::{Rng, SeedableRng};

/// Initialises the variables of a `VarMap` from a seed.
///
/// The values of a variable depend on the seed, its path and its shape, and on nothing else. The order in which layers
/// are made does not matter, and neither does the device.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarMap;
/// use candlewick::nn::SeededInit;
///
/// let weight = |seed| {
///     let varmap = VarMap::new();
///     let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, &Device::Cpu);
///     candle_nn::linear(3, 2, vb.pp("layer"))?.weight().to_vec2::<f32>()
/// };
/// assert_eq!(weight(7)?, weight(7)?);
/// assert_ne!(weight(7)?, weight(8)?);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeededInit {
    seed: u64,
}

impl SeededInit {
    /// Makes an initialiser for a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Makes a `VarBuilder` over `varmap` that initialises missing variables from the seed and leaves existing
    /// variables as they are.
    pub fn var_builder(self, varmap: &VarMap, dtype: DType, device: &Device) -> VarBuilder<'static> {
        let backend = Backend { seed: self.seed, varmap: varmap.clone() };
        VarBuilder::from_backend(Box::new(backend), dtype, device.clone())
    }

    /// Returns the random numbers for the variable at `path`.
    pub(crate) fn stream(self, path: &str) -> Generator {
        Generator::seed_from_u64(self.seed ^ fnv1a(path.as_bytes()))
    }

    /// Draws values for a variable.
    pub(crate) fn draw(rng: &mut Generator, shape: &Shape, init: Init) -> Vec<f64> {
        let mut uniform = |lo: f64, up: f64| (0..shape.elem_count()).map(|_| rng.random_range(lo..up)).collect();
        match init {
            Init::Const(value) => vec![value; shape.elem_count()],
            Init::Uniform { lo, up } if lo < up => uniform(lo, up),
            Init::Uniform { lo, .. } => vec![lo; shape.elem_count()],
            Init::Randn { mean, stdev } => normal(rng, mean, stdev, shape.elem_count()),
            Init::Kaiming { dist, fan, non_linearity } => {
                let deviation = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
                match dist {
                    NormalOrUniform::Normal => normal(rng, 0.0, deviation, shape.elem_count()),
                    NormalOrUniform::Uniform => {
                        let up = 3f64.sqrt() * deviation;
                        Self::draw(rng, shape, Init::Uniform { lo: -up, up })
                    }
                }
            }
        }
    }
}

/// Draws normal variates by the Box-Muller transform.
fn normal(rng: &mut Generator, mean: f64, deviation: f64, count: usize) -> Vec<f64> {
    let one = |_| {
        let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
        mean + deviation * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    (0..count).map(one).collect()
}

struct Backend {
    seed: u64,
    varmap: VarMap,
}

impl SimpleBackend for Backend {
    fn get(&self, shape: Shape, path: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        if !self.contains_tensor(path) {
            if let Err(mistake) = check_init(init) {
                candle_core::bail!("the initialisation {init:?} of `{path}`: {mistake}")
            }
            // Counts the values, and the variable that is made of them.
            let entries = shape.dims().iter().try_fold(2u64, |product, size| product.checked_mul(*size as u64));
            check_numbers("initial weights", entries)?;
            let values = SeededInit::draw(&mut SeededInit::new(self.seed).stream(path), &shape, init);
            let tensor = Tensor::from_vec(values, shape.clone(), &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?;
            let mut data = self.varmap.data().lock().map_err(|error| candle_core::Error::msg(error.to_string()))?;
            data.insert(path.to_owned(), Var::from_tensor(&tensor)?);
        }
        self.varmap.get(shape, path, init, dtype, device)
    }

    fn get_unchecked(&self, path: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("the shape of `{path}` is needed to initialise it")
    }

    fn contains_tensor(&self, path: &str) -> bool {
        self.varmap.data().lock().is_ok_and(|data| data.contains_key(path))
    }
}
