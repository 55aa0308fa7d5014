//! Circuits as parts of circuits, their sizes, their matrices, and parts of known algorithms.

use crate::lab::{close, rows};
use crate::oracle::{random_case, rng, uniform};
use candle_core::{DType, Device, Tensor, Var};
use candlewick::error::Mistake;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::{Error, functional};
use num_complex::Complex64 as C;
use std::f64::consts::PI;

/// The matrix of a circuit without weights, row by row.
fn matrix(circuit: &Circuit) -> Vec<C> {
    let flat = circuit.matrix(None, &[]).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    flat.chunks(2).map(|pair| C::new(pair[0], pair[1])).collect()
}

#[track_caller]
fn close_matrices(what: &str, actual: &[C], expected: &[C]) {
    let flat = |m: &[C]| m.iter().flat_map(|entry| [entry.re, entry.im]).collect::<Vec<_>>();
    close(what, &flat(actual), &flat(expected), 1e-13);
}

fn mistake(circuit: &Circuit) -> (usize, Mistake) {
    match circuit.check() {
        Err(Error::Circuit { operation, mistake, .. }) => (operation, mistake),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_matrix_of_a_gate_is_the_gates_matrix() {
    for gate in Gate::all() {
        let angles: Vec<f64> = (0..gate.angles().len()).map(|k| 0.3 + 0.4 * k as f64).collect();
        let qubits = gate.qubits().len();
        let mut circuit = Circuit::new(qubits);
        circuit.gate(gate, angles.iter().copied().map(Angle::from), 0..qubits);
        let expected = gate.matrix(&angles).concat();
        close_matrices(gate.name(), &matrix(&circuit), &expected);
    }
}

/// Columns of the matrix are the images of basis states under the oracle; its derivatives are differences.
#[test]
fn the_matrix_of_a_circuit_with_inputs_and_weights() -> anyhow::Result<()> {
    let case = random_case(31, 3, 25, false);
    let mut rng = rng(5);
    let (x, w) = (uniform(&mut rng, case.inputs), uniform(&mut rng, case.weights));
    let inputs = Tensor::new(&x[..], &Device::Cpu)?;
    let weights = Var::new(&w[..], &Device::Cpu)?;
    let circuit = case.circuit();
    let matrix = circuit.matrix(Some(&inputs), &[("w", &weights)])?;
    assert_eq!(matrix.dims(), [8, 8, 2]);
    for column in 0..8 {
        let mut state = vec![C::default(); 8];
        state[column] = C::from(1.0);
        let image = case.ops.iter().fold(state, |state, op| op.applied(&state, &x, &w));
        let actual = rows(&matrix.narrow(1, column, 1)?).concat();
        let expected: Vec<f64> = image.iter().flat_map(|a| [a.re, a.im]).collect();
        close(&format!("column {column}"), &actual, &expected, 1e-12);
    }
    let c = Tensor::randn(0f64, 1., (8, 8, 2), &Device::Cpu)?;
    let gradients = (&matrix * &c)?.sum_all()?.backward()?;
    let slopes = gradients.get(&weights).expect("tracked").to_vec1::<f64>()?;
    let value = |w: &[f64]| -> anyhow::Result<f64> {
        let matrix = circuit.matrix(Some(&inputs), &[("w", &Tensor::new(w, &Device::Cpu)?)])?;
        Ok((matrix * &c)?.sum_all()?.to_scalar::<f64>()?)
    };
    let differences = (0..w.len()).map(|k| {
        let moved =
            |step: f64| w.iter().enumerate().map(|(j, w)| w + if j == k { step } else { 0.0 }).collect::<Vec<_>>();
        Ok((value(&moved(1e-5))? - value(&moved(-1e-5))?) / 2e-5)
    });
    close("slopes", &slopes, &differences.collect::<anyhow::Result<Vec<_>>>()?, 1e-8);
    Ok(())
}

#[test]
fn what_has_no_matrix_is_a_typed_error() {
    let mut embedded = Circuit::new(2);
    embedded.amplitude_embedding(0..4);
    assert!(matches!(embedded.matrix(None, &[]), Err(Error::Circuit { mistake: Mistake::EmbeddingNotUnitary, .. })));
    let mut measured = Circuit::new(2);
    measured.h(0).measure(0, 1);
    assert!(matches!(measured.matrix(None, &[]), Err(Error::Circuit { mistake: Mistake::NotPure { .. }, .. })));
    for qubits in [25, 31, 32, 58] {
        let error = Circuit::new(qubits).matrix(None, &[]);
        assert!(matches!(error, Err(Error::Memory(_))), "{qubits}: {error:?}");
    }
}

#[test]
fn a_circuit_on_chosen_qubits_acts_there() {
    let mut part = Circuit::new(3);
    part.h(0).cx(0, 2).ry(0.4, 1).crx(0.7, 2, 1).controlled([0, 1], |c| c.p(0.3, 2)).barrier().pauli_rot(
        0.2,
        "XYZ",
        [2, 0, 1],
    );
    let places = [4, 0, 2];
    let mut actual = Circuit::new(5);
    actual.rx(0.1, 3).append_on(&part, places);
    let mut expected = Circuit::new(5);
    expected.rx(0.1, 3).h(4).cx(4, 2).ry(0.4, 0).crx(0.7, 2, 0);
    expected.controlled([4, 0], |c| c.p(0.3, 2)).pauli_rot(0.2, "XYZ", [2, 4, 0]);
    close_matrices("append_on", &matrix(&actual), &matrix(&expected));

    let mut same = Circuit::new(3);
    same.append_on(&part, 0..3);
    assert_eq!(same, part);
}

#[test]
fn what_cannot_be_appended_there_is_a_mistake() {
    let mut part = Circuit::new(2);
    part.h(0).cx(0, 1);
    let appended = |qubits: &[usize]| {
        let mut circuit = Circuit::new(3);
        circuit.append_on(&part, qubits.iter().copied());
        mistake(&circuit)
    };
    assert!(matches!(appended(&[0]), (0, Mistake::QubitCount { actual: 1, .. })));
    assert!(matches!(appended(&[0, 1, 2]), (0, Mistake::QubitCount { actual: 3, .. })));
    assert!(matches!(appended(&[1, 3]), (0, Mistake::QubitOutOfRange { qubit: 3, qubits: 3 })));
    assert!(matches!(appended(&[1, 1]), (0, Mistake::RepeatedQubit { qubit: 1 })));

    let mut prepared = Circuit::new(2);
    prepared.hartree_fock(1);
    let mut circuit = Circuit::new(3);
    circuit.h(2).append_on(&prepared, [0, 1]).append_on(&prepared, [2, 1]);
    assert!(matches!(mistake(&circuit), (2, Mistake::QubitTouched { qubit: 2 })));

    let mut embedded = Circuit::new(2);
    embedded.amplitude_embedding(0..4);
    let mut circuit = Circuit::new(3);
    circuit.h(1).append_on(&embedded, [1, 0]);
    assert!(matches!(mistake(&circuit), (1, Mistake::QubitTouched { qubit: 1 })));
    Circuit::new(3).append_on(&embedded, [1, 0]).check().expect("qubits in 0, in any order");

    // Records and discarded qubits keep their roles on their new places.
    let mut recorded = Circuit::new(2);
    recorded.h(0).measure(0, 1);
    let mut circuit = Circuit::new(3);
    circuit.append_on(&recorded, [0, 2]).x(2);
    assert!(matches!(mistake(&circuit), (2, Mistake::RecordChanged { qubit: 2 })));
}

#[test]
fn depth_and_counts() {
    let mut circuit = Circuit::new(4);
    assert_eq!((circuit.depth(), circuit.counts().len()), (0, 0));
    circuit.global_phase(0.3).h(0).h(3).cx(0, 1).cx(1, 2).t(3).barrier().x(3);
    // h cx cx on one path, then x behind the barrier.
    assert_eq!(circuit.depth(), 4);
    circuit.controlled([3], |c| c.x(0).x(1));
    assert_eq!(circuit.depth(), 6);
    let counts: Vec<_> = circuit.counts().into_iter().collect();
    assert_eq!(counts, [("cx", 2), ("global_phase", 1), ("h", 2), ("t", 1), ("x", 3)]);
}

#[test]
fn fourier_transforms_have_their_matrix() {
    for qubits in 1..=5 {
        let mut circuit = Circuit::new(qubits);
        circuit.qft(0..qubits);
        let size = 1usize << qubits;
        let entry = |y: usize, x: usize| C::cis(2.0 * PI * (x * y % size) as f64 / size as f64) / (size as f64).sqrt();
        let expected: Vec<C> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
        close_matrices("qft", &matrix(&circuit), &expected);
        circuit.inverse_qft(0..qubits);
        let one: Vec<C> = (0..size * size).map(|at| C::from(f64::from(u8::from(at / size == at % size)))).collect();
        close_matrices("and back", &matrix(&circuit), &one);
    }
    // The first qubit of a register is its low bit, wherever it is.
    let (mut there, mut part, mut expected) = (Circuit::new(4), Circuit::new(3), Circuit::new(4));
    part.qft(0..3);
    there.qft([3, 0, 2]);
    expected.append_on(&part, [3, 0, 2]);
    close_matrices("on a register", &matrix(&there), &matrix(&expected));
}

#[test]
fn diffusion_reflects_about_the_uniform_state() {
    for qubits in 1..=4 {
        let mut circuit = Circuit::new(qubits);
        circuit.grover_diffusion(0..qubits);
        let size = 1usize << qubits;
        let entry = |at: usize| 2.0 / size as f64 - f64::from(u8::from(at / size == at % size));
        let expected: Vec<C> = (0..size * size).map(|at| C::from(entry(at))).collect();
        close_matrices("diffusion", &matrix(&circuit), &expected);
    }
}

/// Probabilities of the outcomes of phase estimation: Nielsen, Chuang, equation 5.27.
#[test]
fn phase_estimation_has_its_known_outcomes() -> anyhow::Result<()> {
    let (phase, bits) = (0.3137, 4);
    let mut unitary = Circuit::new(2);
    unitary.rz(-4.0 * PI * phase, 1).global_phase(-0.0); // on |0> the eigenvalue exp(2πi phase)
    let mut circuit = Circuit::new(bits + 2);
    circuit.h(bits).phase_estimation(&unitary, 0..bits, [bits, bits + 1]);
    let p = functional::evaluate(&circuit, &Measurement::probabilities(0..bits), None, &[])?;
    let size = f64::from(1 << bits);
    let expected = (0..1 << bits).map(|y| {
        let off = PI * (phase - f64::from(y) / size);
        ((size * off).sin() / (size * off.sin())).powi(2)
    });
    close("outcomes", &rows(&p.unsqueeze(0)?)[0], &expected.collect::<Vec<_>>(), 1e-5);
    Ok(())
}

#[test]
fn registers_of_algorithms_are_checked() {
    type Write = fn(&mut Circuit) -> &mut Circuit;
    let cases: [(Write, Mistake); 5] = [
        (|c| c.qft([]), Mistake::QubitCount { expected: "1 or more".to_owned(), actual: 0 }),
        (|c| c.grover_diffusion([0, 3]), Mistake::QubitOutOfRange { qubit: 3, qubits: 3 }),
        (|c| c.inverse_qft([1, 1]), Mistake::RepeatedQubit { qubit: 1 }),
        (|c| c.phase_estimation(&Circuit::new(1), [0, 1], [1]), Mistake::RepeatedQubit { qubit: 1 }),
        (
            |c| c.phase_estimation(&Circuit::new(2), [0], [1]),
            Mistake::QubitCount { expected: "2".to_owned(), actual: 1 },
        ),
    ];
    for (write, expected) in cases {
        let mut circuit = Circuit::new(3);
        write(&mut circuit);
        assert_eq!(mistake(&circuit).1, expected);
    }
    // 2^40 rounds end at the limit of operations.
    let mut long = Circuit::new(42);
    let mut unitary = Circuit::new(1);
    unitary.t(0);
    long.phase_estimation(&unitary, 0..41, [41]);
    assert!(matches!(mistake(&long).1, Mistake::TooManyOperations { .. }));
}

/// Pairs of qubits that the blocks of a template join, in their order.
fn pairs(qubits: usize, write: impl FnOnce(&mut Circuit)) -> Vec<[usize; 2]> {
    let mut circuit = Circuit::new(qubits);
    write(&mut circuit);
    circuit.check().expect("a sound circuit");
    circuit.operations().iter().map(|operation| [operation.qubits()[0], operation.qubits()[1]]).collect()
}

#[test]
fn trees_have_pennylanes_pairs() {
    let tree = |qubits: usize| {
        pairs(qubits, |c| _ = c.tree_tensor_network("w", 1, |c, [a, b], angles| c.rxx(&angles[0], a, b)))
    };
    // `compute_indices(range(8), 2)` of PennyLane 0.45.1's template TTN.
    assert_eq!(tree(8), [[0, 1], [2, 3], [4, 5], [6, 7], [1, 3], [5, 7], [3, 7]]);
    assert_eq!(tree(4), [[0, 1], [2, 3], [1, 3]]);
    assert_eq!(tree(5), [[0, 1], [2, 3], [1, 3], [3, 4]]);
    assert!(tree(1).is_empty());
    let mera = |qubits: usize| pairs(qubits, |c| _ = c.mera("w", 1, |c, [a, b], angles| c.rxx(&angles[0], a, b)));
    assert_eq!(mera(4), [[1, 2], [3, 0], [0, 1], [2, 3], [1, 3]]);
    // PennyLane's MERA has 13 blocks on 8 wires and 29 on 16.
    assert_eq!((mera(8).len(), mera(16).len()), (13, 29));
    assert_eq!(mera(3), [[1, 2], [0, 1], [1, 2]]);
}

#[test]
fn a_tree_trains_as_any_circuit() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(4);
    let w = circuit.tree_tensor_network("w", 2, |c, [a, b], angles| c.ry(&angles[0], a).ry(&angles[1], b).cx(a, b));
    assert_eq!((w.shape(), circuit.operations().len()), (&[3, 2][..], 9));
    let w = Var::from_tensor(&Tensor::rand(0f64, 1., (3, 2), &Device::Cpu)?)?;
    let y = functional::evaluate(&circuit, &Measurement::expectation([Z(3)]), None, &[("w", &w)])?;
    let gradients = y.sum_all()?.backward()?;
    let slopes = gradients.get(&w).expect("tracked");
    assert!(slopes.to_dtype(DType::F64)?.abs()?.min_all()?.to_scalar::<f64>()? > 1e-6);
    Ok(())
}

#[test]
fn controls_on_zero() {
    for (count, values) in [(1, [false, true, true]), (2, [true, false, true]), (3, [false, false, true])] {
        let controls = || (0..count).map(move |k| (k + 1, values[k]));
        let mut actual = Circuit::new(5);
        actual.controlled_on(controls(), |c| c.ry(0.3, 0).cx(0, 4).global_phase(0.4).controlled([4], |c| c.p(0.7, 0)));
        let mut expected = Circuit::new(5);
        let zeros: Vec<usize> = controls().filter(|(_, value)| !value).map(|(qubit, _)| qubit).collect();
        zeros.iter().for_each(|qubit| _ = expected.x(*qubit));
        let all = controls().map(|(qubit, _)| qubit);
        expected.controlled(all, |c| c.ry(0.3, 0).cx(0, 4).global_phase(0.4).controlled([4], |c| c.p(0.7, 0)));
        zeros.iter().for_each(|qubit| _ = expected.x(*qubit));
        close_matrices(&format!("{values:?}"), &matrix(&actual), &matrix(&expected));
        assert_eq!(actual.operations()[0].zero_controls(), zeros);
        close_matrices("inverse", &matrix(&actual.inverse()), &matrix(&expected.inverse()));
    }
    let mut circuit = Circuit::new(3);
    circuit.controlled_on([(0, false), (1, true)], |c| c.x(2)).controlled_on([(2, false)], |c| c.global_phase(0.5));
    assert_eq!(
        circuit.to_string(),
        "q0: ─○─────────────────\n     │\nq1: ─●─────────────────\n     │\nq2: ─X──○ gphase(0.5)──\n"
    );
    let mut wrong = Circuit::new(2);
    wrong.controlled_on([(0, false), (0, true)], |c| c.x(1));
    assert!(matches!(mistake(&wrong).1, Mistake::RepeatedQubit { qubit: 0 }));
}

/// A control on 0 adds no step: the program has as many as with a control on 1.
#[test]
fn controls_on_zero_cost_no_step() {
    let steps = |value: bool| {
        let mut circuit = Circuit::new(4);
        for q in 0..4 {
            circuit.h(q).controlled_on([(q, value)], |c| c.rx(0.3, (q + 1) % 4));
            circuit.controlled_on([(q, value), ((q + 1) % 4, true)], |c| c.x((q + 2) % 4));
        }
        let program = candlewick::program::Program::new(&circuit, &Measurement::expectation([Z(0)])).expect("sound");
        format!("{program:#}").lines().count()
    };
    assert_eq!(steps(false), steps(true));
}

/// Writes a part on three qubits.
fn write_on(circuit: &mut Circuit, [a, b, c]: [usize; 3]) {
    let w = circuit.weights("w", 2);
    circuit
        .ry(input(0), a)
        .cx(a, c)
        .rx(w.at([0]), c)
        .crz(w.at([1]), c, b)
        .h(b)
        .controlled_on([(a, false)], |p| p.ry(0.4, b));
    circuit.unitary(&Gate::rxx.matrix(&[0.7]).concat(), [c, a]);
}

/// 40 qubits, of which three are used, are three qubits: values, gradients and shots are the same bits.
#[test]
fn idle_qubits_leave_the_state() -> anyhow::Result<()> {
    let (mut wide, mut narrow) = (Circuit::new(40), Circuit::new(3));
    write_on(&mut wide, [5, 17, 39]);
    write_on(&mut narrow, [0, 1, 2]);
    let matrix: Vec<C> = Gate::h.matrix(&[]).concat();
    let pairs = [
        (
            Measurement::expectation([
                Z(5) * Z(20) * X(39) + 0.3 * Z(30),
                Y(17) * Z(0),
                Observable::hermitian(&matrix, [17]),
            ]),
            Measurement::expectation([
                Z(0) * X(2) + 0.3 * Observable::identity(),
                Y(1),
                Observable::hermitian(&matrix, [1]),
            ]),
        ),
        (Measurement::variance([Z(5) + 2.0 * Z(1)]), Measurement::variance([Z(0)])),
        (Measurement::probabilities([39, 5]), Measurement::probabilities([2, 0])),
    ];
    let x = Tensor::new(&[[0.3f64], [1.2], [-0.4]], &Device::Cpu)?;
    for (of_wide, of_narrow) in pairs {
        let step = |circuit: &Circuit, measurement: &Measurement| -> anyhow::Result<Vec<Vec<f64>>> {
            let (x, w) = (Var::from_tensor(&x)?, Var::new(&[0.6f64, -1.1], &Device::Cpu)?);
            let y = functional::evaluate(circuit, measurement, Some(&x), &[("w", &w)])?;
            let gradients = y.sqr()?.sum_all()?.backward()?;
            let of = |var: &Var| gradients.get(var).expect("tracked").flatten_all()?.to_vec1::<f64>();
            Ok(vec![y.flatten_all()?.to_vec1()?, of(&x)?, of(&w)?])
        };
        assert_eq!(step(&wide, &of_wide)?, step(&narrow, &of_narrow)?, "{of_wide:?}");
        if !matches!(of_wide, Measurement::Variance(_)) {
            let shots = |circuit: &Circuit, measurement: &Measurement| -> anyhow::Result<Vec<f64>> {
                let vb =
                    candlewick::nn::SeededInit::new(3).var_builder(&candle_nn::VarMap::new(), DType::F64, &Device::Cpu);
                let config = QuantumLayerConfig { shots: Some(100), seed: 5, ..Default::default() };
                let layer = QuantumLayer::with_config(circuit.clone(), measurement.clone(), config, vb)?;
                Ok(layer.try_forward(&x)?.flatten_all()?.to_vec1()?)
            };
            assert_eq!(shots(&wide, &of_wide)?, shots(&narrow, &of_narrow)?, "{of_wide:?}");
        }
    }
    Ok(())
}

#[test]
fn qubits_that_only_the_measurement_reads() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(30);
    circuit.x(29);
    let values = |observables: Vec<Observable>| -> anyhow::Result<Vec<f32>> {
        Ok(functional::evaluate(&circuit, &Measurement::expectation(observables), None, &[])?.to_vec1()?)
    };
    assert_eq!(values(vec![Z(3), Z(29), X(4), Z(2) * Z(3) * Z(29) + 0.5 * Y(7)])?, [1.0, -1.0, 0.0, -1.0]);
    let p = functional::evaluate(&circuit, &Measurement::probabilities([29, 3]), None, &[])?;
    assert_eq!(p.to_vec1::<f32>()?, [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(
        functional::evaluate(&Circuit::new(50), &Measurement::expectation([Z(49)]), None, &[])?.to_vec1::<f32>()?,
        [1.0]
    );
    // The state of all qubits is all of them.
    let error = functional::evaluate(&Circuit::new(50), &Measurement::state(), None, &[]);
    assert!(matches!(error, Err(Error::Memory(_))), "{error:?}");
    Ok(())
}

/// A NaN in an angle that no output depends on still reaches the outputs, wherever its qubit has gone.
#[test]
fn an_idle_qubit_takes_no_nan_with_it() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(20);
    circuit.ry(input(0), 12).h(3);
    let x = Tensor::new(&[[f64::NAN], [0.2]], &Device::Cpu)?;
    let y = functional::evaluate(&circuit, &Measurement::expectation([X(3)]), Some(&x), &[])?.to_vec2::<f64>()?;
    assert!(y[0][0].is_nan() && (y[1][0] - 1.0).abs() < 1e-12);
    Ok(())
}

#[test]
fn constant_states_are_prepared_on_any_qubits() -> anyhow::Result<()> {
    let mut rng = rng(12);
    for count in 1..=8usize {
        let places: Vec<usize> = (0..count).map(|k| (5 * k + 2) % 9).collect();
        let numbers = uniform(&mut rng, 2 << count);
        let mut state: Vec<C> = numbers.chunks(2).map(|pair| C::new(pair[0], pair[1])).collect();
        // Blocks without a state, and states without the first amplitude.
        state.iter_mut().step_by(3).for_each(|amplitude| *amplitude = C::default());
        if count == 8 {
            state[64..128].fill(C::default());
        }
        let norm = state.iter().map(|amplitude| amplitude.norm_sqr()).sum::<f64>().sqrt();
        let free = (0..9).find(|q| !places.contains(q));
        let mut circuit = Circuit::new(9);
        free.iter().for_each(|q| _ = circuit.x(*q));
        circuit.state_preparation(&state, places.iter().copied());
        let found = functional::evaluate(&circuit, &Measurement::state(), None, &[])?;
        let found = found.to_dtype(DType::F64)?.to_vec2::<f64>()?;
        let spread = |k: usize| places.iter().enumerate().map(|(bit, place)| (k >> bit & 1) << place).sum::<usize>();
        let mut expected = vec![[0.0; 2]; 512];
        for (k, amplitude) in state.iter().enumerate() {
            let at = spread(k) | free.map_or(0, |q| 1 << q);
            expected[at] = [amplitude.re / norm, amplitude.im / norm];
        }
        close(&format!("{count} qubits"), &found.concat(), &expected.concat(), 1e-6);
    }
    Ok(())
}

#[test]
fn states_that_cannot_be_prepared() {
    let one = C::from(1.0);
    let prepared = |amplitudes: &[C], qubits: &[usize]| {
        let mut circuit = Circuit::new(20);
        circuit.h(3).state_preparation(amplitudes, qubits.iter().copied());
        mistake(&circuit).1
    };
    assert_eq!(prepared(&[C::default(); 2], &[0]), Mistake::ZeroState);
    assert!(matches!(prepared(&[one, C::new(f64::NAN, 0.0)], &[0]), Mistake::NotFinite { .. }));
    assert!(matches!(prepared(&[one; 3], &[0]), Mistake::Length { actual: 3, .. }));
    assert!(matches!(prepared(&[], &[0]), Mistake::Length { actual: 0, .. }));
    assert!(matches!(prepared(&[one], &[]), Mistake::QubitCount { actual: 0, .. }));
    assert!(matches!(prepared(&[one], &[4; 2]), Mistake::RepeatedQubit { qubit: 4 }));
    assert_eq!(prepared(&[one], &[3]), Mistake::QubitTouched { qubit: 3 });
    let many: Vec<usize> = (4..17).collect();
    assert!(matches!(prepared(&[one], &many), Mistake::QubitCount { actual: 13, .. }));
    // Very small amplitudes are a state.
    let mut small = Circuit::new(1);
    small.state_preparation(&[C::default(), C::from(1e-300)], [0]).check().expect("a state");
}
