//! Scores of a network, and its active gates.

use crate::model::{Network, SWITCH};
use crate::task::Task;
use anyhow::Result;
use candle_core::{DType, Module, Tensor};
use candle_nn::loss::mse;
use candlewick::plot::{Color, Matrix, Panel};

/// Score of a network.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    /// Mean squared error and accuracy on the training set.
    pub(crate) train: (f64, f64),
    /// Mean squared error and accuracy on the test set, if there is one.
    pub(crate) test: Option<(f64, f64)>,
    /// Active qubits, sample by sample of the training set.
    pub(crate) active: Vec<Vec<bool>>,
    /// Bytes of the linear layers.
    pub(crate) bytes: usize,
}

/// Number of samples in the picture of active gates.
const SHOWN: usize = 24;

/// Returns the fraction of the outputs that are on the same side of one half as their targets.
pub(crate) fn accuracy(outputs: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    let hits = outputs.gt(0.5)?.eq(&targets.gt(0.5)?)?.to_dtype(DType::F32)?;
    Ok(f64::from(hits.mean_all()?.to_scalar::<f32>()?))
}

impl Score {
    /// Scores a network with linear layers of `bytes` bytes.
    pub(crate) fn new<L: Module>(network: &Network<L>, task: &Task, bytes: usize) -> Result<Self> {
        let score = |(x, y): &(Tensor, Tensor)| -> Result<(f64, f64)> {
            let outputs = network.forward(x)?.detach();
            Ok((f64::from(mse(&outputs, y)?.to_scalar::<f32>()?), accuracy(&outputs, y)?))
        };
        let values = network.values(&task.train.0)?.detach();
        // Compares as the circuit does: in F32, threshold included.
        let active = values.gt(SWITCH as f32)?.to_vec2::<u8>()?;
        let active = active.into_iter().map(|row| row.into_iter().map(|bit| bit == 1).collect()).collect();
        Ok(Self { train: score(&task.train)?, test: task.test.as_ref().map(score).transpose()?, active, bytes })
    }

    /// Returns the number of active gates of each sample: a rotation for each active qubit, and a CX behind it on all
    /// qubits except the last.
    pub(crate) fn gates(&self) -> Vec<usize> {
        let of = |row: &Vec<bool>| {
            let gates = row.iter().enumerate().map(|(qubit, &is_on)| match is_on {
                true => 1 + usize::from(qubit + 1 < row.len()),
                false => 0,
            });
            gates.sum()
        };
        self.active.iter().map(of).collect()
    }

    /// Returns the names of the columns of a table.
    pub(crate) fn head(task: &Task) -> Vec<&'static str> {
        let test: &[&str] = if task.test.is_some() { &["test MSE", "test accuracy"] } else { &[] };
        let gates = ["gates (mean)", "least", "most", "bytes"];
        ["network", "MSE", "accuracy"].into_iter().chain(test.iter().copied()).chain(gates).collect()
    }

    /// Returns a row of the table.
    pub(crate) fn row(&self, name: &str) -> Vec<String> {
        let gates = self.gates();
        let mean = gates.iter().sum::<usize>() as f64 / gates.len().max(1) as f64;
        let (least, most) = (gates.iter().min().unwrap_or(&0), gates.iter().max().unwrap_or(&0));
        let errors = [Some(self.train), self.test].into_iter().flatten();
        let errors = errors.flat_map(|(mse, accuracy)| [mse, accuracy]).map(|value| format!("{value:.4}"));
        let gates = [format!("{mean:.2}"), least.to_string(), most.to_string(), self.bytes.to_string()];
        [name.to_owned()].into_iter().chain(errors).chain(gates).collect()
    }

    /// Returns how many qubits switch between active and inactive, and how many qubits there are.
    pub(crate) fn switched(&self, other: &Self) -> (usize, usize) {
        let (ours, theirs) = (self.active.iter().flatten(), other.active.iter().flatten());
        let changed = ours.clone().zip(theirs).filter(|(one, other)| one != other).count();
        (changed, ours.count())
    }

    /// Draws the active gates of samples from the whole training set, with their targets below.
    pub(crate) fn panel(&self, heading: String, targets: &Tensor, color: Color) -> Result<Panel> {
        let targets = targets.flatten_all()?.to_vec1::<f32>()?;
        let step = (self.active.len() / SHOWN).max(1);
        let shown: Vec<(&Vec<bool>, f32)> = self.active.iter().zip(targets).step_by(step).take(SHOWN).collect();
        let qubits = self.active.first().map_or(0, Vec::len);
        let shades = (0..qubits).flat_map(|qubit| shown.iter().map(move |(row, _)| f64::from(u8::from(row[qubit]))));
        let matrix = Matrix {
            rows: (0..qubits).map(|qubit| qubit.to_string()).collect(),
            columns: shown.iter().map(|(_, target)| target.to_string()).collect(),
            shades: shades.collect(),
            color,
            ..Matrix::default()
        };
        Ok(Panel::new(heading).axes("samples, by their targets", "qubit").matrix(matrix))
    }
}
