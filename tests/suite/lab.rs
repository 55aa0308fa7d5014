//! Runs cases on the engines under test, through the public API.

use crate::oracle::Case;
use candle_core::{DType, Device, Tensor, Var};
use candlewick::functional;
use candlewick::prelude::*;

/// Results of the crate for a batch.
pub(crate) struct Outcome {
    /// A row a sample.
    pub(crate) outputs: Vec<Vec<f64>>,
    /// Gradient of `sum(cotangent * outputs)`.
    pub(crate) dx: Vec<Vec<f64>>,
    pub(crate) dw: Vec<f64>,
}

/// An engine under test, in one precision.
#[derive(Clone, Copy)]
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) dtype: DType,
    /// Device of the tensors.
    pub(crate) device: fn() -> Device,
    /// Runs something with this engine in charge of tensors on that device.
    pub(crate) enter: fn(&mut dyn FnMut()),
}

impl Engine {
    /// The CPU engine.
    pub(crate) fn cpu(dtype: DType) -> Self {
        let name = if dtype == DType::F64 { "cpu f64" } else { "cpu f32" };
        Self { name, dtype, device: || Device::Cpu, enter: |run| run() }
    }

    /// Largest error of values, for a circuit of `depth` operations.
    pub(crate) fn values(self, depth: usize) -> f64 {
        let root = (depth.max(1) as f64).sqrt();
        if self.dtype == DType::F64 { 1e-12 * root } else { 1e-5 * root }
    }

    /// Largest error of gradients.
    pub(crate) fn gradients(self, depth: usize) -> f64 {
        if self.dtype == DType::F64 { 1e-10 } else { 2e-5 * (depth.max(1) as f64).sqrt() }
    }
}

/// Every engine and precision.
pub(crate) fn engines() -> Vec<Engine> {
    crate::engines::all()
}

pub(crate) fn tensor(rows: &[Vec<f64>], dtype: DType) -> Tensor {
    let width = rows.first().map_or(0, Vec::len);
    let flat: Vec<f64> = rows.concat();
    Tensor::from_vec(flat, (rows.len(), width), &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// Outputs flattened to a row a sample.
pub(crate) fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    let tensor = tensor.to_device(&Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
    let batch = tensor.dim(0).unwrap();
    let flat: Vec<f64> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    let width = flat.len() / batch.max(1);
    if width == 0 { vec![vec![]; batch] } else { flat.chunks(width).map(<[f64]>::to_vec).collect() }
}

/// Values and gradients of a case; see [`run_circuit`].
pub(crate) fn run(
    case: &Case,
    measurement: &Measurement,
    x: &[Vec<f64>],
    w: &[f64],
    cotangent: &[Vec<f64>],
    engine: Engine,
) -> Outcome {
    run_circuit(&case.circuit(), measurement, x, w, cotangent, engine)
}

/// Computes values and gradients of a circuit whose weights, if it has any, are a vector `w`. The cotangent has a row
/// for each sample; it is empty for values alone.
pub(crate) fn run_circuit(
    circuit: &Circuit,
    measurement: &Measurement,
    x: &[Vec<f64>],
    w: &[f64],
    cotangent: &[Vec<f64>],
    engine: Engine,
) -> Outcome {
    let mut outcome = None;
    (engine.enter)(&mut || outcome = Some(evaluate(circuit, measurement, x, w, cotangent, engine)));
    outcome.expect("the engine runs what it is given")
}

fn evaluate(
    circuit: &Circuit,
    measurement: &Measurement,
    x: &[Vec<f64>],
    w: &[f64],
    cotangent: &[Vec<f64>],
    engine: Engine,
) -> Outcome {
    let device = (engine.device)();
    let on_device = |rows: &[Vec<f64>]| tensor(rows, engine.dtype).to_device(&device).unwrap();
    let xs = Var::from_tensor(&on_device(x)).unwrap();
    let ws = Var::from_tensor(&on_device(&[w.to_vec()]).flatten_all().unwrap()).unwrap();
    let named = [("w", ws.as_tensor())];
    let weights = if circuit.weight_tensors().is_empty() { &[][..] } else { &named };
    let y = functional::evaluate(circuit, measurement, Some(&xs), weights).unwrap();
    let outputs = rows(&y);
    if cotangent.is_empty() {
        return Outcome { outputs, dx: vec![], dw: vec![] };
    }
    let c = on_device(cotangent).reshape(y.shape()).unwrap();
    let gradients = (y * c).unwrap().sum_all().unwrap().backward().unwrap();
    let dx = rows(gradients.get(&xs).unwrap());
    let dw = rows(&gradients.get(&ws).unwrap().unsqueeze(0).unwrap()).concat();
    Outcome { outputs, dx, dw }
}

/// Largest absolute difference, NaN if anything is NaN.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
}

/// Largest difference, in absolute terms up to size 1 and relative to the largest entry above.
pub(crate) fn deviation(actual: &[f64], expected: &[f64]) -> f64 {
    distance(actual, expected) / expected.iter().fold(1.0, |size: f64, v| size.max(v.abs()))
}

/// Asserts closeness in the measure of [`deviation`].
#[track_caller]
pub(crate) fn close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    let off = deviation(actual, expected);
    assert!(off <= tolerance, "{what}: off by {off:e} (allowed {tolerance:e})\n{actual:?}\n{expected:?}");
}
