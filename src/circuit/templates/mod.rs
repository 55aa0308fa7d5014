//! Ready-made parts of circuits, generic in qubits and layers.
//!
//! Embeddings take the features as [`Angle`](super::Angle)s, so `(0..4).map(input)`, scaled inputs and weights all
//! serve. Trainable layers declare their weight tensor under a name, or take a handle on an existing tensor. They
//! append their gates and return the handle.

mod algorithms;
mod ansatz;
mod chemistry;
mod embedding;
mod state_preparation;
mod tensor_networks;

pub use ansatz::Entanglement;
pub use chemistry::Excitation;
