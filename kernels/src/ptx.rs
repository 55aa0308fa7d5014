//! Kernels as PTX for the architecture that the build names, as candle's kernels are: build on, or for, the card that
//! runs them.

#![allow(missing_docs, reason = "generated: a text for each precision, `F32` and `F64`")]

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
