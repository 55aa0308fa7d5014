//! Training as it happens: points of a plane, and a model that learns their classes.

use crate::plane::{self, Range};
use candlewick::candle_core::{DType, Device, Tensor};
use candlewick::candle_nn::{self, Optimizer, VarMap};
use candlewick::data::{self, CsvConfig, Dataset, Scaler, Table, TableEncoder};
use candlewick::model::{Activation, Layer, Model};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use candlewick::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// Points of the sets that are made.
const POINTS: usize = 200;

/// Largest number of points of a table.
const MOST: usize = 2000;

/// Names of the sets that are made.
const SETS: [&str; 3] = ["circles", "moons", "spirals"];

/// Settings of a training.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Name of a set, or the text of a table.
    data: String,
    qubits: usize,
    layers: usize,
    rate: f64,
    seed: u64,
}

/// Model that learns, with its points.
#[derive(Debug)]
pub(crate) struct Learner {
    model: Model,
    optimizer: Adam,
    set: Dataset,
    /// Prepared points.
    x: Tensor,
    /// Name of the points.
    name: String,
    steps: u64,
    /// Range of the points, with a margin.
    range: Range,
}

impl Learner {
    pub(crate) fn new(settings: &str) -> Result<Self> {
        let wrong = |error: serde_json::Error| Error::Candle(candlewick::candle_core::Error::wrap(error));
        let settings: Settings = serde_json::from_str(settings).map_err(wrong)?;
        for (setting, value, least, most) in [("qubits", settings.qubits, 1, 8), ("layers", settings.layers, 1, 12)] {
            if !(least..=most).contains(&value) {
                let allowed = if most == 8 { "from 1 to 8" } else { "from 1 to 12" };
                return Err(Error::Setting { of: "the training", setting, value: value as f64, allowed });
            }
        }
        let (set, table, label) = points(&settings)?;
        let scaler = Scaler::standard(&set)?;
        let builder = Model::builder(2).table(table);
        let classes = set.classes.clone();
        let varmap = VarMap::new();
        let model = builder
            .scale(scaler)
            .layer(Layer::linear(2, settings.qubits))
            .layer(Layer::Activation(Activation::Tanh))
            .layer(Layer::quantum(
                circuit(settings.qubits, settings.layers),
                Measurement::expectation((0..settings.qubits).map(Z)),
            ))
            .layer(Layer::linear(settings.qubits, classes.len()))
            .classes(label, classes)
            .build(SeededInit::new(settings.seed).var_builder(&varmap, DType::F32, &Device::Cpu))?;
        let config = AdamConfig { learning_rate: settings.rate, ..AdamConfig::default() };
        let optimizer = Adam::from_varmap(&varmap, config)?;
        let x = model.prepare(&set.x)?;
        let range = range(&set.x)?;
        let known = SETS.contains(&settings.data.as_str());
        let name = if known { settings.data } else { "a table".to_owned() };
        Ok(Self { model, optimizer, set, x, range, name, steps: 0 })
    }

    pub(crate) fn points(&self) -> Vec<f64> {
        let y = numbers(&self.set.y);
        self.places().chunks(2).zip(y).flat_map(|(point, class)| [point[0], point[1], class]).collect()
    }

    pub(crate) fn places(&self) -> Vec<f64> {
        numbers(&self.set.x)
    }

    pub(crate) fn about(&self) -> Value {
        json!({
            "classes": self.set.classes,
            "features": self.set.features,
            "range": self.range,
            "parameters": self.model.parameters().unwrap_or(0),
        })
    }

