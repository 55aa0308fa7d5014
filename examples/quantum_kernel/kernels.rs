//! The kernels of the comparison.

use anyhow::Result;
use candle_core::Tensor;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::states;

/// Kernel without its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernel {
    Linear,
    Gaussian,
    Angle,
    Iqp,
}

impl Kernel {
    pub(crate) const ALL: [Self; 4] = [Self::Linear, Self::Gaussian, Self::Angle, Self::Iqp];
    /// Index of the Gaussian kernel among all kernels.
    pub(crate) const GAUSSIAN: usize = 1;

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Gaussian => "Gaussian",
            Self::Angle => "angle",
            Self::Iqp => "IQP",
        }
    }

    /// Returns the widths to try; ridge regression with the linear kernel does not depend on a width.
    pub(crate) fn widths(self, all: &[f64]) -> &[f64] {
        if self == Self::Linear { &all[all.len() - 1..] } else { all }
    }

    /// Returns the matrix `[n, m]` of samples `[n, features]` and `[m, features]`.
    pub(crate) fn matrix(self, width: f64, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let qubits = x.dim(1)?;
        let mut circuit = Circuit::new(qubits);
        let features = (0..qubits).map(|feature| width * input(feature));
        match self {
            Self::Linear => return Ok(x.matmul(&y.t()?)?),
            Self::Gaussian => {
                let squares = |of: &Tensor| of.sqr()?.sum_keepdim(1);
                let distances = squares(x)?.broadcast_add(&squares(y)?.t()?)?.sub(&(x.matmul(&y.t()?)? * 2.0)?)?;
                return Ok((distances * (-0.25 * width * width))?.exp()?);
            }
            Self::Angle => circuit.angle_embedding(Gate::ry, features),
            Self::Iqp => circuit.iqp_embedding(features, 2),
        };
        Ok(states::kernel(&circuit, x, Some(y), &[])?)
    }
}
