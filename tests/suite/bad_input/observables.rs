//! Invalid observables and measurements.

use super::{says, written};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candlewick::circuit::MAX_QUBITS;
use candlewick::diagnostics::{FourierConfig, fourier_spectrum};
use candlewick::prelude::*;
use candlewick::program::Program;
use candlewick::states::shadows::ClassicalShadow;
use candlewick::variational::{Vqe, VqeConfig};
use candlewick::{Error, Mistake, functional};
use num_complex::Complex64 as C;

/// The error of measuring `measurement` on two qubits, the same wherever it is met.
#[track_caller]
fn error(measurement: &Measurement) -> Error {
    let circuit = written(2, |c| _ = c.h(0));
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let error = Program::new(&circuit, measurement).expect_err("an error");
    let others = [
        QuantumLayer::new(circuit.clone(), measurement.clone(), vb).expect_err("an error"),
        functional::evaluate(&circuit, measurement, None, &[]).expect_err("an error"),
    ];
    others.iter().for_each(|other| assert_eq!(other.to_string(), error.to_string()));
    error
}

/// Asserts that the observable, second in an expectation and a variance, is refused for this mistake in these words.
#[track_caller]
fn refuses(observable: &Observable, mistake: &Mistake, words: &[&str]) {
    for measurement in
        [Measurement::expectation([Z(0), observable.clone()]), Measurement::variance([Z(0), observable.clone()])]
    {
        let error = error(&measurement);
        says(&error.to_string(), &["observable 1"]);
        says(&error.to_string(), words);
        let Error::Observable { index: 1, mistake: found } = &error else { panic!("{error:?}") };
        assert_eq!(format!("{found:?}"), format!("{mistake:?}"));
    }
}

#[test]
fn sums_that_are_not_hermitian() {
    for (observable, deviation) in
        [(X(0) * Y(0), 1.0), (0.5 * Z(0) * X(0) + Z(1), 0.5), (3.0 * (X(0) * Y(0)) * Z(1), 3.0)]
    {
        let Err(Error::Observable { mistake: Mistake::NotHermitian { deviation: found, allowed }, .. }) =
            Program::new(&Circuit::new(2), &Measurement::expectation([observable.clone()]))
        else {
            panic!("{observable:?} is not Hermitian")
        };
        assert_eq!(found, deviation);
        refuses(&observable, &Mistake::NotHermitian { deviation, allowed }, &["not Hermitian", "deviation"]);
    }
    let sound = X(0) * Y(0) * Z(0);
    assert!(Program::new(&Circuit::new(2), &Measurement::expectation([sound])).is_err(), "XYZ is i");
    let commutator = X(0) * Y(0) + Y(0) * X(0) + Z(0);
    Program::new(&Circuit::new(2), &Measurement::expectation([commutator])).expect("XY + YX is 0");
}

#[test]
fn qubits_out_of_range() {
    let matrix = [C::from(1.0); 4];
    for (observable, qubit) in [
        (Z(2), 2),
        (X(0) * Z(5), 5),
        (Observable::diagonal([0.0; 8]), 2),
        (Observable::projector([true; 4]), 3),
        (Observable::diagonal_on([0.0, 1.0], [4]), 4),
        (Observable::projector_on([(0, true), (3, false)]), 3),
        (Observable::projector_on([(2, true)]) * X(0), 2),
        (Observable::hermitian(&matrix, [3]), 3),
        (Observable::pauli_sum([(1.0, "X0 Z57")]), 57),
    ] {
        refuses(
            &observable,
            &Mistake::QubitOutOfRange { qubit, qubits: 2 },
            &[&format!("qubit {qubit} "), "2 qubit(s)"],
        );
    }
    for qubit in [MAX_QUBITS, 300, usize::MAX] {
        let mistake = Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS };
        for observable in [
            X(qubit),
            Y(qubit),
            Z(0) * Z(qubit),
            Observable::hermitian(&matrix, [qubit]),
            Observable::diagonal_on([0.0, 1.0], [qubit]),
            Observable::projector_on([(0, false), (qubit, true)]),
        ] {
            refuses(&observable, &mistake, &[&format!("qubit {qubit} ")]);
        }
        refuses(&Observable::pauli_sum([(1.0, &*format!("X0 Z{qubit}"))]), &mistake, &[&format!("qubit {qubit} ")]);
    }
    let repeated = Mistake::RepeatedQubit { qubit: 1 };
    refuses(&Observable::diagonal_on([0.0; 8], [1, 0, 1]), &repeated, &["qubit 1"]);
    refuses(&Observable::projector_on([(1, true), (1, true)]), &repeated, &["qubit 1"]);
    let many = Mistake::TooManyQubits { qubits: 300, limit: MAX_QUBITS };
    refuses(&Observable::diagonal_on([], 0..300), &many, &["300", "256"]);
    refuses(&Observable::projector_on((0..300).map(|q| (q, true))), &many, &["300", "256"]);
    let bits = vec![false; 300];
    refuses(&Observable::projector(bits), &Mistake::TooManyQubits { qubits: 300, limit: MAX_QUBITS }, &["300", "256"]);
}