    pub(crate) fn steps(&mut self, count: usize) -> Result<Vec<f64>> {
        let mut last = vec![f64::NAN; 2];
        for _ in 0..count {
            let logits = self.model.try_forward(&self.x)?;
            let loss = candle_nn::loss::cross_entropy(&logits, &self.set.y)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                let (setting, allowed) = ("loss", "finite; take a smaller learning rate");
                return Err(Error::Setting { of: "the training", setting, value, allowed });
            }
            let right = logits.argmax(1)?.eq(&self.set.y)?.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?;
            self.optimizer.backward_step(&loss)?;
            self.steps += 1;
            last = vec![value, f64::from(right)];
        }
        Ok(last)
    }

    pub(crate) fn set_rate(&mut self, rate: f64) -> Result<()> {
        if !(rate.is_finite() && rate >= 0.0) {
            let (setting, allowed) = ("learning rate", "finite and from 0");
            return Err(Error::Setting { of: "the training", setting, value: rate, allowed });
        }
        self.optimizer.set_learning_rate(rate);
        Ok(())
    }

    pub(crate) fn grid(&self, side: usize) -> Result<Vec<f64>> {
        plane::grid(&self.model, self.range, side)
    }

    pub(crate) fn predict(&self, rows: &[f64]) -> Result<Vec<f64>> {
        plane::predict(&self.model, rows)
    }

    pub(crate) fn bloch(&self, points: &[f64]) -> Result<Vec<f64>> {
        plane::bloch(&self.model, points)
    }

    pub(crate) fn circuit(&self, width: f64, theme: &str) -> Result<String> {
        plane::quantum(&self.model).map_or(Ok(String::new()), |(_, circuit)| plane::draw(circuit, width, theme))
    }

    pub(crate) fn save(&self) -> Result<Vec<u8>> {
        let mut model = self.model.clone();
        model.set_note("points", self.name.clone())?;
        model.set_note("steps", self.steps.to_string())?;
        let accuracy = self.accuracy()?;
        model.set_note("accuracy", format!("{accuracy:.4} of the {} points that it learnt", self.set.len()))?;
        model.to_bytes()
    }

    /// Returns the share of the points that the model gets right.
    fn accuracy(&self) -> Result<f64> {
        let prediction = self.model.predict_prepared(&self.x)?;
        let classes = numbers(&self.set.y);
        let named = classes.iter().map(|class| self.set.classes[*class as usize].as_str());
        let right = prediction.labels().into_iter().zip(named).filter(|(label, class)| label == class);
        Ok(right.count() as f64 / classes.len() as f64)
    }
}

/// Circuit that reads the features in each layer, so that more layers make finer boundaries.
fn circuit(qubits: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("theta", (layers, qubits, 2));
    for layer in 0..layers {
        for q in 0..qubits {
            circuit.rx(std::f64::consts::PI * input(q), q);
        }
        for q in 0..qubits {
            circuit.ry(w.at([layer, q, 0]), q).rz(w.at([layer, q, 1]), q);
        }
        let pairs = if qubits == 2 { 1 } else { qubits };
        for q in (0..pairs).filter(|_| qubits > 1) {
            circuit.cx(q, (q + 1) % qubits);
        }
    }
    circuit
}

/// Returns the points of the settings, with the encoder of their table and the name of its label.
fn points(settings: &Settings) -> Result<(Dataset, TableEncoder, String)> {
    let seed = settings.seed;
    let table = match settings.data.as_str() {
        "circles" => {
            table_of(&data::circles(POINTS, data::CirclesConfig { seed, noise: 0.08, ..Default::default() })?)?
        }
        "moons" => table_of(&data::moons(POINTS, data::MoonsConfig { seed, noise: 0.12, ..Default::default() })?)?,
        "spirals" => table_of(&data::spirals(POINTS, data::SpiralsConfig { seed, ..Default::default() })?)?,
        text => Table::parse(text, Table::delimiter_of(text))?,
    };
    let label = table.names().last().cloned().unwrap_or_default();
    let encoder = TableEncoder::fit(&table, &CsvConfig::with_label(label.clone()))?;
    let set = encoder.encode(&table)?;
    let columns = encoder.features().len();
    for (setting, value, allowed, fits) in [
        ("columns", columns, "2 columns of numbers and one of classes", columns == 2),
        ("rows", set.len(), "from 2 to 2000", (2..=MOST).contains(&set.len())),
        ("classes", set.classes.len(), "2 or more", set.classes.len() > 1),
    ] {
        if !fits {
            return Err(Error::Setting { of: "the table", setting, value: value as f64, allowed });
        }
    }
    Ok((set, encoder, label))
}

/// Returns points as a table, so that a model of them predicts tables, too.
fn table_of(set: &Dataset) -> Result<Table> {
    let (x, y) = (set.x.to_vec2::<f32>()?, set.y.to_vec1::<u32>()?);
    let rows = x
        .iter()
        .zip(y)
        .map(|(point, class)| [point[0].to_string(), point[1].to_string(), set.classes[class as usize].clone()]);
    Table::new(["x", "y", "class"], rows)
}

