//! What is to be learnt, and with what settings.

use crate::args::Args;
use crate::checkpoint::Settings;
use crate::model::Shape;
use crate::split::{Batch, Scaler, Split};
use anyhow::Result;
use candle_core::Device;

/// A training and a test set with the settings of a run.
#[derive(Debug)]
pub(crate) struct Task {
    /// What a saved network has to remember.
    pub(crate) settings: Settings,
    /// Passes over the training set.
    pub(crate) epochs: usize,
    /// Samples in a batch.
    pub(crate) batch_size: usize,
    /// Step size of Adam.
    pub(crate) learning_rate: f64,
    /// Name of each class.
    pub(crate) classes: Vec<String>,
    /// The samples as they were recorded.
    pub(crate) split: Split,
    /// What scales them.
    pub(crate) scaler: Scaler,
    /// The training set.
    pub(crate) train: Batch,
    /// The test set.
    pub(crate) test: Batch,
}

impl Task {
    /// What the command line asks for, and the data set's defaults for the rest.
    pub(crate) fn new(args: &Args, device: &Device) -> Result<Self> {
        let table = args.dataset.load(args.seed)?;
        let split = Split::stratified(&table, args.seed);
        let scaler = Scaler::new(args.dataset, &split.train.rows);
        let (train, test) = (split.train.batch(&scaler, device)?, split.test.batch(&scaler, device)?);
        let defaults = args.dataset.defaults();
        let shape = Shape {
            features: train.x.dim(1)?,
            hidden: defaults.hidden,
            qubits: args.qubits.unwrap_or(defaults.qubits),
            layers: args.layers.unwrap_or(defaults.layers),
            classes: table.classes.len(),
        };
        Ok(Self {
            settings: Settings { dataset: args.dataset, seed: args.seed, shape },
            epochs: args.epochs.unwrap_or(defaults.epochs),
            batch_size: args.batch_size,
            learning_rate: args.learning_rate.unwrap_or(defaults.learning_rate),
            classes: table.classes,
            split,
            scaler,
            train,
            test,
        })
    }

    /// The settings, a line each.
    pub(crate) fn describe(&self) -> String {
        let Settings { dataset, seed, shape } = &self.settings;
        format!(
            "dataset: {}, {} training and {} test samples, {} features, {} classes\n\
             training: {} epochs, batches of {}, Adam with step size {}, seed {seed}",
            dataset.name(),
            self.split.train.rows.len(),
            self.split.test.rows.len(),
            shape.features,
            shape.classes,
            self.epochs,
            self.batch_size,
            self.learning_rate
        )
    }
}
