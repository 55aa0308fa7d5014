//! Readout errors that are undone.

use super::inner_dtype;
use crate::error::{Error, Mistake, MitigationError, Result, TensorError};
use crate::gf2;
use crate::limits::{MAX_QUBITS, check_copy};
use crate::mask::{Mask, Wide};
use crate::memory;
use crate::observable::{Observable, PauliWord};
use candle_core::Tensor;
use std::collections::BTreeMap;

/// Returns probabilities of outcomes as they were before the readout, `[.., 2^k]`.
///
/// `errors` has for each of the k qubits the probabilities of reading 1 for 0 and 0 for 1, as
/// [`Circuit::readout_error`](crate::Circuit::readout_error) takes them; qubit `j` is bit `j` of an index, as in
/// [`Measurement::probabilities`](crate::Measurement::probabilities). The result is exact and differentiable in the
/// probabilities. Probabilities that are estimated from shots may become negative. F16 and BF16 are computed in F32.
///
/// ```
/// use candlewick::{functional, mitigation, prelude::*};
/// let mut circuit = Circuit::new(2);
/// circuit.ry(0.7, 0).cx(0, 1);
/// let measurement = Measurement::probabilities([0, 1]);
/// let exact = functional::evaluate(&circuit, &measurement, None, &[])?;
/// circuit.readout_error(0.02, 0.05, 0).readout_error(0.01, 0.03, 1);
/// let read = functional::evaluate(&circuit, &measurement, None, &[])?;
/// let undone = mitigation::undo_readout(&read, &[(0.02, 0.05), (0.01, 0.03)])?;
/// assert!((undone - exact)?.abs()?.sum_all()?.to_scalar::<f32>()? < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MitigationError::NoReadout`] where the two errors of a qubit have the sum 1, [`MitigationError::ReadoutRange`] for
/// errors that are no probabilities; a tensor whose last dimension is not `2^k`, or of a dtype other than F16, BF16, F32 and
/// F64.
pub fn undo_readout(probabilities: &Tensor, errors: &[(f64, f64)]) -> Result<Tensor> {
    const WHAT: &str = "the tensor of probabilities";
    let inner = inner_dtype(WHAT, probabilities)?;
    let letters = letters(errors)?;
    let size = u32::try_from(errors.len()).ok().and_then(|bits| 1usize.checked_shl(bits));
    let Some(size) = size.filter(|size| probabilities.dims().last() == Some(size)) else {
        let expected = size.unwrap_or(usize::MAX).into();
        let actual = probabilities.shape().clone();
        return Err(TensorError::Shape { what: "the last dimension of the probabilities", expected, actual }.into());
    };
    check_copy(WHAT, probabilities, inner)?;
    let mut undone = probabilities.to_dtype(inner)?;
    for (bit, (&(one, zero), (alpha, _))) in errors.iter().zip(letters).enumerate() {
        let rows = (probabilities.elem_count() / size) << (errors.len() - 1 - bit);
        let pairs = undone.reshape((rows, 2, 1 << bit))?;
        let (of_0, of_1) = (pairs.narrow(1, 0, 1)?, pairs.narrow(1, 1, 1)?);
        let was_0 = (of_0.affine((1.0 - zero) / alpha, 0.0)? - of_1.affine(zero / alpha, 0.0)?)?;
        let was_1 = (of_1.affine((1.0 - one) / alpha, 0.0)? - of_0.affine(one / alpha, 0.0)?)?;
        undone = Tensor::cat(&[was_0, was_1], 1)?;
    }
    Ok(undone.reshape(probabilities.shape())?.to_dtype(probabilities.dtype())?)
}

