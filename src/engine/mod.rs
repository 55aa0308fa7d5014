//! Engines: what turns programs and numbers into outputs and gradients.
//!
//! An engine gets a [`Program`], inputs `[batch, features]` and concatenated weights, and gives outputs
//! `[batch, outputs]`; for a cotangent of the outputs it gives gradients in inputs and weights (a vector-Jacobian
//! product). This module and its children are the only home of `unsafe`.

mod budget;
pub mod cpu;

use crate::error::Result;
use crate::program::Program;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// The precision of a state: `f32` or `f64`.
pub trait Real:
    candle_core::WithDType
    + cpu::Vectored
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
}

impl Real for f32 {}
impl Real for f64 {}

/// The numbers a program runs on.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a, T> {
    /// `[batch, features]`, row by row.
    pub inputs: &'a [T],
    /// All weight tensors, concatenated in the order of their names.
    pub weights: &'a [T],
    /// Number of samples.
    pub batch: usize,
}

/// Which gradients are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// In the inputs.
    pub inputs: bool,
    /// In the weights.
    pub weights: bool,
}

/// Gradients of `sum(cotangent * outputs)`; `None` where none was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients<T> {
    /// `[batch, features]`.
    pub inputs: Option<Vec<T>>,
    /// All weight tensors, concatenated.
    pub weights: Option<Vec<T>>,
}

/// Executes programs.
pub trait Engine<T: Real> {
    /// Final states kept from a forward pass for the gradient that follows it.
    type Kept: Send;

    /// Outputs `[batch, outputs]`. With `keep`, also the final states, if they are small enough to be worth keeping.
    fn forward(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        keep: bool,
    ) -> Result<(Vec<T>, Option<Self::Kept>)>;

    /// Gradients of `sum(cotangent * outputs)` for a cotangent `[batch, outputs]`. What was kept of a forward pass with the
    /// same arguments saves repeating it, and changes nothing else.
    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: Wanted,
        kept: Option<Self::Kept>,
    ) -> Result<Gradients<T>>;
}
