//! Backends: devices that run launch plans.

#[cfg(feature = "cuda")]
mod cuda;
pub(crate) mod device;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "metal")]
mod metal;
