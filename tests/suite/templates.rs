//! Trainable templates against circuits that are written out, and against statements of their authors.

use crate::lab::{close, rows, tensor};
use crate::oracle::{rng, uniform};
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::functional;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64 as C;

/// The unitary of a circuit without inputs: the images of all basis states, column by column.
fn columns(circuit: &Circuit, weights: &[(&str, &Tensor)]) -> Vec<Vec<C>> {
    let size = 1 << circuit.qubits();
    let mut whole = Circuit::new(circuit.qubits()).with_inputs(size);
    whole.amplitude_embedding(0..size).append(circuit);
    let basis: Vec<Vec<f64>> = (0..size).map(|k| (0..size).map(|i| f64::from(u8::from(i == k))).collect()).collect();
    let states = functional::evaluate(&whole, &Measurement::state(), Some(&tensor(&basis, DType::F64)), weights)
        .expect("the circuit runs");
    rows(&states).iter().map(|row| row.chunks(2).map(|pair| C::new(pair[0], pair[1])).collect()).collect()
}

#[track_caller]
fn close_unitaries(what: &str, actual: &[Vec<C>], expected: &[Vec<C>]) {
    let flat = |m: &[Vec<C>]| m.iter().flatten().flat_map(|a| [a.re, a.im]).collect::<Vec<_>>();
    close(what, &flat(actual), &flat(expected), 1e-14);
}

#[test]
fn basic_entangler_layers_of_one_two_and_three_qubits() {
    for (n, ring) in [(1, vec![]), (2, vec![(0, 1)]), (3, vec![(0, 1), (1, 2), (2, 0)])] {
        let mut actual = Circuit::new(n);
        let w = actual.basic_entangler_layers("w", 2, Gate::rx);
        assert_eq!((w.name(), w.shape()), ("w", &[2, n][..]));
        let mut expected = Circuit::new(n);
        let v = expected.weights("w", (2, n));
        for layer in 0..2 {
            for q in 0..n {
                expected.rx(v.at([layer, q]), q);
            }
            for &(a, b) in &ring {
                expected.cx(a, b);
            }
        }
        actual.check().expect("a sound circuit");
        assert_eq!(actual.operations(), expected.operations(), "{n} qubits");
    }
}

/// The ranges that PennyLane's documentation gives: `l mod (n - 1) + 1`.
#[test]
fn strongly_entangling_layers_have_pennylanes_ranges() {
    let table: [(usize, [usize; 5]); 4] =
        [(2, [1, 1, 1, 1, 1]), (3, [1, 2, 1, 2, 1]), (4, [1, 2, 3, 1, 2]), (6, [1, 2, 3, 4, 5])];
    for (n, ranges) in table {
        let mut actual = Circuit::new(n);
        let w = actual.strongly_entangling_layers("w", 5);
        assert_eq!(w.shape(), [5, n, 3]);
        let mut expected = Circuit::new(n);
        let v = expected.weights("w", (5, n, 3));
        for (layer, range) in ranges.into_iter().enumerate() {
            for q in 0..n {
                expected.rz(v.at([layer, q, 0]), q).ry(v.at([layer, q, 1]), q).rz(v.at([layer, q, 2]), q);
            }
            for q in 0..n {
                expected.cx(q, (q + range) % n);
            }
        }
        actual.check().expect("a sound circuit");
        assert_eq!(actual.operations(), expected.operations(), "{n} qubits");
    }
}

