//! Conditional gates: each sample of a batch has its own active gates.

use crate::gradients::differences;
use crate::lab::{close, engines, run, run_circuit};
use crate::oracle::*;
use crate::trials::{arrangements, gate_on_states};
use crate::values::check_states;
use candle_core::{DType, Device, Tensor, Var as Variable};
use candlewick::error::TensorError;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};
use num_complex::Complex64 as C;
use std::f64::consts::PI;

fn positive(input: usize) -> Cond {
    Cond::Above(Expr::of(Var::X(input)), 0.0)
}

/// Every gate under a condition that some of the samples meet, in every order of qubits, with and without a further
/// control.
#[test]
fn every_gate_in_both_branches() {
    for gate in Gate::all() {
        let width = gate.qubits().len();
        let angles: Vec<f64> = (0..gate.angles().len()).map(|k| 0.4 + 0.9 * k as f64).collect();
        for on in arrangements(width + 1, width) {
            let free: Vec<usize> = (0..=width).filter(|q| !on.contains(q)).collect();
            for controls in [vec![], free] {
                let mut case = gate_on_states(gate, &angles, width + 1, on.clone(), controls);
                case.ops.last_mut().unwrap().conditions = vec![positive(0)];
                check_states(&case, 6, 1);
                let mut inverse = case.clone();
                inverse.ops.last_mut().unwrap().conditions = vec![Cond::Not(Box::new(positive(0)))];
                check_states(&inverse, 6, 1);
            }
        }
    }
}

/// Returns a case with one operation, a matrix under a condition that some samples meet.
fn matrix_case(matrix: Vec<Vec<C>>, controls: usize) -> Case {
    let width = matrix.len().ilog2() as usize;
    let qubits = width + controls;
    let op = Op {
        what: What::Matrix(matrix),
        angles: vec![],
        qubits: (0..width).rev().collect(),
        controls: (width..qubits).collect(),
        zeros: (width..qubits).skip(1).collect(),
        conditions: vec![positive(0)],
    };
    Case { qubits, embed: true, ops: vec![op], inputs: 1 << qubits, weights: 0 }
}

/// Unitaries whose eigenvalues coincide, come in mirrored pairs, or lie close together.
#[test]
fn dense_unitaries() {
    let from = |size: usize, entry: &dyn Fn(usize, usize) -> C| -> Vec<Vec<C>> {
        (0..size).map(|r| (0..size).map(|c| entry(r, c)).collect()).collect()
    };
    let one = |yes: bool| C::from(f64::from(u8::from(yes)));
    for width in 1..=6usize {
        let size = 1 << width;
        let mut rng = rng(width as u64);
        let random = random_unitary(&mut rng, width);
        // Close eigenvalues: a random basis with phases that differ by 1e-9.
        let phase = |k: usize| C::cis(0.3 + 1e-9 * (k % 3) as f64);
        let close = |r: usize, c: usize| (0..size).map(|k| random[r][k] * phase(k) * random[c][k].conj()).sum::<C>();
        let matrices = [
            from(size, &|r, c| one(r == c)),
            from(size, &|r, c| -one(r == c)),
            from(size, &|r, c| one(r == (c + 1) % size)),
            from(size, &|r, c| one(r + c + 1 == size) * C::i()),
            from(
                size,
                &|r, c| if (r & c).count_ones() % 2 == 0 { C::from(1.0) } else { C::from(-1.0) } / (size as f64).sqrt(),
            ),
            from(size, &|r, c| C::cis(2.0 * PI * (r * c) as f64 / size as f64) / (size as f64).sqrt()),
            from(size, &|r, c| one(r == c) * C::cis(r as f64)),
            from(size, &close),
            random.clone(),
        ];
        for matrix in matrices {
            for controls in 0..=usize::from(width < 4) {
                check_states(&matrix_case(matrix.clone(), controls), 4, 2);
            }
        }
    }
}

