//! The engines under test in this binary: the CPU engine, the reference engine, the engines for density matrices and for Pauli propagation, and with the
//! feature `cuda` the engine of the first NVIDIA GPU.

use crate::lab::Engine;
use crate::oracle::{Case, What};
use candle_core::{DType, Device};
use candlewick::__private::{with_density_engine, with_pauli_engine, with_reference_engine, with_shards};
use candlewick::prelude::*;
use std::sync::OnceLock;

/// One device for all tests: each would load the kernels anew.
static CUDA: OnceLock<Device> = OnceLock::new();

impl Engine {
    /// The engine for density matrices.
    pub(crate) fn density(dtype: DType) -> Self {
        let name = if dtype == DType::F64 { "density f64" } else { "density f32" };
        Self { name, enter: |run| with_density_engine(run), ..Self::cpu(dtype) }
    }

    /// The engine for Pauli propagation, without limits.
    pub(crate) fn pauli(dtype: DType) -> Self {
        let name = if dtype == DType::F64 { "pauli f64" } else { "pauli f32" };
        Self { name, enter: |run| with_pauli_engine(run), ..Self::cpu(dtype) }
    }

    /// The CPU engine on states in 2, 4 and 8 shards. The numbers of shards differ in precision, to save time.
    fn shards() -> [Self; 3] {
        [
            Self { name: "2 shards f64", enter: |run| with_shards(2, run), ..Self::cpu(DType::F64) },
            Self { name: "4 shards f32", enter: |run| with_shards(4, run), ..Self::cpu(DType::F32) },
            Self { name: "8 shards f64", enter: |run| with_shards(8, run), ..Self::cpu(DType::F64) },
        ]
    }

    pub(crate) fn is_f64(self) -> bool {
        self.dtype == DType::F64
    }
}

/// Every engine and precision that can run a circuit and a measurement: an engine without amplitudes reads and embeds no
/// states and is not asked for large ones; density matrices have no dense matrices on more than three qubits, and Pauli
/// words no variances.
pub(crate) fn engines_for(case: &Case, measurement: &Measurement) -> Vec<Engine> {
    let parts = match measurement {
        Measurement::All(members) => members.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut engines = all();
    let has_variances = parts.iter().any(|part| matches!(part, Measurement::Variance(_)));
    if !has_variances {
        engines.extend(Engine::shards());
    }
    if parts.contains(&Measurement::State) || case.qubits > 8 {
        return engines;
    }
    if !case.ops.iter().any(|op| matches!(&op.what, What::Matrix(matrix) if matrix.len() > 8)) {
        engines.extend([DType::F64, DType::F32].map(Engine::density));
    }
    if !case.embed && !has_variances {
        engines.extend([DType::F64, DType::F32].map(Engine::pauli));
    }
    engines
}

pub(crate) fn all() -> Vec<Engine> {
    let mut all = vec![
        Engine::cpu(DType::F64),
        Engine::cpu(DType::F32),
        Engine { name: "reference", enter: |run| with_reference_engine(run), ..Engine::cpu(DType::F64) },
    ];
    if candle_core::utils::cuda_is_available() {
        let device =
            || CUDA.get_or_init(|| Device::new_cuda(0).expect("the feature `cuda` is tested on a GPU")).clone();
        all.extend([("cuda f64", DType::F64), ("cuda f32", DType::F32)].map(|(name, dtype)| Engine {
            name,
            dtype,
            device,
            enter: |run| run(),
        }));
    }
    all
}
