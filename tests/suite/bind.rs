//! Bound circuits do what their circuit does for one sample.

use crate::lab::{close, rows, tensor};
use candle_core::{DType, Device, Tensor};
use candlewick::circuit::Amplitudes;
use candlewick::error::{TensorError, WeightsError};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};

/// A circuit with every kind of operation, and its weights.
fn example() -> (Circuit, Tensor) {
    let mut circuit = Circuit::new(5).with_inputs(4);
    let w = circuit.weights("w", (2, 2));
    circuit.h(0).ry(input(0) * w.at([1, 0]) - 0.3, 1).u(w.at([0, 0]), input(1), 0.2, 0);
    circuit.when(input(0).gt(0.5) & !input(1).abs().lt(0.25), |c| c.x(1).crx(w.at([0, 1]), 0, 1));
    circuit.when(input(2).lt(0.0) | input(3).gt(0.1), |c| c.swap(0, 1));
    circuit.measure(0, 2).controlled_on([(2, false)], |c| c.ry(w.at([1, 1]), 1)).reset(0, 3);
    circuit.barrier().pauli_rot(input(3), "XY", [0, 1]).global_phase(0.4).depolarizing(0.1 * input(0), 4);
    (circuit, Tensor::new(&[[0.3f64, -1.1], [0.7, 2.0]], &Device::Cpu).expect("a matrix"))
}

#[test]
fn a_bound_circuit_has_the_values_of_its_sample() {
    let (circuit, w) = example();
    let measured = Measurement::expectation((0..5).flat_map(|q| [Z(q)]).chain([X(0) * Y(1)]));
    let samples = [[0.7, 0.3, 0.2, 0.0], [0.7, 0.2, 0.2, 0.5], [0.1, -0.9, -0.2, 0.0], [0.9, -0.9, -0.2, 2.0]];
    let x = tensor(&samples.map(Vec::from), DType::F64);
    let y = functional::evaluate(&circuit, &measured, Some(&x), &[("w", &w)]).expect("the circuit runs");
    let mut lengths = Vec::new();
    for (sample, expected) in samples.iter().zip(rows(&y)) {
        let bound = circuit.bind(sample, &[("w", &w)]).expect("numbers for everything");
        assert_eq!((bound.inputs(), bound.weight_tensors().len()), (0, 0));
        assert!(bound.operations().iter().all(|one| one.conditions().is_empty()));
        lengths.push(bound.operations().len());
        let one = tensor(&[vec![0.0]], DType::F64);
        let y = functional::evaluate(&bound.with_inputs(1), &measured, Some(&one), &[]).expect("the circuit runs");
        close("the values", &rows(&y)[0], &expected, 1e-12);
    }
    // Two operations under the first condition, one under the second.
    let all = circuit.operations().len();
    assert_eq!(lengths, [all - 1, all - 2, all - 2, all]);
}

