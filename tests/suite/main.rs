//! One binary for all integration tests: it links candle once.

mod fusion;
mod gradients;
mod lab;
mod oracle;
mod readme;
mod regressions;
mod textbook;
mod values;
