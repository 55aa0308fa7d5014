//! Quantum layers as first-class [candle](https://docs.rs/candle-core) modules.
//!
//! Write a [`Circuit`], choose a [`Measurement`], and a [`QuantumLayer`] is a `Module` beside `candle_nn::Linear`. The
//! layer takes batches and is differentiable in its weights and in its input. The same `backward()` and the same
//! optimiser train it, and the same safetensors file saves it.
//!
//! ```
//! use candle_core::{DType, Device, Module, Tensor};
//! use candle_nn::{VarBuilder, VarMap};
//! use candlewick::prelude::*;
//!
//! let mut circuit = Circuit::new(4);
//! let w = circuit.weights("theta", (2, 4, 3)); // a named weight tensor of that shape
//! for q in 0..4 {
//!     circuit.ry(input(q), q); // input(q): feature q of each sample
//! }
//! for l in 0..2 {
//!     for q in 0..4 {
//!         circuit.rz(w.at([l, q, 0]), q).ry(w.at([l, q, 1]), q).rz(w.at([l, q, 2]), q);
//!     }
//!     for q in 0..4 {
//!         circuit.cx(q, (q + 1) % 4);
//!     }
//! }
//! let varmap = VarMap::new();
//! let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
//! let layer = QuantumLayer::new(
//!     circuit,
//!     Measurement::expectation((0..4).map(Z)),
//!     vb.pp("quantum"),
//! )?;
//!
//! let x = Tensor::randn(0f32, 1., (32, 4), &Device::Cpu)?;
//! let y = layer.forward(&x)?; // [32, 4] -> [32, 4], differentiable in x and theta
//! assert_eq!(y.dims(), [32, 4]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to go, by task
//!
//! | task | start at |
//! |---|---|
//! | a circuit in a network | [`QuantumLayer`]; [the guide from candle](guide::from_candle) |
//! | a QNode from PennyLane | [the guide from PennyLane](guide::from_pennylane), with a table of equivalents |
//! | a circuit from Qiskit | [the guide from Qiskit](guide::from_qiskit), with tables of equivalents |
//! | a CSV file of your own | [section 9 of the guide](guide::from_candle#9-a-table-of-your-own), [`data::TableEncoder`] |
//! | a model as one file | [`model::Model`] |
//! | all of this without writing Rust | [the program `candlewick`](guide::command_line) (feature `cli`) |
//! | predicting in another program, serving | [`guide::deploying`] |
//! | saving, and going on | [section 5 of the guide](guide::from_candle#5-saving-and-going-on) |
//! | freezing a part, two optimisers | [section 10](guide::from_candle#10-a-frozen-part-and-several-optimisers) |
//! | a GPU | [section 11](guide::from_candle#11-on-a-gpu), [`device::best`]; [`guide::devices`] |
//! | it is slow | [`guide::speed`] |
//! | it does not learn | [section 6](guide::from_candle#6-when-it-does-not-learn), [`diagnostics`] |
//! | noise | [`guide::channels`], [`channel::Channel`], [`Simulation`] |
//! | finite shots and outcomes | [`QuantumLayerConfig::shots`], [`QuantumLayer::sample`], [`QuantumLayer::counts`] |
//! | the energy of my molecule | [`variational::Molecule`], [`variational::Vqe`], [`variational::AdaptVqe`] |
//! | a training loop with checkpoints | [`train`] (feature `train`) |
//! | pictures | [`plot`] (feature `plot`) |
//! | my circuit in a paper | [`Circuit::draw`]; [`guide::drawings`] |
//!
//! And by subject:
//!
//! | subject | start at |
//! |---|---|
//! | writing a circuit | [`Circuit`]: gates, [angles](circuit::Angle), [weights](Circuit::weights), templates |
//! | the table of gates | [`gate`] |
//! | circuits of other programs | [`qasm::import`], [`Circuit::from_qasm`], [`Circuit::to_qasm3`] |
//! | hardware and other simulators | [`executor`], [`Simulation::External`] |
//! | gates for some samples alone | [`Circuit::when`] |
//! | measurement and reset on the way | [`Circuit::measure`], [`Circuit::reset`] |
//! | noise: channels, models of devices, mitigation | [`channel`], [`noise::NoiseModel`], [`mitigation`] |
//! | outputs | [`Measurement`], [`Observable`] |
//! | many observables from one set of shots | [`states::shadows`] |
//! | other gradients | [`GradientMethod`] |
//! | Jacobian, Hessian, metric tensor | [`functional`]; [`nn::QuantumNaturalGradient`] follows the metric |
//! | weights from other tensors, ensembles | [`functional::evaluate`] |
//! | weights for each sample | [section 7 of the guide](guide::from_candle#7-weights-as-features) |
//! | models that repeat bit for bit | [`nn::SeededInit`] |
//! | splits, folds, scaling, missing values | [`data`] |
//! | F1, ROC AUC, confusion matrices | [`metrics`] |
//! | unbalanced classes | [`nn::loss::CrossEntropy`] |
//! | optimisers that continue after a stop | [`optim`] |
//! | the minimum of a smooth loss without noise | [`optim::Lbfgs`], [`nn::Rotosolve`] |
//! | many starts at once | [`nn::RandomSearch`] |
//! | images, sequences | [`nn::QuantumConv2d`]; [`nn::QuantumLstm`], [`nn::QuantumAttention`] |
//! | eight-bit layers, sparse inputs, logits | [`nn::quantize_dynamic`], [`nn::SoftThreshold`], [`nn::Affine`] |
//! | a search among bit strings | [`variational`] |
//! | kernels, entropies, overlaps | [`states`] |
//! | training a kernel, predicting from it | [`states::kernel_alignment`], [`states::KernelRidge`] |
//!
//! # Features
//! No feature is on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `cuda` | engine and candle on an NVIDIA GPU; needs nvcc |
//! | `metal` | engine and candle on an Apple GPU |
//! | `plot` | the module [`plot`]: pictures as PNG and SVG; with `train`, also of a training's history |
//! | `cli` | the program `candlewick`; brings `train` |
//! | `train` | the module [`train`]: a training loop with checkpoints, progress and history |
//! | `tracing` | with `train`: spans and events for subscribers of [tracing](https://docs.rs/tracing) |
//! | `datasets` | `data::ImageSet`: MNIST and Fashion-MNIST, through candle-datasets |
//! | `mpi` | `cluster::Cluster::from_mpi`: the processes of `mpirun` or `srun`; needs MPI and libclang |
//!
//! [candle-core](https://docs.rs/candle-core), [candle-nn](https://docs.rs/candle-nn) and
//! [num-complex](https://docs.rs/num-complex) are re-exported, because signatures of this crate have their types. A new
//! minor version of candle is a new minor version of this crate.
//!
//! # Conventions
//! Qubit 0 is the least significant bit of a basis index. Angles are in radians and come before qubits. A gradient is
//! exact, or the call returns a typed [`enum@Error`]. A circuit stores its first mistake and returns the mistake when
//! the circuit is used. Results are bit-identical for any number of threads on one instruction set.
//!
#![cfg_attr(feature = "plot", doc = "[`plot`]: mod@plot")]
#![cfg_attr(not(feature = "plot"), doc = "[`plot`]: https://docs.rs/candlewick/latest/candlewick/plot/index.html")]
#![cfg_attr(feature = "train", doc = "[`train`]: mod@train")]
#![cfg_attr(not(feature = "train"), doc = "[`train`]: https://docs.rs/candlewick/latest/candlewick/train/index.html")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod angle;
mod autograd;
pub mod channel;
pub mod circuit;
pub mod cluster;
pub mod data;
mod derived_features;
mod derived_outputs;
pub mod device;
pub mod diagnostics;
mod engine;
pub mod error;
mod exchange;
mod expressions;
mod fingerprint;
pub mod functional;
pub mod gate;
mod gf2;
mod gradient;
pub mod guide;
mod hash;
mod limits;
mod linalg;
mod mask;
mod measurement;
mod memory;
pub mod metrics;
pub mod mitigation;
pub mod model;
pub mod nn;
pub mod noise;
mod numbers;
mod observable;
pub mod optim;
mod places;
#[cfg(feature = "plot")]
#[cfg_attr(docsrs, doc(cfg(feature = "plot")))]
pub mod plot;
pub mod program;
mod random;
mod sampling;
pub mod states;
#[cfg(feature = "train")]
#[cfg_attr(docsrs, doc(cfg(feature = "train")))]
pub mod train;
pub mod variational;

// Signatures of this crate have types of these crates: a program that uses the re-exports has the right versions.
pub use {candle_core, candle_nn, num_complex};

pub use circuit::Circuit;
pub use engine::Simulation;
pub use engine::pauli::{PauliPaths, PauliPropagation};
pub use error::{Error, Mistake, Result};
pub use exchange::{executor, qasm};
pub use gradient::GradientMethod;
pub use measurement::Measurement;
pub use nn::{QuantumLayer, QuantumLayerConfig};
pub use observable::Observable;

/// Names that most programs need.
///
/// ```
/// use candlewick::prelude::*;
/// let circuit = Circuit::new(2);
/// # circuit.check().unwrap();
/// ```
pub mod prelude {
    pub use crate::circuit::{Angle, Circuit, Condition, Entanglement, Weights, input};
    pub use crate::gradient::GradientMethod;
    pub use crate::measurement::Measurement;
    pub use crate::nn::{QuantumLayer, QuantumLayerConfig};
    pub use crate::observable::{Observable, X, Y, Z};
}

/// Runs the README's examples as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
