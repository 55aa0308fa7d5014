//! Each construct that is refused, as a line: a text and the error with its place.

use candlewick::qasm;

/// Reads each text, which begins with a header, and compares its error.
#[track_caller]
fn refuse(lines: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (text, expected) in lines {
        let actual = match qasm::import(text) {
            Ok(imported) => format!("a circuit:\n{}", imported.circuit),
            Err(error) => error.to_string(),
        };
        if actual != *expected {
            wrong.push(format!("{text}\n    gives    {actual}\n    expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn grammar() {
    refuse(&[
        ("", "line 1, column 1: a circuit needs at least one qubit"),
        ("qubit q\n;x q;", "line 2, column 2: `x` is not declared"),
        ("qubit q; qubit", "line 1, column 15: expected a name, found the end"),
        ("qubit[2] q; U(1,2,3) q[0]", "line 1, column 26: expected `;`, found the end"),
        ("qubit q; ?", "line 1, column 10: the character '?' has no meaning here"),
        ("qubit q; /* no end", "line 1, column 10: the comment has no end"),
        ("include \"stdgates.inc", "line 1, column 9: the string has no end"),
        ("gate g a { U(0,0,0) a;", "line 1, column 10: the block has no end"),
        ("qubit q; 3 q;", "line 1, column 10: expected a statement, found `3`"),
        ("const int a = 3x;", "line 1, column 15: `3x` is no number"),
        ("const float a = 1e999;", "line 1, column 17: the value is not finite"),
        ("const int a = 0b12;", "line 1, column 15: `0b12` is no number"),
        ("OPENQASM 2.1;", "line 1, column 10: OpenQASM 2.1 is unknown: versions 2.0 and 3.x can be read"),
        ("OPENQASM 4;", "line 1, column 10: OpenQASM 4 is unknown: versions 2.0 and 3.x can be read"),
        ("qubit q; OPENQASM 3;", "line 1, column 10: unsupported: a version behind other statements"),
        ("OPENQASM 2.0; qreg q;", "line 1, column 21: expected `[`, found `;`"),
        ("OPENQASM 2.0; qreg q[1]; measure q;", "line 1, column 35: expected `->`, found `;`"),
        (
            "OPENQASM 2.0; qreg q[1]; if (q==1) { U(0,0,0) q[0]; }",
            "line 1, column 36: expected an operation, found `{`",
        ),
        (
            "include \"other.inc\";",
            "line 1, column 1: `other.inc` cannot be included: only qelib1.inc and, in OpenQASM 3, stdgates.inc can",
        ),
        (
            "OPENQASM 2.0; include \"stdgates.inc\";",
            "line 1, column 15: `stdgates.inc` cannot be included: only qelib1.inc and, in OpenQASM 3, \
                stdgates.inc can",
        ),
        ("qubit q; \u{1F600}", "line 1, column 10: the character '\u{1F600}' has no meaning here"),
        ("/* é */ qubit q; é;", "line 1, column 18: `é` is not declared"),
    ]);
}

#[test]
fn names_and_numbers() {
    let header = "OPENQASM 3.0; include \"stdgates.inc\"; qubit[2] q; bit[2] c;\n";
    let lines: Vec<(String, &str)> = [
        ("rx(0.1) p;", "line 2, column 9: `p` is no qubit"),
        ("foo q[0];", "line 2, column 1: `foo` is not declared"),
        ("x r[0];", "line 2, column 3: `r` is not declared"),
        ("q q;", "line 2, column 1: `q` is no gate"),
        ("qubit q;", "line 2, column 7: `q` is declared already"),
        ("int t = 1;", "line 2, column 5: `t` is declared already"),
        ("gate x a { }", "line 2, column 6: `x` is declared already"),
        ("gate g(a, a) b { }", "line 2, column 11: `a` is declared already"),
        ("rx q[0];", "line 2, column 1: `rx` takes 1 argument(s), not 0"),
        ("x(1) q[0];", "line 2, column 1: `x` takes 0 argument(s), not 1"),
        ("cx q[0];", "line 2, column 1: `cx` takes 2 qubit(s), not 1"),
        ("ctrl @ x q[0];", "line 2, column 8: `x` takes 2 qubit(s), not 1"),
        ("x q[2];", "line 2, column 5: index 2 is out of range for size 2"),
        ("x q[-3];", "line 2, column 5: index -3 is out of range for size 2"),
        ("cx q[0], q[0];", "line 2, column 10: qubit `q[0]` is used twice"),
        ("cx q, q;", "line 2, column 7: qubit `q[0]` is used twice"),
        ("qubit[3] r; cx q, r;", "line 2, column 19: a register of 3 stands beside one of 2"),
        ("c[0] = measure q;", "line 2, column 1: a register of 1 stands beside one of 2"),
        ("rx(1/0) q[0];", "line 2, column 5: division by zero"),
        ("rx(log(0)) q[0];", "line 2, column 4: the value is not finite"),
        ("int i = 9223372036854775807 + 1;", "line 2, column 29: an integer is beyond 64 bits"),
        ("int i = 99999999999999999999;", "line 2, column 9: an integer is beyond 64 bits"),
        ("x q[0.5];", "line 2, column 5: `0.5` is no integer"),
        ("rx(q) q[0];", "line 2, column 4: `q` is no value"),
        ("rx(sin(1, 2)) q[0];", "line 2, column 4: `sin` takes 1 argument(s), not 2"),
        ("const int k = 1; k = 2;", "line 2, column 18: `k` is no variable"),
        ("ctrl(0) @ x q[0];", "line 2, column 11: `0` is no number of controls"),
        ("qubit[0] r;", "line 2, column 7: `0` is no size"),
        (
            "qubit[255] r;",
            "line 2, column 1: 257 qubits are more than the 256 of a circuit; measurements and resets take qubits, too",
        ),
        ("bit[2000000] r;", "line 2, column 14: 2000002 classical bits are more than the 1048576 allowed"),
        ("x $0;", "line 2, column 3: unsupported: physical qubits beside registers of qubits"),
        ("let a = q ++ q[0];", "line 2, column 14: qubit `q[0]` is used twice"),
        ("opaque m a; m q[0];", "line 2, column 13: unsupported: a call of an opaque gate"),
        ("def f(qubit a) { } f(q);", "line 2, column 20: a register of 2 stands beside one of 1"),
        ("def f(qubit a, qubit b) { } f(q[0], q[0]);", "line 2, column 37: qubit `q[0]` is used twice"),
        ("def f(qubit a) { f(a); } f(q[0]);", "line 2, column 18: nested more than 128 deep"),
        (
            "input float x0; rx(x0*x0*x0) q[0];",
            "line 2, column 25: an angle is a polynomial of degree 2 in the \
            inputs at most",
        ),
        (
            "input float x0; rx(sin(x0)) q[0];",
            "line 2, column 20: an angle is a polynomial of degree 2 in the \
            inputs at most",
        ),
        (
            "input float v; if (v > 1) x q[0];",
            "line 2, column 27: a condition may read inputs only, not weight \
            tensor `v`",
        ),
        (
            "input float circuit_fingerprint;",
            "line 2, column 13: `circuit_fingerprint` is no name for a weight \
            tensor: it must be non-empty, hold no `.` and not be `circuit_fingerprint`",
        ),
    ]
    .into_iter()
    .map(|(text, expected)| (format!("{header}{text}"), expected))
    .collect();
    refuse(&lines.iter().map(|(text, expected)| (text.as_str(), *expected)).collect::<Vec<_>>());
}

/// Values that do not fit, and entries that gates cannot read.
#[test]
fn widths() {
    refuse(&[
        ("const bit[2] b = 7;", "line 1, column 14: `7` does not fit into 2 bit(s)"),
        ("bit[2] b = 7;", "line 1, column 12: `7` does not fit into 2 bit(s)"),
        ("bit[2] b; b = -3;", "line 1, column 15: `-3` does not fit into 2 bit(s)"),
        ("bit b = bit(2);", "line 1, column 9: `2` does not fit into 1 bit(s)"),
        ("qubit q; bit d; bit c; c = measure q; d = c + 1;", "line 1, column 43: `2` does not fit into 1 bit(s)"),
        ("uint u = -1; uint[64] v = u;", "line 1, column 6: an integer is beyond 64 bits"),
        ("bit[64] b; b[63] = 1; uint i = b;", "line 1, column 28: an integer is beyond 64 bits"),
        ("const bit[65] b = 1;", "line 1, column 15: unsupported: a string of more than 64 bits"),
        ("qubit q; U(uint[0](1), 0, 0) q;", "line 1, column 12: `0` is no size of a variable"),
        ("qubit q; U(uint[65537](1), 0, 0) q;", "line 1, column 12: `65537` is no size of a variable"),
        ("for uint[0] i in [0:1] { }", "line 1, column 10: `0` is no size"),
        ("gate g(n) a { U(0, 0, 1 * n[0]) a; }", "line 1, column 27: `n` is no constant register of bits"),
        ("bit[2] c; gate g a { U(0, 0, c[0]) a; }", "line 1, column 30: `c` is no constant register of bits"),
        ("gate g a { U(0, 0, 1 * c[0]) a; }", "line 1, column 24: `c` is not declared"),
        ("qubit[2] q; def f(qubit a) { } f(q /* no end", "line 1, column 36: the comment has no end"),
        (
            "@candlewick.weight w[2] at [0]\ninput float a;\ninput float _w_5_;\nqubit q;",
            "line 3, column 13: weight tensor `w` is there already, with shape [2] (now [6]); give another name, or \
                the handle to share it",
        ),
        (
            "@candlewick.weight w[2] at [0]\ninput float a;\n@candlewick.weight w[3] at [1]\ninput float b;",
            "line 4, column 13: weight tensor `w` is there already, with shape [2] (now [3]); give another name, or \
                the handle to share it",
        ),
        (
            "input float _w_5_;\n@candlewick.weight w[2] at [0]\ninput float a;\nqubit q;",
            "line 3, column 13: weight tensor `w` is there already, with shape [6] (now [2]); give another name, or \
                the handle to share it",
        ),
    ]);
}

#[test]
fn unsupported_constructs() {
    let lines = [
        ("array[int, 3] a;", "an `array`"),
        ("complex z;", "`complex` numbers"),
        ("extern f(int) -> int;", "`extern`"),
        ("defcal x $0 { }", "calibrations (`cal`, `defcal`)"),
        ("cal { }", "calibrations (`cal`, `defcal`)"),
        ("duration d;", "durations"),
        ("stretch d;", "durations"),
        ("delay[1ns] q;", "`delay`; ImportConfig::skip_timing passes over it"),
        ("box { }", "`box`; ImportConfig::skip_timing takes it as a block"),
        ("switch (1) { }", "`switch`"),
        ("end;", "`end`"),
        ("break;", "`break`"),
        ("continue;", "`continue`"),
        ("return;", "`return` before the end of a subroutine"),
    ];
    for (text, what) in lines {
        let text = format!("qubit q;\n {text}");
        let error = qasm::import(&text).map(|_| ()).expect_err(&text).to_string();
        assert_eq!(error, format!("line 2, column 2: unsupported: {what}"), "{text}");
    }
    refuse(&[
        ("input int n;", "line 1, column 7: unsupported: an `input` that is no `float` or `angle`"),
        ("output float n;", "line 1, column 8: unsupported: an `output` that is no `bit`"),
        (
            "qubit[2] q; bit c; c = measure q[0]; int i = c;",
            "line 1, column 46: unsupported: measured values in arithmetic",
        ),
        (
            "qubit[2] q; bit c; c = measure q[0]; while (c) { c = measure q[0]; }",
            "line 1, column 38: unsupported: a loop until a measured value or an input",
        ),
        (
            "qubit[2] q; bit c; int i; c = measure q[0]; if (c) i = 1;",
            "line 1, column 52: unsupported: a variable that is set under a condition on measured bits or inputs",
        ),
        ("qubit q; if (true) { qubit r; }", "line 1, column 22: unsupported: qubits that are declared inside a block"),
        ("gate g a { measure a; }", "line 1, column 12: unsupported: a statement in a gate that is no gate"),
        (
            "gate h a { U(pi/2, 0, pi) a; } qubit q; pow(0.5) @ h q;",
            "line 1, column 52: unsupported: a power of this gate that is no integer",
        ),
        ("const float t = 100ns;", "line 1, column 17: unsupported: durations"),
        ("const float t = popcount(\"1\");", "line 1, column 17: unsupported: this function"),
    ]);
}
