//! Report of a training: its lines, and the notes in the model.

use super::super::failure::{Outcome, note};
use super::super::input::{Input, is_standard};
use super::super::output;
use super::super::words::counted;
use super::baselines::Scores;
use super::{Args, Network, Parts, Task};
use candlewick::data::{Dataset, Table};
use candlewick::model::Model;
use candlewick::train::{History, StopReason};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// Result of a training, as JSON has it.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: &'a str,
    label: &'a str,
    task: &'static str,
    classes: &'a [String],
    features: &'a [String],
    rows: Rows,
    seed: u64,
    model: String,
    parameters: usize,
    epochs: usize,
    best_epoch: Option<usize>,
    ended: &'static str,
    test: Option<Value>,
    output: String,
    bytes: usize,
}

/// Numbers of rows.
#[derive(Debug, Serialize)]
struct Rows {
    all: usize,
    train: usize,
    validation: usize,
    test: usize,
}

/// Returns the lines that a training begins with.
pub(crate) fn plan(args: &Args, input: &Input, table: &Table, parts: &Parts, network: &Network) -> Outcome<String> {
    let rows = rows(table, parts);
    let (features, classes) = (parts.encoder.features().len(), parts.encoder.classes().len());
    let label = match classes {
        0 => format!("label `{}` of numbers", args.label),
        more => format!("label `{}` with {more} classes", args.label),
    };
    let used = rows.train + rows.validation + rows.test;
    let dropped = match rows.all - used {
        0 => String::new(),
        dropped => format!(" ({dropped} left out for missing values)"),
    };
    Ok(format!(
        "{}: {}{dropped}, {}, {label}; {} to train, {} to choose the epoch, {} to test (seed {})\n{}: {}\n",
        input.name,
        counted(rows.all, "row"),
        counted(features, "feature"),
        rows.train,
        rows.validation,
        rows.test,
        args.seed,
        network.line,
        counted(network.model.parameters()?, "parameter"),
    ))
}

/// Notes in the model where it comes from and what it is worth.
pub(crate) fn write_notes(args: &Args, input: &Input, scores: &Option<Scores>, model: &mut Model) -> Outcome<()> {
    // A folder is of no use to others, and the name of a file may have any characters.
    let file = Path::new(&input.name).file_name().unwrap_or_default().to_string_lossy();
    model.set_note("data", file.escape_default().to_string())?;
    model.set_note("options", options(args))?;
    for (name, figure) in scores.iter().flat_map(Scores::named) {
        model.set_note(format!("test: {name}"), format!("{figure:.4}"))?;
    }
    Ok(())
}

/// Returns the options with which the same table gives the same model.
fn options(args: &Args) -> String {
    let components = args.components.map_or_else(String::new, |components| format!(" --components {components}"));
    let mut options = format!(
        "--label={} --task {} --model {} --qubits {} --layers {} --hidden {}{components} --epochs {} --patience {} \
         --batch {} --rate {} --test {} --validation {} --seed {} --missing {} --unknown {} --decimal={}",
        quoted(&args.label),
        name_of(args.task),
        name_of(args.model),
        args.qubits,
        args.layers,
        args.hidden,
        args.epochs,
        args.patience,
        args.batch,
        args.rate,
        args.test,
        args.validation,
        args.seed,
        name_of(args.missing),
        name_of(args.unknown),
        quoted(&args.decimal.to_string()),
    );
    if let Some(delimiter) = args.delimiter {
        options += &format!(
            " --delimiter={}",
            if delimiter == '\t' { "tab".to_owned() } else { quoted(&delimiter.to_string()) }
        );
    }
    for (option, columns) in [("--without", &args.without), ("--text", &args.text)] {
        columns.iter().for_each(|column| options += &format!(" {option}={}", quoted(column)));
    }
    options
}

/// Returns the name of a choice on the command line.
fn name_of(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Returns a word as a shell takes it: in quotes unless it has letters, digits and harmless marks alone.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.,+:@/".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Prints the figures and the name of the file, or everything as JSON.
pub(crate) fn print(
    args: &Args,
    input: &Input,
    table: &Table,
    parts: &Parts,
    history: &History,
    scores: &Option<Scores>,
    (model, bytes): (&Model, usize),
) -> Outcome<()> {
    let name = args.output.display().to_string();
    if args.json {
        let summary = Summary {
            file: &input.name,
            label: &args.label,
            task: if parts.target_scaler.is_none() { Task::Classes } else { Task::Values }.name(),
            classes: parts.encoder.classes(),
            features: parts.encoder.features(),
            rows: rows(table, parts),
            seed: args.seed,
            model: name_of(args.model),
            parameters: model.parameters()?,
            epochs: history.epochs.len(),
            best_epoch: history.best.map(|best| best + 1),
            ended: ended(history.stop_reason),
            test: scores.as_ref().map(figures),
            output: name,
            bytes,
        };
        if !is_standard(&args.output) {
            return output::print_json(&summary);
        }
        note(&output::json(&summary)?);
        return Ok(());
    }
    let best = history.best.map_or(0, |best| best + 1);
    let mut text = format!("{}; the best epoch is {best} of {}\n", reason(history), history.epochs.len());
    match scores {
        None => text += "no row is left for a test\n",
        Some(scores) => {
            let [(name, own), (constant, figure), (linear, other)] = scores.named();
            text += &format!("test {name} {own:.4}; {constant} {figure:.4}; {linear} {other:.4}\n");
        }
    }
    if is_standard(&args.output) {
        note(&text);
        return Ok(());
    }
    let size = bytes as f64 / 1000.0;
    text += &format!("wrote {name} ({size:.1} kB): candlewick predict {name} new.csv\n");
    output::print(&text)
}

/// Returns the figures of the test as JSON.
fn figures(scores: &Scores) -> Value {
    let [own, constant, linear] = scores.named().map(|(_, figure)| figure);
    match scores.task.is_classes() {
        true => json!({ "accuracy": own, "most_frequent_class": constant, "logistic_regression": linear }),
        false => json!({ "rmse": own, "mean": constant, "linear_regression": linear }),
    }
}

fn ended(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Finished => "finished",
        StopReason::Patience => "patience",
        StopReason::Interrupted => "interrupted",
        _ => "stopped",
    }
}

/// Says why the training ended.
fn reason(history: &History) -> &'static str {
    match history.stop_reason {
        StopReason::Patience => "ended, as the loss no longer fell",
        StopReason::Interrupted => "interrupted",
        _ => "finished all epochs",
    }
}

/// Returns the numbers of rows.
fn rows(table: &Table, parts: &Parts) -> Rows {
    let held = |part: &Option<Dataset>| part.as_ref().map_or(0, Dataset::len);
    Rows { all: table.len(), train: parts.train.len(), validation: held(&parts.validation), test: held(&parts.test) }
}