#[test]
fn unreadable_words() {
    for text in [
        "Q0",
        "X",
        "0X",
        "X-1",
        "X+0",
        "X1.5",
        "X0Y1",
        "x0",
        "é0",
        "Xé",
        "XX0",
        "X0, Y1",
        "X 0",
        "Z0x1",
        "X99999999999999999999999",
        "\u{1f56f}",
    ] {
        let mistake = Mistake::PauliWord { text: text.to_owned() };
        refuses(&Observable::pauli_sum([(1.0, "Z0"), (0.5, text)]), &mistake, &[&format!("`{text}`"), "X0 Y2 Z3"]);
    }
    let spaces = Observable::pauli_sum([(1.0, "  Z0\t X1 \n"), (2.0, " ")]);
    assert_eq!(spaces, Z(0) * X(1) + 2.0 * Observable::identity());
    assert_eq!(Observable::pauli_sum([(2.0, "X0 X0 I1")]), 2.0 * Observable::identity());
}

#[test]
fn values_of_wrong_number_or_not_finite() {
    for actual in [0, 3, 5, 6, 7] {
        let length = Mistake::Length { what: "diagonal values", expected: "a power of two".to_owned(), actual };
        let words = ["a power of two", &*format!("got {actual}")];
        refuses(&Observable::diagonal(vec![0.5; actual]), &length, &words);
    }
    for actual in [0, 1, 2, 3, 5, 8, 100] {
        let length = Mistake::Length { what: "diagonal values", expected: "4".to_owned(), actual };
        refuses(&Observable::diagonal_on(vec![0.5; actual], [1, 0]), &length, &["4", &format!("got {actual}")]);
    }
    // A list without an end is not read to its end.
    let endless = Mistake::Length { what: "diagonal values", expected: "2".to_owned(), actual: usize::MAX };
    refuses(&Observable::diagonal_on(std::iter::repeat(0.5), [1]), &endless, &["expected 2"]);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mistake = |what| Mistake::NotFinite { what, value };
        refuses(&Observable::diagonal([1.0, value]), &mistake("a diagonal value"), &["diagonal value"]);
        refuses(&Observable::diagonal_on([1.0, value], [1]), &mistake("a diagonal value"), &["diagonal value"]);
        let entries = [C::from(value), C::default(), C::default(), C::default()];
        // A modulus has no sign.
        let modulus = Mistake::NotFinite { what: "a matrix entry", value: value.abs() };
        refuses(&Observable::hermitian(&entries, [0]), &modulus, &["matrix entry"]);
        refuses(&(value * Observable::diagonal([1.0, 2.0])), &mistake("a coefficient"), &["a coefficient"]);
        let sum = Z(1) + Observable::pauli_sum([(value, "Z0")]);
        let Error::Observable { mistake: Mistake::NotFinite { what: "a coefficient", .. }, .. } =
            error(&Measurement::expectation([sum]))
        else {
            panic!("{value} is not finite")
        };
    }
}

