//! One binary for all integration tests: it links candle once.

mod fusion;
mod embeddings;
mod gradients;
mod lab;
mod oracle;
mod readme;
mod regressions;
mod templates;
mod textbook;
mod values;