#[test]
fn entanglements_join_qiskits_pairs() {
    use Entanglement::{Circular, Full, Linear, Pairwise, ReverseLinear};
    let table = [
        (Linear, 5, vec![(0, 1), (1, 2), (2, 3), (3, 4)]),
        (ReverseLinear, 5, vec![(3, 4), (2, 3), (1, 2), (0, 1)]),
        (Circular, 5, vec![(4, 0), (0, 1), (1, 2), (2, 3), (3, 4)]),
        (Full, 4, vec![(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]),
        (Pairwise, 5, vec![(0, 1), (2, 3), (1, 2), (3, 4)]),
        (Pairwise, 6, vec![(0, 1), (2, 3), (4, 5), (1, 2), (3, 4)]),
        (Circular, 3, vec![(2, 0), (0, 1), (1, 2)]),
    ];
    for (entanglement, n, pairs) in table {
        assert_eq!(entanglement.pairs(n).collect::<Vec<_>>(), pairs, "{entanglement:?} {n}");
    }
    for entanglement in [Linear, ReverseLinear, Circular, Full, Pairwise] {
        assert_eq!(entanglement.pairs(2).collect::<Vec<_>>(), [(0, 1)], "{entanglement:?}");
        assert_eq!(entanglement.pairs(1).next(), None, "{entanglement:?}");
        assert_eq!(entanglement.pairs(0).next(), None, "{entanglement:?}");
    }
    assert_eq!(Entanglement::default(), ReverseLinear);
}

#[test]
fn two_local_alternates_rotations_and_entanglers() {
    let mut actual = Circuit::new(3);
    let w = actual.two_local("w", 2, &[Gate::ry, Gate::p], Gate::cz, Entanglement::Linear);
    assert_eq!(w.shape(), [3, 2, 3]);
    let mut expected = Circuit::new(3);
    let v = expected.weights("w", (3, 2, 3));
    for block in 0..3 {
        for q in 0..3 {
            expected.ry(v.at([block, 0, q]), q);
        }
        for q in 0..3 {
            expected.p(v.at([block, 1, q]), q);
        }
        if block < 2 {
            expected.cz(0, 1).cz(1, 2);
        }
    }
    actual.check().expect("a sound circuit");
    assert_eq!(actual.operations(), expected.operations());
}

#[test]
fn efficient_su2_and_real_amplitudes_are_two_local() {
    let (mut su2, mut real, mut by_hand) = (Circuit::new(3), Circuit::new(3), [Circuit::new(3), Circuit::new(3)]);
    su2.efficient_su2("w", 2, Entanglement::Circular);
    real.real_amplitudes("w", 2, Entanglement::Circular);
    by_hand[0].two_local("w", 2, &[Gate::ry, Gate::rz], Gate::cx, Entanglement::Circular);
    by_hand[1].two_local("w", 2, &[Gate::ry], Gate::cx, Entanglement::Circular);
    assert_eq!(su2.operations(), by_hand[0].operations());
    assert_eq!(real.operations(), by_hand[1].operations());

    let w = tensor(&[uniform(&mut rng(1), 9)], DType::F64).reshape((3, 1, 3)).expect("9 weights");
    let imaginary = columns(&real, &[("w", &w)]).concat().iter().map(|a| a.im.abs()).fold(0.0, f64::max);
    assert_eq!(imaginary, 0.0, "amplitudes of real_amplitudes are real");
}

#[test]
fn reverse_linear_is_full_for_cx() {
    for n in 2..=5 {
        let chain = |entanglement: Entanglement| {
            let mut circuit = Circuit::new(n);
            for (a, b) in entanglement.pairs(n) {
                circuit.cx(a, b);
            }
            columns(&circuit, &[])
        };
        let full = chain(Entanglement::Full);
        assert_eq!(chain(Entanglement::ReverseLinear), full, "{n} qubits");
        assert_eq!(chain(Entanglement::Linear) == full, n == 2, "{n} qubits");
    }
}

/// `exp(-iβX)` on every qubit after `exp(-iγC)`, entry by entry.
#[test]
fn a_qaoa_layer_is_its_two_exponentials() {
    let cost =
        0.5 * Z(0) * Z(1) - 1.3 * Z(1) * Z(2) + 0.7 * Z(2) + 0.25 * Z(0) * Z(1) * Z(2) - 2.0 * Observable::identity();
    let value = |index: usize| {
        let s = |q: usize| if index >> q & 1 == 1 { -1.0 } else { 1.0 };
        0.5 * s(0) * s(1) - 1.3 * s(1) * s(2) + 0.7 * s(2) + 0.25 * s(0) * s(1) * s(2) - 2.0
    };
    for (gamma, beta) in [(0.8, 0.0), (0.0, 0.6), (0.8, 0.6), (-1.7, 2.9)] {
        let mut circuit = Circuit::new(3);
        circuit.qaoa_layer(&cost, gamma, beta);
        let mixer = |row: usize, column: usize| {
            let flips = (row ^ column).count_ones() as i32;
            C::from(f64::cos(beta)).powi(3 - flips) * (-C::i() * f64::sin(beta)).powi(flips)
        };
        let entry = |row: usize, column: usize| mixer(row, column) * C::cis(-gamma * value(column));
        let expected: Vec<Vec<C>> = (0..8).map(|column| (0..8).map(|row| entry(row, column)).collect()).collect();
        close_unitaries(&format!("gamma {gamma}, beta {beta}"), &columns(&circuit, &[]), &expected);
    }
}

#[test]
fn data_reuploading_writes_three_features_at_a_time() -> anyhow::Result<()> {
    let features: Vec<Angle> = (0..4).map(input).collect();
    let mut actual = Circuit::new(2);
    let (bias, scale) = actual.data_reuploading("w", 2, &features);
    assert_eq!((bias.name(), bias.shape()), ("w", &[2, 2, 2, 3][..]));
    assert_eq!((scale.name(), scale.shape()), ("w_scale", &[2, 2, 2, 3][..]));
    let mut expected = Circuit::new(2);
    let (b, s) = (expected.weights("w", (2, 2, 2, 3)), expected.weights("w_scale", (2, 2, 2, 3)));
    for layer in 0..2 {
        for q in 0..2 {
            let full = |k: usize| b.at([layer, q, 0, k]) + s.at([layer, q, 0, k]) * input(k);
            expected.rz(full(0), q).ry(full(1), q).rz(full(2), q);
            let last = b.at([layer, q, 1, 0]) + s.at([layer, q, 1, 0]) * input(3);
            expected.rz(last, q).ry(b.at([layer, q, 1, 1]), q).rz(b.at([layer, q, 1, 2]), q);
        }
        if layer == 0 {
            expected.cz(0, 1);
        }
    }
    actual.check()?;
    assert_eq!(actual.operations(), expected.operations());

    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(actual, Measurement::expectation([Z(0)]), vb)?;
    let (_, scales) = layer.weights().find(|(name, _)| *name == "w_scale").expect("the scales");
    assert_eq!(scales.flatten_all()?.to_vec1::<f64>()?, [1.0; 24]);
    Ok(())
}

/// Writes every template into a circuit of `n` qubits.
fn everything(n: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(n);
    let features = || (0..n).map(input);
    circuit.basis_embedding(features());
    circuit.angle_embedding(Gate::ry, features());
    circuit.iqp_embedding(features(), layers);
    circuit.basic_entangler_layers("basic", layers, Gate::rx);
    circuit.strongly_entangling_layers("strong", layers);
    for (name, entanglement) in [
        ("linear", Entanglement::Linear),
        ("reverse", Entanglement::ReverseLinear),
        ("circular", Entanglement::Circular),
        ("full", Entanglement::Full),
        ("pairwise", Entanglement::Pairwise),
    ] {
        circuit.efficient_su2(name, layers, entanglement);
        circuit.real_amplitudes(&format!("{name}_real"), layers, entanglement);
    }
    circuit.data_reuploading("again", layers, &features().collect::<Vec<_>>());
    let w = circuit.weights("qaoa", (layers, 2));
    for layer in 0..layers {
        circuit.qaoa_layer(&(0..n).map(Z).sum(), w.at([layer, 0]), w.at([layer, 1]));
    }
    circuit
}

/// Any number of qubits and layers, 1 and 0 among them, makes a layer that runs and has all its gradients.
#[test]
fn all_templates_are_generic() -> anyhow::Result<()> {
    for (n, layers) in [(1, 0), (1, 1), (1, 3), (2, 0), (2, 2), (3, 1), (5, 4)] {
        let circuit = everything(n, layers);
        circuit.check()?;
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::new(circuit, Measurement::expectation((0..n).map(Z)), vb)?;
        let x = candle_core::Var::from_tensor(&tensor(&[vec![0.3; n], vec![-0.4; n]], DType::F64))?;
        let y = layer.try_forward(&x)?;
        assert_eq!(y.dims(), [2, n]);
        assert!(rows(&y).concat().iter().all(|v| v.abs() <= 1.0 + 1e-12), "{n} qubits, {layers} layers");
        let gradients = y.sum_all()?.backward()?;
        for (name, weight) in layer.weights() {
            let gradient = gradients.get(weight).unwrap_or_else(|| panic!("no gradient in {name}"));
            assert_eq!(gradient.dims(), weight.dims(), "{name}");
        }
        assert_eq!(gradients.get(&x).expect("a gradient in x").dims(), [2, n]);
    }
    Ok(())
}

#[test]
fn no_layers_means_no_operations() {
    let mut circuit = Circuit::new(3);
    assert_eq!(circuit.basic_entangler_layers("a", 0, Gate::rx).shape(), [0, 3]);
    assert_eq!(circuit.strongly_entangling_layers("b", 0).shape(), [0, 3, 3]);
    assert_eq!(circuit.data_reuploading("c", 0, &[input(0)]).0.shape(), [0, 3, 1, 3]);
    circuit.iqp_embedding((0..3).map(input), 0);
    assert_eq!(circuit.operations(), []);
    // A TwoLocal without repetitions still ends with its rotations.
    assert_eq!(circuit.real_amplitudes("d", 0, Entanglement::Full).shape(), [1, 1, 3]);
    let names: Vec<&str> = circuit.operations().iter().map(|operation| operation.name()).collect();
    assert_eq!(names, ["ry", "ry", "ry"]);
}
