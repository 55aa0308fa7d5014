//! `candlewick simulate`: probabilities, counts, states and expectation values of circuits.

use super::circuits::{self, Loaded, Source};
use super::failure::{Failure, Outcome};
use super::observable;
use super::output;
use super::settings::{self, Setting};
use super::words::counted;
use candlewick::candle_core::{DType, Device};
use candlewick::candle_nn::VarBuilder;
use candlewick::qasm::Bit;
use candlewick::{Circuit, Measurement, Observable, QuantumLayer, QuantumLayerConfig};
use clap::builder::RangedU64ValueParser;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Simulate a circuit.
///
/// FILE is a text in OpenQASM 2 or 3, or a model, whose weights are in place. Without options the output is the
/// probabilities of the classical bits, or of the qubits if there are no bits, the largest first. In strings of bits the
/// highest bit is on the left, and the register that was declared last, as in Qiskit. Measurements, resets and
/// conditions are exact.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    /// Measure so many times, and count the outcomes; with --expect, estimate from so many shots.
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=u32::MAX.into()))]
    shots: Option<usize>,

    /// Seed of the shots.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Number of an input: x0=0.5 for a feature, theta=0.1,0.2 for a weight tensor, theta[0]=pi/2 for an entry; may be
    /// repeated.
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = settings::setting)]
    settings: Vec<Setting>,

    /// Print probabilities, as without options.
    #[arg(long, conflicts_with_all = ["state", "expect", "shots"])]
    probabilities: bool,

    /// Print the amplitudes of the state, all qubits in it.
    #[arg(long, conflicts_with_all = ["expect", "shots"])]
    state: bool,

    /// Print the expectation value of an observable, such as "0.5 Z0 Z1 + X0"; may be repeated.
    #[arg(long, value_name = "OBSERVABLE", allow_hyphen_values = true)]
    expect: Vec<String>,

    /// Most outcomes that are printed.
    #[arg(long, value_name = "N", default_value = "16",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1 << 30))]
    top: usize,

    /// Compute in F64 instead of F32.
    #[arg(long)]
    f64: bool,

    /// Print one JSON object in place of the text.
    #[arg(long)]
    json: bool,
}

/// Results of a simulation, as JSON has them. What was not asked for is null.
#[derive(Debug, Default, Serialize)]
struct Results {
    file: String,
    layer: Option<String>,
    qubits: usize,
    operations: usize,
    precision: &'static str,
    /// Names of the bits of the strings, from left to right.
    bits: Vec<String>,
    shots: Option<usize>,
    seed: u64,
    /// Number of outcomes that are not 0, of which the largest follow.
    outcomes: usize,
    probabilities: Option<Vec<Probability>>,
    counts: Option<Vec<Count>>,
    state: Option<Vec<Amplitude>>,
    expectations: Option<Vec<Expectation>>,
}

#[derive(Debug, Serialize)]
struct Probability {
    bits: String,
    probability: f64,
}

#[derive(Debug, Serialize)]
struct Count {
    bits: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Amplitude {
    bits: String,
    re: f64,
    im: f64,
}

#[derive(Debug, Serialize)]
struct Expectation {
    observable: String,
    value: f64,
}

/// Bits of the outcomes: qubits that are measured, and constants.
#[derive(Debug)]
struct Bits {
    /// Names, the lowest first.
    names: Vec<String>,
    /// Values, the lowest first.
    values: Vec<Digit>,
    /// Qubits of the circuit that are measured, each once.
    measured: Vec<usize>,
    /// Whether these are classical bits.
    are_classical: bool,
}

/// Bit of an outcome.
#[derive(Debug, Clone, Copy)]
enum Digit {
    Known(bool),
    /// Bit of the measured qubit with this place.
    Measured(usize),
}

impl Bits {
    /// Returns the classical bits, or the qubits if there are none.
    fn of(loaded: &Loaded) -> Self {
        let classical = loaded.bits();
        let are_classical = !classical.is_empty();
        let named = match are_classical {
            true => classical,
            false => Self::qubits(loaded),
        };
        let (mut measured, mut values) = (Vec::new(), Vec::new());
        // Several bits may be one qubit.
        let mut places = BTreeMap::new();
        for (_, bit) in &named {
            values.push(match *bit {
                Bit::Qubit(qubit) => Digit::Measured(*places.entry(qubit).or_insert_with(|| {
                    measured.push(qubit);
                    measured.len() - 1
                })),
                other => Digit::Known(other == Bit::Constant(true)),
            });
        }
        Self { names: named.into_iter().map(|(name, _)| name).collect(), values, measured, are_classical }
    }

