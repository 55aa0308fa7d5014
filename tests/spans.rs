//! Spans and events of a training run, for subscribers of the crate tracing.
//!
//! The one test has a process of its own: while there is one subscriber alone, tracing asks the thread that reaches a
//! span first whether it is wanted, and in a process with other tests that may be the thread of one without a subscriber.

use candle_core::{DType, Device, Result};
use candle_nn::VarMap;
use candle_nn::loss::cross_entropy;
use candlewick::data::{MoonsConfig, Split, moons};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::train::{TrainConfig, Training};
use std::sync::{Arc, Mutex};

/// Names of the spans that a run enters and fields of its events, in order.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Names {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("candlewick")
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut names = self.0.lock().expect("a lock");
        names.push(span.metadata().name().to_owned());
        tracing::span::Id::from_u64(names.len() as u64)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let fields: Vec<&str> = event.fields().map(|field| field.name()).collect();
        self.0.lock().expect("a lock").push(fields.join(" "));
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn spans_of_a_run() -> Result<()> {
    let Split { train, test, .. } = moons(90, MoonsConfig::default())?.split(0.3, 4)?;
    let varmap = VarMap::new();
    let vb = SeededInit::new(2).var_builder(&varmap, DType::F32, &Device::Cpu);
    let model = candle_nn::linear(2, 2, vb)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    let config = TrainConfig { epochs: 2, batch_size: 40, ..Default::default() };
    let training = Training::new(&model, &varmap, &mut adam, cross_entropy, config);

    let names = Names::default();
    tracing::subscriber::with_default(names.clone(), || training.run((&train.x, &train.y), Some((&test.x, &test.y))))?;
    let event = "message epoch train_loss train_metrics validation_loss validation_metrics learning_rate seconds";
    let epoch = ["epoch", "step", "step", "validation", event];
    let found = names.0.lock().expect("a lock").clone();
    assert_eq!(found, [&["training"][..], &epoch, &epoch].concat());
    Ok(())
}
