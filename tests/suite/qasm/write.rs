//! Written texts: they read back as the same circuit, or as a circuit that does the same.

use super::{probabilities, state};
use crate::oracle::{Case, What, random_case, random_unitary, rng, uniform};
use candle_core::{Device, Tensor};
use candle_nn::Init;
use candlewick::Error;
use candlewick::circuit::Condition;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::qasm;
use num_complex::Complex64 as C;

fn read(text: &str) -> Circuit {
    qasm::import(text).unwrap_or_else(|error| panic!("{error}\n{text}")).circuit
}

/// Asserts that a circuit reads back operation by operation.
fn comes_back(circuit: &Circuit) {
    let text = circuit.to_qasm3().expect("a text");
    let back = read(&text);
    for (found, expected) in back.operations().iter().zip(circuit.operations()) {
        assert_eq!(found, expected, "\n{text}");
    }
    assert_eq!(&back, circuit, "\n{text}");
    assert_eq!(back.inputs(), circuit.inputs(), "\n{text}");
    assert_eq!(back.weight_tensors(), circuit.weight_tensors(), "\n{text}");
    // The same circuit has the same text.
    assert_eq!(back.to_qasm3().expect("a text"), text);
}

/// Largest difference of two states, up to a global phase if asked for.
fn difference(a: &[C], b: &[C], up_to_phase: bool) -> f64 {
    let overlap: C = a.iter().zip(b).map(|(a, b)| b.conj() * a).sum();
    let phase = if up_to_phase { overlap / overlap.norm() } else { C::ONE };
    a.iter().zip(b).map(|(a, b)| (a - phase * b).norm()).fold(0.0, f64::max)
}

/// Whether a condition comes back: absolute values have no form of their own, and tests of constants are decided.
fn is_plain(condition: &Condition) -> bool {
    let text = condition.to_string();
    let mut tests = text.split(" and ").flat_map(|part| part.split(" or "));
    !text.contains('|') && tests.all(|test| test.contains('x'))
}

#[test]
fn random_circuits_come_back() {
    let mut count = 0;
    for seed in 0..300 {
        let mut case = random_case(4000 + seed, 1 + seed as usize % 5, 14, false);
        case.ops.retain(|op| match &op.what {
            What::Matrix(_) => false,
            What::Word(word) => word.chars().any(|letter| letter != 'I'),
            What::Gate(_) | What::Global => true,
        });
        let alone = Case { ops: Vec::new(), ..case.clone() };
        case.ops.retain(|op| {
            let circuit = Case { ops: vec![op.clone()], ..alone.clone() }.circuit();
            circuit.operations().iter().flat_map(|operation| operation.conditions()).all(is_plain)
        });
        count += case.ops.len();
        comes_back(&case.circuit());
    }
    assert!(count > 1000, "{count}");
}

/// Dense matrices, words of I and absolute values come back as circuits that do the same, global phase included.
#[test]
fn other_circuits_do_the_same() {
    for seed in 0..60 {
        let case = random_case(5000 + seed, 1 + seed as usize % 4, 12, false);
        let circuit = case.circuit();
        let mut rng = rng(seed);
        let (x, w) = (uniform(&mut rng, circuit.inputs()), uniform(&mut rng, case.weights));
        let weight = |of: &candlewick::circuit::Weights| w[..of.shape().iter().product()].to_vec();
        let back = read(&circuit.to_qasm3().expect("a text"));
        let off = difference(&state(&back, &x, weight), &state(&circuit, &x, weight), false);
        assert!(off < 1e-11, "seed {seed}: {off:e}");
    }
}

/// Every gate, its adjoint, and both under controls on 1 and 0.
fn gates_under_controls() -> impl Iterator<Item = (Gate, bool, Vec<(usize, bool)>, Circuit)> {
    let controls = [vec![], vec![(0, true)], vec![(1, false)], vec![(1, true), (0, false)], vec![(0, true), (1, true)]];
    let all = Gate::all().flat_map(|gate| [(gate, false), (gate, true)]);
    all.flat_map(move |(gate, dagger)| controls.clone().map(move |controls| (gate, dagger, controls))).map(
        |(gate, dagger, controls)| {
            let angles: Vec<Angle> = (0..gate.angles().len()).map(|k| Angle::from(0.3 + 0.7 * k as f64)).collect();
            let mut body = Circuit::new(5);
            body.gate(gate, angles, (0..gate.qubits().len()).map(|k| 4 - k));
            let body = if dagger { body.inverse() } else { body };
            let mut circuit = Circuit::new(5);
            (0..5).for_each(|q| _ = circuit.ry(0.4 + 0.3 * q as f64, q).rz(0.2 * q as f64, q));
            circuit.controlled_on(controls.iter().copied(), |c| c.append(&body));
            (gate, dagger, controls, circuit)
        },
    )
}

