//! Replacement for an engine that this build lacks. Tensors on its device are refused before they get here.

use super::{NeedsGrad, Storage};
use crate::error::{DeviceError, Error, Result};
use crate::program::Program;
use candle_core::DType;
use std::any::Any;
use std::sync::Arc;

fn absent<T>() -> Result<T> {
    Err(Error::Device(DeviceError::NoEngine { device: "this GPU".to_owned() }))
}

pub(crate) fn check<D>(_: &D, _: &Arc<Program>, _: usize, _: DType, _: Option<u64>) -> Result<()> {
    absent()
}

pub(crate) fn forward<S>(
    _: &Arc<Program>,
    _: [Storage<'_, S>; 2],
    _: Option<u64>,
    _: bool,
) -> Result<(S, Option<Box<dyn Any + Send>>)> {
    absent()
}

pub(crate) fn gradient<S>(
    _: &Arc<Program>,
    _: [Storage<'_, S>; 3],
    _: Option<u64>,
    _: NeedsGrad,
    _: Option<Box<dyn Any + Send>>,
) -> Result<S> {
    absent()
}
