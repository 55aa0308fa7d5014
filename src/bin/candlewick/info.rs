//! `candlewick info`: contents of a model, a circuit or a table.

use super::circuits::{self, Loaded};
use super::failure::{Failure, Outcome};
use super::input::{self, Content, Input};
use super::output;
use super::words::{counted, readable};
use candlewick::candle_core::Device;
use candlewick::data::CsvConfig;
use candlewick::model::{self, Model, Output};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

/// Say what a model, a circuit or a table holds.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Model, circuit in OpenQASM, or table.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Character between the fields of a table, or tab [default: by the first line].
    #[arg(long, value_name = "CHAR", value_parser = input::delimiter)]
    delimiter: Option<char>,

    /// Print one JSON object in place of the text.
    #[arg(long)]
    json: bool,
}

/// Contents of a file, as JSON has them.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Info {
    Model(ModelInfo),
    Circuit(CircuitInfo),
    Table(TableInfo),
}

#[derive(Debug, Serialize)]
struct ModelInfo {
    file: String,
    format: u64,
    writer: String,
    digest: String,
    bytes: usize,
    dtype: &'static str,
    input: Vec<usize>,
    features: Vec<String>,
    layers: Vec<String>,
    parameters: usize,
    predicts: Predicts,
    tensors: BTreeMap<String, Vec<usize>>,
    circuits: Vec<CircuitInfo>,
    notes: BTreeMap<String, String>,
}

/// Meaning of the outputs of a model.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Predicts {
    Numbers(Vec<usize>),
    Classes { label: String, names: Vec<String> },
    Values(Vec<String>),
}

#[derive(Debug, Serialize)]
struct CircuitInfo {
    file: String,
    layer: Option<String>,
    version: Option<String>,
    qubits: usize,
    operations: usize,
    depth: usize,
    features: usize,
    weights: BTreeMap<String, Vec<usize>>,
    bits: Vec<String>,
    gates: BTreeMap<&'static str, usize>,
    /// Bytes of a state in F32, and of all qubits.
    state_bytes: f64,
}

#[derive(Debug, Serialize)]
struct TableInfo {
    file: String,
    delimiter: char,
    rows: usize,
    columns: Vec<ColumnInfo>,
}

#[derive(Debug, Serialize)]
struct ColumnInfo {
    name: String,
    /// `numbers`, `texts` or `empty`.
    holds: &'static str,
    different: usize,
    missing: usize,
    least: Option<f64>,
    most: Option<f64>,
}

/// Most names that a line lists.
const LISTED: usize = 12;

/// Says what a file holds.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let info = match input::read(&args.file)? {
        Content::Model { name, bytes } => Info::Model(of_model(&name, &bytes)?),
        Content::Circuit(text) => Info::Circuit(of_text(text)?),
        Content::Table(text) => Info::Table(of_table(text, args.delimiter)?),
    };
    if args.json { output::print_json(&info) } else { output::print(&text(&info)) }
}

fn of_model(name: &str, bytes: &[u8]) -> Outcome<ModelInfo> {
    let failed = |error: candlewick::Error| Failure::new(format!("{name}: {error}"));
    let model = Model::from_bytes(bytes, &Device::Cpu).map_err(failed)?;
    let info = model::Info::from_bytes(bytes).map_err(failed)?;
    let circuits = circuits::of_model(name, &model)?;
    Ok(ModelInfo {
        file: name.to_owned(),
        format: info.format,
        writer: info.writer,
        digest: info.digest,
        bytes: bytes.len(),
        dtype: model.dtype().as_str(),
        input: model.input_shape().to_vec(),
        features: model.table().map(|table| table.features().to_vec()).unwrap_or_default(),
        layers: model.layers().iter().map(|layer| layer.name().to_owned()).collect(),
        parameters: model.parameters()?,
        predicts: match model.output() {
            Output::Classes { label, names, .. } => Predicts::Classes { label: label.clone(), names: names.clone() },
            Output::Values { names, .. } => Predicts::Values(names.clone()),
            _ => Predicts::Numbers(model.output_shape().to_vec()),
        },
        tensors: model.weights()?.into_iter().map(|(name, tensor)| (name, tensor.dims().to_vec())).collect(),
        circuits: circuits.iter().map(of_circuit).collect(),
        notes: model.notes().clone(),
    })
}

fn of_text(text: Input) -> Outcome<CircuitInfo> {
    circuits::of_text(text).map(|loaded| of_circuit(&loaded))
}

fn of_circuit(loaded: &Loaded) -> CircuitInfo {
    let circuit = &loaded.circuit;
    let weights = circuit.weight_tensors();
    CircuitInfo {
        file: loaded.file.clone(),
        layer: loaded.layer().map(str::to_owned),
        version: loaded.version().map(|(major, minor)| format!("{major}.{minor}")),
        qubits: circuit.qubits(),
        operations: circuit.operations().len(),
        depth: circuit.depth(),
        features: circuit.inputs(),
        weights: weights.iter().map(|weights| (weights.name().to_owned(), weights.shape().to_vec())).collect(),
        bits: loaded.bits().into_iter().map(|(name, _)| name).collect(),
        gates: circuit.counts(),
        state_bytes: 8.0 * (circuit.qubits() as f64).exp2(),
    }
}

