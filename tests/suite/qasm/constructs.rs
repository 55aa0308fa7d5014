//! Each construct that is read, as a line: a text and the operations of its circuit.

use candle_core::DType;
use candlewick::circuit::Operation;
use candlewick::functional;
use candlewick::prelude::*;
use candlewick::qasm::{self, Bit, ImportConfig, InputRule};

const HEADER_2: &str = "OPENQASM 2.0; include \"qelib1.inc\"; ";
const HEADER_3: &str = "OPENQASM 3.0; include \"stdgates.inc\"; ";

/// An operation in words: name, angles, qubits, further controls (`!` for 0), conditions.
fn words(operation: &Operation) -> String {
    let mut words = operation.name().to_owned();
    words += if operation.is_dagger() { "†" } else { "" };
    let angles: Vec<String> = operation.angles().iter().map(ToString::to_string).collect();
    words += &if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
    operation.qubits().iter().for_each(|qubit| words += &format!(" {qubit}"));
    for control in operation.controls() {
        let not = if operation.zero_controls().contains(control) { "!" } else { "" };
        words += &format!(" if {not}{control}");
    }
    operation.conditions().iter().for_each(|condition| words += &format!(" when {condition}"));
    words
}

fn listed(circuit: &Circuit) -> String {
    circuit.operations().iter().map(words).collect::<Vec<_>>().join("; ")
}