#[test]
fn matrices_that_are_no_observables() {
    let (o, l, i) = (C::default(), C::from(1.0), C::i());
    let count = |actual| Mistake::QubitCount { expected: "1 to 10".to_owned(), actual };
    refuses(&Observable::hermitian(&[l], []), &count(0), &["1 to 10", "got 0"]);
    refuses(&Observable::hermitian(&[l], 0..11), &count(11), &["1 to 10", "got 11"]);
    let size = Mistake::MatrixSize { expected: 1 << 14, actual: 1 };
    refuses(&Observable::hermitian(&[l], 0..7), &size, &["expected 16384", "got 1"]);
    refuses(&Observable::hermitian(&[l; 16], [1, 1]), &Mistake::RepeatedQubit { qubit: 1 }, &["qubit 1"]);
    let size = Mistake::MatrixSize { expected: 4, actual: 3 };
    refuses(&Observable::hermitian(&[l; 3], [0]), &size, &["expected 4", "got 3"]);
    for (matrix, deviation) in [([l, l, o, l], 1.0), ([l, i, i, l], 2.0), ([i, o, o, l], 2.0)] {
        let mistake = Mistake::NotHermitian { deviation, allowed: 1e-6 };
        refuses(&Observable::hermitian(&matrix, [0]), &mistake, &["not Hermitian", ".0e0", "1.0e-6"]);
    }
}

/// A product of operators that do not commute is not Hermitian, as `X(0) * Y(0)` is not.
#[test]
fn products_that_are_not_hermitian() {
    let (o, l) = (C::default(), C::from(1.0));
    let flip = || Observable::hermitian(&[o, l, l, o], [0]);
    let hit = || Observable::projector_on([(0, true)]);
    for product in [
        X(0) * hit(),
        hit() * Y(0),
        Observable::diagonal([0.0, 1.0]) * X(0),
        Z(0) * flip(),
        flip() * hit(),
        flip() * Observable::hermitian(&[l, o, o, -l], [0]),
        (X(0) * Y(0)) * Observable::projector_on([(1, true)]),
        X(0) * Observable::projector((0..7).map(|_| true)),
    ] {
        let circuit = Circuit::new(7);
        let error = Program::new(&circuit, &Measurement::expectation([Z(0), product])).expect_err("no observable");
        let Error::Observable { index: 1, mistake: Mistake::NotHermitian { deviation, allowed } } = error else {
            panic!("{error}")
        };
        assert!(deviation > allowed, "{deviation} {allowed}");
    }
    // The first mistake stays the one that is told.
    let first = Z(300) * (Observable::diagonal([0.0, 1.0]) * X(0)) + Observable::diagonal([1.0; 3]);
    refuses(&first, &Mistake::QubitOutOfRange { qubit: 300, qubits: MAX_QUBITS }, &["qubit 300"]);
}

/// The size of a product is checked before there is any memory for it.
#[test]
fn products_that_are_too_large() {
    let wide = |qubits: usize| Observable::projector((0..qubits).map(|q| q % 2 == 0));
    let words = |needed: u64| Mistake::Expansion { what: "Pauli words", needed, limit: 1 << 20 };
    refuses(&(wide(21) * X(30)), &words(1 << 21), &["2097152 Pauli words", "1048576"]);
    refuses(&(wide(57) * X(57)), &words(1 << 57), &["144115188075855872", "1048576"]);
    let dense = |first: usize| {
        let entry = |k: usize| C::from(f64::from(u8::from(k / 64 == k % 64)) + 0.5);
        Observable::hermitian(&(0..4096).map(entry).collect::<Vec<_>>(), first..first + 6)
    };
    refuses(&(dense(0) * dense(6)), &words(1 << 24), &["16777216", "1048576"]);
    refuses(&(wide(57) * dense(52)), &words(u64::MAX), &["1048576"]);
    // Each factor of a sum counts.
    let sum = (20..30).map(X).sum::<Observable>();
    refuses(&(wide(17) * sum), &words(9 << 17), &["1179648", "1048576"]);
    let error = wide(21).pauli_terms().expect_err("too many words");
    says(&error.to_string(), &["2097152 Pauli words", "1048576"]);
    let error = (Z(0) * X(0)).pauli_terms().expect_err("not Hermitian");
    says(&error.to_string(), &["not Hermitian"]);
}

