//! Task of a training: classes, or numbers.

use super::super::failure::{Failure, Outcome};
use super::super::input::Input;
use super::Args;
use candlewick::candle_core::{self, Tensor};
use candlewick::data::{CsvConfig, Table, Target};
use candlewick::nn::loss::CrossEntropy;
use clap::ValueEnum;
use std::collections::BTreeSet;

/// Task on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskChoice {
    /// Whatever the label looks like.
    Auto,
    /// Classes.
    Classes,
    /// Numbers.
    Values,
}

/// Task that is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Classes.
    Classes,
    /// Numbers.
    Values,
}

/// Most different whole numbers that are taken as classes.
const MOST_CLASSES: usize = 20;

impl Task {
    /// Chooses the task, by the column of the label if it is not given.
    pub(crate) fn of(args: &Args, input: &Input, table: &Table) -> Outcome<Self> {
        let Some(column) = table.names().iter().position(|name| *name == args.label) else {
            let known = table.names().join(", ");
            return Err(Failure::new(format!("{}: no column is called `{}`, only: {known}", input.name, args.label)));
        };
        Ok(match args.task {
            TaskChoice::Classes => Self::Classes,
            TaskChoice::Values => Self::Values,
            TaskChoice::Auto => Self::by_column(args, table, column),
        })
    }

    fn by_column(args: &Args, table: &Table, column: usize) -> Self {
        let missing = CsvConfig::default().missing;
        let texts = (0..table.len()).filter_map(|row| table.field(row, column));
        let texts = texts.filter(|text| !missing.iter().any(|spelling| spelling == text));
        let mut different = BTreeSet::new();
        for text in texts {
            let Ok(number) = text.replace(args.decimal, ".").parse::<f64>() else { return Self::Classes };
            if number.fract() != 0.0 {
                return Self::Values;
            }
            different.insert(text);
            if different.len() > MOST_CLASSES {
                return Self::Values;
            }
        }
        Self::Classes
    }

    /// Returns whether classes are learnt.
    pub(crate) fn is_classes(self) -> bool {
        self == Self::Classes
    }

    /// Returns the name in JSON and in notes.
    pub(crate) fn name(self) -> &'static str {
        if self.is_classes() { "classes" } else { "values" }
    }

    /// Returns the target of an encoder.
    pub(crate) fn target(self, label: &str) -> Target {
        if self.is_classes() { Target::Class(label.to_owned()) } else { Target::Number(label.to_owned()) }
    }

    /// Returns the mean loss of a batch: cross-entropy, or the squared error.
    pub(crate) fn loss(self, outputs: &Tensor, targets: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Classes => CrossEntropy::default().forward(outputs, targets),
            Self::Values => candlewick::candle_nn::loss::mse(outputs, targets),
        }
    }
}
