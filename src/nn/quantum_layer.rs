//! The quantum layer: a circuit and a measurement as a candle module, with a fingerprint of the circuit beside its
//! weights.

use super::layer_config::QuantumLayerConfig;
use crate::circuit::{Circuit, FINGERPRINT};
use crate::engine::pauli::{PauliPaths, PauliPropagation, count_paths};
use crate::engine::{Options, Simulation};
use crate::error::{Error, Result, SimulationError, WeightsError};
use crate::fingerprint::circuit_fingerprint;
use crate::functional;
use crate::gradient::{Estimator, Outside, Sampling};
use crate::hash::fnv1a;
use crate::measurement::Measurement;
use crate::program::{Program, Rewrite, Written};
use candle_core::{DType, Device, Module, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use std::sync::{Arc, OnceLock};

/// A circuit as a layer: candle's [`Module`], with its weights in a `VarBuilder`.
///
/// | | |
/// |---|---|
/// | input | `[.., features]`, any leading dimensions, strided or not; [`input(i)`](crate::circuit::input) is feature `i` |
/// | output | `[.., outputs]`; see [`Measurement`] for the outputs of each kind |
/// | weights | one tensor for each name of [`Circuit::weights`], under the `VarBuilder`'s prefix |
/// | dtype | the same for input, weights and output: F64 computes in complex128; F32, F16 and BF16 in complex64 |
/// | gradients | exact (adjoint method), in weights and inputs, only where tracked; see [`GradientMethod`](crate::GradientMethod) for others |
/// | shots | none: outputs are exact; with [`QuantumLayerConfig::shots`] outputs are estimates |
/// | outcomes | [`sample`](Self::sample) and [`counts`](Self::counts) |
/// | elsewhere | [`Simulation::External`]: hardware and other simulators |
/// | device | CPU; NVIDIA and Apple GPUs with the features `cuda` and `metal`; else a typed error |
///
/// The circuit is checked and lowered once, when the layer is made. A forward and a backward pass cost two states of
/// memory for each thread. No intermediate states are saved, only a table of phases for each layer. The layer reuses
/// this memory in its next call, up to 64 MB of it.
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::{Optimizer, VarBuilder, VarMap};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// let w = circuit.weights("theta", (2, 2));
/// for q in 0..2 {
///     circuit.ry(input(q), q).ry(w.at([0, q]), q);
/// }
/// circuit.cx(0, 1).ry(w.at([1, 0]), 0).ry(w.at([1, 1]), 1);
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let layer =
///     QuantumLayer::new(circuit, Measurement::expectation([Z(0), Z(1)]), vb.pp("quantum"))?;
/// let head = candle_nn::linear(2, 1, vb.pp("head"))?;
///
/// let x = Tensor::randn(0f32, 1., (32, 2), &Device::Cpu)?;
/// let mut optimizer = candle_nn::AdamW::new_lr(varmap.all_vars(), 0.1)?;
/// let loss = head.forward(&layer.forward(&x)?)?.sqr()?.mean_all()?;
/// optimizer.backward_step(&loss)?; // trains `quantum.theta`, `head.weight` and `head.bias`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Module`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html
#[derive(Debug, Clone)]
pub struct QuantumLayer {
    circuit: Circuit,
    measurement: Measurement,
    pub(super) program: Arc<Program>,
    pub(super) weights: Vec<Tensor>,
    dtype: DType,
    device: Device,
    pub(super) config: QuantumLayerConfig,
    pub(super) estimator: Estimator,
    /// Program with the circuit's state as output; made when samples are first requested.
    pub(super) states: Arc<OnceLock<Arc<Program>>>,
}

impl QuantumLayer {
    /// Makes a layer with default options. Weights that `vb` does not hold yet start as the circuit says; the default
    /// start is uniform in [0, 2π).
    ///
    /// # Errors
    /// The first mistake of the circuit or the measurement; candle's error for weights that are missing or of another
    /// shape in `vb`; weights of another circuit or measurement (see [`fingerprint`](Self::fingerprint)).
    pub fn new(circuit: Circuit, measurement: Measurement, vb: VarBuilder<'_>) -> Result<Self> {
        Self::with_config(circuit, measurement, QuantumLayerConfig::default(), vb)
    }

    /// Makes a layer with options.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new); settings of the gradient method out of range; a number of shots of 0 or more
    /// than 2^32 - 1; shots with the adjoint method, of the state, or of variances that no single basis gives; a
    /// program outside without shots, or for a circuit with noise; a state that the members of the cluster cannot share,
    /// or on which they differ.
    pub fn with_config(
        circuit: Circuit,
        measurement: Measurement,
        config: QuantumLayerConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let path = vb.prefix();
        Self::at_path(circuit, measurement, config, vb, &path)
    }

    /// Makes a layer whose random numbers are those of `path`.
    pub(crate) fn at_path(
        circuit: Circuit,
        measurement: Measurement,
        config: QuantumLayerConfig,
        vb: VarBuilder<'_>,
        path: &str,
    ) -> Result<Self> {
        let outside = match &config.simulation {
            Simulation::External(executor) => Some(Outside::new(Arc::clone(executor), Written::new(&circuit))),
            _ => None,
        };
        let rewrites = match (&outside, &config.cluster) {
            (Some(_), _) => config.rewrites.written(),
            // A shard moves its amplitudes for each rotation under controls.
            (None, Some(_)) => config.rewrites.without(Rewrite::Excitations),
            (None, None) => config.rewrites,
        };
        let program = Arc::new(functional::program_for(&config.simulation, &circuit, &measurement, rewrites)?);
        config.simulation.resolve(&program)?;
        if matches!(config.simulation, Simulation::Pauli(_)) && config.shots.is_some() {
            return Err(SimulationError::NotFromPauli { what: "shots" }.into());
        }
        let weights = functional::declared_weights(&program)
            .map(|(name, shape, init)| vb.get_with_hints(shape.clone(), name, init))
            .collect::<candle_core::Result<Vec<_>>>()?;
        if !config.ignore_fingerprint && !weights.is_empty() {
            check_fingerprint(circuit_fingerprint(&circuit, &measurement), &vb)?;
        }
        let sharing = config.sharing(&program, circuit_fingerprint(&circuit, &measurement), vb.dtype())?;
        let simulation = config.simulation.clone();
        let options = Options { simulation, sharing, ..Options::limited(config.memory_limit) };
        // Layers of one model draw independently of each other.
        let path = fnv1a(path.as_bytes());
        let sampling = |shots| Sampling::new(&measurement, &program, shots, config.seed ^ path);
        let estimator = Estimator::new(options, config.gradient.at(path), config.shots.map(sampling).transpose()?)?;
        let estimator = estimator.with_trajectories(&program, config.seed ^ path)?.with_outside(outside)?;
        let config = QuantumLayerConfig { seed: config.seed ^ path, rewrites, ..config };
        let (dtype, device, states) = (vb.dtype(), vb.device().clone(), Arc::default());
        Ok(Self { circuit, measurement, program, weights, dtype, device, config, estimator, states })
    }

    /// Returns the outputs `[outputs]` of a circuit that reads no inputs.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::{VarBuilder, VarMap};
    /// use candlewick::prelude::*;
    ///
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1);
    /// let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    /// let layer = QuantumLayer::new(circuit, Measurement::probabilities([0, 1]), vb)?;
    /// let p: Vec<f64> = layer.evaluate()?.to_vec1()?; // |00>, |01>, |10>, |11>: a Bell pair
    /// assert!((p[0] - 0.5).abs() < 1e-12 && p[1] == 0.0 && (p[3] - 0.5).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A circuit that reads inputs; a state beyond the memory budget.
    pub fn evaluate(&self) -> Result<Tensor> {
        self.run(None, true)
    }

    /// Computes [`Module::forward`], with candlewick's own typed error.
    ///
    /// # Errors
    /// An input of another width, dtype or device; a state beyond the memory budget.
    ///
    /// [`Module::forward`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html#tymethod.forward
    pub fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(Some(x), true)
    }

    /// Computes [`try_forward`](Self::try_forward) without a graph behind the result, for inference. The weights of a
    /// `VarMap` are always tracked, so `forward` always builds a graph.
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward).
    pub fn forward_detached(&self, x: &Tensor) -> Result<Tensor> {
        self.run(Some(x), false)
    }

    fn run(&self, x: Option<&Tensor>, in_graph: bool) -> Result<Tensor> {
        functional::run_program(&self.program, &self.estimator, self.default(), x, &self.weights, in_graph)
    }

    /// Dtype and device of calls without any tensor.
    pub(super) fn default(&self) -> (DType, &Device) {
        (self.dtype, &self.device)
    }

    /// Returns the circuit.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Returns the measurement of the circuit.
    pub fn measurement(&self) -> &Measurement {
        &self.measurement
    }

    /// Returns a number that distinguishes circuits and measurements. It depends on operations, qubits, angles, names
    /// and shapes of weights, and on the measurement. It does not depend on the build or the machine. Constants count
    /// to nine digits.
    ///
    /// A layer that has weights stores the number beside them in a `VarMap`, and so in the saved file, as the shape of
    /// a tensor without entries named `circuit_fingerprint`. A layer over weights of another circuit or measurement is
    /// then an error, even if names and shapes alone would fit; `VarMap::load` refuses such a file, too. A `VarBuilder`
    /// over a file without such a tensor is accepted as it is.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::{VarBuilder, VarMap};
    /// use candlewick::error::WeightsError;
    /// use candlewick::{Error, prelude::*};
    ///
    /// let layer = |by_y: bool, vb: VarBuilder<'_>| {
    ///     let mut circuit = Circuit::new(1);
    ///     let w = circuit.weights("w", 1);
    ///     if by_y { circuit.ry(w.at([0]), 0) } else { circuit.rx(w.at([0]), 0) };
    ///     QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)
    /// };
    /// let varmap = VarMap::new();
    /// let trained = layer(true, VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu))?;
    /// let file = std::env::temp_dir().join("candlewick-doc-fingerprint.safetensors");
    /// candlewick::optim::save_weights(&varmap, &file)?;
    /// let bytes = || std::fs::read(&file);
    /// let load =
    ///     || VarBuilder::from_buffered_safetensors(bytes()?, DType::F32, &Device::Cpu);
    /// assert!(layer(true, load()?).is_ok());
    /// let error = layer(false, load()?).unwrap_err();
    /// let Error::Weights(WeightsError::Fingerprint { found, .. }) = error else {
    ///     panic!("{error}")
    /// };
    /// assert_eq!(found, Some(trained.fingerprint()));
    /// # std::fs::remove_file(file)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fingerprint(&self) -> u64 {
        circuit_fingerprint(&self.circuit, &self.measurement)
    }

    /// Returns the simulation that runs the circuit: what [`Simulation::Auto`] has chosen.
    ///
    /// # Errors
    /// State vectors for a circuit with noise; a density matrix of more than 10 qubits with [`Simulation::Auto`].
    pub fn simulation(&self) -> Result<Simulation> {
        self.config.simulation.resolve(&self.program)
    }

    /// Returns the numbers of Pauli words with which [`Simulation::Pauli`] computes. They follow from the circuit, the
    /// measurement and the limits, and not from weights and inputs.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::VarBuilder;
    /// use candlewick::{PauliPropagation, Simulation, nn::QuantumLayerConfig, prelude::*};
    ///
    /// // Quarter turns about ZZ between rotations about X, on a line of 100 qubits.
    /// let mut circuit = Circuit::new(100);
    /// let w = circuit.weights("w", 4);
    /// for step in 0..4 {
    ///     for q in 0..100 { circuit.rx(w.at(step), q); }
    ///     for q in 0..99 { circuit.rzz(std::f64::consts::FRAC_PI_2, q, q + 1); }
    /// }
    /// let layer = |weight: u32| {
    ///     let simulation = Simulation::Pauli(PauliPropagation::with_weight(weight));
    ///     let config = QuantumLayerConfig { simulation, ..Default::default() };
    ///     let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    ///     let z = Measurement::expectation([Z(50)]);
    ///     QuantumLayer::with_config(circuit.clone(), z, config, vb)
    /// };
    /// assert!(layer(6)?.paths()?.is_exact() && !layer(2)?.paths()?.is_exact());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Another simulation than [`Simulation::Pauli`]; a circuit or a measurement that it cannot run; more words than the
    /// limits.
    pub fn paths(&self) -> Result<PauliPaths> {
        let options = self.pauli("paths")?;
        // Without inputs there is one sample.
        let kind = (self.dtype, self.program.inputs() == 0);
        count_paths(&self.program, &options, self.config.memory_limit, kind)
    }

    /// Returns the layer with another limit of the weight of Pauli words, and the same weights.
    ///
    /// # Errors
    /// Another simulation than [`Simulation::Pauli`].
    pub fn with_weight(&self, max_weight: u32) -> Result<Self> {
        let options = self.pauli("with_weight")?;
        Ok(self.with_limits(PauliPropagation { max_weight: Some(max_weight), ..options }))
    }

    /// Returns by how much each output moves, for given inputs, when the limits of the weight and of the sines of Pauli
    /// words are raised by 2: numbers of 0 or more in the outputs' shape, outside of any graph.
    ///
    /// The move is no bound of the error: it says whether values still change. Moves of an exact layer are 0.
    ///
    /// # Errors
    /// Another simulation than [`Simulation::Pauli`]; more words than `max_terms` under the raised limits; the errors of
    /// [`try_forward`](Self::try_forward).
    pub fn truncation(&self, x: Option<&Tensor>) -> Result<Tensor> {
        let options = self.pauli("truncation")?;
        let y = self.run(x, false)?;
        if self.paths()?.is_exact() {
            return Ok(y.zeros_like()?);
        }
        Ok((self.with_limits(options.raised()).run(x, false)? - y)?.abs()?)
    }

    /// Returns the options of Pauli propagation, which a method needs.
    fn pauli(&self, setting: &'static str) -> Result<PauliPropagation> {
        match &self.config.simulation {
            Simulation::Pauli(options) => Ok(*options),
            _ => Err(Error::SettingNeeds { of: "QuantumLayer", setting, needs: "Simulation::Pauli" }),
        }
    }

    fn with_limits(&self, options: PauliPropagation) -> Self {
        let simulation = Simulation::Pauli(options);
        let mut layer = self.clone();
        layer.estimator = layer.estimator.with_simulation(simulation.clone());
        layer.config.simulation = simulation;
        layer
    }

    /// Returns the lowered circuit.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Returns the weights as variables by name, in the program's order.
    pub(super) fn variables(&self) -> Result<Vec<(String, Var)>> {
        let var = |(name, tensor): (&str, &Tensor)| match tensor.is_variable() {
            true => Ok((name.to_owned(), Var::from_tensor(tensor)?)),
            false => Err(Error::Weights(WeightsError::NotTrainable { name: name.to_owned() })),
        };
        self.weights().map(var).collect()
    }

    /// Returns the weight tensors by name, sorted.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.program.tensors.iter().map(|tensor| tensor.name.as_str()).zip(&self.weights)
    }
}