/// The error is as small as the matrix is unitary, which is to eight digits.
#[test]
fn rounded_unitaries() {
    for width in 1..=4 {
        let mut rounded = random_unitary(&mut rng(width as u64), width);
        rounded.iter_mut().flatten().for_each(|entry| {
            *entry = C::new((entry.re * 1e10).round() / 1e10, (entry.im * 1e10).round() / 1e10);
        });
        let case = matrix_case(rounded, 0);
        let x = vec![uniform(&mut rng(3), case.inputs).iter().map(|v| v.abs() + 0.1).collect::<Vec<_>>()];
        let outcome = run(&case, &Measurement::state(), &x, &[], &[], crate::lab::Engine::cpu(DType::F64));
        let expected: Vec<f64> = case.state(&x[0], &[]).iter().flat_map(|a| [a.re, a.im]).collect();
        close("rounded", &outcome.outputs[0], &expected, 1e-8);
    }
}

/// A sample of a batch has the same results as in a circuit of its own, which has its active gates without conditions.
#[test]
fn a_batch_is_a_loop_over_circuits_without_conditions() {
    for seed in 0..12 {
        let qubits = 2 + seed as usize % 4;
        let case = random_case(700 + seed, qubits, 25, seed % 4 == 3);
        let mut rng = rng(seed);
        let x: Vec<Vec<f64>> = (0..19).map(|_| uniform(&mut rng, case.inputs)).collect();
        let (w, c) = (uniform(&mut rng, case.weights), vec![uniform(&mut rng, qubits); 19]);
        let measurement = Measurement::expectation((0..qubits).map(Z));
        for engine in engines() {
            let batch = run(&case, &measurement, &x, &w, &c, engine);
            let mut dw = vec![0.0; w.len()];
            for (sample, x) in x.iter().enumerate() {
                let mut own = case.clone();
                own.ops.retain(|op| op.conditions.iter().all(|condition| condition.holds(x)));
                own.ops.iter_mut().for_each(|op| op.conditions.clear());
                let one = run(&own, &measurement, std::slice::from_ref(x), &w, &c[..1], engine);
                close(engine.name, &batch.outputs[sample], &one.outputs[0], engine.values(100));
                close(engine.name, &batch.dx[sample], &one.dx[0], engine.gradients(100));
                dw.iter_mut().zip(&one.dw).for_each(|(sum, one)| *sum += one);
            }
            close(engine.name, &batch.dw, &dw, engine.gradients(100));
        }
    }
}

/// Gates only where a feature is large enough: RY(x_i) on qubit i and CX to the next one.
#[test]
fn sparse_networks() {
    let qubits = 4;
    let mut ops = Vec::new();
    for i in 0..qubits {
        let large = vec![Cond::Outside(Expr::of(Var::X(i)), 0.1)];
        ops.push(Op { conditions: large.clone(), ..Op::gate(Gate::ry, vec![Expr::of(Var::X(i))], vec![i]) });
        ops.push(Op { conditions: large, ..Op::gate(Gate::cx, vec![], vec![i, (i + 1) % qubits]) });
        ops.push(Op::gate(Gate::rz, vec![Expr::of(Var::W(i))], vec![i]));
        ops.push(Op::gate(Gate::ry, vec![Expr::of(Var::W(i))], vec![i]));
    }
    let case = Case { qubits, embed: false, ops, inputs: qubits, weights: qubits };
    let x: Vec<Vec<f64>> =
        (0..16).map(|mask| (0..qubits).map(|i| [0.05, -0.7 + 0.1 * i as f64][mask >> i & 1]).collect()).collect();
    let w = uniform(&mut rng(1), qubits);
    let c: Vec<Vec<f64>> = (0..16).map(|k| uniform(&mut rng(k), qubits)).collect();
    let measurement = Measurement::expectation((0..qubits).map(Z));
    let value = |x: &[f64], w: &[f64], c: &[f64]| {
        let state = case.state(x, w);
        (0..qubits)
            .map(|q| c[q] * state.iter().enumerate().map(|(i, a)| [1.0, -1.0][i >> q & 1] * a.norm_sqr()).sum::<f64>())
            .sum::<f64>()
    };
    for engine in engines() {
        let outcome = run(&case, &measurement, &x, &w, &c, engine);
        let tolerance = engine.gradients(16).max(1e-9);
        for (k, x) in x.iter().enumerate() {
            close(engine.name, &outcome.dx[k], &differences(x, |x| value(x, &w, &c[k])), tolerance);
            // Exactly 0 where the gate is off, and not elsewhere.
            for i in 0..qubits {
                assert_eq!(outcome.dx[k][i] == 0.0, k >> i & 1 == 0, "{}: sample {k}, feature {i}", engine.name);
            }
        }
        let dw = differences(&w, |w| x.iter().zip(&c).map(|(x, c)| value(x, w, c)).sum());
        close(engine.name, &outcome.dw, &dw, tolerance);
    }
}

