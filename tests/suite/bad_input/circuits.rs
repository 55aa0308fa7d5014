//! Operations that do not fit their circuit.

use super::{refuses, written};
use candlewick::Mistake;
use candlewick::circuit::Amplitudes;
use candlewick::circuit::{MAX_QUBITS, MAX_STATE_QUBITS};
use candlewick::gate::Gate;
use candlewick::prelude::*;
use num_complex::Complex64 as C;

#[test]
fn numbers_of_qubits_that_no_circuit_has() {
    refuses(&Circuit::new(0), 0, "new", &Mistake::NoQubits, &["at least one qubit"]);
    for qubits in [MAX_QUBITS + 1, 300, 1 << 32, usize::MAX] {
        let mistake = Mistake::TooManyQubits { qubits, limit: MAX_QUBITS };
        refuses(&Circuit::new(qubits), 0, "new", &mistake, &[&qubits.to_string(), "256"]);
        // Loops over all of its qubits must not be tried.
        let circuit = written(qubits, |c| {
            c.barrier().h(0).controlled([3], |c| c.barrier().x(1).global_phase(0.1));
            c.angle_embedding(Gate::rx, [input(0)]).amplitude_embedding(0..2).basis_embedding([1.0]);
            c.iqp_embedding([input(0)], 3);
            c.basic_entangler_layers("a", 2, Gate::rx);
            c.strongly_entangling_layers("b", 2);
            c.efficient_su2("c", 2, Entanglement::Full);
            c.data_reuploading("d", 2, &[input(0)]);
            c.qaoa_layer(&Z(0), 0.1, 0.2);
            c.single_excitation(0.1, 0, 1).double_excitation(0.1, [0, 1], [2, 3]);
            c.uccsd("e", 2);
        });
        refuses(&circuit, 0, "new", &mistake, &[&qubits.to_string()]);
        refuses(&circuit.inverse(), 0, "new", &mistake, &[]);
        refuses(&circuit.repeat(usize::MAX), 0, "new", &mistake, &[]);
        refuses(&written(3, |c| _ = c.h(0).append(&circuit)), 1, "new", &mistake, &[]);
    }
    for qubits in [1, 31, 40, MAX_STATE_QUBITS, 63, 64, 65, MAX_QUBITS] {
        Circuit::new(qubits).check().expect("a circuit is not yet a state");
    }
}

#[test]
fn qubits_out_of_range() {
    for qubit in [2, 3, 63, 64, 65, 1 << 40, usize::MAX] {
        let mistake = Mistake::QubitOutOfRange { qubit, qubits: 2 };
        let words = [&*format!("qubit {qubit} "), "2 qubit(s)"];
        refuses(&written(2, |c| _ = c.h(0).cx(0, qubit)), 1, "cx", &mistake, &words);
        refuses(&written(2, |c| _ = c.rx(0.1, qubit)), 0, "rx", &mistake, &words);
        refuses(&written(2, |c| _ = c.pauli_rot(0.1, "XY", [1, qubit])), 0, "pauli_rot", &mistake, &words);
        refuses(&written(2, |c| _ = c.unitary(&[C::from(1.0); 4], [qubit])), 0, "unitary", &mistake, &words);
        let controlled = written(2, |c| _ = c.controlled([qubit], |c| c.x(0)));
        refuses(&controlled, 0, "x", &mistake, &words);
        refuses(&written(2, |c| _ = c.controlled([0], |c| c.z(qubit))), 0, "z", &mistake, &words);
    }
}