/// Returns the entries of a tensor, which always are numbers here.
fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).and_then(|all| all.flatten_all()?.to_vec1::<f64>()).unwrap_or_default()
}

/// Returns the lowest and the highest coordinates of points, with a margin of a tenth.
fn range(x: &Tensor) -> Result<Range> {
    let rows = x.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let axis = |axis: usize| {
        let values = rows.iter().map(|row| row[axis]);
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let margin = if high > low { 0.1 * (high - low) } else { 1.0 };
        [low - margin, high + margin]
    };
    Ok([axis(0), axis(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learner(data: &str) -> Learner {
        let settings = json!({ "data": data, "qubits": 3, "layers": 3, "rate": 0.05, "seed": 1 });
        Learner::new(&settings.to_string()).expect("the settings are right")
    }

    #[test]
    fn sets_are_learnt_and_saved() {
        for data in ["circles", "moons", "spirals"] {
            let mut learner = learner(data);
            assert_eq!(learner.points().len(), 3 * POINTS);
            let first = learner.steps(1).expect("a step");
            let last = learner.steps(150).expect("steps");
            assert!(last[0] < first[0] && last[1] > 0.8, "{data}: {first:?} {last:?}");
            let grid = learner.grid(4).expect("a grid");
            assert!(grid.len() == 32 && grid.chunks(2).all(|cell| (cell[0] + cell[1] - 1.0).abs() < 1e-6));
            // The file gives the same probabilities as the model on the page.
            let loaded = crate::predictor::Predictor::new(&learner.save().expect("a file")).expect("a model");
            let [[left, right], [low, high]] = learner.range;
            let centre = [left + (right - left) * 0.125, high + (low - high) * 0.125];
            assert_eq!(loaded.predict(&centre).expect("a prediction"), grid[..2]);
        }
    }

    #[test]
    fn bloch_vectors_are_those_of_qubits() {
        let learner = learner("moons");
        let vectors = learner.bloch(&[0.3, -0.2]).expect("vectors");
        assert_eq!(vectors.len(), 9);
        assert!(vectors.chunks(3).all(|v| v.iter().map(|x| x * x).sum::<f64>() < 1.0 + 1e-6), "{vectors:?}");
        // Z of each qubit is what the next layer reads.
        let x = Tensor::new(&[[0.3f32, -0.2]], &Device::Cpu).expect("a point");
        let z = learner.model.forward_to(&learner.model.prepare(&x).expect("prepared"), 3).expect("outputs");
        let z = z.to_vec2::<f32>().expect("numbers")[0].clone();
        assert!(z.iter().zip(vectors.chunks(3)).all(|(z, vector)| (f64::from(*z) - vector[2]).abs() < 1e-6));
    }

    #[test]
    fn tables_are_points_or_errors() {
        let rows: String = (0..20).map(|k| format!("{k};{};{}\n", k % 3, if k < 10 { "a" } else { "b" })).collect();
        let mut learner = learner(&format!("u;v;kind\n{rows}"));
        assert_eq!(learner.about()["classes"], json!(["a", "b"]));
        assert!(learner.steps(100).expect("steps")[1] > 0.9);
        for (settings, expected) in [
            (
                json!({ "data": "u,kind\n1,a\n2,b\n", "qubits": 2, "layers": 1, "rate": 0.1, "seed": 1 }),
                "columns of the table is 1",
            ),
            (
                json!({ "data": "u,v,kind\n1,2,a\n2,1,a\n", "qubits": 2, "layers": 1, "rate": 0.1, "seed": 1 }),
                "classes of the table is 1",
            ),
            (
                json!({ "data": "moons", "qubits": 9, "layers": 1, "rate": 0.1, "seed": 1 }),
                "qubits of the training is 9",
            ),
            (json!({ "data": "moons", "qubits": 2, "layers": 1, "rate": -1.0, "seed": 1 }), ""),
            (json!({ "data": "nothing", "qubits": 2, "layers": 1, "rate": 0.1, "seed": 1 }), ""),
            (json!({}), ""),
        ] {
            let error = Learner::new(&settings.to_string()).map(|_| ()).expect_err("it is wrong").to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
