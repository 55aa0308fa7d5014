//! Kernels as one self-contained text for each dialect.

/// Language of the kernels, with the precision of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// CUDA C++ in single precision.
    CudaF32,
    /// CUDA C++ in double precision.
    CudaF64,
    /// Metal Shading Language, which has single precision only.
    Metal,
}

const COMMON: &str = concat!(
    include_str!("../common/abi.h"),
    include_str!("../common/maths.h"),
    include_str!("../common/sweep.h"),
    include_str!("../common/readout.h"),
    include_str!("../common/chain.h"),
    include_str!("../common/circuit.h"),
);

/// Returns the text of all kernels.
pub fn source(dialect: Dialect) -> String {
    let (head, entries) = match dialect {
        Dialect::CudaF32 | Dialect::CudaF64 => (include_str!("../cuda/dialect.h"), include_str!("../cuda/entries.h")),
        Dialect::Metal => (include_str!("../metal/dialect.h"), include_str!("../metal/entries.metal")),
    };
    let real = match dialect {
        Dialect::CudaF32 => "#define REAL float\n",
        Dialect::CudaF64 => "#define REAL double\n",
        Dialect::Metal => "",
    };
    [real, head, COMMON, entries].concat()
}
