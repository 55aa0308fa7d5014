//! Two ways in, with programs that run in `cargo test`.
//!
//! - [`from_candle`]: from a first layer to a hybrid image classifier, for those who know candle.
//! - [`from_pennylane`]: a QNode here, and a table of equivalents.

#[doc = include_str!("../docs/from_candle.md")]
pub mod from_candle {}

#[doc = include_str!("../docs/from_pennylane.md")]
pub mod from_pennylane {}
