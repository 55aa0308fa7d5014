//! Methods for values and gradients besides the adjoint sweep: shifted angles, finite differences, random directions,
//! samples of a finite number of shots.
//!
//! All of them evaluate a circuit at many points. [`Estimator`] stores how a point is evaluated and which method is
//! used. The points of a whole batch become the samples of one batch in one of the variants of a [`Program`]
//! (`program/variants.rs`), so they run on every engine. The results of the points are combined on the host, in `f64`.

mod chain;
mod derived_outputs;
mod differences;
mod estimate;
mod frequencies;
mod hessian;
mod jacobian;
mod method;
mod metric;
mod outside;
mod points;
mod shift;
mod shots;
mod trajectories;

pub(crate) use chain::Numbers;
pub(crate) use derived_outputs::{OfEngine, derive_derivatives};
pub(crate) use estimate::Estimator;
pub(crate) use frequencies::weight_harmonics;
pub(crate) use hessian::{Direction, hessian_matrices};
pub(crate) use jacobian::jacobian_matrices;
pub use method::{GradientMethod, MetricTensor, Wrt};
pub(crate) use metric::metric_tensors;
pub(crate) use outside::{Outside, Reading, Shots};
pub(crate) use points::{Batches, states_in};
pub(crate) use shots::Sampling;
