//! Modules for sequences against their formulas, with circuits whose outputs are cosines.

use crate::gradients::differences;
use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::rnn::{LSTMState, RNN};
use candle_nn::{Optimizer, VarBuilder, VarMap};
use candlewick::Error;
use candlewick::error::TensorError;
use candlewick::gate::Gate;
use candlewick::nn::{QuantumAttention, QuantumAttentionConfig, QuantumLstm, QuantumLstmConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use std::collections::HashMap;

/// A circuit whose output `k` is `cos(feature k + w[k])`.
fn cosines(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", qubits);
    (0..qubits).for_each(|q| _ = circuit.ry(input(q) + w.at(q), q));
    circuit
}

fn z(qubits: usize) -> Measurement {
    Measurement::expectation((0..qubits).map(Z))
}

/// Weights by name, as numbers that a formula reads.
type Numbers = HashMap<String, Vec<f64>>;

/// Variables in the order of their names, with the numbers of each.
struct Variables(Vec<(String, Var)>);

impl Variables {
    fn of(varmap: &VarMap) -> Self {
        let data = varmap.data().lock().expect("a lock");
        let mut all: Vec<_> = data.iter().map(|(name, var)| (name.clone(), var.clone())).collect();
        all.retain(|(_, var)| var.elem_count() > 0);
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(all)
    }

    fn point(&self) -> Result<Vec<f64>> {
        let flat = |(_, var): &(String, Var)| var.flatten_all()?.to_vec1::<f64>();
        Ok(self.0.iter().map(flat).collect::<Result<Vec<_>>>()?.concat())
    }

    fn numbers(&self, mut point: &[f64]) -> Numbers {
        let mut numbers = Numbers::new();
        for (name, var) in &self.0 {
            let (own, rest) = point.split_at(var.elem_count());
            numbers.insert(name.clone(), own.to_vec());
            point = rest;
        }
        numbers
    }

    fn gradient(&self, loss: &Tensor) -> Result<Vec<f64>> {
        let store = loss.backward()?;
        let flat = |(name, var): &(String, Var)| store.get(var).expect(name).flatten_all()?.to_vec1::<f64>();
        Ok(self.0.iter().map(flat).collect::<Result<Vec<_>>>()?.concat())
    }
}

fn linear(numbers: &Numbers, name: &str, x: &[f64]) -> Vec<f64> {
    let (weight, bias) = (&numbers[&format!("{name}.weight")], &numbers[&format!("{name}.bias")]);
    let row = |(row, bias): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + bias;
    weight.chunks(x.len()).zip(bias).map(row).collect()
}

fn circuit(numbers: &Numbers, name: &str, x: &[f64]) -> Vec<f64> {
    x.iter().zip(&numbers[&format!("{name}.w")]).map(|(x, w)| (x + w).cos()).collect()
}

/// The final state of a sequence, by the formula of the documentation.
fn lstm_formula(numbers: &Numbers, steps: &[Vec<f64>], hidden: usize) -> Vec<f64> {
    let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for x in steps {
        let features = linear(numbers, "encode", &[h.clone(), x.clone()].concat());
        let gate = |name: &str| linear(numbers, "decode", &circuit(numbers, name, &features));
        let [forget, write, cell, output] = ["forget", "input", "cell", "output"].map(gate);
        for k in 0..hidden {
            c[k] = sigmoid(forget[k]) * c[k] + sigmoid(write[k]) * cell[k].tanh();
            h[k] = sigmoid(output[k]) * c[k].tanh();
        }
    }
    h
}

#[test]
fn a_quantum_lstm_is_its_formula() -> Result<()> {
    let (inputs, hidden, qubits) = (2, 3, 2);
    let varmap = VarMap::new();
    let vb = SeededInit::new(5).var_builder(&varmap, DType::F64, &Device::Cpu);
    let lstm = QuantumLstm::new(cosines(qubits), z(qubits), QuantumLstmConfig::new(inputs, hidden), vb)?;
    let sequences: Vec<Vec<Vec<f64>>> = (0..3)
        .map(|b| (0..4).map(|t| vec![0.3 * f64::from(b) - 0.1 * f64::from(t), (f64::from(t * b)).sin()]).collect())
        .collect();
    let x = Tensor::new(sequences.clone(), &Device::Cpu)?;
    let states = lstm.seq(&x)?;
    let all = lstm.states_to_tensor(&states)?;
    assert_eq!(all.dims(), [3, 4, hidden]);

    let variables = Variables::of(&varmap);
    let point = variables.point()?;
    let factor = |b: usize, k: usize| 1.0 + b as f64 - 0.7 * k as f64;
    let value = |point: &[f64]| {
        let numbers = variables.numbers(point);
        let rows = sequences.iter().map(|steps| lstm_formula(&numbers, steps, hidden));
        rows.enumerate().map(|(b, h)| h.iter().enumerate().map(|(k, h)| factor(b, k) * h).sum::<f64>()).sum::<f64>()
    };
    for (row, steps) in states[3].h().to_vec2::<f64>()?.iter().zip(&sequences) {
        close("h", row, &lstm_formula(&variables.numbers(&point), steps, hidden), 1e-12);
    }
    let factors: Vec<f64> = (0..3).flat_map(|b| (0..hidden).map(move |k| factor(b, k))).collect();
    let factors = Tensor::from_vec(factors, (3, hidden), &Device::Cpu)?;
    let gradient = variables.gradient(&(states[3].h() * factors)?.sum_all()?)?;
    close("gradient", &gradient, &differences(&point, value), 1e-9);
    Ok(())
}

/// A wave of one frequency, whose next value the cell learns from the values before.
#[test]
fn a_quantum_lstm_learns_a_wave() -> Result<()> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(3).var_builder(&varmap, DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(3);
    circuit.angle_embedding(Gate::ry, (0..3).map(input)).basic_entangler_layers("w", 1, Gate::rx);
    let lstm = QuantumLstm::new(circuit, z(3), QuantumLstmConfig::new(1, 4), vb.pp("lstm"))?;
    let head = candle_nn::linear(4, 1, vb.pp("head"))?;
    let wave = |first: usize| (0..9).map(|t| (0.5 * (first + t) as f32).sin()).collect::<Vec<_>>();
    let waves = Tensor::new((0..24).map(wave).collect::<Vec<_>>(), &Device::Cpu)?;
    let (x, y) = (waves.narrow(1, 0, 8)?.unsqueeze(2)?, waves.narrow(1, 8, 1)?);
    let loss = || (head.forward(lstm.seq(&x)?[7].h())? - &y)?.sqr()?.mean_all();
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.03))?;
    let before = loss()?.to_scalar::<f32>()?;
    for _ in 0..120 {
        adam.backward_step(&loss()?)?;
    }
    let after = loss()?.to_scalar::<f32>()?;
    assert!(before > 0.3 && after < 0.01, "{before} {after}");
    Ok(())
}

