//! The task: data and settings.

use super::args::Args;
use super::checkpoint::Settings;
use super::model::Shape;
use anyhow::Result;
use candle_core::Device;
use candlewick::data::{Dataset as Samples, Scaler, Split3};

/// Fractions of each class that are held out for validation and for the test.
const HELD_OUT: [f64; 2] = [0.15, 0.2];

/// Training, validation and test set with the settings of a run.
#[derive(Debug)]
pub(crate) struct Task {
    /// Settings that a saved network needs.
    pub(crate) settings: Settings,
    /// Passes over the training set.
    pub(crate) epochs: usize,
    /// Samples in a batch.
    pub(crate) batch_size: usize,
    /// Step size of Adam.
    pub(crate) learning_rate: f64,
    /// Training, validation and test samples as they were recorded, on the CPU.
    pub(crate) recorded: [Samples; 3],
    /// Scaler of the training set, which scales all sets.
    pub(crate) scaler: Scaler,
    /// Training set, scaled, on the device.
    pub(crate) train: Samples,
    /// Validation set, which chooses the epoch.
    pub(crate) validation: Samples,
    /// Test set, which chooses nothing.
    pub(crate) test: Samples,
}

/// Returns training, validation and test samples as recorded, and the scaler of the training set.
pub(crate) fn samples(settings: &Settings) -> Result<([Samples; 3], Scaler)> {
    let [validation, test] = HELD_OUT;
    let Split3 { train, validation, test, .. } =
        settings.dataset.load(settings.seed)?.split3(validation, test, settings.seed)?;
    let scaler = settings.dataset.scaler(&train)?;
    Ok(([train, validation, test], scaler))
}

/// Returns scaled samples on a device.
pub(crate) fn scaled(samples: &Samples, scaler: &Scaler, device: &Device) -> Result<Samples> {
    Ok(samples.clone().with_x(scaler.apply(&samples.x)?)?.to_device(device)?)
}

impl Task {
    /// Takes the settings of the command line, and the data set's defaults for the others.
    pub(crate) fn new(args: &Args, device: &Device) -> Result<Self> {
        let defaults = args.dataset.defaults();
        let shape = Shape {
            features: 0,
            hidden: defaults.hidden,
            qubits: args.qubits.unwrap_or(defaults.qubits),
            layers: args.layers.unwrap_or(defaults.layers),
            classes: 0,
        };
        let mut settings = Settings { dataset: args.dataset, seed: args.seed, shape };
        let (recorded, scaler) = samples(&settings)?;
        let [train, validation, test] = &recorded;
        (settings.shape.features, settings.shape.classes) = (train.x.dim(1)?, train.classes.len());
        Ok(Self {
            settings,
            epochs: args.epochs.unwrap_or(defaults.epochs),
            batch_size: args.batch_size,
            learning_rate: args.learning_rate.unwrap_or(defaults.learning_rate),
            train: scaled(train, &scaler, device)?,
            validation: scaled(validation, &scaler, device)?,
            test: scaled(test, &scaler, device)?,
            recorded,
            scaler,
        })
    }

    /// Describes the settings, one in each line.
    pub(crate) fn describe(&self) -> String {
        let Settings { dataset, seed, shape } = &self.settings;
        format!(
            "dataset: {}, {} training, {} validation and {} test samples, {} features, {} classes\n\
             training: {} epochs, batches of {}, Adam with step size {}, seed {seed}",
            dataset.name(),
            self.train.len(),
            self.validation.len(),
            self.test.len(),
            shape.features,
            shape.classes,
            self.epochs,
            self.batch_size,
            self.learning_rate
        )
    }
}
