//! The gate table against matrices typed in by hand from Qiskit's and OpenQASM's definitions.
//!
//! All other tests in this suite assume that `Gate::matrix` is right. Order is little-endian: a gate's first qubit is
//! the low bit.

use crate::lab::close;
use crate::oracle::{rng, uniform};
use candlewick::gate::Gate;
use num_complex::Complex64 as C;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

type Matrix = Vec<Vec<C>>;

const O: C = C::new(0.0, 0.0);
const L: C = C::new(1.0, 0.0);
const I: C = C::new(0.0, 1.0);
const R: C = C::new(FRAC_1_SQRT_2, 0.0);

fn rows<const N: usize>(rows: [[C; N]; N]) -> Matrix {
    rows.iter().map(|row| row.to_vec()).collect()
}

fn diagonal<const N: usize>(entries: [C; N]) -> Matrix {
    (0..N).map(|r| (0..N).map(|c| if r == c { entries[r] } else { O }).collect()).collect()
}

fn exchange(size: usize, a: usize, b: usize) -> Matrix {
    let mut matrix: Matrix = (0..size).map(|r| (0..size).map(|c| if r == c { L } else { O }).collect()).collect();
    matrix.swap(a, b);
    matrix
}

/// `U(θ, φ, λ)` as Qiskit's documentation prints it, times a phase.
fn u(theta: f64, phi: f64, lambda: f64, gamma: f64) -> [[C; 2]; 2] {
    let (sin, cos) = (theta / 2.0).sin_cos();
    [
        [C::cis(gamma) * cos, -C::cis(gamma + lambda) * sin],
        [C::cis(gamma + phi) * sin, C::cis(gamma + phi + lambda) * cos],
    ]
}

/// A one-qubit gate whose control is the low bit.
fn controlled([[a, b], [c, d]]: [[C; 2]; 2]) -> Matrix {
    rows([[L, O, O, O], [O, a, O, b], [O, O, L, O], [O, c, O, d]])
}

fn formula(name: &str, a: &[f64]) -> Option<Matrix> {
    let angle = a.first().copied().unwrap_or(0.0);
    let (sin, cos) = (angle / 2.0).sin_cos();
    let (s, c) = (C::from(sin), C::from(cos));
    let (minus, plus) = (C::cis(-angle / 2.0), C::cis(angle / 2.0));
    let half = |re: f64, im: f64| C::new(re, im) / 2.0;
    let (rx, ry, rz) = ([[c, -I * s], [-I * s, c]], [[c, -s], [s, c]], [[minus, O], [O, plus]]);
    let y = [[O, -I], [I, O]];
    let h = [[R, R], [R, -R]];
    let sx = [[half(1.0, 1.0), half(1.0, -1.0)], [half(1.0, -1.0), half(1.0, 1.0)]];
    Some(match name {
        "id" => diagonal([L, L]),
        "x" => rows([[O, L], [L, O]]),
        "y" => rows(y),
        "z" => diagonal([L, -L]),
        "h" => rows(h),
        "s" => diagonal([L, I]),
        "sdg" => diagonal([L, -I]),
        "t" => diagonal([L, C::cis(PI / 4.0)]),
        "tdg" => diagonal([L, C::cis(-PI / 4.0)]),
        "sx" => rows(sx),
        "sxdg" => rows([[half(1.0, -1.0), half(1.0, 1.0)], [half(1.0, 1.0), half(1.0, -1.0)]]),
        "rx" => rows(rx),
        "ry" => rows(ry),
        "rz" => rows(rz),
        "p" | "u1" => diagonal([L, C::cis(angle)]),
        "u" | "u3" => rows(u(a[0], a[1], a[2], 0.0)),
        "u2" => rows([[R, -R * C::cis(a[1])], [R * C::cis(a[0]), R * C::cis(a[0] + a[1])]]),
        "r" => rows([[c, -I * C::cis(-a[1]) * s], [-I * C::cis(a[1]) * s, c]]),
        "cx" => rows([[L, O, O, O], [O, O, O, L], [O, O, L, O], [O, L, O, O]]),
        "cy" => controlled(y),
        "cz" => diagonal([L, L, L, -L]),
        "ch" => controlled(h),
        "cs" => diagonal([L, L, L, I]),
        "csdg" => diagonal([L, L, L, -I]),
        "csx" => controlled(sx),
        "swap" => rows([[L, O, O, O], [O, O, L, O], [O, L, O, O], [O, O, O, L]]),
        "iswap" => rows([[L, O, O, O], [O, O, I, O], [O, I, O, O], [O, O, O, L]]),
        "dcx" => rows([[L, O, O, O], [O, O, O, L], [O, L, O, O], [O, O, L, O]]),
        "ecr" => rows([[O, R, O, I * R], [R, O, -I * R, O], [O, I * R, O, R], [-I * R, O, R, O]]),
        "crx" => controlled(rx),
        "cry" => controlled(ry),
        "crz" => controlled(rz),
        "cp" | "cu1" => diagonal([L, L, L, C::cis(angle)]),
        "cu" => controlled(u(a[0], a[1], a[2], a[3])),
        "cu3" => controlled(u(a[0], a[1], a[2], 0.0)),
        "rxx" => rows([[c, O, O, -I * s], [O, c, -I * s, O], [O, -I * s, c, O], [-I * s, O, O, c]]),
        "ryy" => rows([[c, O, O, I * s], [O, c, -I * s, O], [O, -I * s, c, O], [I * s, O, O, c]]),
        "rzz" => diagonal([minus, plus, plus, minus]),
        "rzx" => rows([[c, O, -I * s, O], [O, c, O, I * s], [-I * s, O, c, O], [O, I * s, O, c]]),
        "ccx" => exchange(8, 0b011, 0b111),
        "cswap" => exchange(8, 0b011, 0b101),
        "ccz" => diagonal([L, L, L, L, L, L, L, -L]),
        _ => return None,
    })
}