/// Products of two variables take a column more; of weights alone, one that is made of a weight.
#[test]
fn products_under_conditions() {
    let product = |a, b| Expr(0.2, vec![(0.7, a, Some(b))]);
    let exprs = [
        product(Var::W(0), Var::W(1)),
        product(Var::W(1), Var::W(1)),
        product(Var::W(0), Var::X(1)),
        product(Var::X(1), Var::W(1)),
        product(Var::X(0), Var::X(1)),
        product(Var::X(1), Var::X(1)),
    ];
    let mut ops = vec![Op::gate(Gate::h, vec![], vec![0]), Op::gate(Gate::h, vec![], vec![1])];
    for (k, expr) in exprs.into_iter().enumerate() {
        let conditions = vec![positive(k % 2)];
        ops.push(Op { conditions, ..Op::gate(Gate::ry, vec![expr], vec![k % 2]) });
        ops.push(Op::gate(Gate::cx, vec![], vec![0, 1]));
    }
    let case = Case { qubits: 2, embed: false, ops, inputs: 2, weights: 2 };
    let x = vec![vec![0.4, 0.8], vec![0.4, -0.8], vec![-0.4, 0.8], vec![-0.4, -0.8], vec![1.4, 0.3]];
    let (w, c) = (vec![0.6, -1.1], vec![vec![1.0, -0.5]; 5]);
    let value = |x: &[f64], w: &[f64]| {
        let p: Vec<f64> = case.state(x, w).iter().map(|a| a.norm_sqr()).collect();
        (p[0] - p[1] + p[2] - p[3]) - 0.5 * (p[0] + p[1] - p[2] - p[3])
    };
    for engine in engines() {
        let outcome = run(&case, &Measurement::expectation([Z(0), Z(1)]), &x, &w, &c, engine);
        let tolerance = engine.gradients(10).max(1e-9);
        for (x, dx) in x.iter().zip(&outcome.dx) {
            close(engine.name, dx, &differences(x, |x| value(x, &w)), tolerance);
        }
        close(engine.name, &outcome.dw, &differences(&w, |w| x.iter().map(|x| value(x, w)).sum()), tolerance);
    }
}

/// Neither branch is right for a feature that is not a number: the sample is NaN, and no other sample.
#[test]
fn a_feature_that_cannot_be_compared_spoils_its_sample() {
    let write: [fn(&mut Circuit); 6] = [
        |c| _ = c.when(input(0).gt(0.1), |c| c.ry(0.3, 0)),
        |c| _ = c.when(!input(0).abs().lt(0.1), |c| c.cx(0, 1)),
        |c| _ = c.when(input(1).gt(5.0) & input(0).lt(0.1), |c| c.h(1)),
        |c| _ = c.when(input(1).lt(5.0) | (input(0) * input(1)).gt(0.0), |c| c.swap(0, 1)),
        |c| _ = c.when(input(1).gt(5.0), |c| c.when(input(0).gt(0.1), |c| c.x(0))),
        // A gate that does nothing, and one that no measured qubit sees.
        |c| _ = c.when(input(0).gt(0.1), |c| c.id(0).ry(0.1, 2)),
    ];
    for write in write {
        let mut circuit = Circuit::new(3).with_inputs(3);
        circuit.h(0);
        write(&mut circuit);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            // The second sample has a bad feature that nothing reads.
            let x = [[0.5, 0.2, 0.0], [0.5, 0.2, f64::NAN], [bad, 0.2, 0.0], [-0.5, 0.2, 0.0]].map(Vec::from);
            for engine in engines() {
                let measurement = Measurement::expectation([Z(0), Z(1)]);
                let outputs = run_circuit(&circuit, &measurement, &x, &[], &[], engine).outputs;
                for (sample, row) in outputs.iter().enumerate() {
                    let spoiled = row.iter().all(|v| v.is_nan());
                    let sound = row.iter().all(|v| v.is_finite());
                    assert!(if sample == 2 { spoiled } else { sound }, "{}: {bad}, {row:?}\n{circuit}", engine.name);
                }
            }
        }
    }
}

