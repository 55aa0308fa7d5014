//! Small texts that ask for much: limits answer, in little time and memory.

use candlewick::qasm::{self, ImportConfig, Limits};

/// Reads a text and returns its error, without the place.
#[track_caller]
fn refused(text: &str) -> String {
    let error = qasm::import(text).map(|imported| imported.circuit.operations().len()).expect_err("there are limits");
    error.to_string().split(": ").skip(1).collect::<Vec<_>>().join(": ")
}

const MANY: &str = "there are more than the";
const STEPS: &str = "more than 4194304 steps are needed to read the text";

/// `levels` definitions, each of which calls the one before ten times.
fn nested(levels: usize, innermost: &str) -> String {
    let mut text = format!("gate g0 a {{ {innermost} }}\n");
    for level in 1..=levels {
        let calls = format!("g{} a; ", level - 1).repeat(10);
        text += &format!("gate g{level} a {{ {calls} }}\n");
    }
    text + &format!("qubit q; g{levels} q;")
}

#[test]
fn expansions_end() {
    assert!(refused(&nested(12, "U(0, 0, 0) a;")).starts_with(MANY));
    assert_eq!(refused(&nested(12, "")), STEPS);
    assert_eq!(refused("while (true) { }"), STEPS);
    assert_eq!(refused("for int i in [0:9223372036854775807] { }"), STEPS);
    assert!(refused("qubit q; pow(4000000000) @ U(0, 0, 0) q;").starts_with(MANY));
    assert!(refused("qubit[58] q; for int i in [0:1000000] U(0, 0, 0) q;").starts_with(MANY));
    assert!(refused("qubit[58] q; for int i in [0:1000000] { reset q; U(0, 0, 0) q; }").starts_with(MANY));
    assert_eq!(refused("def f(int n) { f(n + 1); } f(0);"), "nested more than 128 deep");
    let inputs: String = (0..200).map(|i| format!("input float w{i}; ")).collect();
    let sum: Vec<String> = (0..200).map(|i| format!("w{i}")).collect();
    let sum = sum.join(" + ");
    let text =
        format!("{inputs} gate g(a) q {{ gphase(a); }} qubit q; for int i in [0:100000] {{ g(({sum}) * ({sum})) q; }}");
    assert!([STEPS, MANY].iter().any(|limit| refused(&text).starts_with(limit)));
    let many: String = (0..1000).map(|i| format!("input float v{i}; ")).collect();
    let sum: Vec<String> = (0..1000).map(|i| format!("v{i}")).collect();
    let sum = sum.join(" + ");
    assert_eq!(refused(&format!("{many} gphase(({sum}) * ({sum}));")), STEPS);
    assert_eq!(refused(&format!("{many} gphase(({sum}) ** 2);")), STEPS);
    assert_eq!(refused(&format!("{many} gphase(pow({sum}, 2));")), STEPS);
    // A long sum is no mistake.
    assert!(qasm::import(&format!("{many} qubit q; gphase({sum});")).is_ok());
}

#[test]
fn depths_end() {
    let deep = "nested more than 128 deep";
    assert_eq!(refused(&format!("const float a = {}1;", "(".repeat(100_000))), deep);
    assert_eq!(refused(&format!("const float a = {}1;", "-".repeat(100_000))), deep);
    assert_eq!(refused(&format!("const float a = 1{};", "**1".repeat(100_000))), deep);
    assert_eq!(refused(&"{".repeat(100_000)), deep);
    assert_eq!(refused(&"if (true) ".repeat(100_000)), deep);
    assert_eq!(refused(&format!("const float a = {}1;", "sin(".repeat(100_000))), deep);
    let chain: String = (1..=200).map(|i| format!("gate g{i} a {{ g{} a; }} ", i - 1)).collect();
    assert_eq!(refused(&format!("gate g0 a {{ }} {chain} qubit q; g200 q;")), deep);
    // What only stands in a row is not deep.
    let sum = format!("qubit q; const int b = 1; int a = b{}; gphase(a);", " + b".repeat(100_000));
    assert_eq!(qasm::import(&sum).expect("it is long, not deep").circuit.operations().len(), 1);
}