#[test]
fn repeated_qubits() {
    let mistake = Mistake::RepeatedQubit { qubit: 1 };
    let words = ["qubit 1 is used twice"];
    let all: [(&str, Circuit); 8] = [
        ("cx", written(3, |c| _ = c.cx(1, 1))),
        ("ccx", written(3, |c| _ = c.ccx(1, 0, 1))),
        ("rzz", written(3, |c| _ = c.rzz(0.1, 1, 1))),
        ("pauli_rot", written(3, |c| _ = c.pauli_rot(0.1, "XIX", [1, 0, 1]))),
        ("unitary", written(3, |c| _ = c.unitary(&[C::from(1.0); 16], [1, 1]))),
        ("h", written(3, |c| _ = c.controlled([1], |c| c.h(1)))),
        ("h", written(3, |c| _ = c.controlled([1, 1], |c| c.h(0)))),
        ("h", written(3, |c| _ = c.controlled([1], |c| c.controlled([2, 1], |c| c.h(0))))),
    ];
    for (name, circuit) in all {
        refuses(&circuit, 0, name, &mistake, &words);
    }
}

#[test]
fn wrong_numbers_of_qubits_and_angles() {
    let qubits = |expected: &str, actual| Mistake::QubitCount { expected: expected.to_owned(), actual };
    let circuit = written(3, |c| _ = c.gate(Gate::cx, [], [0]));
    refuses(&circuit, 0, "cx", &qubits("2", 1), &["expected 2 qubit(s), got 1"]);
    let circuit = written(3, |c| _ = c.gate(Gate::h, [], [0, 1]));
    refuses(&circuit, 0, "h", &qubits("1", 2), &["expected 1 qubit(s), got 2"]);
    let circuit = written(3, |c| _ = c.gate(Gate::u, [0.1.into(), 0.2.into()], [0]));
    refuses(&circuit, 0, "u", &Mistake::AngleCount { expected: 3, actual: 2 }, &["expected 3 angle(s), got 2"]);
    let circuit = written(3, |c| _ = c.gate(Gate::x, [0.1.into()], [0]));
    refuses(&circuit, 0, "x", &Mistake::AngleCount { expected: 0, actual: 1 }, &["expected 0 angle(s), got 1"]);
    let circuit = written(3, |c| _ = c.angle_embedding(Gate::cx, [input(0)]));
    refuses(&circuit, 0, "cx", &qubits("2", 1), &["expected 2 qubit(s), got 1"]);
    let circuit = written(3, |c| _ = c.two_local("w", 1, &[Gate::u], Gate::cx, Entanglement::Full));
    refuses(&circuit, 0, "u", &Mistake::AngleCount { expected: 3, actual: 1 }, &[]);
    let circuit = written(3, |c| _ = c.two_local("w", 1, &[], Gate::crx, Entanglement::Full));
    refuses(&circuit, 0, "crx", &Mistake::AngleCount { expected: 1, actual: 0 }, &[]);
}

#[test]
fn unreadable_pauli_words() {
    for (word, letter) in [("XQ", 'Q'), ("xz", 'x'), ("é", 'é'), ("Z\u{1f56f}", '\u{1f56f}'), (" X", ' '), ("X0", '0')]
    {
        let qubits = 0..word.chars().count();
        let circuit = written(3, |c| _ = c.pauli_rot(0.1, word, qubits));
        let words = [&*format!("`{letter}`"), "I, X, Y, Z"];
        refuses(&circuit, 0, "pauli_rot", &Mistake::PauliLetter { letter }, &words);
    }
    let circuit = written(3, |c| _ = c.pauli_rot(0.1, "XYZ", [0, 1]));
    let mistake = Mistake::QubitCount { expected: "3 (letters of the word)".to_owned(), actual: 2 };
    refuses(&circuit, 0, "pauli_rot", &mistake, &["expected 3", "got 2"]);
}