/// Encodes a fingerprint as a shape. The tensor has no entries, so optimisers do not move it and counts of parameters
/// do not find it. The shape is the one property of a tensor that has to agree with a file wherever candle reads a
/// file.
pub(crate) fn fingerprint_shape(fingerprint: u64) -> [usize; 3] {
    [(fingerprint >> 32) as usize, 0, (fingerprint & 0xffff_ffff) as usize]
}

/// Decodes the fingerprint of a shape, or `None` for other shapes.
fn fingerprint_of(shape: &[usize]) -> Option<u64> {
    match *shape {
        [high, 0, low] => Some(u64::try_from(high).ok()? << 32 | u64::try_from(low).ok()?),
        _ => None,
    }
}

/// Compares a fingerprint with the fingerprint beside the weights. A `VarBuilder` that makes variables gets the
/// fingerprint.
fn check_fingerprint(expected: u64, vb: &VarBuilder<'_>) -> Result<()> {
    let is_there = vb.contains_tensor(FINGERPRINT);
    // A shape alone needs no device.
    let on_host = vb.clone().set_device(Device::Cpu);
    let error = match on_host.get_with_hints(fingerprint_shape(expected).to_vec(), FINGERPRINT, Init::Const(0.0)) {
        Ok(_) => return Ok(()),
        // The file comes from elsewhere and has no fingerprint.
        Err(_) if !is_there => return Ok(()),
        Err(error) => error,
    };
    Err(Error::Weights(WeightsError::Fingerprint {
        prefix: vb.prefix(),
        expected,
        found: shape_in(&error).and_then(fingerprint_of),
    }))
}

/// Returns the shape that candle found where it expected another. A `VarMap` does not report it.
fn shape_in(error: &candle_core::Error) -> Option<&[usize]> {
    match error {
        candle_core::Error::UnexpectedShape { got, .. } => Some(got.dims()),
        candle_core::Error::WithBacktrace { inner, .. } => shape_in(inner),
        _ => None,
    }
}

impl Module for QuantumLayer {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.try_forward(x)?)
    }
}