fn of_table(text: Input, delimiter: Option<char>) -> Outcome<TableInfo> {
    let (input, table) = text.into_table(delimiter)?;
    let missing = CsvConfig::default().missing;
    let mut columns = Vec::new();
    for (place, name) in table.names().iter().enumerate() {
        let all = (0..table.len()).filter_map(|row| table.field(row, place));
        let present: Vec<&str> = all.filter(|text| !missing.iter().any(|spelling| spelling == text)).collect();
        let numbers: Vec<f64> = present.iter().filter_map(|text| text.parse::<f64>().ok()).collect();
        let holds = match (present.len(), numbers.len()) {
            (0, _) => "empty",
            (texts, numbers) if texts == numbers => "numbers",
            _ => "texts",
        };
        let bound = |pick: fn(f64, f64) -> f64| numbers.iter().copied().reduce(pick).filter(|_| holds == "numbers");
        columns.push(ColumnInfo {
            name: name.clone(),
            holds,
            different: present.iter().collect::<BTreeSet<_>>().len(),
            missing: table.len() - present.len(),
            least: bound(f64::min),
            most: bound(f64::max),
        });
    }
    Ok(TableInfo { file: input.name, delimiter: input.delimiter, rows: table.len(), columns })
}

fn text(info: &Info) -> String {
    match info {
        Info::Model(model) => text_of_model(model),
        Info::Circuit(circuit) => text_of_circuit(circuit),
        Info::Table(table) => text_of_table(table),
    }
}

fn text_of_model(model: &ModelInfo) -> String {
    let mut text = format!("{}: model, {}, {} bytes", model.file, counted(model.parameters, "parameter"), model.bytes);
    _ = write!(
        text,
        "\nwritten by {} in format {}\n{}",
        readable(&model.writer),
        model.format,
        readable(&model.digest)
    );
    _ = write!(text, "\ninput {:?} of {}: {}", model.input, model.dtype, listed(&model.features));
    _ = write!(text, "\nlayers {}", readable(&model.layers.join(" -> ")));
    text += &match &model.predicts {
        Predicts::Numbers(shape) => format!("\npredicts numbers {shape:?}"),
        Predicts::Classes { label, names } => format!("\npredicts {}: {}", readable(label), listed(names)),
        Predicts::Values(names) => format!("\npredicts {}", listed(names)),
    };
    text.push('\n');
    for (name, shape) in &model.tensors {
        _ = writeln!(text, "  {} {shape:?}", readable(name));
    }
    model.circuits.iter().for_each(|circuit| text += &text_of_circuit(circuit));
    for (key, note) in &model.notes {
        _ = writeln!(text, "note {}: {}", readable(key), readable(note));
    }
    text
}

fn text_of_circuit(circuit: &CircuitInfo) -> String {
    let origin = match (&circuit.layer, &circuit.version) {
        (Some(layer), _) => format!("layer {}: circuit", readable(layer)),
        (None, Some(version)) => format!("{}: OpenQASM {version}", circuit.file),
        (None, None) => circuit.file.clone(),
    };
    let (qubits, operations) = (counted(circuit.qubits, "qubit"), counted(circuit.operations, "operation"));
    let mut text = format!("{origin}, {qubits}, {operations}, depth {}\n", circuit.depth);
    match circuit.features {
        0 => {}
        1 => text += "  feature x0\n",
        more => _ = writeln!(text, "  features x0 to x{}", more - 1),
    }
    for (name, shape) in &circuit.weights {
        _ = writeln!(text, "  weights {} {shape:?}", readable(name));
    }
    if !circuit.bits.is_empty() {
        _ = writeln!(text, "  bits {}", listed(&circuit.bits));
    }
    let gates: Vec<String> = circuit.gates.iter().map(|(name, count)| format!("{name} {count}")).collect();
    _ = writeln!(text, "  {}\n  a state takes {}", gates.join(", "), size(circuit.state_bytes));
    text
}

fn text_of_table(table: &TableInfo) -> String {
    let delimiter = if table.delimiter == '\t' { "tab".to_owned() } else { format!("`{}`", table.delimiter) };
    let (rows, columns) = (counted(table.rows, "row"), counted(table.columns.len(), "column"));
    let mut text = format!("{}: table, {rows}, {columns}, delimiter {delimiter}\n", table.file);
    for column in &table.columns {
        let range = match (column.least, column.most) {
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
            _ => String::new(),
        };
        let missing = if column.missing > 0 { format!(", {} missing", column.missing) } else { String::new() };
        let (name, holds, different) = (readable(&column.name), column.holds, column.different);
        _ = writeln!(text, "  {name}: {holds}{range}, {different} different{missing}");
    }
    text
}

/// Lists names, and not all of many.
fn listed(names: &[String]) -> String {
    let more = if names.len() > LISTED { format!(", .. ({} in all)", names.len()) } else { String::new() };
    names.iter().take(LISTED).map(|name| readable(name)).collect::<Vec<_>>().join(", ") + &more
}

/// Writes a number of bytes.
fn size(bytes: f64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let place = ((bytes.log10() / 3.0).floor() as usize).min(units.len() - 1);
    format!("{} {}", (bytes / 1000f64.powi(place as i32) * 10.0).round() / 10.0, units[place])
}
