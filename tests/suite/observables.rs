//! Algebra of observables: products, parts on chosen qubits and Pauli words of matrices, each against dense matrices.

use crate::lab::{close, engines, rows, run, tensor};
use crate::oracle::*;
use candle_core::{DType, Device, Result, Tensor, Var};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};
use num_complex::Complex64 as C;
use rand::rngs::StdRng;

/// Operators of every kind on any of the qubits.
fn operators(rng: &mut StdRng, qubits: usize) -> Vec<Obs> {
    let mut all = Vec::new();
    for width in 1..=qubits.min(3) {
        let on = |rng: &mut StdRng| pick(rng, qubits, width);
        all.push(Obs::DiagonalOn(uniform(rng, 1 << width), on(rng)));
        all.push(Obs::ProjectorOn(on(rng).into_iter().map(|q| (q, q % 2 == 0)).collect()));
        all.push(Obs::Hermitian(random_hermitian(rng, width), on(rng)));
        let word = |rng: &mut StdRng, letters: &[char; 4]| -> String {
            (0..qubits).map(|_| letters[pick(rng, 4, 1)[0]]).collect()
        };
        let letters = [['I', 'X', 'Y', 'Z'], ['I', 'Z', 'I', 'Z'], ['X', 'Y', 'Z', 'X']][width - 1];
        all.push(Obs::Words(vec![(0.7, word(rng, &letters)), (-1.3, word(rng, &letters))]));
    }
    all
}

/// `A B + B A` is Hermitian for all operators, also for those that do not commute. Its expectation is `2 Re <Aψ|Bψ>`.
#[test]
fn anticommutators_of_all_kinds() {
    for qubits in [1, 2, 3, 5, 7] {
        let mut rng = rng(40 + qubits as u64);
        let case = random_case(qubits as u64, qubits, 8, false);
        let (x, w) = (vec![uniform(&mut rng, case.inputs)], uniform(&mut rng, case.weights));
        let state = case.state(&x[0], &w);
        let all = operators(&mut rng, qubits);
        let pairs = || all.iter().flat_map(|a| all.iter().map(move |b| (a, b)));
        let both = |(a, b): (&Obs, &Obs)| {
            let (a, b) = (a.observable(), b.observable());
            &a * &b + b * a
        };
        let measurement = Measurement::expectation(pairs().map(both));
        let expected: Vec<f64> = pairs().map(|(a, b)| 2.0 * dot(&a.applied(&state), &b.applied(&state)).re).collect();
        for engine in engines() {
            let outputs = run(&case, &measurement, &x, &w, &[], engine).outputs;
            close(&format!("{} {qubits}", engine.name), &outputs[0], &expected, 40.0 * engine.values(case.ops.len()));
        }
    }
}

/// Products stay as small as their factors where they can.
#[test]
fn products_that_are_parts() {
    let hit = |values: &[(usize, bool)]| Observable::projector_on(values.to_vec());
    let (p, q) = (hit(&[(0, true), (3, false)]), hit(&[(3, false), (5, true)]));
    assert_eq!(&p * &p, p);
    assert_eq!(&p * &q, hit(&[(0, true), (3, false), (5, true)]));
    assert_eq!(&p * hit(&[(3, true)]), Observable::default());
    assert_eq!(&p * Observable::identity(), p);
    assert_eq!(Z(0) * &p, -&p);
    assert_eq!(&p * (Z(0) * Z(3)), -&p);
    assert_eq!(&p * Observable::diagonal_on([1.0, 2.0, 3.0, 5.0], [3, 0]), 3.0 * &p);
    let wide = hit(&(0..50).map(|k| (k, k % 3 == 0)).collect::<Vec<_>>());
    assert_eq!(&wide * Z(4), wide);
    assert_eq!(&wide * Z(57), hit_or_not(&wide, 57));
    let values = [-1.0, 2.0, 3.0, 5.0];
    assert_eq!(
        Z(4) * Observable::diagonal_on(values, [1, 4]),
        Observable::diagonal_on([-1.0, 2.0, -3.0, -5.0], [1, 4])
    );
    assert_eq!(Observable::diagonal_on(values, [1, 4]), Observable::diagonal_on([-1.0, 3.0, 2.0, 5.0], [4, 1]));
    assert_eq!(Observable::diagonal_on(values, [0, 1]), Observable::diagonal(values));
    assert_eq!(hit(&[(1, false), (0, true)]), Observable::projector([true, false]));
    assert_eq!(hit(&[]), Observable::identity());
    assert_eq!(Observable::diagonal_on([2.0], []), Observable::diagonal([2.0]));
}

