//! `candlewick train`: a table becomes a model.

mod baselines;
mod network;
mod parts;
mod report;
mod task;

use super::failure::{Failure, Outcome, note};
use super::{input, output};
use candlewick::candle_core::{Device, Tensor};
use candlewick::data::Dataset;
use candlewick::model::Model;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::train::{History, StopReason, TrainConfig, Training, accuracy};
use clap::builder::RangedU64ValueParser;
use network::{Kind, Network};
use parts::{Filling, Parts, UnknownCategory};
use std::path::PathBuf;
use task::{Task, TaskChoice};

/// Train a model on a table, and compare it with simple ones.
///
/// The table has a header; its delimiter is `,`, `;` or a tab. Every column but the label is a feature, and a column of
/// text is a feature for each of its texts. The rows are split by the seed into a part to train on, a part that chooses
/// the epoch, and a part for the test, in equal shares of each class. Missing values, scales and components are learnt
/// from the training part alone. Ctrl-C ends the training with the best epoch so far, which is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Table to learn from.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Column to predict.
    #[arg(long, value_name = "COLUMN")]
    label: String,

    /// Meaning of the label; auto takes texts, and up to 20 different whole numbers, as classes.
    #[arg(long, value_enum, default_value_t = TaskChoice::Auto)]
    task: TaskChoice,

    /// Network: linear layers with a circuit between them, a circuit on the features themselves, or no circuit.
    #[arg(long, value_enum, default_value_t = Kind::Hybrid)]
    model: Kind,

    /// Most qubits of the circuit.
    #[arg(long, value_name = "N", default_value = "4", value_parser = whole(1, 20))]
    qubits: usize,

    /// Layers of the circuit, each three rotations a qubit and a ring of CX.
    #[arg(long, value_name = "N", default_value = "2", value_parser = whole(1, 1000))]
    layers: usize,

    /// Width of the first linear layer.
    #[arg(long, value_name = "N", default_value = "16", value_parser = whole(1, 65536))]
    hidden: usize,

    /// Project the features onto so many principal components.
    #[arg(long, value_name = "N", value_parser = whole(1, 65536))]
    components: Option<usize>,

    /// Most passes over the training part.
    #[arg(long, value_name = "N", default_value = "60", value_parser = whole(1, u32::MAX.into()))]
    epochs: usize,

    /// Epochs without a lower loss on the part that chooses, after which the training ends.
    #[arg(long, value_name = "N", default_value = "10", value_parser = whole(1, u32::MAX.into()))]
    patience: usize,

    /// Samples in a batch.
    #[arg(long, value_name = "N", default_value = "16", value_parser = whole(1, u32::MAX.into()))]
    batch: usize,

    /// Step size of Adam.
    #[arg(long, value_name = "RATE", default_value = "0.01", value_parser = positive, allow_negative_numbers = true)]
    rate: f64,

    /// Share of the rows for the test.
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = share, allow_negative_numbers = true)]
    test: f64,

    /// Share of the rows that choose the epoch.
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = share, allow_negative_numbers = true)]
    validation: f64,

    /// Seed of the split, the first weights and the order of the batches.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Treatment of missing values: an error, rows left out, or a number (for texts: the most frequent one).
    #[arg(long, value_enum, default_value_t = Filling::Error)]
    missing: Filling,

    /// Treatment of texts that the training part does not have: an error, or 0 in all features of the column.
    #[arg(long, value_enum, default_value_t = UnknownCategory::Error)]
    unknown: UnknownCategory,

    /// Columns to leave out, such as identifiers; may be repeated.
    #[arg(long, value_name = "COLUMN")]
    without: Vec<String>,

    /// Columns of numbers that are names, such as postcodes; may be repeated.
    #[arg(long, value_name = "COLUMN")]
    text: Vec<String>,

    /// Character between fields, or tab [default: by the first line].
    #[arg(long, value_name = "CHAR", value_parser = input::delimiter)]
    delimiter: Option<char>,

    /// Character between a number's whole part and its fraction.
    #[arg(long, value_name = "CHAR", default_value_t = '.')]
    decimal: char,

    /// File of the model.
    #[arg(short, long, value_name = "FILE", default_value = "model.safetensors")]
    output: PathBuf,

    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,

    /// Print one JSON object in place of the text.
    #[arg(long)]
    json: bool,
}

/// Trains a model, writes it, and prints what it is worth.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    if args.test + args.validation >= 1.0 {
        return Err(Failure::Usage("--test and --validation leave nothing to train on".to_owned()));
    }
    let (input, table) = input::read_table(&args.file, args.delimiter)?;
    let task = Task::of(args, &input, &table)?;
    let parts = Parts::of(args, &task, &input, &table)?;
    let network = Network::new(args, &task, &parts)?;
    output::check_writable(&args.output)?;
    let plan = report::plan(args, &input, &table, &parts, &network)?;
    match (args.json || input::is_standard(&args.output), args.quiet) {
        (false, _) => goes_on(output::print(&plan))?,
        (true, false) => note(&plan),
        (true, true) => {}
    }
    let (history, mut model) = fit(args, &task, &parts, network)?;
    let scores = baselines::scores(&task, &parts, &model)?;
    report::write_notes(args, &input, &scores, &mut model)?;
    let bytes = model.to_bytes()?;
    output::write(Some(&args.output), &bytes)?;
    let printed = report::print(args, &input, &table, &parts, &history, &scores, (&model, bytes.len()));
    if input::is_standard(&args.output) { printed } else { goes_on(printed) }
}

/// Passes over a reader of the report that has gone: the model is a file.
fn goes_on(printed: Outcome<()>) -> Outcome<()> {
    match printed {
        Err(Failure::BrokenPipe) => Ok(()),
        other => other,
    }
}

/// Trains the network, and returns it with the weights of its best epoch.
fn fit(args: &Args, task: &Task, parts: &Parts, network: Network) -> Outcome<(History, Model)> {
    let Network { model, varmap, .. } = network;
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: args.batch,
        seed: args.seed,
        patience: Some(args.patience),
        restore_best: true,
        progress: !args.quiet,
        ..Default::default()
    };
    let ready = |set: &Dataset| Ok::<(Tensor, Tensor), Failure>((model.prepare(&set.x)?, parts.targets(set)?));
    let (x, y) = ready(&parts.train)?;
    let validation = parts.validation.as_ref().map(ready).transpose()?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(args.rate))?;
    let loss = |outputs: &Tensor, targets: &Tensor| task.loss(outputs, targets);
    let mut training = Training::new(&model, &varmap, &mut adam, loss, config);
    if task.is_classes() {
        training = training.metric("accuracy", accuracy);
    }
    let history = training.run((&x, &y), validation.as_ref().map(|(x, y)| (x, y)))?;
    match (history.stop_reason, history.best) {
        (StopReason::Interrupted, None) => Err(Failure::new("interrupted before the first epoch ended: no model")),
        // The weights as constants, as a file has them.
        _ => Ok((history, Model::from_bytes(&model.to_bytes()?, &Device::Cpu)?)),
    }
}

/// Parses a whole number from `least` to `most`.
fn whole(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}

/// Parses a positive, finite number.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        Ok(value) => Err(format!("{value} is not a positive number")),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses a share: from 0 to below 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        Ok(value) => Err(format!("{value} is not from 0 to below 1")),
        Err(error) => Err(error.to_string()),
    }
}
