//! Parts of the table, and what is learnt from the training part before the network is: texts, fillings, scales.

use super::super::failure::{Failure, Outcome};
use super::super::input::Input;
use super::network::Kind;
use super::{Args, Task};
use candlewick::candle_core::{DType, Tensor};
use candlewick::data::{CsvConfig, Dataset, Imputer, Missing, Pca, Scaler, Split3, Table, TableEncoder, Unknown};
use clap::ValueEnum;

/// Treatment of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filling {
    /// An error.
    Error,
    /// Rows are left out.
    Drop,
    /// The mean of the column.
    Mean,
    /// The median of the column.
    Median,
    /// The most frequent number of the column.
    MostFrequent,
}

/// Treatment of texts that the training part does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownCategory {
    /// An error.
    Error,
    /// 0 in all features of the column.
    Zeros,
}

/// Parts of the table as numbers, with the steps of the preparation.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Encoder of the training part.
    pub(crate) encoder: TableEncoder,
    /// Samples to train on.
    pub(crate) train: Dataset,
    /// Samples that choose the epoch, if there are any.
    pub(crate) validation: Option<Dataset>,
    /// Samples of the test, if there are any.
    pub(crate) test: Option<Dataset>,
    /// Filling of missing values.
    pub(crate) imputer: Option<Imputer>,
    /// Scale of the features.
    pub(crate) scaler: Scaler,
    /// Principal components.
    pub(crate) pca: Option<Pca>,
    /// Scale of the targets, if they are numbers.
    pub(crate) target_scaler: Option<Scaler>,
    /// Number of features behind the preparation.
    pub(crate) width: usize,
}

impl Parts {
    /// Splits the table, and learns the preparation from the training part.
    pub(crate) fn of(args: &Args, task: &Task, input: &Input, table: &Table) -> Outcome<Self> {
        let config = config(args, *task);
        let failed = |error| input.failure(error);
        let Split3 { train, validation, test, .. } =
            table.split3(&config, args.validation, args.test, args.seed).map_err(failed)?;
        let encoder = TableEncoder::fit(&train, &config).map_err(failed)?;
        let encode = |part: &Table| match part.is_empty() {
            true => Ok(None),
            false => encoder.encode(part).map(Some).map_err(failed),
        };
        let Some(train) = encode(&train)? else {
            return Err(Failure::new(format!("{}: there is no row to train on", input.name)));
        };
        if let ([class], true) = (encoder.classes(), task.is_classes()) {
            let problem = format!("the label `{}` has one class in the rows to train on, `{class}`", args.label);
            return Err(Failure::new(format!("{}: {problem}: there is nothing to learn", input.name)));
        }
        let (validation, test) = (encode(&validation)?, encode(&test)?);
        let imputer = match args.missing {
            Filling::Error | Filling::Drop => None,
            Filling::Mean => Some(Imputer::mean(&train).map_err(failed)?),
            Filling::Median => Some(Imputer::median(&train).map_err(failed)?),
            Filling::MostFrequent => Some(Imputer::most_frequent(&train).map_err(failed)?),
        };
        let filled = imputer.as_ref().map_or(Ok(train.x.clone()), |imputer| imputer.apply(&train.x))?;
        let mut named = train.clone();
        named.x = filled.clone();
        let scaler = Scaler::standard(&named).map_err(failed)?;
        let pca = pca(args, &scaler.apply(&filled)?)?;
        let width = pca.as_ref().map_or(Ok(train.x.dim(1)?), |pca| pca.directions().dim(1))?;
        let target_scaler = if task.is_classes() { None } else { Some(Scaler::standard(&train.y).map_err(failed)?) };
        Ok(Self { encoder, train, validation, test, imputer, scaler, pca, target_scaler, width })
    }

    /// Returns the targets as the network learns them: numbers of classes, or scaled numbers.
    pub(crate) fn targets(&self, set: &Dataset) -> Outcome<Tensor> {
        match &self.target_scaler {
            None => Ok(set.y.clone()),
            Some(scaler) => Ok(scaler.apply(&set.y)?.to_dtype(DType::F32)?),
        }
    }
}

/// Returns the options of the encoder. Numbers are read in F64, and rounded only behind the scaler.
fn config(args: &Args, task: Task) -> CsvConfig {
    CsvConfig {
        decimal: args.decimal,
        dtype: DType::F64,
        target: task.target(&args.label),
        without: args.without.clone(),
        text: args.text.clone(),
        on_missing: match args.missing {
            Filling::Error => Missing::Error,
            Filling::Drop => Missing::DropRow,
            Filling::Mean | Filling::Median | Filling::MostFrequent => Missing::MostFrequent,
        },
        on_unknown: match args.unknown {
            UnknownCategory::Error => Unknown::Error,
            UnknownCategory::Zeros => Unknown::Zeros,
        },
        ..CsvConfig::default()
    }
}

/// Returns the principal components of scaled samples. A circuit on the features themselves takes no more of them than
/// it has qubits.
fn pca(args: &Args, scaled: &Tensor) -> Outcome<Option<Pca>> {
    let features = scaled.dim(1)?;
    let of_qubits = (args.model == Kind::Quantum && features > args.qubits).then_some(args.qubits);
    match args.components.or(of_qubits) {
        None => Ok(None),
        Some(components) if components > features => {
            Err(Failure::Usage(format!("--components is {components}, and there are {features} features")))
        }
        Some(components) if args.model == Kind::Quantum && components > args.qubits => Err(Failure::Usage(format!(
            "--components is {components}, and a circuit of --qubits {} takes one feature a qubit",
            args.qubits
        ))),
        Some(components) => Ok(Some(Pca::new(scaled, components)?)),
    }
}