#[test]
fn conditions_end() {
    let bits = "qubit[20] q; bit[20] c; for int i in [0:19] { U(1, 0, 0) q[i]; } c = measure q; ";
    let parity: Vec<String> = (0..17).map(|i| format!("c[{i}]")).collect();
    let text = format!("{bits} if ({}) U(0, 0, 0) q[19];", parity.join(" ^ "));
    assert_eq!(refused(&text), "unsupported: a condition on more than 16 measured bits");
    let any: Vec<String> = (0..16).map(|i| format!("c[{i}]")).collect();
    let any = any.join(" || ");
    let text = format!("{bits} {}", format!("if ({any}) U(0, 0, 0) q[19]; ").repeat(50));
    assert_eq!(refused(&text), STEPS);
    let wide = "bit[1000000] c; qubit q; ".to_owned() + &"if (c == 3) U(0, 0, 0) q; ".repeat(1000);
    assert_eq!(refused(&wide), STEPS);
    let doubled =
        "input float x0; qubit q; bool b = x0 < 1; for int i in [0:11] { b = b && b; } for int i in [0:60000] ";
    for body in ["if (b) U(0, 0, 0) q;", "if (b) ; else U(0, 0, 0) q;", "if (b && b) U(0, 0, 0) q;"] {
        let error = refused(&format!("{doubled}{body}"));
        assert!([STEPS, MANY].iter().any(|limit| error.starts_with(limit)), "{body}: {error}");
    }
    let many = "qubit[2] q; bit c; ".to_owned() + &"U(1, 0, 0) q[0]; c = measure q[0]; ".repeat(260);
    let expected = "257 qubits are more than the 256 of a circuit; measurements and resets take qubits, too";
    assert_eq!(refused(&many), expected);
}

/// Bits of qubits whose sums and products would become long: they become unknown, and the tables are emptied.
#[test]
fn values_end() {
    let start = std::time::Instant::now();
    let unknown = "h q[1]; h q[2]; h q[3]; ";
    let undone = "reset q[0]; cx q[1], q[4]; cx q[1], q[4]; reset q[4];";
    for (body, times) in [
        ("cx q[1], q[0]; ", 100_000),
        ("h q[1]; cx q[1], q[0]; ", 100_000),
        ("h q[1]; ccx q[1], q[2], q[0]; ccx q[0], q[1], q[3]; ", 60_000),
        ("ccx q[0], q[1], q[2]; ccx q[1], q[2], q[3]; ccx q[2], q[3], q[0]; cx q[3], q[1]; ", 10_000),
        ("h q[1]; cx q[1], q[0]; ccx q[0], q[2], q[3]; reset q[4]; ", 10_000),
    ] {
        let text = format!("include \"stdgates.inc\"; qubit[5] q; {unknown}{}{undone}", body.repeat(times));
        let circuit = qasm::import(&text).expect("it is long").circuit;
        assert!(circuit.qubits() <= 6, "{body}: {} qubits", circuit.qubits());
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn limits_can_be_set() {
    let read = |text: &str, limits: Limits| {
        let config = ImportConfig { limits, ..Default::default() };
        qasm::import_with(text, &config).map(|imported| imported.circuit.operations().len()).map_err(|e| e.to_string())
    };
    let loop_of_four = "qubit q; for int i in [0:3] gphase(i);";
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    assert_eq!(read(loop_of_four, Limits::default()), Ok(4));
    assert_eq!(read(loop_of_four, with(|l| l.operations = 4)), Ok(4));
    let error = |place: &str, what: &str| Err(format!("line 1, column {place}: {what}"));
    assert_eq!(
        read(loop_of_four, with(|l| l.operations = 3)),
        error("29", "there are more than the 3 operations that the limits allow here")
    );
    assert_eq!(
        read("qubit q; for int i in [0:30] gphase(i);", with(|l| l.expansion = 1)),
        error("30", "there are more than the 10 operations that the limits allow here")
    );
    assert_eq!(
        read(loop_of_four, with(|l| l.bytes = 10)),
        error("1", "the text has 38 bytes, more than the 10 allowed")
    );
    assert_eq!(read("{ { ; } }", with(|l| l.depth = 1)), error("3", "nested more than 1 deep"));
    assert_eq!(
        read("while (true) { }", with(|l| l.steps = 100)),
        error("8", "more than 100 steps are needed to read the text")
    );
    // A definition of a library stands nowhere in the text.
    let library = "OPENQASM 2.0; include \"qelib1.inc\"; qreg q[3];\n\nrccx q[0],q[1],q[2];";
    assert_eq!(
        read(library, with(|l| l.operations = 3)),
        Err("line 3, column 1: there are more than the 3 operations that the limits allow here".to_owned())
    );
    // Beyond the largest depth, a limit means the largest depth.
    let deep = "{".repeat(200);
    assert_eq!(read(&deep, with(|l| l.depth = usize::MAX)), error("129", "nested more than 128 deep"));
}