#[test]
fn measurements_of_nothing_or_of_the_wrong_qubits() {
    let nothing = || [Measurement::expectation([]), Measurement::variance([]), Measurement::probabilities([])];
    let beside = nothing().map(|one| Measurement::all([Measurement::probabilities([0]), one]));
    for measurement in nothing().into_iter().chain(beside).chain([Measurement::all([])]) {
        let error = error(&measurement);
        assert!(matches!(error, Error::Measurement(Mistake::NothingMeasured)), "{error:?}");
        says(&error.to_string(), &["nothing is measured"]);
    }
    for qubit in [2, 64, usize::MAX] {
        let error = error(&Measurement::probabilities([0, qubit]));
        let Error::Measurement(Mistake::QubitOutOfRange { qubit: found, qubits: 2 }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(found, qubit);
        says(&error.to_string(), &[&format!("qubit {qubit} "), "2 qubit(s)"]);
    }
    let error = error(&Measurement::probabilities([1, 0, 1]));
    assert!(matches!(error, Error::Measurement(Mistake::RepeatedQubit { qubit: 1 })), "{error:?}");
    let all = Measurement::all([
        Measurement::expectation([Z(0), X(1)]),
        Measurement::probabilities([0]),
        Measurement::variance([Z(1), Z(2)]),
    ]);
    let Error::Observable { index: 3, mistake: Mistake::QubitOutOfRange { qubit: 2, qubits: 2 } } = self::error(&all)
    else {
        panic!("the fourth observable")
    };
    let endless = Measurement::all(std::iter::repeat_with(Measurement::state));
    let error = self::error(&endless);
    let Error::Observable { mistake: Mistake::TooMany { what: "measurements", limit }, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(limit, 1 << 20);
    // Asked for shapes that cannot be, it does not panic.
    assert_eq!(Measurement::probabilities(0..100).output_shape(2), [usize::MAX]);
    assert_eq!(Measurement::state().output_shape(usize::MAX), [usize::MAX, 2]);
    assert_eq!(Measurement::all([Measurement::state(), Measurement::state()]).output_shape(63), [usize::MAX]);
}

/// An empty sum is the zero operator.
#[test]
fn a_sum_of_nothing_is_zero() -> anyhow::Result<()> {
    let nothing = [Observable::default(), Observable::pauli_sum([]), [].into_iter().sum(), 0.0 * Z(0)];
    let circuit = written(2, |c| _ = c.h(0));
    for measurement in [Measurement::expectation(nothing.clone()), Measurement::variance(nothing)] {
        let y = functional::evaluate(&circuit, &measurement, None, &[])?;
        assert_eq!(y.to_vec1::<f32>()?, [0.0; 4]);
    }
    Ok(())
}

/// Expressions as coefficients: of weights and inputs that the circuit does not have, or where there is no circuit.
#[test]
fn coefficients_that_have_no_value() -> anyhow::Result<()> {
    let w = Circuit::new(1).weights("w", 2);
    refuses_in_expectation(
        &(w.at(0) * Z(0)),
        |mistake| matches!(mistake, Mistake::UnknownWeights { name } if name == "w"),
    );
    refuses_in_expectation(&(input(2) * Z(0)), |mistake| {
        matches!(mistake, Mistake::InputOutOfRange { index: 2, width: 0 })
    });
    refuses_in_expectation(&(input(0) * input(1) * (input(2) * Z(0))), |mistake| {
        matches!(mistake, Mistake::AngleDegree { degree: 3 })
    });
    refuses_in_expectation(&((input(0) * X(0)) * Y(0)), |mistake| matches!(mistake, Mistake::NotHermitian { .. }));
    refuses_in_expectation(&(input(0) * Z(2)), |mistake| {
        matches!(mistake, Mistake::QubitOutOfRange { qubit: 2, qubits: 2 })
    });
    refuses_in_expectation(&(w.at(5) * Z(0)), |mistake| matches!(mistake, Mistake::WeightIndex { .. }));
    refuses_in_expectation(&(input(0) * (f64::NAN * Z(0))), |mistake| matches!(mistake, Mistake::NotFinite { .. }));

    let expression = Z(0) + 2.0 * input(0) * X(1);
    let no_constant = |error: Error| {
        says(&error.to_string(), &["x0 is an expression"]);
        assert!(matches!(
            error,
            Error::Observable { mistake: Mistake::VariableCoefficient { .. }, .. }
                | Error::Circuit { mistake: Mistake::VariableCoefficient { .. }, .. }
        ));
    };
    let circuit = written(2, |c| _ = c.ry(input(0), 0));
    no_constant(Program::new(&circuit, &Measurement::variance([expression.clone()])).expect_err("a variance"));
    no_constant(expression.pauli_terms().expect_err("no circuit"));
    no_constant(written(2, |c| _ = c.qaoa_layer(&(2.0 * (input(0) * Z(0))), 0.1, 0.2)).check().expect_err("a cost"));
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layer = QuantumLayer::new(circuit.clone(), Measurement::expectation([Z(0)]), vb)?;
    let x = Tensor::new(&[0.3f32], &Device::Cpu)?;
    no_constant(layer.sample_in(&expression, Some(&x), 3).expect_err("no basis"));
    let shadow = ClassicalShadow::collect(&circuit, Some(&x), &[], 5, 1)?;
    no_constant(shadow.expectation(&expression, 1).expect_err("no circuit"));
    no_constant(fourier_spectrum(&circuit, &expression, &[], FourierConfig::default()).expect_err("no polynomial"));
    no_constant(Vqe::new(written(1, |c| _ = c.x(0)), expression, VqeConfig::default()).expect_err("no bottom"));
    Ok(())
}

/// Asserts that an expectation refuses the observable, its second, for such a mistake.
#[track_caller]
fn refuses_in_expectation(observable: &Observable, is_wanted: impl Fn(&Mistake) -> bool) {
    let error = error(&Measurement::expectation([Z(0), observable.clone()]));
    let Error::Observable { index: 1, mistake } = &error else { panic!("{error:?}") };
    assert!(is_wanted(mistake), "{mistake:?}");
}

#[test]
fn conditions_that_are_none() {
    let z = || Measurement::expectation([Z(0)]);
    for (values, is_wanted) in [
        (vec![(2, true)], (|m| matches!(m, Mistake::QubitOutOfRange { qubit: 2, qubits: 2 })) as fn(&Mistake) -> bool),
        (vec![(0, true), (0, false)], |m| matches!(m, Mistake::RepeatedQubit { qubit: 0 })),
        (vec![(usize::MAX, true)], |m| matches!(m, Mistake::QubitOutOfRange { qubit: usize::MAX, .. })),
    ] {
        let error = error(&z().postselect(values.clone()));
        let Error::Measurement(mistake) = &error else { panic!("{values:?}: {error:?}") };
        assert!(is_wanted(mistake), "{values:?}: {mistake:?}");
    }
    let endless = error(&z().postselect(std::iter::repeat((0, true))));
    assert!(matches!(endless, Error::Measurement(Mistake::TooManyQubits { .. })), "{endless:?}");
    for of in [
        Measurement::state(),
        Measurement::variance([Z(0)]),
        z().postselect([(1, true)]),
        Measurement::all([z(), z().postselect([(1, true)])]),
    ] {
        let error = error(&of.postselect([(0, true)]));
        assert!(matches!(error, Error::Measurement(Mistake::NotPostselectable)), "{error:?}");
    }
    let nothing = error(&Measurement::all([]).postselect([(0, true)]));
    assert!(matches!(nothing, Error::Measurement(Mistake::NothingMeasured)), "{nothing:?}");
}

/// A condition that never holds has the probability 0 and no values; a condition on nothing always holds.
#[test]
fn conditions_that_never_or_always_hold() -> anyhow::Result<()> {
    let circuit = written(2, |c| _ = c.h(0));
    let read = |values: &[(usize, bool)]| -> anyhow::Result<Vec<f32>> {
        let measurement = Measurement::expectation([Z(0), X(0)]).postselect(values.iter().copied());
        Ok(functional::evaluate(&circuit, &measurement, None, &[])?.to_vec1()?)
    };
    let [z, x, p] = read(&[(1, true)])?[..] else { panic!("three outputs") };
    assert!(z.is_nan() && x.is_nan() && p == 0.0);
    let all = read(&[])?;
    assert!(all.iter().zip([0.0, 1.0, 1.0]).all(|(found, expected)| (found - expected).abs() < 1e-6), "{all:?}");
    Ok(())
}