/// Comparisons are strict, and in the precision of the state.
#[test]
fn thresholds_are_compared_as_the_state_is_computed() {
    let mut circuit = Circuit::new(2);
    circuit.when(input(0).gt(0.1), |c| c.x(0)).when(!input(0).lt(0.1), |c| c.x(1));
    let measured = Measurement::expectation([Z(0), Z(1)]);
    let values = |x: &Tensor| -> Vec<f64> {
        let y = functional::evaluate(&circuit, &measured, Some(x), &[]).unwrap();
        y.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
    };
    let close_to = |x: Tensor, expected: [f64; 2]| close(&format!("{x}"), &values(&x), &expected, 1e-6);
    close_to(Tensor::new(&[0.1f64], &Device::Cpu).unwrap(), [1.0, -1.0]);
    close_to(Tensor::new(&[0.1f32], &Device::Cpu).unwrap(), [1.0, -1.0]);
    // The next number above 0.1 in f64 is 0.1 in f32.
    close_to(Tensor::new(&[0.1f64.next_up()], &Device::Cpu).unwrap(), [-1.0, -1.0]);
    close_to(Tensor::new(&[0.1f64.next_up() as f32], &Device::Cpu).unwrap(), [1.0, -1.0]);
    close_to(Tensor::new(&[0.1f64.next_down()], &Device::Cpu).unwrap(), [1.0, 1.0]);
    let half = Tensor::new(&[0.1f32], &Device::Cpu).unwrap().to_dtype(DType::BF16).unwrap();
    close_to(half, [-1.0, -1.0]); // 0.10009765625
}

/// The gradient at the threshold is the gradient of the branch that is taken.
#[test]
fn no_gradient_goes_through_a_condition() {
    let mut circuit = Circuit::new(1);
    circuit.when(input(0).gt(0.5), |c| c.ry(2.0 * input(0), 0));
    let x = Variable::new(&[[0.5f64], [0.5f64.next_up()], [0.4]], &Device::Cpu).unwrap();
    let y = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), Some(&x), &[]).unwrap();
    let slopes = y.sum_all().unwrap().backward().unwrap();
    let slopes: Vec<f64> = slopes.get(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    close("slopes", &slopes, &[0.0, -2.0 * 1f64.sin(), 0.0], 1e-12);
}

/// Arguments without tracking stay without it, and conditions need no input of their own.
#[test]
fn what_is_not_tracked_stays_so() {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    let always = Angle::from(1.0).gt(0.5);
    circuit.when(&always, |c| c.ry(w.at([0]) * w.at([0]), 0)).when(!always, |c| c.x(0));
    let measured = Measurement::expectation([Z(0)]);
    let weight = Variable::new(&[0.7f64], &Device::Cpu).unwrap();
    let constant = functional::evaluate(&circuit, &measured, None, &[("w", &weight.detach())]).unwrap();
    assert!(!constant.track_op());
    let y = functional::evaluate(&circuit, &measured, None, &[("w", &weight)]).unwrap();
    assert!(y.track_op());
    close("value", &y.to_vec1::<f64>().unwrap(), &[0.49f64.cos()], 1e-12);
    let slope = y.sum_all().unwrap().backward().unwrap().get(&weight).unwrap().to_vec1::<f64>().unwrap();
    close("slope", &slope, &[-1.4 * 0.49f64.sin()], 1e-12);
}

