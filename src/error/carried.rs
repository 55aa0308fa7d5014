//! Conversion to and from candle's error: a typed error travels inside candle's error and is recovered from it.

use super::{DataError, Error, SimulationError, StatesError, TensorError};
use candle_core::Error as Candle;
use std::fmt;

/// Typed error inside a [`std::io::Error`]: this variant of candle's error holds any error, prints it unchanged and has
/// it among its sources. (`Wrapped` holds only text, `WrappedContext` has no source.)
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Carried {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Error {
    /// Returns the typed error inside an error of candle, behind any context, path or backtrace that was added to it.
    ///
    /// ```
    /// use candle_core::{DType, Device, Module, Tensor};
    /// use candle_nn::VarBuilder;
    /// use candlewick::prelude::*;
    ///
    /// let mut circuit = Circuit::new(1);
    /// circuit.ry(input(0), 0);
    /// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    /// let error = layer.forward(&Tensor::zeros((1, 3), DType::F32, &Device::Cpu)?).unwrap_err();
    /// let Some(candlewick::Error::Tensor(error)) = candlewick::Error::find(&error) else {
    ///     panic!("{error}")
    /// };
    /// assert!(matches!(error, candlewick::error::TensorError::InputWidth { expected: 1, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn find(error: &Candle) -> Option<&Self> {
        match error {
            Candle::Context { inner, .. } | Candle::WithPath { inner, .. } | Candle::WithBacktrace { inner, .. } => {
                Self::find(inner)
            }
            Candle::Io(io) => io.get_ref()?.downcast_ref::<Carried>().map(|carried| &carried.0),
            _ => None,
        }
    }

    /// Returns the number of the sample that the error is about, counted from 0 in the batch of the call. Callers that
    /// cut their rows into batches add the rows before the batch, so that the error names the row.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::data::Scaler;
    ///
    /// let x = Tensor::new(&[[1.0, 2.0], [f64::NAN, 4.0]], &Device::Cpu)?;
    /// let mut error = Scaler::standard(&x).unwrap_err();
    /// *error.sample_mut().expect("a sample") += 100;
    /// assert!(error.to_string().contains("sample 101"), "{error}");
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    pub fn sample_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Tensor(
                TensorError::FeatureNotFinite { sample, .. }
                | TensorError::NoState { sample, .. }
                | TensorError::OutputNotFinite { sample, .. },
            )
            | Self::States(StatesError::NoOutcomes { sample, .. })
            | Self::Simulation(SimulationError::NoErrors { sample, .. })
            | Self::Data(DataError::Label { sample, .. } | DataError::SampleNumber { sample, .. }) => Some(sample),
            Self::Tensor(TensorError::EntryNotFinite { row, .. }) => Some(row),
            _ => None,
        }
    }
}

impl From<Error> for Candle {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(inner) => inner,
            other => Self::Io(std::io::Error::other(Carried(other))),
        }
    }
}

impl From<Candle> for Error {
    /// Returns the typed error that candle's error holds, if there is one; context that was added to it is left out
    /// then.
    fn from(error: Candle) -> Self {
        if Self::find(&error).is_none() {
            return Self::Candle(error);
        }
        match error {
            Candle::Context { inner, .. } | Candle::WithPath { inner, .. } | Candle::WithBacktrace { inner, .. } => {
                Self::from(*inner)
            }
            Candle::Io(io) => match io.downcast::<Carried>() {
                Ok(carried) => carried.0,
                Err(io) => Self::Candle(Candle::Io(io)),
            },
            other => Self::Candle(other),
        }
    }
}