/// Returns expectation values of Pauli words as they were before the readout, `[.., words]`.
///
/// `words` has a Pauli word with coefficient 1 for each value, and `errors` the probabilities of reading 1 for 0 and 0 for
/// 1 of qubits 0, 1, ... A readout error turns a letter `P` into `alpha P + beta` with `alpha = 1 - p1_given_0 -
/// p0_given_1` and `beta = p0_given_1 - p1_given_0`. The value of a word therefore needs the values of its parts where
/// `beta` is not 0; they must be among the words. The result is exact and differentiable in the values. F16 and BF16 are
/// computed in F32.
///
/// ```
/// use candlewick::{functional, mitigation, prelude::*};
/// let mut circuit = Circuit::new(2);
/// circuit.ry(0.7, 0).cx(0, 1).rx(0.4, 1);
/// let words = [Z(0), Y(1), Z(0) * Y(1)]; // a word with its parts
/// let measurement = Measurement::expectation(words.clone());
/// let exact = functional::evaluate(&circuit, &measurement, None, &[])?;
/// circuit.readout_error(0.02, 0.05, 0).readout_error(0.01, 0.03, 1);
/// let read = functional::evaluate(&circuit, &measurement, None, &[])?;
/// let errors = [(0.02, 0.05), (0.01, 0.03)];
/// let undone = mitigation::undo_readout_of_words(&read, &words, &errors)?;
/// assert!((undone - exact)?.abs()?.sum_all()?.to_scalar::<f32>()? < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`undo_readout`], with as many values in the last dimension as there are words;
/// [`Error::Observable`] for an observable that is no single word with coefficient 1; [`MitigationError`] for a qubit
/// without errors, a word that is there twice, and a part that is missing.
pub fn undo_readout_of_words(values: &Tensor, words: &[Observable], errors: &[(f64, f64)]) -> Result<Tensor> {
    const WHAT: &str = "the tensor of values of words";
    let inner = inner_dtype(WHAT, values)?;
    let letters = letters(errors)?;
    if values.dims().last() != Some(&words.len()) {
        let (expected, actual) = (words.len().into(), values.shape().clone());
        return Err(TensorError::Shape { what: "the last dimension of the values", expected, actual }.into());
    }
    let places = places(words)?;
    let count = words.len();
    check_copy(WHAT, values, inner)?;
    memory::check_numbers("the matrix of a readout", (count as u64).checked_mul(count as u64))?;
    let (mut matrix, mut constants) = (vec![0.0; count * count], vec![0.0; count]);
    for (word, &column) in &places {
        let parts = Parts { word: *word, index: column, places: &places, letters: &letters };
        constants[column] = parts.write(|row, factor| matrix[row * count + column] = factor)?;
    }
    let on_device = |numbers, shape: &[usize]| -> Result<Tensor> {
        let tensor = Tensor::from_vec(numbers, shape, &candle_core::Device::Cpu)?;
        Ok(tensor.to_dtype(inner)?.to_device(values.device())?)
    };
    let rows = values.elem_count() / count.max(1);
    let undone = values.to_dtype(inner)?.reshape((rows, count))?.matmul(&on_device(matrix, &[count, count])?)?;
    let undone = undone.broadcast_add(&on_device(constants, &[count])?)?;
    Ok(undone.reshape(values.shape())?.to_dtype(values.dtype())?)
}

/// Checks readout errors, and returns for each qubit the factor and the offset of a letter.
fn letters(errors: &[(f64, f64)]) -> Result<Vec<(f64, f64)>> {
    let of = |(qubit, &(one, zero)): (usize, &(f64, f64))| {
        if let Some(value) = [one, zero].into_iter().find(|p| !(0.0..=1.0).contains(p)) {
            return Err(MitigationError::ReadoutRange { qubit, value }.into());
        }
        match 1.0 - one - zero {
            alpha if alpha.abs() <= f64::EPSILON => {
                Err(MitigationError::NoReadout { qubit, p1_given_0: one, p0_given_1: zero }.into())
            }
            alpha => Ok((alpha, zero - one)),
        }
    };
    errors.iter().enumerate().map(of).collect()
}

/// Returns the index of each word.
fn places(words: &[Observable]) -> Result<BTreeMap<PauliWord, usize>> {
    let mut places = BTreeMap::new();
    for (index, observable) in words.iter().enumerate() {
        let wrong = |mistake| Error::Observable { index, mistake };
        observable.check(MAX_QUBITS).and_then(|()| observable.check_constant()).map_err(wrong)?;
        let terms: Vec<_> = observable.words().collect();
        let (true, [(word, 1.0)]) = (observable.parts().is_empty(), &terms[..]) else {
            return Err(wrong(Mistake::NotOneWord));
        };
        if let Some(first) = places.insert(*word, index) {
            return Err(MitigationError::WordTwice { first, second: index }.into());
        }
    }
    Ok(places)
}

/// Word whose value is a sum over the measured values of its parts.
struct Parts<'a> {
    word: PauliWord,
    index: usize,
    places: &'a BTreeMap<PauliWord, usize>,
    letters: &'a [(f64, f64)],
}

impl Parts<'_> {
    /// Passes the factor of each measured word to `write`, and returns the constant.
    fn write(&self, mut write: impl FnMut(usize, f64)) -> Result<f64> {
        let qubits: Vec<usize> = self.word.support().qubits().collect();
        if let Some(&qubit) = qubits.iter().find(|qubit| **qubit >= self.letters.len()) {
            return Err(MitigationError::MissingReadout { word: self.index, qubit, known: self.letters.len() }.into());
        }
        let scale: f64 = qubits.iter().map(|qubit| 1.0 / self.letters[*qubit].0).product();
        // Letters that a part may lack. Each part is visited once, and the search ends at the first that is missing.
        let lacking: Vec<usize> = qubits.into_iter().filter(|qubit| self.letters[*qubit].1 != 0.0).collect();
        let mut constant = 0.0;
        for choice in 0..1u64 << lacking.len() {
            let lacked: Vec<usize> = gf2::bits(choice).map(|bit| lacking[bit]).collect();
            let kept = !Wide::of_qubits(lacked.iter().copied());
            let part = PauliWord { x: self.word.x & kept, z: self.word.z & kept };
            let factor = scale * lacked.iter().map(|qubit| -self.letters[*qubit].1).product::<f64>();
            match self.places.get(&part) {
                Some(&row) => write(row, factor),
                None if part == PauliWord::default() => constant = factor,
                None => {
                    return Err(MitigationError::MissingPart { word: self.index, part: part.spelled() }.into());
                }
            }
        }
        Ok(constant)
    }
}