/// `P Z` on another qubit: the projector with the qubit in 0, without the projector with the qubit in 1.
fn hit_or_not(projector: &Observable, qubit: usize) -> Observable {
    let value = |bit| projector * Observable::projector_on([(qubit, bit)]);
    value(false) - value(true)
}

/// Coefficients are `Tr(P A) / 2^n`.
#[test]
fn pauli_terms_are_traces() -> Result<()> {
    for qubits in 1..=3 {
        let mut rng = rng(qubits as u64);
        let size = 1 << qubits;
        for operator in operators(&mut rng, qubits) {
            let column = |k: usize| {
                operator.applied(&(0..size).map(|j| C::from(f64::from(u8::from(j == k)))).collect::<Vec<_>>())
            };
            let columns: Vec<Vec<C>> = (0..size).map(column).collect();
            let terms = operator.observable().pauli_terms()?;
            let mut found = 0;
            for number in 0..4usize.pow(qubits as u32) {
                let letters: String = (0..qubits).map(|k| ['I', 'X', 'Y', 'Z'][number >> (2 * k) & 3]).collect();
                let word = word_matrix(&letters);
                let trace: C = (0..size).map(|c| (0..size).map(|r| word[c][r] * columns[c][r]).sum::<C>()).sum();
                let expected = trace.re / size as f64;
                let spelled: Vec<String> =
                    letters.chars().enumerate().filter(|(_, l)| *l != 'I').map(|(k, l)| format!("{l}{k}")).collect();
                let coefficient = terms.iter().find(|(_, text)| *text == spelled.join(" ")).map(|(c, _)| *c);
                found += usize::from(coefficient.is_some());
                close(&letters, &[coefficient.unwrap_or(0.0)], &[expected], 1e-14);
            }
            assert_eq!(found, terms.len());
        }
    }
    // A swap is half of 1 + XX + YY + ZZ, without other words.
    let swap = [0, 2, 1, 3].map(|row| (0..4).map(move |column| C::from(f64::from(u8::from(row == column)))));
    let swap: Vec<C> = swap.into_iter().flatten().collect();
    let terms = Observable::hermitian(&swap, [5, 2]).pauli_terms()?;
    let expected = [(0.5, ""), (0.5, "Z2 Z5"), (0.5, "X2 X5"), (0.5, "Y2 Y5")];
    assert_eq!(terms, expected.map(|(coefficient, text)| (coefficient, text.to_owned())));
    Ok(())
}

/// Matrices on seven and eight qubits: values, variances, and gradients against the shift rule on dense matrices.
#[test]
fn matrices_beyond_six_qubits() {
    for (qubits, width) in [(7, 7), (8, 7), (8, 8)] {
        let mut rng = rng(width as u64);
        let case = random_case(300 + qubits as u64, qubits, 6, false);
        let all = [Obs::Hermitian(random_hermitian(&mut rng, width), pick(&mut rng, qubits, width))];
        let observables = || all.iter().map(Obs::observable);
        let (x, w) =
            (vec![uniform(&mut rng, case.inputs), uniform(&mut rng, case.inputs)], uniform(&mut rng, case.weights));
        let states: Vec<Vec<C>> = x.iter().map(|x| case.state(x, &w)).collect();
        for engine in engines() {
            let (name, depth) = (engine.name, case.ops.len());
            let cotangent = vec![vec![1.0], vec![0.5]];
            let outcome = run(&case, &Measurement::expectation(observables()), &x, &w, &cotangent, engine);
            let spreads = run(&case, &Measurement::variance(observables()), &x, &w, &[], engine).outputs;
            for (k, state) in states.iter().enumerate() {
                close(name, &outcome.outputs[k], &[all[0].expectation(state)], 10.0 * engine.values(depth));
                close(name, &spreads[k], &[all[0].variance(state)], 200.0 * engine.values(depth));
            }
            if width == 8 {
                continue;
            }
            let mut dw = vec![0.0; w.len()];
            for (k, x) in x.iter().enumerate() {
                let (dx, of) = case.shift_gradient(x, &w, |state| cotangent[k][0] * all[0].expectation(state));
                close(name, &outcome.dx[k], &dx, 10.0 * engine.gradients(depth));
                dw.iter_mut().zip(of).for_each(|(sum, one)| *sum += one);
            }
            close(name, &outcome.dw, &dw, 20.0 * engine.gradients(depth));
        }
    }
}

