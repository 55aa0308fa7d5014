//! One binary for all integration tests: it links candle once.

mod angles;
mod bad_input;
mod closed_forms;
mod derivatives;
mod determinism;
mod diagnostics;
mod drawing;
mod embeddings;
mod engines;
mod ensembles;
mod fusion;
mod gradients;
mod growth;
mod lab;
mod layer;
mod methods;
mod natural_gradient;
mod oracle;
mod readme;
mod regressions;
mod shots;
mod states;
mod templates;
mod textbook;
mod values;
mod weights;
