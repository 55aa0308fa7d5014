//! The instruction set that kernels run on: the best that this machine has, or the one that `CANDLEWICK_SIMD` names.

use crate::error::{DeviceError, Error, Result};
use pulp::Arch;
use std::sync::LazyLock;

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
        #[cfg(target_arch = "x86_64")]
        "avx2" => pulp::x86::V3::try_new().map(Arch::V3),
        #[cfg(target_arch = "x86_64")]
        "avx512" => pulp::x86::V4::try_new().map(Arch::V4),
        #[cfg(target_arch = "aarch64")]
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
