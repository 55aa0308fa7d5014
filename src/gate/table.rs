//! The rows. Nothing else of the crate names a gate.

use super::{Factor, Form, GateSpec, Inverse, Linear};
use num_complex::Complex64;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, PI};

const fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

const O: Complex64 = c(0.0, 0.0);
const R: Complex64 = c(FRAC_1_SQRT_2, 0.0);
const RI: Complex64 = c(0.0, FRAC_1_SQRT_2);
const ONE: Complex64 = c(1.0, 0.0);
const I: Complex64 = c(0.0, 1.0);

const X: Form = Form::Permutation(&[(0, 1)]);
const Y: Form = Form::Matrix1([[O, c(0.0, -1.0)], [I, O]]);
const Z: Form = Form::FixedPhase(c(-1.0, 0.0));
const H: Form = Form::Matrix1([[R, R], [R, c(-FRAC_1_SQRT_2, 0.0)]]);
const S: Form = Form::FixedPhase(I);
const SDG: Form = Form::FixedPhase(c(0.0, -1.0));
const SX: Form = Form::Matrix1([[c(0.5, 0.5), c(0.5, -0.5)], [c(0.5, -0.5), c(0.5, 0.5)]]);
const SXDG: Form = Form::Matrix1([[c(0.5, -0.5), c(0.5, 0.5)], [c(0.5, 0.5), c(0.5, -0.5)]]);
const SWAP: Form = Form::Permutation(&[(1, 2)]);

/// Form of `U(θ, φ, λ) = P(φ) RY(θ) P(λ)`, exactly Qiskit's matrix.
const U: Form = Form::Product(&[
    Factor::phase(&[0], Linear::of(2)),
    Factor::rotation("Y", &[0], Linear::of(0)),
    Factor::phase(&[0], Linear::of(1)),
]);
/// Form of `exp(i γ) U(θ, φ, λ)`.
const U_PHASE: Form = Form::Product(&[
    Factor::phase(&[0], Linear::of(2)),
    Factor::rotation("Y", &[0], Linear::of(0)),
    Factor::phase(&[0], Linear::of(1)),
    Factor::phase(&[], Linear::of(3)),
]);
/// Form of `U(π/2, φ, λ)`.
const U2: Form = Form::Product(&[
    Factor::phase(&[0], Linear::of(1)),
    Factor::rotation("Y", &[0], Linear::constant(FRAC_PI_2)),
    Factor::phase(&[0], Linear::of(0)),
]);
/// Form of `R(θ, φ) = RZ(φ) RX(θ) RZ(-φ)`.
const R_FORM: Form = Form::Product(&[
    Factor::rotation("Z", &[0], Linear::minus(1)),
    Factor::rotation("X", &[0], Linear::of(0)),
    Factor::rotation("Z", &[0], Linear::of(1)),
]);

const NEGATED: Inverse = Inverse::Angles(&[Linear::minus(0)]);
const U_INVERSE: Inverse = Inverse::Angles(&[Linear::minus(0), Linear::minus(2), Linear::minus(1)]);
const U_PHASE_INVERSE: Inverse =
    Inverse::Angles(&[Linear::minus(0), Linear::minus(2), Linear::minus(1), Linear::minus(3)]);
const U2_INVERSE: Inverse = Inverse::Angles(&[Linear::minus(1).plus(PI), Linear::minus(0).plus(-PI)]);
const R_INVERSE: Inverse = Inverse::Angles(&[Linear::minus(0), Linear::of(1)]);

const ISWAP: Form = Form::Matrix2([[ONE, O, O, O], [O, O, I, O], [O, I, O, O], [O, O, O, ONE]]);
const ECR: Form =
    Form::Matrix2([[O, R, O, RI], [R, O, c(0.0, -FRAC_1_SQRT_2), O], [O, RI, O, R], [c(0.0, -FRAC_1_SQRT_2), O, R, O]]);

