//! The instruction set that kernels run on: the best that this machine has, or the one that `CANDLEWICK_SIMD` names.

use crate::error::{DeviceError, Error, Result};
#[cfg(not(candlewick_scalar))]
use pulp::Arch;
use std::sync::LazyLock;

/// Instructions that any machine has, as the only choice: with `--cfg candlewick_scalar` the engines are compiled once, for
/// checks in which compiling takes the time.
#[cfg(candlewick_scalar)]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arch {
    Scalar,
}

#[cfg(candlewick_scalar)]
impl Arch {
    fn new() -> Self {
        Self::Scalar
    }

    pub(crate) fn dispatch<O: pulp::WithSimd>(self, operation: O) -> O::Output {
        operation.with_simd(pulp::Scalar)
    }
}

/// Environment variable that chooses an instruction set.
const VARIABLE: &str = "CANDLEWICK_SIMD";

static CHOICE: LazyLock<Option<Arch>> = LazyLock::new(|| match asked() {
    None => Some(Arch::new()),
    Some(name) => named(&name),
});

fn asked() -> Option<String> {
    let name = std::env::var_os(VARIABLE).filter(|name| !name.is_empty())?;
    Some(name.to_string_lossy().into_owned())
}

/// Returns the instruction set of that name, if this machine has it.
fn named(name: &str) -> Option<Arch> {
    match name {
        "scalar" => Some(Arch::Scalar),
        #[cfg(all(target_arch = "x86_64", not(candlewick_scalar)))]
        "avx2" => pulp::x86::V3::try_new().map(Arch::V3),
        #[cfg(all(target_arch = "x86_64", not(candlewick_scalar)))]
        "avx512" => pulp::x86::V4::try_new().map(Arch::V4),
        #[cfg(all(target_arch = "aarch64", not(candlewick_scalar)))]
        "neon" => pulp::aarch64::Neon::try_new().map(Arch::Neon),
        _ => None,
    }
}

/// Returns the instruction set to use.
#[inline]
pub(crate) fn current_arch() -> Arch {
    CHOICE.unwrap_or(Arch::Scalar)
}

/// Checks that this machine has the instruction set that the variable names.
pub(crate) fn check_arch() -> Result<()> {
    match *CHOICE {
        Some(_) => Ok(()),
        None => Err(Error::Device(DeviceError::InstructionSet { name: asked().unwrap_or_default() })),
    }
}