fn attention(varmap: &VarMap, values: usize, config: QuantumAttentionConfig) -> candlewick::Result<QuantumAttention> {
    let vb = SeededInit::new(5).var_builder(varmap, DType::F64, &Device::Cpu);
    let layer = |name: &str, outputs: usize| QuantumLayer::new(cosines(3), z(outputs), vb.pp(name));
    QuantumAttention::new(layer("query", 2)?, layer("key", 2)?, layer("value", values)?, config)
}

/// The output of a sequence, by the formula of the documentation.
fn attention_formula(
    numbers: &Numbers,
    tokens: &[Vec<f64>],
    values: usize,
    config: QuantumAttentionConfig,
) -> Vec<f64> {
    let of = |name: &str, token: &[f64], count: usize| circuit(numbers, name, token)[..count].to_vec();
    let mut outputs = Vec::new();
    for (s, token) in tokens.iter().enumerate() {
        let query = of("query", token, 2);
        let seen = if config.causal { &tokens[..=s] } else { tokens };
        let weight = |other: &Vec<f64>| {
            let square = query.iter().zip(of("key", other, 2)).map(|(q, k)| (q - k).powi(2)).sum::<f64>();
            (-square).exp()
        };
        let weights: Vec<f64> = seen.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        let values_of = |other: &Vec<f64>| of("value", other, values);
        for (k, feature) in token.iter().enumerate().take(values) {
            let sum: f64 = seen.iter().zip(&weights).map(|(other, w)| w / total * values_of(other)[k]).sum();
            outputs.push(if config.residual { feature + sum } else { sum });
        }
    }
    outputs
}

