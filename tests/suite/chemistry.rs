//! Fermionic excitations against exponentials of matrices that come from the occupation numbers themselves.

use crate::lab::{close, rows, tensor};
use crate::oracle::{rng, uniform};
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::circuit::Excitation;
use candlewick::functional;
use candlewick::prelude::*;
use nalgebra::DMatrix;
use rand::Rng;

type Matrix = DMatrix<f64>;

/// `a_p` on `n` spin orbitals: an occupied one is emptied, with a sign for each electron below it.
fn annihilate(n: usize, p: usize) -> Matrix {
    let mut matrix = Matrix::zeros(1 << n, 1 << n);
    for state in (0..1usize << n).filter(|state| state >> p & 1 == 1) {
        let below = (state & ((1 << p) - 1)).count_ones();
        matrix[(state ^ 1 << p, state)] = if below.is_multiple_of(2) { 1.0 } else { -1.0 };
    }
    matrix
}

/// `T - T†` for `T = a†_to[0] a†_to[1] .. a_from[1] a_from[0]`.
pub(crate) fn generator(n: usize, from: &[usize], to: &[usize]) -> Matrix {
    let unit = Matrix::identity(1 << n, 1 << n);
    let created = to.iter().fold(unit, |product, &p| product * annihilate(n, p).transpose());
    let t = from.iter().rev().fold(created, |product, &p| product * annihilate(n, p));
    &t - t.transpose()
}

/// `exp(theta/2 (T - T†))`, by its power series.
pub(crate) fn exponential(n: usize, theta: f64, from: &[usize], to: &[usize]) -> Matrix {
    let unit = Matrix::identity(1 << n, 1 << n);
    let generator = generator(n, from, to) * (theta / 2.0);
    let (mut sum, mut power) = (unit.clone(), unit);
    for k in 1..60 {
        power = power * &generator / f64::from(k);
        sum += &power;
    }
    sum
}

/// Asserts that the circuit is that real matrix, without a phase.
#[track_caller]
fn is(what: &str, circuit: &Circuit, expected: &Matrix) {
    let size = 1 << circuit.qubits();
    let mut whole = Circuit::new(circuit.qubits()).with_inputs(size);
    whole.amplitude_embedding(0..size).append(circuit);
    let basis: Vec<Vec<f64>> = (0..size).map(|k| (0..size).map(|i| f64::from(u8::from(i == k))).collect()).collect();
    let states = functional::evaluate(&whole, &Measurement::state(), Some(&tensor(&basis, DType::F64)), &[]);
    let states = rows(&states.expect("the circuit runs")).concat();
    let columns: Vec<f64> = expected.iter().flat_map(|entry| [*entry, 0.0]).collect();
    close(what, &states, &columns, 1e-13);
}

#[test]
fn single_excitations_are_exponentials() {
    for n in 2..=4 {
        for (from, to) in (0..n).flat_map(|from| (0..n).map(move |to| (from, to))).filter(|(from, to)| from != to) {
            for theta in [0.7, -2.9] {
                let mut circuit = Circuit::new(n);
                circuit.single_excitation(theta, from, to);
                is(&format!("{from} to {to} of {n}"), &circuit, &exponential(n, theta, &[from], &[to]));
            }
        }
    }
}

#[test]
fn double_excitations_are_exponentials() {
    let mut random = rng(3);
    for n in 4..=6 {
        for _ in 0..30 {
            let all = crate::oracle::pick(&mut random, n, 4);
            let (from, to, theta) = ([all[0], all[1]], [all[2], all[3]], random.random_range(-6.0..6.0));
            let mut circuit = Circuit::new(n);
            circuit.double_excitation(theta, from, to);
            is(&format!("{from:?} to {to:?} of {n}"), &circuit, &exponential(n, theta, &from, &to));
            let mut back = circuit.clone();
            back.append(&circuit.inverse());
            is("undone", &back, &Matrix::identity(1 << n, 1 << n));
        }
    }
}

/// Numbers of excitations by combinatorics, and that none is missing or twice.
#[test]
fn excitations_conserve_spin_and_are_complete() {
    let choose = |n: usize, k: usize| {
        if n < k {
            0
        } else if k == 1 {
            n
        } else {
            n * (n - 1) / 2
        }
    };
    for (qubits, electrons) in [(4, 2), (6, 2), (8, 4), (12, 4), (7, 3), (4, 0), (4, 4), (5, 1), (10, 5)] {
        let excitations = Circuit::new(qubits).excitations(electrons);
        let (up, down) = (electrons.div_ceil(2), electrons / 2);
        let all = (qubits.div_ceil(2), qubits / 2);
        let (free_up, free_down) = (all.0 - up, all.1 - down);
        let doubles = choose(up, 2) * choose(free_up, 2)
            + choose(down, 2) * choose(free_down, 2)
            + up * down * free_up * free_down;
        let singles = up * free_up + down * free_down;
        assert_eq!(excitations.len(), doubles + singles, "{qubits} qubits, {electrons} electrons");
        let mut seen = std::collections::HashSet::new();
        for (k, excitation) in excitations.iter().enumerate() {
            assert!(seen.insert(*excitation), "{excitation:?} twice");
            let (from, to) = match excitation {
                Excitation::Single { from, to } => (vec![*from], vec![*to]),
                Excitation::Double { from, to } => (from.to_vec(), to.to_vec()),
                other => panic!("{other:?} is neither single nor double"),
            };
            assert_eq!(from.len() == 2, k < doubles, "doubles first");
            assert!(from.iter().all(|p| *p < electrons) && to.iter().all(|p| (electrons..qubits).contains(p)));
            let spin = |of: &[usize]| of.iter().filter(|p| *p % 2 == 1).count();
            assert_eq!(spin(&from), spin(&to), "{excitation:?}");
        }
    }
    assert_eq!(Circuit::new(4).excitations(usize::MAX), []);
}