#[test]
fn matrices_that_are_no_unitaries() {
    let (o, l) = (C::new(0.0, 0.0), C::new(1.0, 0.0));
    let refuse = |matrix: &[C], qubits: &[usize], mistake: &Mistake, words: &[&str]| {
        let circuit = written(7, |c| _ = c.h(0).unitary(matrix, qubits.iter().copied()));
        refuses(&circuit, 1, "unitary", mistake, words);
    };
    let count = |actual| Mistake::QubitCount { expected: "1 to 6".to_owned(), actual };
    refuse(&[l], &[], &count(0), &["expected 1 to 6", "got 0"]);
    refuse(&[], &[0, 1, 2, 3, 4, 5, 6], &count(7), &["expected 1 to 6", "got 7"]);
    for actual in [0, 1, 3, 5, 16] {
        let words = ["expected 4", &format!("got {actual}")];
        refuse(&vec![l; actual], &[0], &Mistake::MatrixSize { expected: 4, actual }, &words);
    }
    let not_unitary = |deviation| Mistake::NotUnitary { deviation, allowed: 2.0 * 1e-6 * 2f64.sqrt() };
    refuse(&[l, o, o, o], &[0], &not_unitary(1.0), &["not unitary", "1.0e0", "2.8e-6"]);
    refuse(&[2.0 * l, o, o, l], &[0], &not_unitary(3.0), &["not unitary", "3.0e0"]);
    refuse(&[1e200 * l, o, o, l], &[0], &not_unitary(f64::INFINITY), &["not unitary", "inf"]);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mistake = Mistake::NotFinite { what: "a matrix entry", value };
        refuse(&[l, o, o, C::new(0.0, value)], &[0], &mistake, &["matrix entry", &value.to_string()]);
    }
    written(1, |c| _ = c.unitary(&[(1.0 + 1e-6) * l, o, o, l], [0])).check().expect("within the tolerance");
}

#[test]
fn constants_that_are_not_finite() {
    let infinite = f64::INFINITY;
    let all: [(f64, Angle); 9] = [
        (f64::NAN, f64::NAN.into()),
        (infinite, infinite.into()),
        (-infinite, (-infinite).into()),
        (infinite, infinite * input(0)),
        (f64::NAN, input(0) * f64::NAN + 1.0),
        (infinite, input(0) / 0.0),
        (f64::NAN, Angle::from(0.0) / 0.0),
        (infinite, 1e200 * (input(0) * 1e200)),
        (f64::NAN, Angle::from(infinite) - infinite),
    ];
    for (value, angle) in all {
        let mistake = Mistake::NotFinite { what: "the angle", value };
        let words = ["the angle is", &*value.to_string(), "not finite"];
        let circuit = written(2, |c| _ = c.x(0).crx(&angle, 0, 1));
        refuses(&circuit, 1, "crx", &mistake, &words);
        refuses(&written(2, |c| _ = c.global_phase(&angle)), 0, "global_phase", &mistake, &words);
        refuses(&written(2, |c| _ = c.pauli_rot(&angle, "X", [0])), 0, "pauli_rot", &mistake, &words);
    }
}

#[test]
fn angles_of_degree_three() {
    let square = || input(0) * input(1);
    for (degree, angle) in [(3, square() * input(0)), (3, input(0) * square()), (4, square() * square() + 1.0)] {
        let circuit = written(1, |c| _ = c.ry(angle, 0));
        let words = ["products of two variables", &*format!("not of {degree}")];
        refuses(&circuit, 0, "ry", &Mistake::AngleDegree { degree }, &words);
    }
    // A constant factor is no degree.
    written(1, |c| _ = c.ry((square() + 1.0) * 2.0, 0)).check().expect("degree two");
}

