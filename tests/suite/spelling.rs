//! Short notations for circuits and observables, each against the long notation.

use candlewick::prelude::*;

#[test]
fn angles_from_numbers_of_any_kind() {
    let written = |write: fn(&mut Circuit)| {
        let mut circuit = Circuit::new(1);
        write(&mut circuit);
        circuit.to_string()
    };
    assert_eq!(written(|c| _ = c.rx(1, 0)), written(|c| _ = c.rx(1.0, 0)));
    assert_eq!(written(|c| _ = c.rx(0.5f32, 0)), written(|c| _ = c.rx(0.5, 0)));
    assert_eq!(written(|c| _ = c.rx(input(0) * 2 + 1, 0)), written(|c| _ = c.rx(2.0 * input(0) + 1.0, 0)));
}

#[test]
fn entries_of_vectors_and_tensors() {
    let mut circuit = Circuit::new(1);
    let (v, w) = (circuit.weights("v", 3), circuit.weights("w", (2, 3)));
    assert_eq!(v.at(1), v.at([1]));
    for angle in [w.at(&[1, 2][..]), w.at(vec![1, 2])] {
        assert_eq!(angle, w.at([1, 2]));
    }
    circuit.rx(w.at(1), 0); // a matrix has two numbers an entry
    assert!(circuit.check().is_err());
}

#[test]
fn sums_of_observables_in_place_and_by_reference() {
    let (a, b) = (X(0) + 0.5 * Z(1), Y(1) * Z(2));
    let mut sum = Observable::default();
    for q in 0..3 {
        sum += 0.5 * Z(q);
    }
    sum -= X(1);
    sum *= 2.0;
    assert_eq!(sum, Z(0) + Z(1) + Z(2) - 2.0 * X(1));
    assert_eq!(&a + &b, a.clone() + b.clone());
    assert_eq!(&a - b.clone(), a.clone() - &b);
    assert_eq!(&Z(0) * &Z(1), Z(0) * Z(1));
    assert_eq!(0.5 * &a, &a * 0.5);
    assert_eq!(-&a, -a);
}
