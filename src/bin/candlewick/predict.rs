//! `candlewick predict`: a model and a table become predictions.

use super::failure::{Failure, Outcome};
use super::input::{self, Input};
use super::output::Output;
use super::rows::{BATCH, push_field};
use candlewick::candle_core::{DType, Device, Tensor};
use candlewick::data::Table;
use candlewick::error::{DataError, Error};
use candlewick::model::{self, Model, Prediction};
use std::path::PathBuf;

/// Predict the label of each row of a table.
///
/// Columns are found by their names, in any order; further columns are passed over. The output is a table with a row for
/// each row, in the same order.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model that `candlewick train` has written.
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Table with the columns of the training; the label is not needed.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File of the predictions [default: the standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Add a column with the probability of each class, such as species=setosa.
    #[arg(long)]
    probabilities: bool,

    /// Copy all columns of the table in front of the predictions; if the label is among them, the prediction is called
    /// species_predicted or the like.
    #[arg(long)]
    keep: bool,

    /// Character between fields, or tab [default: by the first line].
    #[arg(long, value_name = "CHAR", value_parser = input::delimiter)]
    delimiter: Option<char>,
}

/// Predicts each row of a table.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    if input::is_standard(&args.model) && input::is_standard(&args.file) {
        return Err(Failure::Usage("the model and the table cannot both be the standard input".to_owned()));
    }
    let model_name = input::name_of(&args.model);
    let bytes = input::read_bytes(&args.model)?;
    let of_model = |error: Error| Failure::new(format!("{model_name}: {error}"));
    let model = Model::from_bytes(&bytes, &Device::Cpu).map_err(of_model)?;
    drop(bytes);
    let Some(encoder) = model.table() else {
        return Err(Failure::new(format!("{model_name}: the model has no encoder of a table")));
    };
    let mut columns = Columns::of(&model, args.probabilities);
    if args.probabilities && columns.probabilities.is_empty() {
        return Err(Failure::new(format!(
            "{model_name}: the model predicts no classes, so there are no probabilities"
        )));
    }
    let (input, table) = input::read_table(&args.file, args.delimiter)?;
    if args.keep {
        columns.stand_beside(&table, &input)?;
    }
    if table.is_empty() {
        // No row would ask for the columns.
        encoder.encode_features(&table).map_err(|error| of_batch(error, &input, &table, 0))?;
    }
    let mut output = Output::open(args.output.as_deref())?;
    output.write(columns.header(args, &table, input.delimiter).as_bytes())?;
    for start in (0..table.len()).step_by(BATCH) {
        let rows: Vec<usize> = (start..table.len().min(start + BATCH)).collect();
        let batch = table.select(&rows)?;
        let prediction = model.predict_table(&batch).map_err(|error| of_batch(error, &input, &table, start))?;
        let lines = columns.lines(args, &batch, &prediction, input.delimiter)?;
        output.write(lines.as_bytes())?;
    }
    output.finish()
}

/// Makes the error of a batch that begins with row `start`: with the line of the row, or with who needs a missing column.
fn of_batch(mut error: Error, input: &Input, table: &Table, start: usize) -> Failure {
    if let Some(sample) = error.sample_mut() {
        *sample += start;
        let line = table.line(*sample).unwrap_or(0);
        return Failure::at(&input.name, &input.text, (line, 0), &error.to_string());
    }
    match error {
        Error::Data(DataError::UnknownColumn { name, known }) => Failure::new(format!(
            "{}: the column `{name}`, which the model needs, is missing; there are: {}",
            input.name,
            known.join(", ")
        )),
        error => input.failure(error),
    }
}

/// Names of the columns of the predictions.
#[derive(Debug)]
struct Columns {
    predicted: Vec<String>,
    probabilities: Vec<String>,
}

impl Columns {
    /// Names the columns of a model.
    fn of(model: &Model, with_probabilities: bool) -> Self {
        let (mut predicted, mut probabilities) = (Vec::new(), Vec::new());
        match model.output() {
            model::Output::Classes { label, names, .. } => {
                predicted.push(label.clone());
                if with_probabilities {
                    probabilities = names.iter().map(|name| format!("{label}={name}")).collect();
                }
            }
            model::Output::Values { names, .. } => predicted.clone_from(names),
            _ => {
                let numbers = model.output_shape().iter().product::<usize>();
                predicted.extend((0..numbers).map(|index| format!("output{index}")));
            }
        }
        Self { predicted, probabilities }
    }

    /// Renames columns that a table has, too.
    fn stand_beside(&mut self, table: &Table, input: &Input) -> Outcome<()> {
        let is_known = |name: &String| table.names().contains(name);
        for name in self.predicted.iter_mut().filter(|name| is_known(name)) {
            name.push_str("_predicted");
        }
        let mut own = self.predicted.iter().chain(&self.probabilities);
        match own.find(|name| is_known(name)) {
            None => Ok(()),
            Some(name) => Err(Failure::new(format!(
                "{}: the table has a column `{name}` already, so --keep would write it twice",
                input.name
            ))),
        }
    }

    /// Returns the first line.
    fn header(&self, args: &Args, table: &Table, delimiter: char) -> String {
        let kept = table.names().iter().filter(|_| args.keep);
        let mut line = String::new();
        for (place, name) in kept.chain(&self.predicted).chain(&self.probabilities).enumerate() {
            push_field(&mut line, name, delimiter, place == 0);
        }
        line.push('\n');
        line
    }

    /// Returns the lines of a batch.
    fn lines(&self, args: &Args, batch: &Table, prediction: &Prediction, delimiter: char) -> Outcome<String> {
        let numbers = Numbers::of(prediction.numbers())?;
        let labels = prediction.labels();
        let mut lines = String::new();
        for row in 0..batch.len() {
            let mut is_first = true;
            for field in batch.row(row).filter(|_| args.keep) {
                push_field(&mut lines, field, delimiter, std::mem::replace(&mut is_first, false));
            }
            match labels.get(row) {
                Some(label) => push_field(&mut lines, label, delimiter, std::mem::replace(&mut is_first, false)),
                None => numbers.push(row, &mut lines, delimiter, &mut is_first),
            }
            if !self.probabilities.is_empty() {
                numbers.push(row, &mut lines, delimiter, &mut is_first);
            }
            lines.push('\n');
        }
        Ok(lines)
    }
}

/// Numbers of a prediction, row by row, in their own precision: an F32 has fewer digits.
#[derive(Debug)]
enum Numbers {
    Single(Vec<Vec<f32>>),
    Double(Vec<Vec<f64>>),
}

impl Numbers {
    fn of(numbers: &Tensor) -> Outcome<Self> {
        let rows = if numbers.rank() == 1 { numbers.unsqueeze(1)? } else { numbers.flatten_from(1)? };
        Ok(match rows.dtype() {
            DType::F64 => Self::Double(rows.to_vec2()?),
            _ => Self::Single(rows.to_dtype(DType::F32)?.to_vec2()?),
        })
    }

    /// Appends the numbers of a row.
    fn push(&self, row: usize, line: &mut String, delimiter: char, is_first: &mut bool) {
        let mut field = |text: String| push_field(line, &text, delimiter, std::mem::replace(is_first, false));
        match self {
            Self::Single(rows) => rows[row].iter().for_each(|value| field(value.to_string())),
            Self::Double(rows) => rows[row].iter().for_each(|value| field(value.to_string())),
        }
    }
}