#[test]
fn embeddings_on_used_qubits_or_more_than_once() {
    let (touched, second) = (Mistake::QubitTouched { qubit: 0 }, Mistake::SecondEmbedding);
    let unitary = Mistake::EmbeddingNotUnitary;
    let embedded = || written(2, |c| _ = c.amplitude_embedding(0..4).h(0));
    let name = "amplitude_embedding";
    refuses(&written(2, |c| _ = c.h(0).amplitude_embedding(0..4)), 1, name, &touched, &["used before"]);
    refuses(&written(2, |c| _ = c.amplitude_embedding(0..4).amplitude_embedding(0..4)), 1, name, &second, &["once"]);
    refuses(&embedded().repeat(2), 2, name, &second, &[]);
    refuses(&written(2, |c| _ = c.h(0).append(&embedded())), 1, name, &touched, &[]);
    refuses(&embedded().inverse(), 1, "inverse", &unitary, &["cannot be inverted"]);
    let controlled = written(3, |c| _ = c.controlled([2], |c| c.amplitude_embedding(0..4)));
    refuses(&controlled, 0, name, &Mistake::RepeatedQubit { qubit: 2 }, &[]);
    let appended = written(3, |c| _ = c.controlled([2], |c| c.append(&embedded())));
    refuses(&appended, 0, name, &unitary, &["controlled"]);
    let odd = |c: &mut Circuit| {
        _ = c.amplitude_embedding_on(0..3, [0, 1], Amplitudes { complex: true, ..Default::default() })
    };
    assert!(written(2, odd).check().unwrap_err().to_string().contains("even number"));
    let many = |c: &mut Circuit| _ = c.amplitude_embedding_on(0..5, [0, 1], Amplitudes::default());
    assert!(written(3, many).check().unwrap_err().to_string().contains("at most 4"));
    // These are no mistakes.
    written(2, |c| _ = c.h(1).amplitude_embedding(0..2)).check().expect("qubit 0 is still in 0");
    written(2, |c| _ = c.barrier().amplitude_embedding(0..4)).check().expect("a barrier does nothing");
    embedded().repeat(1).check().expect("once is once");
}

/// Each block is a call within the one around it: there is an end before the stack's.
#[test]
fn blocks_within_blocks() {
    fn controlled(c: &mut Circuit, depth: usize) -> &mut Circuit {
        if depth > 0 { c.controlled([], |c| controlled(c, depth - 1)) } else { c.x(0) }
    }
    fn when(c: &mut Circuit, depth: usize) -> &mut Circuit {
        if depth > 0 { c.when(input(0).gt(0.0), |c| when(c, depth - 1)) } else { c }
    }
    let limit = Mistake::NestedTooDeep { limit: 256 };
    refuses(&written(1, |c| _ = controlled(c, usize::MAX)), 0, "controlled", &limit, &["256"]);
    refuses(&written(1, |c| _ = c.h(0).when(input(0).lt(1.0), |c| when(c, 1 << 40))), 1, "controlled", &limit, &[]);
    let sound = written(1, |c| _ = controlled(c, 256));
    assert_eq!(sound.operations(), written(1, |c| _ = c.x(0)).operations());
    sound.check().expect("deep enough for anybody");
}

