//! Options and tools that all demos share.

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::{Init, VarMap};
use candlewick::nn::SeededInit;
use std::path::PathBuf;

/// Size of each panel of a picture with two in a row, in pixels: small, so that the text can be read on a page.
pub(crate) const WIDE: (u32, u32) = (430, 300);

/// Settings of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Whether to take few steps.
    pub(crate) quick: bool,
    /// Folder for the pictures.
    pub(crate) output: PathBuf,
}

impl Options {
    /// Returns the number of steps of a whole run, or of a quick one.
    pub(crate) fn steps(&self, whole: usize, quick: usize) -> usize {
        if self.quick { quick } else { whole }
    }

    /// Returns the path of a demo's picture.
    pub(crate) fn picture(&self, demo: &str) -> PathBuf {
        self.output.join(format!("{demo}.png"))
    }
}

/// Draws random numbers, the same ones for the same seed.
pub(crate) fn random(shape: impl Into<Shape>, init: Init, dtype: DType, seed: u64) -> Result<Tensor> {
    let vb = SeededInit::new(seed).var_builder(&VarMap::new(), dtype, &Device::Cpu);
    Ok(vb.get_with_hints(shape, "numbers", init)?.detach())
}

/// Returns a curve whose points are numbered from 0.
pub(crate) fn numbered(values: &[f64]) -> Vec<(f64, f64)> {
    (0..).map(f64::from).zip(values.iter().copied()).collect()
}
