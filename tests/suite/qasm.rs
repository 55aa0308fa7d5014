//! OpenQASM texts become the circuits that they describe, or errors with a place.

mod cases;
mod constructs;
mod hostile;
mod random;
mod refused;
mod resets;
mod write;

use candle_core::{DType, Device, Tensor};
use candlewick::circuit::Weights;
use candlewick::functional;
use candlewick::prelude::*;
use candlewick::qasm::{Bit, Imported};
use num_complex::Complex64 as C;
use std::collections::BTreeMap;

/// State of all qubits of a circuit; features and weights get their values by `input` and `weight`.
pub(crate) fn state(circuit: &Circuit, features: &[f64], weight: impl Fn(&Weights) -> Vec<f64>) -> Vec<C> {
    let tensors: Vec<(String, Tensor)> = circuit
        .weight_tensors()
        .iter()
        .map(|w| (w.name().to_owned(), Tensor::from_vec(weight(w), w.shape(), &Device::Cpu).expect("its entries")))
        .collect();
    let given: Vec<(&str, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let x = (!features.is_empty()).then(|| crate::lab::tensor(&[features.to_vec()], DType::F64));
    // Without an input, the dtype of the state is that of the weights, and F32 without those.
    let mut circuit = circuit.clone();
    let x = x.unwrap_or_else(|| {
        circuit = circuit.clone().with_inputs(1);
        crate::lab::tensor(&[vec![0.0]], DType::F64)
    });
    let y = functional::evaluate(&circuit, &Measurement::state(), Some(&x), &given).expect("the circuit runs");
    crate::lab::rows(&y)[0].chunks(2).map(|pair| C::new(pair[0], pair[1])).collect()
}

/// Probabilities of the values of all classical bits; the first declared bit is the lowest.
pub(crate) fn probabilities(imported: &Imported) -> BTreeMap<u64, f64> {
    probabilities_at(imported, &[])
}

/// The same, of a sample with these features.
pub(crate) fn probabilities_at(imported: &Imported, features: &[f64]) -> BTreeMap<u64, f64> {
    let amplitudes = state(&imported.circuit, features, |_| Vec::new());
    let bits: Vec<Bit> = imported.bits.iter().flat_map(|register| register.bits.clone()).collect();
    let mut probabilities = BTreeMap::new();
    for (index, amplitude) in amplitudes.iter().enumerate().filter(|(_, amplitude)| amplitude.norm() > 0.0) {
        let value = |bit: &Bit| match bit {
            Bit::Constant(value) => *value,
            Bit::Qubit(qubit) => index >> qubit & 1 == 1,
            other => panic!("{other:?}"),
        };
        let key = bits.iter().enumerate().fold(0, |key, (place, bit)| key | u64::from(value(bit)) << place);
        *probabilities.entry(key).or_insert(0.0) += amplitude.norm_sqr();
    }
    probabilities.retain(|_, probability| *probability > 1e-15);
    probabilities
}