/// Passes the rows to another macro: `name(angles; qubits), number of controls, symbol, form, inverse`.
macro_rules! gate_table {
    ($callback:ident) => {
        $callback! {
            /// identity
            id(; qubit), 0, "I", Form::Product(&[]), Inverse::Itself;
            /// Pauli X (bit flip)
            x(; qubit), 0, "X", X, Inverse::Itself;
            /// Pauli Y
            y(; qubit), 0, "Y", Y, Inverse::Itself;
            /// Pauli Z (phase flip)
            z(; qubit), 0, "Z", Z, Inverse::Itself;
            /// Hadamard
            h(; qubit), 0, "H", H, Inverse::Itself;
            /// phase i on 1 (square root of Z)
            s(; qubit), 0, "S", S, Inverse::Named(Gate::sdg);
            /// phase -i on 1
            sdg(; qubit), 0, "S†", SDG, Inverse::Named(Gate::s);
            /// phase exp(iπ/4) on 1
            t(; qubit), 0, "T", Form::FixedPhase(c(FRAC_1_SQRT_2, FRAC_1_SQRT_2)), Inverse::Named(Gate::tdg);
            /// phase exp(-iπ/4) on 1
            tdg(; qubit), 0, "T†", Form::FixedPhase(c(FRAC_1_SQRT_2, -FRAC_1_SQRT_2)), Inverse::Named(Gate::t);
            /// square root of X
            sx(; qubit), 0, "√X", SX, Inverse::Named(Gate::sxdg);
            /// inverse square root of X
            sxdg(; qubit), 0, "√X†", SXDG, Inverse::Named(Gate::sx);
            /// rotation exp(-i theta/2 X)
            rx(theta; qubit), 0, "RX", Form::PauliRotation("X"), NEGATED;
            /// rotation exp(-i theta/2 Y)
            ry(theta; qubit), 0, "RY", Form::PauliRotation("Y"), NEGATED;
            /// rotation exp(-i theta/2 Z)
            rz(theta; qubit), 0, "RZ", Form::PauliRotation("Z"), NEGATED;
            /// phase exp(i lambda) on 1
            p(lambda; qubit), 0, "P", Form::Phase, NEGATED;
            /// any one-qubit unitary: P(phi) RY(theta) P(lambda)
            u(theta, phi, lambda; qubit), 0, "U", U, U_INVERSE;
            /// the same as `p`
            u1(lambda; qubit), 0, "U1", Form::Phase, NEGATED;
            /// U(π/2, phi, lambda)
            u2(phi, lambda; qubit), 0, "U2", U2, U2_INVERSE;
            /// the same as `u`
            u3(theta, phi, lambda; qubit), 0, "U3", U, U_INVERSE;
            /// rotation by theta about the axis (cos phi, sin phi, 0)
            r(theta, phi; qubit), 0, "R", R_FORM, R_INVERSE;
            /// controlled X
            cx(; control, target), 1, "X", X, Inverse::Itself;
            /// controlled Y
            cy(; control, target), 1, "Y", Y, Inverse::Itself;
            /// controlled Z
            cz(; control, target), 1, "Z", Z, Inverse::Itself;
            /// controlled H
            ch(; control, target), 1, "H", H, Inverse::Itself;
            /// controlled S
            cs(; control, target), 1, "S", S, Inverse::Named(Gate::csdg);
            /// controlled inverse of S
            csdg(; control, target), 1, "S†", SDG, Inverse::Named(Gate::cs);
            /// controlled square root of X
            csx(; control, target), 1, "√X", SX, Inverse::Dagger;
            /// exchanges two qubits
            swap(; first, second), 0, "×", SWAP, Inverse::Itself;
            /// exchange with phase i on 01 and 10
            iswap(; first, second), 0, "iSWAP", ISWAP, Inverse::Dagger;
            /// cx(first, second), then cx(second, first)
            dcx(; first, second), 0, "DCX", Form::Permutation(&[(1, 3), (2, 3)]), Inverse::Dagger;
            /// echoed cross resonance: (X on first - Y on first, X on second)/√2
            ecr(; first, second), 0, "ECR", ECR, Inverse::Itself;
            /// controlled `rx`
            crx(theta; control, target), 1, "RX", Form::PauliRotation("X"), NEGATED;
            /// controlled `ry`
            cry(theta; control, target), 1, "RY", Form::PauliRotation("Y"), NEGATED;
            /// controlled `rz`
            crz(theta; control, target), 1, "RZ", Form::PauliRotation("Z"), NEGATED;
            /// controlled `p`
            cp(lambda; control, target), 1, "P", Form::Phase, NEGATED;
            /// controlled exp(i gamma) U(theta, phi, lambda)
            cu(theta, phi, lambda, gamma; control, target), 1, "U", U_PHASE, U_PHASE_INVERSE;
            /// the same as `cp`
            cu1(lambda; control, target), 1, "U1", Form::Phase, NEGATED;
            /// controlled `u`
            cu3(theta, phi, lambda; control, target), 1, "U3", U, U_INVERSE;
            /// rotation exp(-i theta/2 XX)
            rxx(theta; first, second), 0, "RXX", Form::PauliRotation("XX"), NEGATED;
            /// rotation exp(-i theta/2 YY)
            ryy(theta; first, second), 0, "RYY", Form::PauliRotation("YY"), NEGATED;
            /// rotation exp(-i theta/2 ZZ)
            rzz(theta; first, second), 0, "RZZ", Form::PauliRotation("ZZ"), NEGATED;
            /// rotation exp(-i theta/2 ZX), Z on the first qubit
            rzx(theta; first, second), 0, "RZX", Form::PauliRotation("ZX"), NEGATED;
            /// X under two controls (Toffoli)
            ccx(; control, second_control, target), 2, "X", X, Inverse::Itself;
            /// controlled `swap` (Fredkin)
            cswap(; control, first, second), 1, "×", SWAP, Inverse::Itself;
            /// Z under two controls
            ccz(; control, second_control, target), 2, "Z", Z, Inverse::Itself;
        }
    };
}
pub(crate) use gate_table;

macro_rules! rows {
    ($($(#[doc = $doc:literal])+ $name:ident($($angle:ident),*; $($qubit:ident),*),
        $controls:literal, $symbol:literal, $form:expr, $inverse:expr;)*) => {
        /// Gate of the table, with its OpenQASM name.
        #[allow(non_camel_case_types, reason = "variants are OpenQASM names, from which methods and docs follow")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Gate { $($(#[doc = $doc])+ $name,)* }

        pub(super) static GATES: &[Gate] = &[$(Gate::$name),*];

        pub(super) static TABLE: &[GateSpec] = &[$(GateSpec {
            name: stringify!($name),
            symbol: $symbol,
            angles: &[$(stringify!($angle)),*],
            qubits: &[$(stringify!($qubit)),*],
            controls: $controls,
            form: $form,
            inverse: $inverse,
            doc: concat!($($doc),+).trim_ascii(),
        }),*];
    };
}
gate_table!(rows);
