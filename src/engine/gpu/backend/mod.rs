//! Backends: devices that run launch plans.

#[cfg(feature = "cuda")]
pub(crate) mod cuda;
pub(crate) mod device;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "metal")]
pub(crate) mod metal;