/// A flip of a qubit that is no longer in 0 would undo what was prepared there.
#[test]
fn states_that_are_prepared_twice() {
    let used = |qubit| Mistake::QubitTouched { qubit };
    let words = ["has been used before"];
    let hydrogen = |c: &mut Circuit, name: &str| drop(c.uccsd(name, 2));
    let twice = written(4, |c| {
        hydrogen(c, "first");
        hydrogen(c, "second");
    });
    let length = written(4, |c| hydrogen(c, "first")).operations().len();
    refuses(&twice, length, "uccsd", &used(0), &words);
    refuses(&written(4, |c| drop(c.ry(0.1, 3).uccsd_layers("w", 2, 2))), 1, "uccsd_layers", &used(3), &words);
    refuses(&written(4, |c| _ = c.hartree_fock(2).hartree_fock(1)), 2, "hartree_fock", &used(0), &words);
    refuses(&written(3, |c| _ = c.h(1).basis_embedding([0.0, 0.0])), 1, "basis_embedding", &used(1), &words);
    refuses(&written(3, |c| _ = c.cx(0, 2).basis_embedding((0..3).map(input))), 1, "basis_embedding", &used(0), &[]);
    refuses(
        &written(2, |c| _ = c.amplitude_embedding(0..2).basis_embedding([1.0])),
        1,
        "basis_embedding",
        &used(0),
        &[],
    );
    // The same through other circuits, and under controls and conditions.
    let prepared = written(2, |c| _ = c.basis_embedding([1.0]));
    refuses(&written(3, |c| _ = c.x(0).append(&prepared)), 1, "append", &used(0), &words);
    refuses(&prepared.repeat(2), 1, "append", &used(0), &words);
    let nested = written(3, |c| _ = c.x(0).controlled([2], |c| c.basis_embedding([1.0])));
    refuses(&nested, 1, "basis_embedding", &used(0), &words);
    let nested = written(3, |c| _ = c.when(input(0).gt(0.0), |c| c.hartree_fock(1)));
    refuses(&written(3, |c| _ = c.append(&nested).append(&nested)), 1, "append", &used(0), &words);
    let odd = |c: &mut Circuit| {
        _ = c.amplitude_embedding_on(0..3, [0, 1], Amplitudes { complex: true, ..Default::default() })
    };
    assert!(written(2, odd).check().unwrap_err().to_string().contains("even number"));
    let many = |c: &mut Circuit| _ = c.amplitude_embedding_on(0..5, [0, 1], Amplitudes::default());
    assert!(written(3, many).check().unwrap_err().to_string().contains("at most 4"));
    // These are no mistakes.
    written(2, |c| _ = c.h(1).amplitude_embedding(0..2)).check().expect("qubit 0 is still in 0");
    for sound in [
        written(4, |c| _ = c.h(3).barrier().hartree_fock(2)),
        written(3, |c| _ = c.basis_embedding([1.0]).append(&prepared.inverse())),
        written(3, |c| _ = c.x(0).reset(0, 2).hartree_fock(1)),
        prepared.repeat(1),
    ] {
        sound.check().expect("qubits are in 0");
    }
}

#[test]
fn features_that_do_not_fit() {
    let length = |expected: &str, actual| Mistake::Length { what: "feature(s)", expected: expected.to_owned(), actual };
    let features = || (0..3).map(input);
    let words = ["expected at most 2 feature(s), got 3"];
    let too_many = length("at most 2", 3);
    refuses(&written(2, |c| _ = c.angle_embedding(Gate::rx, features())), 0, "angle_embedding", &too_many, &words);
    refuses(&written(2, |c| _ = c.basis_embedding(features())), 0, "basis_embedding", &too_many, &words);
    refuses(&written(2, |c| _ = c.iqp_embedding(features(), 1)), 0, "iqp_embedding", &too_many, &words);
    let amplitudes = |range| written(2, |c| _ = c.amplitude_embedding(range));
    let name = "amplitude_embedding";
    refuses(&amplitudes(0..5), 0, name, &length("at most 4", 5), &["at most 4", "got 5"]);
    refuses(&amplitudes(0..usize::MAX), 0, name, &length("at most 4", usize::MAX), &["at most 4"]);
    refuses(&amplitudes(3..3), 0, name, &length("1 or more", 0), &["1 or more", "got 0"]);
    #[allow(clippy::reversed_empty_ranges, reason = "that is the bad input")]
    refuses(&amplitudes(4..1), 0, name, &length("1 or more", 0), &["1 or more", "got 0"]);
}

#[test]
fn costs_that_are_not_diagonal() {
    for cost in [X(0), Z(0) * Y(1), Observable::diagonal([0.0, 1.0])] {
        let circuit = written(2, |c| _ = c.h(0).qaoa_layer(&cost, 0.1, 0.2));
        refuses(&circuit, 1, "qaoa_layer", &Mistake::NotDiagonal, &["words of Z only"]);
    }
    let circuit = written(2, |c| _ = c.qaoa_layer(&Z(300), 0.1, 0.2));
    refuses(&circuit, 0, "qaoa_layer", &Mistake::QubitOutOfRange { qubit: 300, qubits: MAX_QUBITS }, &["qubit 300"]);
    let circuit = written(2, |c| _ = c.qaoa_layer(&Z(2), 0.1, 0.2));
    refuses(&circuit, 0, "pauli_rot", &Mistake::QubitOutOfRange { qubit: 2, qubits: 2 }, &["qubit 2"]);
}

