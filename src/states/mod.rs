//! Functions of states: tensors `[.., 2^n, 2]` of real and imaginary parts, as
//! [`Measurement::state`](crate::Measurement::state) returns them.
//!
//! | function | arguments | result |
//! |---|---|---|
//! | [`reduced_density_matrix`] | states, k qubits | `[.., 2^k, 2^k, 2]` |
//! | [`purity`], [`entropy`], [`renyi2_entropy`] | states, k qubits | `[..]` |
//! | [`meyer_wallach`] | states | `[..]` |
//! | [`overlap`] | two tensors of states | `[.., 2]` |
//! | [`fidelity`] | two tensors of states | `[..]` |
//! | [`kernel_matrix`], [`kernel`] | N and M states, or the inputs of a circuit | `[N, M]` |
//! | [`kernel_alignment`], [`rescaled_kernel_alignment`] | a kernel matrix, labels | a number |
//!
//! Three work from finite numbers of shots, or on the host, without a gradient in the circuit: [`kernel_from_shots`],
//! classical [`shadows`], and [`KernelRidge`], a regression and classifier on kernel matrices.
//!
//! The functions of the table take any leading dimensions and are differentiable by candle's `backward()`, also through
//! the circuit that made the states. They compute in the states' dtype, F16 and BF16 in F32, and on the states' device;
//! only [`entropy`] sends density matrices to the host, for their eigenvalues. Results of a sample depend on that sample
//! alone. [`overlap`] and [`reduced_density_matrix`] use states as they are. The other functions of states divide by the
//! states' norms, so that results stay in their ranges in F32, too, whatever the rounding of a state. States of zeros
//! give NaN there.
//!
//! ```
//! use candlewick::{functional, prelude::*, states};
//! let mut bell = Circuit::new(2);
//! bell.h(0).cx(0, 1);
//! let state = functional::evaluate(&bell, &Measurement::state(), None, &[])?;
//! let entropy = states::entropy(&state, [0])?.to_scalar::<f32>()?;
//! assert!((entropy - std::f32::consts::LN_2).abs() < 1e-6); // nats
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alignment;
mod batch;
mod entropy;
mod kernel;
mod overlap;
mod reduced;
mod ridge;
pub mod shadows;

pub use alignment::{kernel_alignment, rescaled_kernel_alignment};
pub use entropy::{entropy, renyi2_entropy};
pub use kernel::{kernel, kernel_from_shots, kernel_matrix};
pub use overlap::{fidelity, overlap};
pub use reduced::{meyer_wallach, purity, reduced_density_matrix};
pub use ridge::KernelRidge;
