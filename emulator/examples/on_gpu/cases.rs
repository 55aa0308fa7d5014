//! Compares values and gradients on the device with the CPU's in F64.

use crate::engines::{self, message};
use crate::lab::{self, Engine, Outcome, deviation};
use crate::trials::{self, Numbers, Reading, Trial};
use anyhow::Result;
use candle_core::DType;
use candlewick::prelude::*;
use candlewick::program::Program;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Lists all trials, the groups of them one after the other.
pub(crate) fn all() -> Vec<Trial> {
    let groups = [
        trials::gradients_of_gates(),
        trials::gradients_of_measurements(),
        trials::gradients_of_batches(),
        trials::gradients_of_large_states(),
        trials::circuits_of_every_size(),
        trials::unitaries(),
        trials::gates_under_controls(),
        trials::gates_at_special_angles(),
        trials::gates_on_every_arrangement(),
    ];
    groups.into_iter().flatten().collect()
}

/// A trial made ready: what it measures, on which numbers, and the right results.
pub(crate) struct Ready {
    measurement: Measurement,
    numbers: Numbers,
    wanted: Outcome,
}

/// A quantity of a trial on an engine.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) off: f64,
    pub(crate) allowed: f64,
    pub(crate) got: Vec<f64>,
    pub(crate) wanted: Vec<f64>,
}

impl Part {
    fn is_right(&self) -> bool {
        self.off <= self.allowed
    }

    fn json(&self) -> Value {
        json!({"part": self.name, "off": self.off, "allowed": self.allowed, "got": self.got})
    }
}

impl Ready {
    /// Computes the right results: the CPU's in F64.
    pub(crate) fn new(trial: &Trial) -> Self {
        let exact = Engine::cpu(DType::F64);
        let measurement = trial.reading.measurement(trial.case.qubits);
        let mut numbers = trial.numbers(0);
        let run =
            |numbers: &Numbers, c: &[Vec<f64>]| lab::run(&trial.case, &measurement, &numbers.x, &numbers.w, c, exact);
        let mut wanted = run(&numbers, &[]);
        if !matches!(trial.reading, Reading::States) {
            numbers = trial.numbers(wanted.outputs.first().map_or(0, Vec::len));
            wanted = run(&numbers, &numbers.c);
        } else {
            numbers.c.clear();
        }
        Self { measurement, numbers, wanted }
    }

    /// Runs the trial on an engine.
    pub(crate) fn compare(&self, trial: &Trial, engine: Engine) -> Vec<Part> {
        let Numbers { x, w, c } = &self.numbers;
        let got = lab::run(&trial.case, &self.measurement, x, w, c, engine);
        let depth = trial.case.ops.len();
        // A variance is a difference of squares.
        let values = if c.is_empty() { engine.values(depth) } else { 4.0 * engine.values(depth) };
        let part = |name, allowed, got: Vec<f64>, wanted: Vec<f64>| {
            let off = deviation(&got, &wanted);
            Part { name, off, allowed, got, wanted }
        };
        let mut parts = vec![part("outputs", values, got.outputs.concat(), self.wanted.outputs.concat())];
        if !c.is_empty() {
            let allowed = engine.gradients(depth);
            parts.push(part("gradient in inputs", allowed, got.dx.concat(), self.wanted.dx.concat()));
            parts.push(part("gradient in weights", allowed, got.dw, self.wanted.dw.clone()));
        }
        parts
    }

    /// Writes down the circuit, its program, the numbers and the results.
    pub(crate) fn record(&self, trial: &Trial, engine: &str, parts: &[Part], error: Option<String>) -> Value {
        let circuit = trial.case.circuit();
        let program = Program::new(&circuit, &self.measurement).map_or_else(|e| e.to_string(), |p| format!("{p:#}"));
        json!({
            "case": trial.name,
            "kind": trial.kind,
            "engine": engine,
            "error": error,
            "parts": parts.iter().map(Part::json).collect::<Vec<_>>(),
            "circuit": circuit.to_string(),
            "measurement": format!("{:?}", self.measurement),
            "program": program,
            "inputs": self.numbers.x,
            "weights": self.numbers.w,
            "cotangent": self.numbers.c,
            "wanted": {
                "outputs": self.wanted.outputs,
                "gradient in inputs": self.wanted.dx,
                "gradient in weights": self.wanted.dw,
            },
        })
    }
}

/// Compares one trial of `every`, from number `from` on. Tells the start and the outcome of each comparison as a line of JSON.
pub(crate) fn work(every: usize, from: usize) -> Result<()> {
    let engines = engines::all();
    for (number, trial) in all().iter().enumerate().skip(from).filter(|(number, _)| number % every == 0) {
        let ready = Ready::new(trial);
        for engine in &engines {
            let tell = |word: &str, record: Value| println!("{}", json!([word, number, engine.name, record]));
            tell(BEGINS, Value::Null);
            match catch_unwind(AssertUnwindSafe(|| ready.compare(trial, *engine))) {
                Ok(parts) if parts.iter().all(Part::is_right) => tell(IS_RIGHT, Value::Null),
                Ok(parts) => tell(IS_WRONG, ready.record(trial, engine.name, &parts, None)),
                Err(payload) => {
                    tell(IS_WRONG, ready.record(trial, engine.name, &[], Some(message(payload.as_ref()))));
                    // A device that has failed once fails at each later call of this process.
                    std::process::exit(FAILED_DEVICE);
                }
            }
        }
    }
    println!("{}", json!(["ends", 0, "", null]));
    Ok(())
}

/// First words of a worker's lines; the case's number, the engine's name and a record of a failure follow. Any other word is the last.
pub(crate) const BEGINS: &str = "begins";
pub(crate) const IS_RIGHT: &str = "is right";
pub(crate) const IS_WRONG: &str = "is wrong";

/// Exit status of a worker whose device has failed.
const FAILED_DEVICE: i32 = 3;