#[test]
fn embedded_features_become_a_prepared_state() {
    for (complex, features) in [(false, vec![0.5, -2.0, 1.5]), (true, vec![0.5, -2.0, 1.5, 0.25])] {
        let mut circuit = Circuit::new(4);
        let options = Amplitudes { complex, ..Default::default() };
        circuit.h(1).amplitude_embedding_on(0..features.len(), [3, 0], options).cx(3, 1);
        let bound = circuit.bind(&features, &[]).expect("a state");
        let of = |circuit: &Circuit, x: &[f64]| {
            let x = tensor(&[x.to_vec()], DType::F64);
            rows(&functional::evaluate(circuit, &Measurement::state(), Some(&x), &[]).expect("it runs"))[0].clone()
        };
        close("the state", &of(&bound.with_inputs(1), &[0.0]), &of(&circuit, &features), 1e-12);
    }
    let mut circuit = Circuit::new(2);
    circuit.amplitude_embedding(0..3);
    let error = circuit.bind(&[0.0; 3], &[]).expect_err("no state");
    assert!(matches!(error, Error::Tensor(TensorError::NoState { sample: 0, first: 0, last: 2 })), "{error}");
    let mut circuit = Circuit::new(2);
    circuit.amplitude_embedding_or_zero_state(0..3).x(0);
    assert_eq!(circuit.bind(&[0.0; 3], &[]).expect("the zero state").operations().len(), 1);
    let mut circuit = Circuit::new(13);
    circuit.amplitude_embedding(0..1 << 13);
    let error = circuit.bind(&vec![1.0; 1 << 13], &[]).expect_err("too large");
    assert!(matches!(error, Error::Circuit { mistake: Mistake::QubitCount { actual: 13, .. }, .. }), "{error}");
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let (circuit, w) = example();
    let x = [0.1, 0.2, 0.3, 0.4];
    let bind = |x: &[f64], weights: &[(&str, &Tensor)]| circuit.bind(x, weights).expect_err("it is refused");
    let error = bind(&x[..3], &[("w", &w)]);
    assert!(matches!(error, Error::Tensor(TensorError::InputWidth { expected: 4, .. })), "{error}");
    let error = bind(&[0.1, f64::NAN, 0.3, 0.4], &[("w", &w)]);
    assert!(matches!(error, Error::Tensor(TensorError::FeatureNotFinite { feature: 1, .. })), "{error}");
    let error = bind(&x, &[]);
    assert!(matches!(&error, Error::Weights(WeightsError::Missing { name, .. }) if name == "w"), "{error}");
    for given in [&[("w", &w), ("v", &w)][..], &[("w", &w), ("w", &w)]] {
        let error = bind(&x, given);
        assert!(matches!(error, Error::Weights(WeightsError::Unexpected { .. })), "{error}");
    }
    let error = bind(&x, &[("w", &w.flatten_all().expect("a vector"))]);
    assert!(matches!(error, Error::Weights(WeightsError::Shape { .. })), "{error}");
    let infinite = (&w / 0.0).expect("a matrix");
    let error = bind(&x, &[("w", &infinite)]);
    assert!(matches!(error, Error::Weights(WeightsError::NotFinite { entry: 0, .. })), "{error}");
    // A strength that leaves its range.
    let error = bind(&[20.0, 0.2, 0.3, 0.4], &[("w", &w)]);
    assert!(matches!(&error, Error::Circuit { name, .. } if name == "depolarizing"), "{error}");
    let mut wrong = Circuit::new(1);
    wrong.h(7);
    assert!(matches!(wrong.bind(&[], &[]), Err(Error::Circuit { .. })));
}

/// With its weights bound, a circuit still reads its features, and has the values of the unbound one.
#[test]
fn bound_weights_leave_the_features() {
    let (circuit, w) = example();
    let bound = circuit.bind_weights(&[("w", &w)]).expect("numbers for the weights");
    assert_eq!((bound.inputs(), bound.weight_tensors().len()), (4, 0));
    assert_eq!(bound.operations().len(), circuit.operations().len());
    let measured = Measurement::expectation((0..5).flat_map(|q| [Z(q)]).chain([X(0) * Y(1)]));
    let x = tensor(&[vec![0.7, 0.3, 0.2, 0.0], vec![0.9, -0.9, -0.2, 2.0]], DType::F64);
    let of = |circuit: &Circuit, weights: &[(&str, &Tensor)]| {
        rows(&functional::evaluate(circuit, &measured, Some(&x), weights).expect("the circuit runs"))
    };
    let (own, expected) = (of(&bound, &[]), of(&circuit, &[("w", &w)]));
    own.iter().zip(&expected).for_each(|(own, expected)| close("the values", own, expected, 1e-12));
    let sample = [0.7, 0.3, 0.2, 0.0];
    let whole = bound.bind(&sample, &[]).expect("numbers for everything");
    assert_eq!(whole.operations().len(), circuit.bind(&sample, &[("w", &w)]).expect("numbers").operations().len());
    let error = circuit.bind_weights(&[]).expect_err("a tensor is missing");
    assert!(matches!(error, Error::Weights(WeightsError::Missing { .. })), "{error}");
}