/// A matrix without structure on ten qubits is the largest that is taken; sparse ones have few words.
#[test]
fn matrices_on_ten_qubits_with_few_words() -> Result<()> {
    let size = 1 << 10;
    let mut matrix = vec![C::default(); size * size];
    // X on qubit 3 where qubit 9 is 1, and 2 Z on qubit 0.
    for column in 0..size {
        if column >> 9 == 1 {
            matrix[(column ^ 8) * size + column] += C::from(1.0);
        }
        matrix[column * size + column] += C::from(if column % 2 == 0 { 2.0 } else { -2.0 });
    }
    let found = Observable::hermitian(&matrix, 0..10);
    assert_eq!(found, 2.0 * Z(0) + X(3) * Observable::projector_on([(9, true)]));
    assert_eq!(found, 2.0 * Z(0) + 0.5 * X(3) - 0.5 * (X(3) * Z(9)));
    matrix[5] = C::i();
    let skewed = Measurement::expectation([Observable::hermitian(&matrix, 0..10)]);
    let error = functional::evaluate(&Circuit::new(10), &skewed, None, &[]).expect_err("it is not Hermitian");
    assert!(matches!(error, Error::Observable { mistake: Mistake::NotHermitian { .. }, .. }), "{error}");
    Ok(())
}

/// A Toffoli gate's three qubits in closed form: after RY(θ) on each control, `P11 ⊗ X` and `P11 ⊗ Z` on the target.
#[test]
fn projectors_with_words_in_closed_form() -> Result<()> {
    let mut circuit = Circuit::new(3);
    circuit.ry(input(0), 2).ry(input(1), 0).ry(input(2), 1);
    let hit = Observable::projector_on([(2, true), (0, true)]);
    let both = Observable::diagonal_on([0.0, 0.0, 0.0, 1.0], [0, 2]);
    let measurement = Measurement::expectation([hit.clone() * X(1), &both * Z(1), hit * Y(1)]);
    let (a, b, c) = (0.7f64, 1.1f64, -0.4f64);
    let x = Var::from_tensor(&tensor(&[vec![a, b, c]], DType::F64))?;
    let y = functional::evaluate(&circuit, &measurement, Some(&x), &[])?;
    let p = |angle: f64| (angle / 2.0).sin().powi(2);
    close("values", &rows(&y)[0], &[p(a) * p(b) * c.sin(), p(a) * p(b) * c.cos(), 0.0], 1e-14);
    let factors = Tensor::new(&[[1.0, 0.5, 0.25]], &Device::Cpu)?;
    let gradient = (y * factors)?.sum_all()?.backward()?;
    let target = c.sin() + 0.5 * c.cos();
    let expected =
        [0.5 * a.sin() * p(b) * target, p(a) * 0.5 * b.sin() * target, p(a) * p(b) * (c.cos() - 0.5 * c.sin())];
    close("gradient", &rows(gradient.get(&x).expect("a gradient"))[0], &expected, 1e-14);
    Ok(())
}

/// Products whose terms cancel up to rounding are zero, and no mistake.
#[test]
fn products_that_are_zero_up_to_rounding() -> Result<()> {
    for seed in 0..3 {
        let mut rng = rng(seed);
        let rows = random_unitary(&mut rng, 3);
        let onto =
            |k: usize| -> Vec<C> { rows[k].iter().flat_map(|a| rows[k].iter().map(move |b| a * b.conj())).collect() };
        let on = |first: usize| [first, first + 1, first + 2];
        let (a, b) = (Observable::hermitian(&onto(0), on(0)), Observable::hermitian(&onto(1), on(0)));
        let far = Observable::hermitian(&onto(2), on(4)) * X(8);
        for product in [&a * &b, (&a * &far) * &b, &far * (&a * &b)] {
            let terms = product.pauli_terms()?;
            assert!(terms.iter().all(|(coefficient, _)| coefficient.abs() < 1e-15), "{terms:?}");
        }
    }
    Ok(())
}