    fn qubits(loaded: &Loaded) -> Vec<(String, Bit)> {
        loaded.qubit_names().into_iter().enumerate().map(|(qubit, name)| (name, Bit::Qubit(qubit))).collect()
    }

    /// Returns an outcome of the measured qubits as a string, the highest bit on the left.
    fn string(&self, outcome: u64) -> String {
        let digit = |bit: &Digit| match bit {
            Digit::Known(value) => *value,
            Digit::Measured(place) => outcome >> place & 1 == 1,
        };
        self.values.iter().rev().map(|bit| if digit(bit) { '1' } else { '0' }).collect()
    }

    /// Returns the outcome of the measured qubits in an outcome of all qubits.
    fn among(&self, outcome: u64) -> u64 {
        self.measured.iter().enumerate().map(|(place, qubit)| (outcome >> qubit & 1) << place).sum()
    }
}

/// Simulates a circuit.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let observables = args.expect.iter().map(|text| observable::parse(text)).collect::<Outcome<Vec<_>>>()?;
    let loaded = circuits::load_one(&args.source)?;
    let circuit = loaded.values(&args.settings)?.bound(&loaded.circuit)?;
    let bits = Bits::of(&loaded);
    let mut results = Results {
        file: loaded.file.clone(),
        layer: loaded.layer().map(str::to_owned),
        qubits: circuit.qubits(),
        operations: circuit.operations().len(),
        precision: if args.f64 { "f64" } else { "f32" },
        bits: bits.names.iter().rev().cloned().collect(),
        shots: args.shots,
        seed: args.seed,
        ..Results::default()
    };
    let computed = compute(args, &loaded, (circuit, observables), &bits, &mut results);
    computed.map_err(|error| Failure::new(format!("{}: {error}", loaded.title())))?;
    if args.json { output::print_json(&results) } else { output::print(&text(args, &loaded, &bits, &results)) }
}

/// Computes what was asked for.
fn compute(
    args: &Args,
    loaded: &Loaded,
    (circuit, observables): (Circuit, Vec<Observable>),
    bits: &Bits,
    results: &mut Results,
) -> candlewick::Result<()> {
    if !observables.is_empty() {
        let values = numbers(&layer(args, circuit, Measurement::expectation(observables))?)?;
        let named = args.expect.iter().zip(values).map(|(text, value)| Expectation { observable: text.clone(), value });
        results.bits.clear();
        results.expectations = Some(named.collect());
    } else if args.state {
        // Records and fresh qubits are in the state, too.
        let bits = Bits { values: (0..circuit.qubits()).map(Digit::Measured).collect(), ..Bits::of(loaded) };
        results.bits = loaded.qubit_names().into_iter().rev().collect();
        let numbers = numbers(&layer(args, circuit, Measurement::state())?)?;
        (results.outcomes, results.state) = state(args, &bits, &numbers);
    } else if let Some(shots) = args.shots {
        let counts = layer(args, circuit, Measurement::probabilities([0]))?.counts(None, shots)?;
        (results.outcomes, results.counts) = counts_of(args, bits, counts.first());
    } else {
        let numbers = match bits.measured.is_empty() {
            true => vec![1.0],
            false => {
                let measured = Measurement::probabilities(bits.measured.iter().copied());
                numbers(&layer(args, circuit, measured)?)?
            }
        };
        (results.outcomes, results.probabilities) = probabilities(args, bits, &numbers);
    }
    Ok(())
}

/// Makes a layer of a circuit without inputs.
fn layer(args: &Args, circuit: Circuit, measurement: Measurement) -> candlewick::Result<QuantumLayer> {
    let dtype = if args.f64 { DType::F64 } else { DType::F32 };
    let shots = args.shots.filter(|_| !args.expect.is_empty());
    let config = QuantumLayerConfig { shots, seed: args.seed, ..Default::default() };
    QuantumLayer::with_config(circuit, measurement, config, VarBuilder::zeros(dtype, &Device::Cpu))
}

/// Returns the outputs of a layer.
fn numbers(layer: &QuantumLayer) -> candlewick::Result<Vec<f64>> {
    let numbers = layer.evaluate()?.detach().flatten_all()?;
    let wide = |numbers: Vec<f32>| numbers.into_iter().map(f64::from).collect();
    Ok(if numbers.dtype() == DType::F64 { numbers.to_vec1()? } else { wide(numbers.to_vec1()?) })
}

