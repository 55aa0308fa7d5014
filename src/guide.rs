//! Two ways in, with programs that run in `cargo test`.
//!
//! [`from_candle`], for those who know candle:
//! - [a first layer](from_candle#1-a-first-layer)
//! - [training](from_candle#2-training-it)
//! - [in a network](from_candle#3-in-a-network)
//! - [images](from_candle#4-images)
//! - [saving, and going on](from_candle#5-saving-and-going-on)
//! - [when it does not learn](from_candle#6-when-it-does-not-learn)
//! - [weights as features](from_candle#7-weights-as-features)
//! - [a table of your own](from_candle#9-a-table-of-your-own)
//! - [in a browser or in Node](from_candle#in-a-browser-or-in-node)
//!
//! [`from_pennylane`], for those who know PennyLane:
//! - [a QNode and its gradient](from_pennylane#a-qnode-and-its-gradient)
//! - [excitations](from_pennylane#excitations)
//! - [noise](from_pennylane#noise)
//! - [TorchLayer](from_pennylane#torchlayer)
//! - [a table of equivalents](from_pennylane#a-table-of-equivalents)

#[doc = include_str!("../docs/from_candle.md")]
pub mod from_candle {}

#[doc = include_str!("../docs/from_pennylane.md")]
pub mod from_pennylane {}