/// At random weights every basis state of the result has as many electrons of either spin as the first one.
#[test]
fn uccsd_conserves_electrons_and_spin() -> anyhow::Result<()> {
    for (qubits, electrons) in [(4, 2), (6, 3), (8, 4)] {
        let mut circuit = Circuit::new(qubits);
        let weights = circuit.uccsd("theta", electrons).shape()[0];
        let theta = tensor(&[uniform(&mut rng(5), weights)], DType::F64).flatten_all()?;
        let measurement = Measurement::probabilities(0..qubits);
        let p = functional::evaluate(&circuit, &measurement, None, &[("theta", &theta)])?.to_vec1::<f64>()?;
        let (ups, mut inside, mut occupied) = (0x5555_5555usize, 0.0, 0);
        for (state, p) in p.iter().enumerate() {
            let (up, all) = ((state & ups).count_ones() as usize, state.count_ones() as usize);
            if (up, all) == (electrons.div_ceil(2), electrons) {
                inside += p;
                occupied += usize::from(*p > 1e-6);
            } else {
                assert!(*p < 1e-28, "{p:e} in {state:b}");
            }
        }
        assert!((inside - 1.0).abs() < 1e-12 && occupied > 3, "{occupied} determinants");
    }
    Ok(())
}

/// Repeated excitations: at random weights of each layer there are as many electrons of either spin as in the
/// Hartree-Fock state. At weights of 0 the state is the Hartree-Fock state, whatever the number of layers.
#[test]
fn uccsd_layers_conserve_electrons_and_spin() -> anyhow::Result<()> {
    for (qubits, electrons, layers) in [(4, 2, 2), (6, 3, 3), (6, 2, 1), (4, 2, 0)] {
        let mut circuit = Circuit::new(qubits);
        let shape = circuit.uccsd_layers("theta", electrons, layers).shape().to_vec();
        assert_eq!(shape, [layers, circuit.excitations(electrons).len()]);
        let number = |first: usize| -> Observable {
            (first..qubits).step_by(2).map(|q| 0.5 * (Observable::identity() - Z(q))).sum()
        };
        let measurement = Measurement::expectation([number(0), number(1)]);
        let random = uniform(&mut rng(8), shape.iter().product());
        for theta in [vec![0.0; random.len()], random] {
            let theta = Tensor::from_vec(theta, shape.as_slice(), &Device::Cpu)?;
            let evaluate = |of: &Measurement| functional::evaluate(&circuit, of, None, &[("theta", &theta)]);
            let [up, down] = [electrons.div_ceil(2), electrons / 2].map(|count| count as f64);
            close("electrons", &evaluate(&measurement)?.to_vec1::<f64>()?, &[up, down], 1e-12);
        }
    }
    // Two layers of which the second has no weights are one.
    let (mut one, mut two) = (Circuit::new(4), Circuit::new(4));
    one.uccsd("theta", 2);
    two.uccsd_layers("theta", 2, 2);
    let state = |circuit: &Circuit, theta: Tensor| -> anyhow::Result<Vec<f64>> {
        let state = functional::evaluate(circuit, &Measurement::state(), None, &[("theta", &theta)])?;
        Ok(state.flatten_all()?.to_vec1()?)
    };
    let (first, second) =
        (Tensor::new(&[0.3f64, -0.7, 1.1], &Device::Cpu)?, Tensor::zeros(3, DType::F64, &Device::Cpu)?);
    close("state", &state(&two, Tensor::stack(&[&first, &second], 0)?)?, &state(&one, first)?, 1e-14);
    Ok(())
}

#[test]
fn uccsd_starts_from_the_hartree_fock_state() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(6);
    let weights = circuit.uccsd("theta", 2);
    let names: Vec<_> = circuit.operations().iter().map(|operation| operation.name().to_owned()).collect();
    assert_eq!((weights.shape(), &names[..2]), (&[8][..], &["x".to_owned(), "x".to_owned()][..]));
    assert_eq!(names.len(), 2 + 4 * 8 + 4 * 2);
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::probabilities(0..6), vb)?;
    let p = layer.evaluate()?.to_vec1::<f64>()?;
    assert!((p[0b11] - 1.0).abs() < 1e-14);
    Ok(())
}

/// No excitation is left where there is nothing to excite, and layers of such circuits still run.
#[test]
fn nothing_to_excite() -> anyhow::Result<()> {
    for electrons in [0, 4] {
        let mut circuit = Circuit::new(4);
        assert_eq!(circuit.uccsd("theta", electrons).shape(), [0]);
        let none = Tensor::zeros(0, DType::F64, &Device::Cpu)?;
        let number = Measurement::expectation([(0..4).map(|q| 0.5 * (Observable::identity() - Z(q))).sum()]);
        let n = functional::evaluate(&circuit, &number, None, &[("theta", &none)])?.to_vec1::<f64>()?[0];
        assert!((n - electrons as f64).abs() < 1e-14);
    }
    Ok(())
}
