//! Parts for the project's own benches and emulator, and a guard. Nothing here is part of the public interface.

pub mod bench;
#[cfg(feature = "testing")]
pub mod cluster;
#[cfg(any(feature = "cuda", feature = "metal", feature = "emulator"))]
pub use crate::engine::gpu as emulation;
#[cfg(feature = "testing")]
pub use crate::engine::{
    cpu::shards::with_shards,
    density::{with_allowed_growth, with_density_engine},
    pauli::with_pauli_engine,
    reference::with_reference_engine,
};

/// Guard of a configuration: only the crate can make one, so that a configuration outside the crate is written with
/// `..Default::default()` and goes on to compile when it gets another field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NonExhaustive(pub(crate) ());