fn flat(matrix: &Matrix) -> Vec<f64> {
    matrix.iter().flatten().flat_map(|entry| [entry.re, entry.im]).collect()
}

/// Angles at which a wrong sign, a missing half or a forgotten term shows.
fn settings(angles: usize) -> Vec<Vec<f64>> {
    let mut all = vec![vec![0.0; angles], vec![PI; angles], vec![2.0 * PI; angles], vec![-PI / 2.0; angles]];
    all.extend((0..4).map(|seed| uniform(&mut rng(seed), angles)));
    all
}

#[test]
fn every_gate_is_what_the_textbook_says() {
    for gate in Gate::all() {
        let name = gate.name();
        for angles in settings(gate.angles().len()) {
            let expected = formula(name, &angles).unwrap_or_else(|| panic!("{name} has no formula here: add one"));
            close(&format!("{name}{angles:?}"), &flat(&gate.matrix(&angles)), &flat(&expected), 1e-15);
        }
    }
}

#[test]
fn every_gate_of_the_table_is_unitary() {
    for gate in Gate::all() {
        for angles in settings(gate.angles().len()) {
            let m = gate.matrix(&angles);
            let size = 1 << gate.qubits().len();
            assert!(m.len() == size && m.iter().all(|row| row.len() == size), "{}", gate.name());
            let overlap = |a: usize, b: usize| (0..size).map(|row| m[row][a].conj() * m[row][b]).sum::<C>();
            let product = (0..size).map(|a| (0..size).map(|b| overlap(a, b)).collect()).collect();
            close(gate.name(), &flat(&product), &flat(&exchange(size, 0, 0)), 1e-14);
        }
    }
}

/// Circuits of OpenQASM's qelib1.inc for the two-qubit gates that are easy to get backwards.
#[test]
fn composite_gates_are_their_textbook_circuits() {
    use crate::oracle::{Case, Expr, Op};
    let on = |gate, angle: Option<f64>, qubits: &[usize]| {
        Op::gate(gate, angle.into_iter().map(Expr::constant).collect(), qubits.to_vec())
    };
    let pairs = [
        (Op::gate(Gate::dcx, vec![], vec![0, 1]), vec![on(Gate::cx, None, &[0, 1]), on(Gate::cx, None, &[1, 0])]),
        (
            Op::gate(Gate::iswap, vec![], vec![0, 1]),
            vec![
                on(Gate::s, None, &[0]),
                on(Gate::s, None, &[1]),
                on(Gate::h, None, &[0]),
                on(Gate::cx, None, &[0, 1]),
                on(Gate::cx, None, &[1, 0]),
                on(Gate::h, None, &[1]),
            ],
        ),
        (
            Op::gate(Gate::ecr, vec![], vec![0, 1]),
            vec![
                on(Gate::rzx, Some(PI / 4.0), &[0, 1]),
                on(Gate::x, None, &[0]),
                on(Gate::rzx, Some(-PI / 4.0), &[0, 1]),
            ],
        ),
        (
            Op::gate(Gate::rzx, vec![Expr::constant(0.7)], vec![0, 1]),
            vec![
                on(Gate::h, None, &[1]),
                on(Gate::cx, None, &[0, 1]),
                on(Gate::rz, Some(0.7), &[1]),
                on(Gate::cx, None, &[0, 1]),
                on(Gate::h, None, &[1]),
            ],
        ),
    ];
    for (gate, circuit) in pairs {
        let name = format!("{:?}", gate.what);
        let case = |ops| Case { qubits: 2, embed: true, ops, inputs: 4, weights: 0 };
        let x = [0.1, -0.7, 0.4, 0.9];
        let spread = |state: Vec<C>| state.iter().flat_map(|a| [a.re, a.im]).collect::<Vec<_>>();
        let (one, many) = (case(vec![gate]).state(&x, &[]), case(circuit).state(&x, &[]));
        close(&name, &spread(one), &spread(many), 1e-15);
    }
}