#[test]
fn conditions_stay_with_their_operations() {
    let mut circuit = Circuit::new(3);
    let (outer, inner) = (input(2).gt(0.1), input(0).abs().lt(1.0) | input(1).lt(-0.5));
    circuit.when(&outer, |c| {
        c.controlled([2], |c| c.when(&inner, |c| c.s(0).barrier()));
        c.strongly_entangling_layers("w", 1);
        c
    });
    let first = &circuit.operations()[0];
    assert_eq!((first.conditions(), first.controls()), (&[outer.clone(), inner][..], &[2][..]));
    assert_eq!(circuit.inputs(), 3);
    assert_eq!(circuit.inverse().operations().last().unwrap().conditions(), first.conditions());
    assert_eq!(circuit.repeat(2).operations()[0], *first);
    assert_eq!(circuit.weight_tensors()[0].name(), "w");
    let last = &circuit.operations().last().unwrap();
    assert_eq!(last.conditions(), [outer]);
}

#[test]
fn wrong_conditions() {
    let mistake = |write: &dyn Fn(&mut Circuit)| {
        let mut circuit = Circuit::new(2);
        write(&mut circuit);
        match circuit.check() {
            Err(Error::Circuit { operation, name, mistake }) => (operation, name, mistake),
            other => panic!("{other:?}"),
        }
    };
    let of_weights = Mistake::ConditionOnWeights { name: "w".to_owned() };
    let (at, name, found) = mistake(&|c| {
        let w = c.weights("w", 2);
        c.h(0).when((input(0) + w.at([1])).gt(0.1), |c| c.x(0));
    });
    assert_eq!((at, &*name, found), (1, "when", of_weights.clone()));
    let (_, _, found) = mistake(&|c| {
        let w = c.weights("w", 2);
        let fine = input(0).gt(0.0) & !(w.at([0]).abs().lt(1.0) | input(1).lt(0.0));
        c.when(fine, |c| c.x(0));
    });
    assert_eq!(found, of_weights);
    for threshold in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (_, name, found) = mistake(&|c| _ = c.when(input(0).gt(threshold), |c| c));
        assert_eq!(name, "when");
        assert!(matches!(found, Mistake::NotFinite { what: "the threshold", .. }), "{found:?}");
    }
    let (.., found) = mistake(&|c| _ = c.when((f64::NAN * input(0)).gt(0.0), |c| c.x(0)));
    assert!(matches!(found, Mistake::NotFinite { what: "the angle", .. }), "{found:?}");
    let (.., found) = mistake(&|c| _ = c.when((input(0) * input(0) * input(1)).gt(0.0), |c| c.x(0)));
    assert_eq!(found, Mistake::AngleDegree { degree: 3 });
    let (at, name, found) = mistake(&|c| _ = c.when(input(0).gt(0.0), |c| c.amplitude_embedding(0..2)));
    assert_eq!((at, &*name, found), (0, "amplitude_embedding", Mistake::EmbeddingNotUnitary));
    let (at, name, found) = mistake(&|c| _ = c.when(input(0).gt(0.0), |c| c.x(0).cx(1, 2)));
    assert_eq!((at, &*name, found), (1, "cx", Mistake::QubitOutOfRange { qubit: 2, qubits: 2 }));

    let mut narrow = Circuit::new(1).with_inputs(2);
    narrow.when(input(2).gt(0.0), |c| c.x(0));
    let error = narrow.check().unwrap_err();
    assert!(
        matches!(error, Error::Circuit { mistake: Mistake::InputOutOfRange { index: 2, width: 2 }, .. }),
        "{error}"
    );
    // Widths in errors count the user's features.
    let mut circuit = Circuit::new(1);
    circuit.when(input(1).gt(0.0), |c| c.x(0));
    let x = Tensor::zeros((4, 3), DType::F32, &Device::Cpu).unwrap();
    let error = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), Some(&x), &[]).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::InputWidth { expected: 2, .. })), "{error}");
    let error = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), None, &[]).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::MissingInputs { expected: 2 })), "{error}");
}

/// A condition of any length is read without recursion.
#[test]
fn long_conditions() {
    let mut long = input(0).gt(0.0);
    for k in 1..20_000 {
        long = if k % 2 == 0 { !long } else { long & input(0).gt(-f64::from(k)) };
    }
    let mut circuit = Circuit::new(1);
    circuit.when(&long, |c| c.x(0));
    circuit.check().unwrap();
    assert!(long.to_string().len() > 20_000);
    drop(circuit.to_string());
}