/// Reads each text and compares its operations.
#[track_caller]
fn compare(header: &str, lines: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (text, expected) in lines {
        let actual = match Circuit::from_qasm(&format!("{header}{text}")) {
            Ok(circuit) => listed(&circuit),
            Err(error) => format!("error: {error}"),
        };
        if actual != *expected {
            wrong.push(format!("{text}\n    gives    {actual}\n    expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Registers, expressions and statements of OpenQASM 2.
#[test]
fn openqasm_2() {
    compare(
        HEADER_2,
        &[
            ("qreg a[2]; qreg b[1]; x a[1]; x b[0];", "x 1; x 2"),
            ("qreg q[3]; h q;", "h 0; h 1; h 2"),
            ("qreg a[2]; qreg b[2]; cx a,b;", "cx 0 2; cx 1 3"),
            ("qreg a[2]; qreg c[1]; cz a,c[0]; cx c[0],a;", "cz 0 2; cz 1 2; cx 2 0; cx 2 1"),
            ("qreg a[2]; qreg b[2]; qreg c[1]; ccx a,b,c[0];", "ccx 0 2 4; ccx 1 3 4"),
            ("qreg q[1]; U(0.1,0.2,0.3) q[0]; u3(0.1,0.2,0.3) q[0];", "u(0.1, 0.2, 0.3) 0; u3(0.1, 0.2, 0.3) 0"),
            ("qreg q[2]; CX q[0],q[1];", "cx 0 1"),
            (
                "qreg q[1]; u2(0.1,0.2) q[0]; u1(0.3) q[0]; u0(1) q[0]; u(1,2,3) q[0];",
                "u2(0.1, 0.2) 0; u1(0.3) 0; id 0; u(1, 2, 3) 0",
            ),
            (
                "qreg q[4]; c3x q[0],q[1],q[2],q[3]; c3sqrtx q[0],q[1],q[2],q[3];",
                "x 3 if 0 if 1 if 2; sx 3 if 0 if 1 if 2",
            ),
            ("qreg q[5]; c4x q[0],q[1],q[2],q[3],q[4];", "x 4 if 0 if 1 if 2 if 3"),
            (
                "qreg q[2]; cu1(0.1) q[0],q[1]; cu3(1,2,3) q[0],q[1]; cu(1,2,3,4) q[0],q[1]; csx q[0],q[1];",
                "cu1(0.1) 0 1; cu3(1, 2, 3) 0 1; cu(1, 2, 3, 4) 0 1; csx 0 1",
            ),
            (
                "qreg q[2]; rxx(0.1) q[0],q[1]; rzz(0.2) q[1],q[0]; swap q[0],q[1];",
                "rxx(0.1) 0 1; rzz(0.2) 1 0; swap 0 1",
            ),
            (
                "qreg q[1]; rx(1/2) q[0]; rx(-2^2) q[0]; rx(2^3^2) q[0]; rx(7-2-1) q[0];",
                "rx(0.5) 0; rx(-4) 0; rx(512) 0; rx(4) 0",
            ),
            (
                "qreg q[1]; rx(sin(cos(0))) q[0]; rx(ln(exp(2))) q[0]; rx(acos(1)+asin(0)+atan(0)) q[0];",
                "rx(0.8415) 0; rx(2) 0; rx(0) 0",
            ),
            (
                "qreg q[1]; rx(5.e-1) q[0]; rx(.5E+1) q[0]; rx(+pi) q[0]; rx(- - 2) q[0];",
                "rx(0.5) 0; rx(5) 0; rx(π) 0; rx(2) 0",
            ),
            (
                "qreg q[2]; gate g(a,b) x,y { rx(a) x; barrier x,y; cx x,y; ry(b/2) y; } g(1,3) q[1],q[0];",
                "rx(1) 1; cx 1 0; ry(1.5) 0",
            ),
            ("qreg q[1]; gate sx a { x a; } sx q[0];", "x 0"),
            ("qreg q[2]; gate cu(t) a,b { cx a,b; rz(t) b; } cu(1) q[0],q[1];", "cx 0 1; rz(1) 1"),
            ("qreg q[1]; gate y a { y a; } y q[0];", "y 0"),
            ("qreg q[2]; gate ecr a,b { s a; sx b; cx a,b; x a; } ecr q[1],q[0];", "ecr 1 0; global_phase(π/4)"),
            ("qreg q[1]; gate r(a,b) x { u(a,b-pi/2,pi/2-b) x; } r(0.1,0.2) q[0];", "r(0.1, 0.2) 0"),
            ("qreg q[1]; opaque magic(a) x; x q[0];", "x 0"),
            ("qreg q[2]; x q[0]; barrier q; x q[1];", "x 0; barrier 0 1; x 1"),
            ("qreg q[1]; creg c[1]; h q[0]; measure q -> c;", "h 0"),
            ("qreg q[1]; creg c[1]; if (c==0) x q[0]; if (c==1) y q[0];", "x 0"),
            ("qreg q[1]; creg c[2]; if (c==99999999999999999999999) x q[0];", ""),
            ("qreg Q_a[1]; // a comment\n x Q_a[0]; /* another\n one */ y Q_a[0];", "x 0; y 0"),
            ("qreg q[1]; gate g q { x q; } g q[0];", "x 0"),
        ],
    );
    compare("include \"qelib1.inc\"; ", &[("qreg q[1]; rx(1/2) q[0];", "rx(0.5) 0")]);
    compare("OPENQASM 2; ", &[("qreg q[2]; U(0,0,0) q[0]; CX q[0],q[1];", "u(0, 0, 0) 0; cx 0 1")]);
    compare("OPENQASM 2.0 ; ", &[("qreg q[1];", "")]);
}

/// The definitions of qelib1.inc that are no gates of the table.
#[test]
fn relative_phases() {
    let text = format!("{HEADER_2}qreg q[4]; rccx q[0],q[1],q[2]; rc3x q[0],q[1],q[2],q[3];");
    let circuit = Circuit::from_qasm(&text).expect("they are known");
    assert_eq!(circuit.operations().len(), 9 + 18);
}

/// Gates, modifiers and phases of OpenQASM 3.
#[test]
fn gates_of_openqasm_3() {
    compare(
        HEADER_3,
        &[
            ("qubit q; U(0.1, 0.2, 0.3) q;", "u(0.1, 0.2, 0.3) 0; global_phase(0.05) "[..].trim_end()),
            (
                "qubit q; u2(0.1, 0.3) q; u3(0.1, 0.2, 0.4) q;",
                "u2(0.1, 0.3) 0; global_phase(-0.2); u3(0.1, 0.2, 0.4) 0; global_phase(-0.3)",
            ),
            ("qubit[2] q; ctrl @ U(pi, 0, pi) q[0], q[1];", "u(π, 0, π) 1 if 0; global_phase(π/2) if 0"),
            ("qubit[2] q; CX q[0], q[1]; cphase(0.1) q[0], q[1]; phase(0.2) q[1];", "cx 0 1; cp(0.1) 0 1; p(0.2) 1"),
            ("qubit[3] q; ctrl @ rx(0.3) q[0], q[1]; negctrl @ x q[2], q[0];", "rx(0.3) 1 if 0; x 0 if !2"),
            ("qubit[4] q; negctrl(2) @ ctrl @ x q[0], q[1], q[2], q[3];", "x 3 if !0 if !1 if 2"),
            ("qubit[4] q; ctrl @ ccx q[0], q[1], q[2], q[3];", "ccx 1 2 3 if 0"),
            ("qubit q; inv @ t q; inv @ inv @ s q; inv @ u1(0.5) q;", "tdg 0; s 0; u1(-0.5) 0"),
            ("qubit q; pow(2) @ s q; pow(-1) @ s q; pow(0) @ s q; pow(3) @ rx(0.1) q;", "s 0; s 0; sdg 0; rx(0.3) 0"),
            ("qubit q; pow(0.5) @ x q; pow(1/2) @ x q;", "rx(π/2) 0; global_phase(π/4)"),
            ("qubit q; pow(0.5) @ pow(2) @ z q; pow(0.5) @ z q; pow(0.5) @ p(3*pi) q;", "p(0) 0; p(π/2) 0; p(π/2) 0"),
            ("qubit[2] q; pow(0.5) @ cx q[0], q[1];", "rx(π/2) 1 if 0; global_phase(π/4) if 0"),
            (
                "qubit[2] q; ctrl @ gphase(0.5) q[1]; gphase(-pi); negctrl @ gphase(0.1) q[0];",
                "global_phase(0.5) if 1; global_phase(-π); global_phase(0.1) if !0",
            ),
            (
                "gate g(theta, phi) a { rx(theta) a; gphase(phi); } qubit[2] q; ctrl @ g(1, 2) q[0], q[1];",
                "rx(1) 1 if 0; global_phase(2) if 0",
            ),
            ("gate g a, b { h a; cx a, b; } qubit[2] q; inv @ g q[0], q[1];", "cx 0 1; h 0"),
            (
                "gate g a { for int i in [1:3] { rx(i) a; } pow(2) @ t a; } qubit q; g q;",
                "rx(1) 0; rx(2) 0; rx(3) 0; t 0; t 0",
            ),
            ("const float k = 0.5; gate g a { rx(2*k) a; } qubit q; g q;", "rx(1) 0"),
            (
                "gate iswap a, b { swap a, b; cz a, b; s a; s b; } qubit[2] q; iswap q[0], q[1]; inv @ iswap \
                    q[1], q[0];",
                "iswap 0 1; iswap† 1 0",
            ),
            ("gate ecr a, b { s a; sx b; cx a, b; x a; } qubit[2] q; ecr q[0], q[1];", "ecr 0 1; global_phase(π/4)"),
            (
                "gate u(p0, p1, p2) a { p(p2) a; ry(p0) a; p(p1) a; } qubit q; u(1, 2, 3) q;\n\
              @candlewick.gate u3\n u(1, 2, 3) q;\n@candlewick.gate u2\nu(pi/2, 2, 3) q;",
                "u(1, 2, 3) 0; u3(1, 2, 3) 0; u2(2, 3) 0",
            ),
            (
                "include \"qelib1.inc\"; qubit[2] q; cu3(1, 2, 3) q[0], q[1]; sxdg q[0]; u2(0.1, 0.3) q[0];",
                "cu3(1, 2, 3) 0 1; sxdg 0; u2(0.1, 0.3) 0; global_phase(-0.2)",
            ),
        ],
    );
    compare("", &[("qubit q; U(0, 0, 0.5) q;", "u(0, 0, 0.5) 0; global_phase(0)")]);
    compare("OPENQASM 3; ", &[("qubit[2] q; ctrl @ gphase(pi) q[0];", "global_phase(π) if 0")]);
    compare("OPENQASM 3.1; ", &[("qreg q[2]; creg c[2]; reset q;", "")]);
}

/// A definition whose name is that of a Pauli rotation, and which is one.
#[test]
fn pauli_rotations() {
    let definition = |body: &str| {
        let sxdg = "gate sxdg a { inv @ sx a; }";
        format!(
            "{HEADER_3}{sxdg} gate pauli_rot_xzy(p0) a, b, c {{ {body} }} qubit[3] q; pauli_rot_xzy(0.5) q[2], \
                q[0], q[1];"
        )
    };
    let right = "h a; sx c; cx a, b; cx b, c; rz(p0) c; cx b, c; cx a, b; sxdg c; h a;";
    let mut expected = Circuit::new(3);
    expected.pauli_rot(0.5, "XZY", [2, 0, 1]);
    assert_eq!(Circuit::from_qasm(&definition(right)).expect("it is right"), expected);
    for wrong in [
        "h a; sxdg c; cx a, b; cx b, c; rz(p0) c; cx b, c; cx a, b; sx c; h a;", // its angle is negative
        "h a; cx a, b; cx b, c; rz(p0) c; cx b, c; cx a, b; h a;",               // XZZ
        "h a; sx c; cx a, b; cx b, c; rz(p0) c; cx b, c; cx a, b; sx c; h a;",   // nothing undoes sx
    ] {
        let circuit = Circuit::from_qasm(&definition(wrong)).expect("it is a gate");
        assert_eq!(circuit.operations().len(), wrong.matches(';').count(), "{circuit}");
    }
}

/// Definitions that do what a gate of their name does for some angles only.
#[test]
fn definitions_that_agree_at_some_angles() {
    compare(
        HEADER_3,
        &[
            ("gate pauli_rot_z(t) a { rz(0.7234) a; } qubit q; pauli_rot_z(2) q;", "rz(0.7234) 0"),
            ("gate pauli_rot_z(t) a { rz(sqrt(2)) a; } qubit q; pauli_rot_z(2) q;", "rz(1.4142) 0"),
            (
                "gate rzz(t) a, b { cx a, b; rz(t + (t - sqrt(2)) * (t - euler)) b; cx a, b; } \
                    qubit[2] q; rzz(0) q[0], q[1];",
                "cx 0 1; rz(3.8442) 1; cx 0 1",
            ),
            (
                "gate rzz(t) a, b { cx a, b; rz(2 * t - t) b; cx a, b; } qubit[2] q; rzz(2) q[0], q[1]; \
                    pow(3) @ rzz(0.1) q[1], q[0]; pow(1/2.) @ rzz(1) q[0], q[1];",
                "rzz(2) 0 1; rzz(0.3) 1 0; rzz(0.5) 0 1",
            ),
        ],
    );
}

/// Classical parts of OpenQASM 3, all evaluated while the text is read.
#[test]
fn classical_statements() {
    compare(
        HEADER_3,
        &[
            (
                "qubit[4] q; h q[0:1]; x q[0:2:3]; y q[{3, 1}]; z q[-1]; x q[:1]; y q[2:];",
                "h 0; h 1; x 0; x 2; y 3; y 1; z 3; x 0; x 1; y 2; y 3",
            ),
            ("qubit[4] q; let a = q[{3, 1}]; let b = a ++ q[0:0]; x a[0]; y b; z b[-1];", "x 3; y 3; y 1; y 0; z 0"),
            (
                "qubit q; rx(1/2) q; rx(7/2) q; rx(1./2) q; rx(-2**2) q; rx(2**3**2) q; rx(7 % 4) q;",
                "rx(0) 0; rx(3) 0; rx(0.5) 0; rx(-4) 0; rx(512) 0; rx(3) 0",
            ),
            (
                "qubit q; rx(1 + 2 * 3 - 4) q; rx((1 << 3) | 1) q; rx(5 & 6 ^ 1) q; rx(~0 + 3) q;",
                "rx(3) 0; rx(9) 0; rx(5) 0; rx(2) 0",
            ),
            (
                "qubit q; rx(π) q; rx(τ) q; rx(ℇ) q; rx(tau/4) q; rx(log(euler)) q;",
                "rx(π) 0; rx(2π) 0; rx(2.7183) 0; rx(π/2) 0; rx(1) 0",
            ),
            (
                "qubit q; rx(arcsin(1)) q; rx(sqrt(4)) q; rx(floor(2.5) + ceiling(2.5)) q; rx(mod(7, 4)) q; \
                    rx(pow(2, 3)) q;",
                "rx(π/2) 0; rx(2) 0; rx(5) 0; rx(3) 0; rx(8) 0",
            ),
            (
                "qubit q; rx(0x1F) q; rx(0b101) q; rx(0o17) q; rx(1_000) q; rx(1_0.5) q;",
                "rx(31) 0; rx(5) 0; rx(15) 0; rx(1000) 0; rx(10.5) 0",
            ),
            (
                "qubit q; for int i in [0:2] { rx(i) q; } for uint i in {5, 3} ry(i) q; for int i in [3:-2:0] rz(i) q;",
                "rx(0) 0; rx(1) 0; rx(2) 0; ry(5) 0; ry(3) 0; rz(3) 0; rz(1) 0",
            ),
            ("qubit q; for float f in {0.5, 1} rx(f/2) q;", "rx(0.25) 0; rx(0.5) 0"),
            ("qubit[3] q; int i = 0; while (i < 3) { x q[i]; i += 1; }", "x 0; x 1; x 2"),
            (
                "qubit q; const int n = 2; float f = n * 0.5; f *= 3; rx(f) q; if (n == 2) x q; else y q;",
                "rx(3) 0; x 0",
            ),
            ("qubit q; bool b = true; if (!b || false) x q; else { y q; } if (b && 2 > 1) z q;", "y 0; z 0"),
            (
                "qubit q; uint[4] u = 17; rx(u) q; int[4] v = 9; ry(v) q; rz(int(2.7)) q; if (u[0]) x q;",
                "rx(1) 0; ry(-7) 0; rz(2) 0; x 0",
            ),
            (
                "qubit q; bit[4] b = \"0101\"; if (b[0]) x q; if (b[1]) y q; if (b == 5) z q; b[1] = 1; if (b[1]) h q;",
                "x 0; z 0; h 0",
            ),
            (
                "qubit q; rx(uint[4](17)) q; ry(int[4](9)) q; rz(int[3 + 1](2.7)) q; for uint[2] i in {5, 3} rx(i) q;",
                "rx(1) 0; ry(-7) 0; rz(2) 0; rx(1) 0; rx(3) 0",
            ),
            ("gate g a { for uint[2] i in [5:6] { rx(i) a; } } qubit q; g q;", "rx(1) 0; rx(2) 0"),
            (
                "const uint[3] n = 5; gate g a { rx(n[0]) a; ry(n[1]) a; rz(n[-1]) a; } qubit q; { int n = 0; g q; }",
                "rx(1) 0; ry(0) 0; rz(1) 0",
            ),
            ("qubit q; bit[2] b = -1; if (b == 3) x q; bit[70] c = -2; if (c[69]) y q; if (c[0]) z q;", "x 0; y 0"),
            ("qubit q; bit[64] b; b[63] = 1; if (b > 5) x q; if (b >= 1 << 62) y q; if (b < 0) z q;", "x 0; y 0"),
            ("qubit q; { int i = 1; rx(i) q; { int i = 2; rx(i) q; } rx(i) q; }", "rx(1) 0; rx(2) 0; rx(1) 0"),
            ("x $1; cx $0, $2;", "x 1; cx 0 2"),
            ("qubit q; pragma anything at all {\n#pragma more\n@unknown annotation\nx q; nop q; nop; ;", "x 0"),
            ("qubit[2] q; barrier q[0]; barrier; x q[0];", "barrier 0 1; barrier 0 1; x 0"),
        ],
    );
}

/// Subroutines are written out at their calls.
#[test]
fn subroutines() {
    compare(
        HEADER_3,
        &[
            ("def f(qubit a, float t) { rx(t/2) a; } qubit[2] q; f(q[1], 3);", "rx(1.5) 1"),
            (
                "def f(qubit[2] a, int n) { for int i in [1:n] { cx a[0], a[1]; } } qubit[3] q; f(q[1:2], 2);",
                "cx 1 2; cx 1 2",
            ),
            (
                "const float k = 2; int g = 1; def f(qubit a) { int g = 3; rx(k * g) a; } qubit q; f(q); rx(g) q;",
                "rx(6) 0; rx(1) 0",
            ),
            ("def f(qubit a) { h a; } def g(qubit a, qubit b) { f(b); f(a); } qubit[2] q; g(q[0], q[1]);", "h 1; h 0"),
            ("def f(qubit a) { h a; } qubit[2] q; f(q /* the last */ [1]); f // and\n(q[0]);", "h 1; h 0"),
            ("def n(int a) -> int { return a * 2; } qubit q; int i = n(4); rx(i) q;", "rx(8) 0"),
            (
                "def m(qubit a) -> bit { h a; return measure a; } qubit[2] q; bit c; c = m(q[0]); if (c) x q[1];",
                "h 0; x 1 if 0",
            ),
        ],
    );
}

/// Inputs in angles and in conditions.
#[test]
fn inputs() {
    compare(
        HEADER_3,
        &[
            (
                "input float[64] x1; qubit q; rx(2*x1 + 0.5) q; ry(x1*x1 - x1/4) q;",
                "rx(2*x1 + 0.5) 0; ry(x1*x1 - 0.25*x1) 0",
            ),
            ("input angle theta; input float x0; qubit q; rx(-theta*x0) q;", "rx(-theta*x0) 0"),
            (
                "input float _w_1_; input float _w_0_; input float _x_2_; qubit q; rx(_w_1_ + _w_0_*_x_2_) q;",
                "rx(w[1] + w[0]*x2) 0",
            ),
            (
                "@candlewick.feature 4\ninput float a;\n@candlewick.weight t[2,3] at [1,2]\ninput float b;\nqubit \
                    q; rx(a*b) q;",
                "rx(x4*t[1,2]) 0",
            ),
            (
                "input float x0; float v = 2 * x0; qubit q; rx(v) q; gate g(a) b { ry(a/2) b; } g(v) q;",
                "rx(2*x0) 0; ry(x0) 0",
            ),
            (
                "input float x0; qubit q; u3(x0, 0.2, 0.4) q; inv @ rx(x0) q; pow(2) @ rz(x0) q;",
                "u3(x0, 0.2, 0.4) 0; global_phase(-0.3); rx(-x0) 0; rz(2*x0) 0",
            ),
            (
                "input float x0; input float x1; qubit q; if (x0 > 0.1 && !(x1 < 0.25)) x q; else y q;",
                "x 0 when x0 > 0.1 and not x1 < 0.25; y 0 when not (x0 > 0.1 and not x1 < 0.25)",
            ),
            (
                "input float x0; qubit q; if (1 >= x0) x q; if (x0 < 2*x0) { y q; }",
                "x 0 when not x0 > 1; y 0 when -x0 < 0",
            ),
            (
                "input float x0; input float x1; qubit[2] q; bit c; h q[0]; c = measure q[0]; if (c && x0 > 1) x q[1];",
                "h 0; x 1 if 0 when x0 > 1",
            ),
        ],
    );
    let text = format!("{HEADER_3}input float a; input float b; qubit q; rx(a + b) q;");
    let with = |inputs| {
        let config = ImportConfig { inputs, ..Default::default() };
        qasm::import_with(&text, &config).expect("it is right").circuit
    };
    assert_eq!(listed(&with(InputRule::Features)), "rx(x0 + x1) 0");
    assert_eq!(with(InputRule::Features).inputs(), 2);
    assert_eq!(with(InputRule::Weights), with(InputRule::ByName));
    let shapes: Vec<_> = with(InputRule::Weights).weight_tensors().iter().map(|w| w.shape().to_vec()).collect();
    assert_eq!(shapes, [[0usize; 0]; 2]);
    // A feature that is declared and not read counts all the same.
    let unread = Circuit::from_qasm(&format!("{HEADER_3}input float x6; qubit q;")).expect("it is right");
    assert_eq!(unread.inputs(), 7);
}

/// Annotations of weights give the shape and the initialisation.
#[test]
fn annotated_weights() {
    let text = "@candlewick.weight theta[2,4] at [0,3]\n@candlewick.init theta normal 0 0.1\ninput float[64] \
        theta_0_3;\nqubit q;\nctrl @ gphase(theta_0_3) q;";
    let circuit = Circuit::from_qasm(text).expect("it is right");
    let mut expected = Circuit::new(1);
    let w = expected.weights_with_init("theta", (2, 4), candle_nn::Init::Randn { mean: 0.0, stdev: 0.1 });
    expected.controlled([0], |c| c.global_phase(w.at([0, 3])));
    assert_eq!(circuit, expected);
}

/// Measurements, resets and conditions on what has been measured.
#[test]
fn deferred() {
    compare(
        HEADER_3,
        &[
            ("qubit[2] q; bit c; h q[0]; c = measure q[0]; if (c) x q[1];", "h 0; x 1 if 0"),
            ("qubit[3] q; bit[2] c; c = measure q[0:1]; if (uint[1](c) == 1) x q[2];", "x 2 if 0"),
            ("qubit[3] q; bit[2] c; c = measure q[0:1]; if (int[2](c) == -1) x q[2];", "x 3 if 0 if 1; x 2 if 3"),
            ("qubit[3] q; bit[2] c; c = measure q[0:1]; if (uint(c) == 2) x q[2];", "x 2 if !0 if 1"),
            ("qubit[2] q; bit[64] c; c[63] = measure q[0]; if (c > 5) x q[1];", "x 1 if 0"),
            ("qubit[2] q; bit c; h q[0]; c = measure q[0]; if (!c) x q[1]; else y q[1];", "h 0; x 1 if !0; y 1 if 0"),
            (
                "qubit[2] q; bit c; h q[0]; c = measure q[0]; h q[0]; if (c == 1) x q[1];",
                "h 0; measure 0 2; h 0; x 1 if 2",
            ),
            (
                "qubit[2] q; bit c; h q[0]; c = measure q[0]; reset q[0]; if (c) x q[1];",
                "h 0; measure 0 2; x 0 if 2; x 1 if 2",
            ),
            ("qubit q; h q; measure q; h q;", "h 0; measure 0 1; h 0"),
            ("qubit q; h q; measure q;", "h 0"),
            ("qubit q; h q; measure q; reset q; x q;", "h 0; reset 0 1; x 0"),
            ("qubit q; reset q; h q; reset q;", "h 0; reset 0 1"),
            ("qubit[2] q; bit c; h q; c = measure q[0]; if (c) reset q[1];", "h 0; h 1; swap 1 2 if 0"),
            (
                "qubit[3] q; bit[2] c; h q[0]; h q[1]; c = measure q[0:1]; if (c == 2) x q[2];",
                "h 0; h 1; x 2 if !0 if 1",
            ),
            (
                "qubit[3] q; bit[2] c; h q[0]; c[0] = measure q[0]; if (c == 1) x q[2]; if (c == 2) y q[2];",
                "h 0; x 2 if 0",
            ),
            (
                "qubit[3] q; bit[2] c; h q[0]; h q[1]; c = measure q[0:1]; if (c[0] ^ c[1]) x q[2]; if (c != 0) y \
                    q[2];",
                "h 0; h 1; x 3 if 0; x 3 if 1; x 2 if 3; x 4 if 0; x 4 if 1; x 4 if 0 if 1; y 2 if 4",
            ),
            (
                "qubit[3] q; bit[2] c; h q[0]; h q[1]; c = measure q[0:1]; if (c[0] ^ c[1]) x q[2]; if ((c[0] ^ \
                    c[1]) == true) y q[2];",
                "h 0; h 1; x 3 if 0; x 3 if 1; x 2 if 3; y 2 if 3",
            ),
            (
                "qubit[2] q; bit[2] c; h q; c[0] = measure q[0]; if (c[0]) c[1] = measure q[1];",
                "h 0; h 1; x 2 if 0 if 1",
            ),
            ("qubit[2] q; bit a; bit b; h q[0]; a = measure q[0]; b = a; if (b) x q[1];", "h 0; x 1 if 0"),
            (
                "qubit[2] q; bit c; h q; c = measure q[0]; if (c) { c = measure q[1]; x q[1]; }",
                "h 0; h 1; x 2 if 0; x 2 if 0; x 2 if 0 if 1; x 1 if 0",
            ),
        ],
    );
}

/// Resets of qubits whose bits are known: no further qubit.
#[test]
fn resets_of_known_bits() {
    compare(
        HEADER_3,
        &[
            ("qubit q; x q; reset q; h q;", "x 0; x 0; h 0"),
            ("qubit q; x q; y q; z q; reset q;", "x 0; y 0; z 0"),
            ("qubit[2] q; h q[0]; cx q[0], q[1]; cx q[0], q[1]; reset q[1];", "h 0; cx 0 1; cx 0 1"),
            ("qubit[2] q; h q[0]; cx q[0], q[1]; h q[0]; cx q[0], q[1]; reset q[1];", {
                "h 0; cx 0 1; h 0; cx 0 1; reset 1 2"
            }),
            ("qubit[2] q; h q[0]; cx q[0], q[1]; reset q[1];", "h 0; cx 0 1; reset 1 2"),
            ("qubit[2] q; h q[0]; swap q[0], q[1]; reset q[0]; reset q[1];", "h 0; swap 0 1; reset 1 2"),
            (
                "qubit[3] q; h q[0:1]; ccx q[0], q[1], q[2]; t q[2]; cz q[2], q[0]; ccx q[1], q[0], q[2]; reset q[2];",
                "h 0; h 1; ccx 0 1 2; t 2; cz 2 0; ccx 1 0 2",
            ),
            (
                "qubit[3] q; h q[0]; ctrl @ negctrl @ x q[0], q[1], q[2]; cx q[0], q[2]; reset q[2];",
                "h 0; x 2 if 0 if !1; cx 0 2",
            ),
            (
                "qubit[4] q; h q[0:1]; cx q[0], q[2]; cx q[1], q[2]; ccx q[0], q[2], q[3]; cx q[1], q[2]; \
                    cx q[0], q[2]; reset q[2]; reset q[3];",
                "h 0; h 1; cx 0 2; cx 1 2; ccx 0 2 3; cx 1 2; cx 0 2; reset 3 4",
            ),
            (
                "qubit[3] q; h q; cswap q[0], q[1], q[2]; cswap q[0], q[2], q[1]; cx q[1], q[2]; reset q[2];",
                "h 0; h 1; h 2; cswap 0 1 2; cswap 0 2 1; cx 1 2; reset 2 3",
            ),
            (
                "qubit[2] q; bit c; h q[0]; c = measure q[0]; if (c) x q[1]; if (c) y q[1]; reset q[1];",
                "h 0; x 1 if 0; y 1 if 0",
            ),
            ("qubit q; bit c; h q; c = measure q; if (c) x q; reset q;", "h 0; measure 0 1; x 0 if 1"),
            ("qubit q; bit c; h q; c = measure q; t q; reset q;", "h 0; measure 0 1; t 0; x 0 if 1"),
            ("qubit[2] q; bit c; h q[0]; x q[1]; c = measure q[0]; if (c) reset q[1];", "h 0; x 1; x 1 if 0"),
            ("input float x0; qubit q; x q; if (x0 > 1) reset q;", "x 0; x 0 when x0 > 1"),
            (
                "input float x0; bool b = x0 > 1; qubit q; if (b) x q; if (b) x q; reset q;",
                "x 0 when x0 > 1; x 0 when x0 > 1",
            ),
        ],
    );
    let undone = "cx q[0],q[1]; cx q[0],q[1]; reset q[1];".repeat(57);
    let circuit =
        Circuit::from_qasm(&format!("{HEADER_2}qreg q[2]; h q[0]; {undone}")).expect("no reset takes a qubit");
    assert_eq!((circuit.qubits(), circuit.operations().len()), (2, 115));
}

/// A qubit that is measured twice gives one outcome.
#[test]
fn measured_twice() {
    let twice = "qubit q; bit[2] c; h q; c[0] = measure q; c[1] = measure q;";
    compare(
        HEADER_3,
        &[
            (twice, "h 0"),
            (&format!("{twice} h q;"), "h 0; measure 0 1; h 0"),
            (&format!("{twice} reset q;"), "h 0; measure 0 1; x 0 if 1"),
            ("qubit q; bit c; h q; measure q; c = measure q; reset q;", "h 0; measure 0 1; x 0 if 1"),
            ("qubit q; bit c; h q; c = measure q; measure q; reset q;", "h 0; measure 0 1; x 0 if 1"),
            (
                "qubit[2] q; bit[2] c; h q[0]; c[0] = measure q[0]; cx q[0], q[1]; c[1] = measure q[0]; h q[0];",
                "h 0; measure 0 2; cx 0 1; h 0",
            ),
            (
                "qubit q; bit[2] c; h q; c[0] = measure q; x q; c[1] = measure q; h q;",
                "h 0; measure 0 1; x 0; measure 0 2; h 0",
            ),
        ],
    );
    for (rest, bit) in [("", 0), (" h q;", 1), (" reset q;", 1)] {
        let imported = qasm::import(&format!("{HEADER_3}{twice}{rest}")).expect("it is right");
        assert_eq!(imported.bits[0].bits, [Bit::Qubit(bit); 2], "{rest}");
    }
}

/// A measurement in the samples alone whose feature meets a condition.
#[test]
fn measured_in_some_samples() {
    let text = format!(
        "{HEADER_3}input float x0; qubit[2] q; bit c; h q[0];
        if (x0 > 0.5) {{ c = measure q[0]; }} if (c) x q[1]; if (x0 > 1.5) {{ c = true; }}"
    );
    let imported = qasm::import(&text).expect("it is right");
    let Bit::Qubit(bit) = imported.bits[0].bits[0] else { panic!("{:?}", imported.bits) };
    let x = crate::lab::tensor(&[vec![0.0], vec![1.0], vec![2.0]], DType::F64);
    let z = Measurement::expectation([Z(1), Z(bit)]);
    let y = functional::evaluate(&imported.circuit, &z, Some(&x), &[]).expect("it runs");
    crate::lab::close("Z", &crate::lab::rows(&y).concat(), &[1.0, 1.0, 0.0, 0.0, 0.0, -1.0], 1e-12);
}

/// Registers and the places of bits.
#[test]
fn registers_and_bits() {
    let text = "OPENQASM 2.0; include \"qelib1.inc\"; qreg a[1]; creg c[2]; qreg b[2]; creg d[1]; h a; measure \
        a[0] -> c[1]; h a; measure b[1] -> d[0];";
    let imported = qasm::import(text).expect("it is right");
    assert_eq!(imported.version, (2, 0));
    let registers: Vec<_> = imported.registers.iter().map(|r| (r.name.as_str(), r.qubits.clone())).collect();
    assert_eq!(registers, [("a", vec![0]), ("b", vec![1, 2])]);
    let bits: Vec<_> = imported.bits.iter().map(|r| (r.name.as_str(), r.bits.clone())).collect();
    assert_eq!(bits, [("c", vec![Bit::Constant(false), Bit::Qubit(3)]), ("d", vec![Bit::Qubit(2)])]);
    let error = imported.measured().expect_err("a bit is constant");
    assert_eq!(error.to_string(), "measurement: bit 0 of `c` is always 0: no qubit holds it");
    assert_eq!(
        qasm::import("OPENQASM 3.2; x_y: ;").map(|_| ()).map_err(|error| error.to_string()),
        Err("line 1, column 18: expected a register or a qubit, found `:`".to_owned())
    );
}

/// Timing can be passed over.
#[test]
fn timing() {
    let text = format!("{HEADER_3}qubit q; delay[100ns] q; box[1us] {{ x q; }} box {{ y q; delay[2dt] q; }}");
    let config = ImportConfig { skip_timing: true, ..Default::default() };
    assert_eq!(listed(&qasm::import_with(&text, &config).expect("it is passed over").circuit), "x 0; y 0");
    assert!(qasm::import(&text).is_err());
}