/// Returns the number of outcomes that are not 0, and the places of the largest, by size and then by place.
fn largest(weights: impl Iterator<Item = f64>, top: usize) -> (usize, Vec<(usize, f64)>) {
    let mut all: Vec<(usize, f64)> = weights.enumerate().filter(|(_, weight)| *weight != 0.0).collect();
    let outcomes = all.len();
    let order = |a: &(usize, f64), b: &(usize, f64)| -> Ordering { b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)) };
    if top < outcomes {
        all.select_nth_unstable_by(top, order);
        all.truncate(top);
    }
    all.sort_by(order);
    (outcomes, all)
}

fn probabilities(args: &Args, bits: &Bits, numbers: &[f64]) -> (usize, Option<Vec<Probability>>) {
    let (outcomes, found) = largest(numbers.iter().copied(), args.top);
    let found = found.into_iter();
    let named = found.map(|(place, probability)| Probability { bits: bits.string(place as u64), probability });
    (outcomes, Some(named.collect()))
}

fn counts_of(args: &Args, bits: &Bits, counts: Option<&BTreeMap<u64, u64>>) -> (usize, Option<Vec<Count>>) {
    let mut sums: BTreeMap<u64, u64> = BTreeMap::new();
    for (outcome, count) in counts.into_iter().flatten() {
        *sums.entry(bits.among(*outcome)).or_default() += count;
    }
    let mut all: Vec<(u64, u64)> = sums.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let outcomes = all.len();
    let named = all.into_iter().take(args.top).map(|(outcome, count)| Count { bits: bits.string(outcome), count });
    (outcomes, Some(named.collect()))
}

fn state(args: &Args, bits: &Bits, numbers: &[f64]) -> (usize, Option<Vec<Amplitude>>) {
    let (pairs, _) = numbers.as_chunks::<2>();
    let (outcomes, found) = largest(pairs.iter().map(|[re, im]| re * re + im * im), args.top);
    let named = found.into_iter().map(|(place, _)| {
        let [re, im] = pairs[place];
        Amplitude { bits: bits.string(place as u64), re, im }
    });
    (outcomes, Some(named.collect()))
}

/// Returns the results as text: what is printed in the first line, then a line for each.
fn text(args: &Args, loaded: &Loaded, bits: &Bits, results: &Results) -> String {
    let digits = if args.f64 { 12 } else { 6 };
    let shots =
        results.shots.map_or_else(String::new, |shots| format!("{} (seed {}), ", counted(shots, "shot"), results.seed));
    let what = match (&results.expectations, &results.state, &results.counts) {
        (Some(_), ..) => "expectation values".to_owned(),
        (_, Some(_), _) => format!("amplitudes of {}", order(results, false)),
        (_, _, Some(_)) => format!("counts of {}", order(results, bits.are_classical)),
        _ => format!("probabilities of {}", order(results, bits.are_classical)),
    };
    let shown = match results.outcomes {
        outcomes if outcomes > args.top && results.expectations.is_none() => {
            format!("; the {} largest of {outcomes}", args.top)
        }
        _ => String::new(),
    };
    let mut text = format!("{}: {}; {shots}{what}{shown}\n", loaded.title(), counted(results.qubits, "qubit"));
    for Probability { bits, probability } in results.probabilities.iter().flatten() {
        _ = writeln!(text, "{bits}  {probability:.digits$}");
    }
    for Count { bits, count } in results.counts.iter().flatten() {
        _ = writeln!(text, "{bits}  {count}  {:.digits$}", *count as f64 / results.shots.unwrap_or(1) as f64);
    }
    for Amplitude { bits, re, im } in results.state.iter().flatten() {
        let sign = if im.is_sign_negative() { '-' } else { '+' };
        _ = writeln!(text, "{bits}  {re:+.digits$} {sign} {:.digits$}i", im.abs());
    }
    for Expectation { observable, value } in results.expectations.iter().flatten() {
        _ = writeln!(text, "{value:+.digits$}  {observable}");
    }
    text
}

/// Names the bits from left to right, and not all of many.
fn order(results: &Results, are_classical: bool) -> String {
    let kind = if are_classical { "bits" } else { "qubits" };
    match &results.bits[..] {
        [] => format!("no {kind}"),
        [one] => one.clone(),
        [first, second, _, .., last] if results.bits.len() > 8 => format!("{kind} {first} {second} .. {last}"),
        few => format!("{kind} {}", few.join(" ")),
    }
}