#[test]
fn quantum_attention_is_its_formula() -> Result<()> {
    for (residual, causal, values) in [(true, false, 3), (true, true, 3), (false, false, 2), (false, true, 1)] {
        let config = QuantumAttentionConfig { residual, causal, ..Default::default() };
        let varmap = VarMap::new();
        let block = attention(&varmap, values, config)?;
        let number = |b: usize, s: usize, k: usize| (b as f64 + 0.7 * s as f64 - 1.3 * k as f64).sin();
        let sequence = |b: usize| (0..5).map(|s| (0..3).map(|k| number(b, s, k)).collect()).collect::<Vec<Vec<f64>>>();
        let sequences: Vec<_> = (0..2).map(sequence).collect();
        let x = Var::from_tensor(&Tensor::new(sequences.clone(), &Device::Cpu)?)?;
        let y = block.forward(&x)?;
        assert_eq!(y.dims(), [2, 5, values]);
        let variables = Variables::of(&varmap);
        let point = variables.point()?;
        let all = |point: &[f64], sequences: &[Vec<Vec<f64>>]| {
            let numbers = variables.numbers(point);
            sequences
                .iter()
                .flat_map(|tokens| attention_formula(&numbers, tokens, values, config))
                .collect::<Vec<f64>>()
        };
        close("outputs", &y.flatten_all()?.to_vec1::<f64>()?, &all(&point, &sequences), 1e-12);
        let loss = |outputs: Vec<f64>| outputs.iter().enumerate().map(|(k, y)| (k as f64).cos() * y).sum::<f64>();
        let factors: Vec<f64> = (0..y.elem_count()).map(|k| (k as f64).cos()).collect();
        let sum = (&y * Tensor::from_vec(factors, y.shape(), &Device::Cpu)?)?.sum_all()?;
        let expected = differences(&point, |point| loss(all(point, &sequences)));
        close("weights", &variables.gradient(&sum)?, &expected, 1e-9);
        let flat = sequences.concat().concat();
        let expected = differences(&flat, |flat| {
            let tokens: Vec<Vec<f64>> = flat.chunks(3).map(<[f64]>::to_vec).collect();
            loss(all(&point, &tokens.chunks(5).map(<[Vec<f64>]>::to_vec).collect::<Vec<_>>()))
        });
        close("inputs", &sum.backward()?.get(&x).expect("tracked").flatten_all()?.to_vec1::<f64>()?, &expected, 1e-9);

        let sums = block.weights(&x)?.sum(2)?.flatten_all()?.to_vec1::<f64>()?;
        close("sums of weights", &sums, &[1.0; 10], 1e-14);
        let further = block.forward(&x.unsqueeze(0)?)?;
        assert_eq!(further.dims(), [1, 2, 5, values]);
        let one = block.forward(&x.get(0)?)?.flatten_all()?.to_vec1::<f64>()?;
        close("a sequence alone", &one, &y.get(0)?.flatten_all()?.to_vec1::<f64>()?, 1e-14);
    }
    Ok(())
}

#[test]
fn sequences_of_other_shapes_are_refused() -> anyhow::Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let lstm = QuantumLstm::new(cosines(2), z(2), QuantumLstmConfig::new(2, 3), vb.pp("lstm"))?;
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F64, &Device::Cpu);
    let state = lstm.zero_state(4)?;
    for shape in [&[4, 3][..], &[4], &[2], &[], &[1, 4, 2], &[5, 2], &[0, 2]] {
        let error = lstm.try_step(&zeros(shape)?, &state).expect_err("a shape");
        assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{shape:?}: {error}");
    }
    let wrong = LSTMState { h: zeros(&[4, 2])?, c: zeros(&[4, 3])? };
    let error = lstm.try_step(&zeros(&[4, 2])?, &wrong).expect_err("a state");
    assert!(matches!(error, Error::Tensor(TensorError::Shape { what: "the state h of the LSTM", .. })), "{error}");
    let integers = Tensor::zeros((4, 2), DType::U32, &Device::Cpu)?;
    assert!(matches!(lstm.try_step(&integers, &state), Err(Error::Tensor(TensorError::UnsupportedDType { .. }))));
    for batch in [usize::MAX, 1 << 62] {
        let error = Error::from(lstm.zero_state(batch).expect_err("more than any memory"));
        assert!(matches!(error, Error::Memory(_)), "{error}");
    }
    for (inputs, hidden) in [(0, 1), (1, 0)] {
        let error = QuantumLstm::new(cosines(1), z(1), QuantumLstmConfig::new(inputs, hidden), vb.pp("none"));
        assert!(matches!(error, Err(Error::Setting { value: 0.0, .. })));
    }
    for size in [usize::MAX, 1 << 40] {
        let error = QuantumLstm::new(cosines(1), z(1), QuantumLstmConfig::new(size, size), vb.pp("large"));
        assert!(matches!(error, Err(Error::Memory(_))), "{size}");
    }
    let mut deaf = Circuit::new(1);
    deaf.h(0);
    let error = QuantumLstm::new(deaf.clone(), z(1), QuantumLstmConfig::new(1, 1), vb.pp("deaf"));
    assert!(matches!(error, Err(Error::Setting { setting: "features of the circuit", .. })));

    let block = attention(&varmap, 3, QuantumAttentionConfig::default())?;
    for shape in [&[4, 2][..], &[3], &[], &[2, 0, 3]] {
        let error = block.try_forward(&zeros(shape)?).expect_err("a shape");
        assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{shape:?}: {error}");
    }
    let none = zeros(&[0, 4, 3])?;
    assert_eq!((block.try_forward(&none)?.dims(), block.weights(&none)?.dims()), (&[0, 4, 3][..], &[0, 4, 4][..]));
    let error =
        attention(&VarMap::new(), 2, QuantumAttentionConfig::default()).expect_err("two values of three features");
    assert!(error.to_string().contains("a value, to which its token is added"), "{error}");
    let layer = |qubits: usize, name: &str| QuantumLayer::new(cosines(qubits), z(2), vb.pp(name));
    let error =
        QuantumAttention::new(layer(2, "a")?, layer(3, "b")?, layer(2, "c")?, QuantumAttentionConfig::default());
    assert!(matches!(error, Err(Error::Tensor(TensorError::Shape { what: "the input of the keys", .. }))));
    Ok(())
}