#[test]
fn gates_come_back() {
    gates_under_controls().for_each(|(.., circuit)| comes_back(&circuit));
}

#[test]
fn gates_in_the_second_version() {
    let mut refused = 0;
    for (gate, dagger, controls, circuit) in gates_under_controls() {
        let text = match circuit.to_qasm2(&[], &[]) {
            Ok(text) => text,
            Err(Error::NoQasm { version: 2, .. }) if !controls.is_empty() => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("{gate:?}: {other}"),
        };
        assert!(text.starts_with("OPENQASM 2.0;"));
        let off = difference(&state(&read(&text), &[], |_| vec![]), &state(&circuit, &[], |_| vec![]), true);
        assert!(off < 1e-12, "{gate:?}, {dagger}, {controls:?}: {off:e}\n{text}");
    }
    assert!(refused < 200, "{refused}");
}

#[test]
fn random_circuits_in_the_second_version() {
    let mut written = 0;
    for seed in 0..200 {
        let case = random_case(6000 + seed, 1 + seed as usize % 4, 5, false);
        let circuit = case.circuit();
        let mut rng = rng(seed);
        let (x, w) = (uniform(&mut rng, circuit.inputs()), uniform(&mut rng, case.weights));
        let weight = |of: &candlewick::circuit::Weights| w[..of.shape().iter().product()].to_vec();
        let tensors: Vec<(String, Tensor)> = circuit
            .weight_tensors()
            .iter()
            .map(|of| (of.name().to_owned(), Tensor::from_vec(weight(of), of.shape(), &Device::Cpu).expect("entries")))
            .collect();
        let given: Vec<(&str, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        match circuit.to_qasm2(&x, &given) {
            Ok(text) => {
                let off = difference(&state(&read(&text), &[], |_| vec![]), &state(&circuit, &x, weight), true);
                assert!(off < 1e-11, "seed {seed}: {off:e}\n{text}");
                written += 1;
            }
            Err(Error::NoQasm { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(written > 40, "{written}");
}

#[test]
fn declarations_come_back() {
    let mut circuit = Circuit::new(2).with_inputs(4);
    let theta = circuit.weights("theta", (2, 4));
    let start = circuit.weights_with_init("p", (), Init::Randn { mean: 0.1, stdev: 1e-7 });
    let odd = circuit.weights_with_init("größe 2", 3, Init::Const(-0.1));
    circuit.weights("unused", (2, 2));
    let gate = circuit.weights("rx", 1);
    let word = circuit.weights_with_init("while", (), Init::Uniform { lo: -1.0, up: 0.5 });
    circuit.ry(theta.at([1, 3]) * input(1) - 0.1 * start.at([]) + 1e-9, 0).rx(gate.at(0), 1);
    circuit.rz(odd.at(2) + word.at([]) * 3e17 - theta.at([0, 0]), 1).rz(0.0 * input(0), 0).p(-std::f64::consts::PI, 0);
    let near = input(0).gt(0.1) & !(input(1).lt(-1e-8) | input(2).gt(2.0)) | input(2).lt(0.3) & input(0).lt(1.0);
    circuit.when(&near, |c| c.when(input(1).gt(0.0), |c| c.h(0).controlled([0], |c| c.rx(0.2, 1)).x(1)));
    circuit.check().expect("a circuit");
    comes_back(&circuit);
}

/// Names that mean something else in the text are given to no input.
#[test]
fn odd_names_come_back() {
    let words = [
        "one_qubit_unitary",
        "pauli_rot_xy",
        "pauli_rot_",
        "rotl",
        "U",
        "gphase",
        "q",
        "c",
        "x0",
        "x0_",
        "p0",
        "a",
        "a0",
        "b",
        "π",
    ];
    let odd = ["a//b", "a/*b", "a b", "a\"b", "a;b", "a{b", "a at", "at b", "@candlewick", "a\u{2028}b", "1", "_"];
    let like =
        ["w_0_1", "w", "input", "input_", "cu1", "rzz", "sxdg", "measure", "im", "dt", "ctrl", "euler", "#pragma"];
    let mut circuit = Circuit::new(2).with_inputs(2);
    circuit.rzz(input(0), 0, 1).pauli_rot(0.3, "XY", [0, 1]).ryy(0.2, 0, 1).ecr(0, 1);
    for name in words.into_iter().chain(odd).chain(like) {
        let w = circuit.weights(name, ());
        circuit.rx(w.at([]), 0);
    }
    let matrix = circuit.weights("w_0", (2, 2));
    circuit.rx(matrix.at([0, 1]) + matrix.at([1, 0]), 0);
    circuit.check().expect("a circuit");
    comes_back(&circuit);
    circuit.unitary(&random_unitary(&mut rng(3), 2).concat(), [1, 0]);
    let back = read(&circuit.to_qasm3().expect("a text"));
    assert_eq!(back.weight_tensors(), circuit.weight_tensors());
}

/// Numbers at the ends of their range come back bit for bit.
#[test]
fn odd_numbers_come_back() {
    let mut circuit = Circuit::new(1).with_inputs(1);
    for value in [f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e16, 1e16f64.next_down(), 1e-5, 9.999e-6, 1.0 / 3.0, 1e22] {
        circuit.rx(value, 0).rx(-value * input(0), 0).p(input(0) - value, 0);
        circuit.when(input(0).gt(value) | input(0).lt(-value), |c| c.x(0));
    }
    circuit.check().expect("a circuit");
    comes_back(&circuit);
    let mut wrong = Circuit::new(1);
    wrong.rx(f64::NAN, 0);
    assert!(matches!(wrong.to_qasm3(), Err(Error::Circuit { .. })));
}

/// A matrix on two qubits is written in both versions, and one of 1 as nothing.
#[test]
fn dense_matrices_do_the_same() {
    let mut random = rng(9);
    for _ in 0..10 {
        let mut circuit = Circuit::new(3);
        (0..3).for_each(|q| _ = circuit.ry(0.4 + q as f64, q).rz(0.3 * q as f64, q));
        circuit.unitary(&random_unitary(&mut random, 2).concat(), [2, 0]);
        circuit.unitary(&random_unitary(&mut random, 1).concat(), [1]);
        let expected = state(&circuit, &[], |_| vec![]);
        for (text, up_to_phase) in [(circuit.to_qasm3(), false), (circuit.to_qasm2(&[], &[]), true)] {
            let text = text.expect("a text");
            let off = difference(&state(&read(&text), &[], |_| vec![]), &expected, up_to_phase);
            assert!(off < 1e-12, "{off:e}\n{text}");
        }
    }
    let one = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.].map(|re| C::new(re, 0.0));
    let mut circuit = Circuit::new(2);
    circuit.unitary(&one, [0, 1]);
    assert!(read(&circuit.to_qasm3().expect("a text")).operations().is_empty());
}

/// Records are bits: as far as one can see, the circuits do the same.
#[test]
fn records_are_bits() {
    let mut circuit = Circuit::new(6);
    circuit.ry(0.7, 0).cx(0, 1).measure(1, 4).h(1).controlled_on([(4, true)], |c| c.ry(0.4, 0).cx(0, 1));
    circuit.cx(4, 2).crz(0.3, 4, 1).controlled_on([(4, false), (0, true)], |c| c.h(2)).measure(0, 5);
    circuit.cu(0.1, 0.2, 0.3, 0.4, 5, 1).ccx(4, 5, 2).reset(2, 3).ry(0.9, 2).cx(0, 2);
    for text in [circuit.to_qasm3(), circuit.to_qasm2(&[], &[])].into_iter().flatten() {
        let imported = qasm::import(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let found = probabilities(&imported);
        let all = state(&circuit, &[], |_| vec![]);
        for value in 0..4u64 {
            let of = |index: usize| index as u64 >> 4 & 3 == value;
            let expected: f64 = all.iter().enumerate().filter(|(k, _)| of(*k)).map(|(_, a)| a.norm_sqr()).sum();
            let found = found.get(&value).copied().unwrap_or(0.0);
            assert!((found - expected).abs() < 1e-12, "{value}: {found} {expected}\n{text}");
        }
        // Values of the qubits that are left, too.
        for (qubit, place) in [(0, 0), (1, 1), (2, 2)] {
            let one = |circuit: &Circuit, qubit: usize| -> f64 {
                let all = state(circuit, &[], |_| vec![]);
                all.iter().enumerate().filter(|(k, _)| k >> qubit & 1 == 1).map(|(_, a)| a.norm_sqr()).sum()
            };
            let (found, expected) = (one(&imported.circuit, place), one(&circuit, qubit));
            assert!((found - expected).abs() < 1e-12, "qubit {qubit}: {found} {expected}\n{text}");
        }
    }
    circuit.to_qasm3().expect("a text");
}

/// A barrier in front of a measurement or a reset gives the text no further qubit.
#[test]
fn barriers_leave_records_bits() {
    let write = |barrier: fn(&mut Circuit)| {
        let mut circuit = Circuit::new(4);
        circuit.h(0);
        barrier(&mut circuit);
        circuit.measure(0, 2).h(0).controlled_on([(2, true)], |c| c.x(1)).reset(0, 3).cx(1, 0);
        [circuit.to_qasm3(), circuit.to_qasm2(&[], &[])].map(|text| text.expect("a text"))
    };
    let texts = write(|c| _ = c.barrier());
    assert!(texts[0].contains("qubit[2] q;") && texts[1].contains("qreg q[2];"), "{texts:?}");
    assert_eq!(texts.map(|text| text.replace("barrier q;\n", "")), write(|_| {}));
}

#[test]
fn what_has_no_form() {
    let reason = |write: fn(&mut Circuit)| {
        let mut circuit = Circuit::new(4).with_inputs(4);
        write(&mut circuit);
        let found = circuit.to_qasm3().expect_err("an error");
        assert!(circuit.to_qasm2(&[0.0; 4], &[]).is_err());
        match found {
            Error::NoQasm { operation, version: 3, reason, .. } => (operation, reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason(|c| _ = c.h(0).bit_flip(0.1, 0)), (1, "OpenQASM has no noise"));
    assert_eq!(reason(|c| _ = c.amplitude_embedding(0..4)), (0, "OpenQASM embeds no amplitudes"));
    let swap = [1., 0., 0., 0., 0., 0., 1., 0., 0., 1., 0., 0., 0., 0., 0., 1.].map(|re| C::new(re, 0.0));
    let mut circuit = Circuit::new(3);
    circuit.controlled([2], |c| c.unitary(&swap, [0, 1]));
    assert!(matches!(circuit.to_qasm2(&[], &[]), Err(Error::NoQasm { operation: 0, version: 2, .. })));
    let weights = |name: &str, init| {
        let mut circuit = Circuit::new(1);
        circuit.weights_with_init(name, 2, init);
        circuit.to_qasm3()
    };
    let uniform = Init::Uniform { lo: 0.0, up: 1.0 };
    for name in ["a[0]", "a\nb", " a", "look at it"] {
        assert!(matches!(weights(name, uniform), Err(Error::NoQasmWeights { .. })), "{name}");
    }
    let kaiming = candle_nn::init::DEFAULT_KAIMING_NORMAL;
    assert!(matches!(weights("a", kaiming), Err(Error::NoQasmWeights { .. })));
    let mut wrong = Circuit::new(1);
    wrong.x(1);
    assert!(matches!(wrong.to_qasm3(), Err(Error::Circuit { .. })));
}

/// Texts of both versions have the measurements of the text that was read, in registers of its sizes; a register of
/// records that are no bits of its own stands before them.
#[test]
fn measurements_come_back() {
    let mut counts = [0, 0];
    for (path, text) in super::cases::texts() {
        let imported = qasm::import(&text).expect("a text");
        if imported.bits.is_empty() || imported.circuit.inputs() + imported.circuit.weight_tensors().len() > 0 {
            continue;
        }
        let sizes = |imported: &qasm::Imported| imported.bits.iter().map(|one| one.bits.len()).collect::<Vec<_>>();
        let expected = probabilities(&imported);
        for (count, written) in counts.iter_mut().zip([imported.to_qasm3(), imported.to_qasm2(&[], &[])]) {
            let Ok(written) = written else { continue };
            let back = qasm::import(&written).unwrap_or_else(|error| panic!("{}: {error}\n{written}", path.display()));
            if sizes(&back) != sizes(&imported) {
                continue;
            }
            let actual = probabilities(&back);
            let off = |key: &u64| (actual.get(key).unwrap_or(&0.0) - expected.get(key).unwrap_or(&0.0)).abs();
            let worst = expected.keys().chain(actual.keys()).map(off).fold(0.0, f64::max);
            assert!(worst < 1e-12, "{}: {actual:?} instead of {expected:?}\n{written}", path.display());
            *count += 1;
        }
    }
    assert!(counts[0] >= 12 && counts[1] >= 5, "{counts:?}");
}
