//! Optimisers and tools for them that candle-nn does not have: Adam in one pass, L-BFGS, SPSA, schedules of the step
//! size and its reduction on plateaus, clipping of gradients, and state that can be saved, so that a stopped run
//! continues bit for bit.
//!
//! An optimiser without variables is an error, and so is a step in which none of its variables has a gradient.
//!
//! ```
//! use candle_core::{DType, Device};
//! use candle_nn::{Optimizer, VarMap};
//! use candlewick::nn::SeededInit;
//! use candlewick::optim::{Adam, AdamConfig, Schedule, clip_by_norm};
//! use candlewick::prelude::*;
//!
//! let mut circuit = Circuit::new(2);
//! circuit.real_amplitudes("w", 1, Entanglement::Linear);
//! let varmap = VarMap::new();
//! let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
//! let layer =
//!     QuantumLayer::new(circuit, Measurement::expectation([Z(0) * Z(1) + 0.5 * X(0)]), vb)?;
//!
//! let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
//! let schedule = Schedule::Cosine { steps: 60, floor: 0.01 };
//! for step in 0..60 {
//!     let loss = layer.evaluate()?.sum_all()?;
//!     let mut gradients = loss.backward()?;
//!     clip_by_norm(&mut gradients, &varmap, 1.0)?;
//!     adam.set_learning_rate(0.2 * schedule.factor(step));
//!     adam.step(&gradients)?;
//! }
//! let lowest = -(1.0 + 0.5f64.powi(2)).sqrt();
//! assert!(layer.evaluate()?.to_vec1::<f64>()?[0] < lowest + 1e-2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod clip;
mod lbfgs;
mod line_search;
mod moments;
mod plateau;
mod schedule;
mod spsa;
mod state;
mod variables;

pub use adam::{Adam, AdamConfig};
pub use clip::{clip_by_norm, clip_by_value};
pub(crate) use lbfgs::LbfgsSteps;
pub use lbfgs::{Lbfgs, LbfgsConfig, LbfgsResult, LbfgsStopReason};
pub use plateau::ReduceOnPlateau;
pub use schedule::{Interval, Schedule, Warmup};
pub use spsa::{Spsa, SpsaConfig};
pub use state::{Resume, save_tensors, save_weights};
pub(crate) use state::{SavedOption, check_entries, check_options, named_state, put_options};
pub use variables::variables;
pub(crate) use variables::{Unreached, require_entries, require_gradient, weight_not_finite};