#[test]
fn excitations_of_what_is_not_there() {
    let single = |from, to| written(3, |c| _ = c.h(0).single_excitation(0.1, from, to));
    let double = |from, to| written(4, |c| _ = c.double_excitation(0.1, from, to));
    for qubit in [3, 64, usize::MAX] {
        let mistake = Mistake::QubitOutOfRange { qubit, qubits: 3 };
        refuses(&single(0, qubit), 1, "single_excitation", &mistake, &[&qubit.to_string(), "3 qubit(s)"]);
        refuses(&single(qubit, 0), 1, "single_excitation", &mistake, &[]);
    }
    refuses(&single(2, 2), 1, "single_excitation", &Mistake::RepeatedQubit { qubit: 2 }, &["qubit 2"]);
    for (from, to) in [([0, 0], [1, 2]), ([0, 1], [2, 0]), ([1, 0], [0, 2]), ([2, 1], [0, 0])] {
        refuses(&double(from, to), 0, "double_excitation", &Mistake::RepeatedQubit { qubit: 0 }, &["qubit 0"]);
    }
    refuses(&written(2, |c| _ = c.single_excitation(f64::NAN, 0, 1)), 0, "pauli_rot", &not_a_number(), &["NaN"]);
    let electrons = |actual| Mistake::Length { what: "electron(s)", expected: "at most 3".to_owned(), actual };
    for actual in [4, usize::MAX] {
        let words = ["at most 3 electron(s)", &actual.to_string()];
        refuses(&written(3, |c| _ = c.hartree_fock(actual)), 0, "hartree_fock", &electrons(actual), &words);
        refuses(&written(3, |c| drop(c.uccsd("w", actual))), 0, "uccsd", &electrons(actual), &words);
    }
}

fn not_a_number() -> Mistake {
    Mistake::NotFinite { what: "the angle", value: f64::NAN }
}

#[test]
fn a_larger_circuit_does_not_fit_into_a_smaller() {
    let circuit = written(2, |c| _ = c.h(0).append(&Circuit::new(3)));
    let mistake = Mistake::CircuitSize { qubits: 2, other: 3 };
    refuses(&circuit, 1, "append", &mistake, &["3 qubit(s)", "into one of 2"]);
}

/// Nothing behind the first mistake is taken, wherever it was made.
#[test]
fn the_first_mistake_wins() {
    let mistake = Mistake::QubitOutOfRange { qubit: 9, qubits: 2 };
    let broken = || written(2, |c| _ = c.h(0).z(9).rx(f64::NAN, 0).h(1));
    refuses(&broken(), 1, "z", &mistake, &["qubit 9"]);
    assert_eq!(broken().operations().len(), 1);
    refuses(&written(2, |c| _ = c.y(0).append(&broken()).cx(0, 0)), 2, "z", &mistake, &[]);
    refuses(&broken().inverse(), 1, "z", &mistake, &[]);
    refuses(&broken().repeat(3), 1, "z", &mistake, &[]);
    refuses(&broken().with_inputs(0), 1, "z", &mistake, &[]);
    let inside = written(2, |c| _ = c.y(0).controlled([1], |c| c.x(0).z(9).y(7)).cx(0, 0));
    refuses(&inside, 2, "z", &mistake, &[]);
    // The controls spoil the operation before the body's own mistake.
    let outside = written(2, |c| _ = c.controlled([0], |c| c.x(0).z(9)));
    refuses(&outside, 0, "x", &Mistake::RepeatedQubit { qubit: 0 }, &[]);
}

#[test]
fn a_barrier_may_stand_under_controls() {
    let circuit = written(3, |c| _ = c.controlled([0], |c| c.x(1).barrier().x(2)));
    circuit.check().expect("a barrier acts on nothing");
    let names: Vec<&str> = circuit.operations().iter().map(|operation| operation.name()).collect();
    assert_eq!(names, ["x", "barrier", "x"]);
}
