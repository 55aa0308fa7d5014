//! `draw`, `simulate` and `convert`, and `info` of circuits.

use super::Folder;
use candlewick::qasm;
use serde_json::Value;

const BELL: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0], q[1];\n\
                    measure q -> c;\n";

/// A bit decides on a gate, and is in a register at the end.
const MIDDLE: &str = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[2];\ncreg c[2];\nry(0.9) q[0];\n\
                      measure q[0] -> c[0];\nreset q[0];\nif(c==1) x q[1];\nh q[0];\nmeasure q[1] -> c[1];\n";

const TURNED: &str = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\ninput float[64] x0;\ninput float[64] theta;\n\
                      qubit[2] q;\nry(x0) q[0];\nrx(2 * theta * x0) q[1];\n";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn drawings() {
    let folder = Folder::new("draw").with("bell.qasm", BELL);
    let text = folder.run(&["draw", "bell.qasm"]).good();
    let lines = [
        "q[0]: ─H──●────M─────────────",
        "          │    │",
        "q[1]: ────X────┼───────M─────",
        "               │       │",
        "c[0]: ───────record────┼─────",
        "                       │",
        "c[1]: ───────────────record──",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    assert_eq!(folder.run_with(&["draw", "-"], BELL.as_bytes()).good(), text);
    assert_eq!(folder.run(&["draw", "bell.qasm", "-o", "b.txt"]).good(), "");
    assert_eq!(folder.text("b.txt"), text);
    folder.run(&["draw", "bell.qasm", "-o", "b.svg", "--theme", "dark"]).good();
    assert!(folder.text("b.svg").starts_with("<svg "));
    folder.run(&["draw", "bell.qasm", "-o", "b.TEX", "--standalone"]).good();
    assert!(folder.text("b.TEX").contains(r"\begin{quantikz}"));
    let long = "h q[0];\n".repeat(200);
    let long = BELL.replace("h q[0];\n", &long);
    let rows = |fold: &str| folder.run_with(&["draw", "-", "--fold", fold], long.as_bytes()).good().lines().count();
    assert!(rows("yes") > 20 && rows("no") == 7);
}

#[test]
fn probabilities_counts_and_states() {
    let folder = Folder::new("simulate").with("bell.qasm", BELL).with("middle.qasm", MIDDLE);
    let text = folder.run(&["simulate", "bell.qasm"]).good();
    assert_eq!(text, "bell.qasm: 2 qubits; probabilities of bits c[1] c[0]\n00  0.500000\n11  0.500000\n");
    let found = json(&folder.run(&["simulate", "middle.qasm", "--f64", "--json"]).good());
    // c[0] is 1 with this probability, and c[1] follows it.
    let one = 0.45f64.sin().powi(2);
    for (place, (bits, expected)) in [("00", 1.0 - one), ("11", one)].into_iter().enumerate() {
        let outcome = &found["probabilities"][place];
        assert_eq!(outcome["bits"], bits);
        assert!((outcome["probability"].as_f64().expect("a number") - expected).abs() < 1e-14);
    }
    assert_eq!(found["outcomes"], 2);

    let counts = |seed: &str| {
        let line = ["simulate", "bell.qasm", "--shots", "1000", "--seed", seed, "--json"];
        json(&folder.run(&line).good())["counts"].clone()
    };
    let all: Vec<Value> = ["1", "1", "2"].map(counts).into();
    let sum: u64 = all[0].as_array().expect("counts").iter().map(|one| one["count"].as_u64().expect("a count")).sum();
    assert_eq!(sum, 1000);
    assert!(all[0] == all[1] && all[0] != all[2]);

    let state = folder.run(&["simulate", "bell.qasm", "--state"]).good();
    assert!(state.ends_with("00  +0.707107 + 0.000000i\n11  +0.707107 + 0.000000i\n"), "{state}");
    let top = folder.run(&["simulate", "bell.qasm", "--top", "1"]).good();
    assert!(top.lines().count() == 2 && top.contains("the 1 largest of 2"), "{top}");
}

#[test]
fn expectation_values() {
    let folder = Folder::new("expect").with("bell.qasm", BELL);
    let line = ["simulate", "bell.qasm", "--expect", "0.5 Z0 Z1 + X0*X1 - 2", "--expect", "-Z0 Z1+1.5e-1", "--json"];
    let found = json(&folder.run(&line).good());
    let value = |place: usize| found["expectations"][place]["value"].as_f64().expect("a number");
    assert!((value(0) + 0.5).abs() < 1e-6 && (value(1) + 0.85).abs() < 1e-6, "{found}");
    let estimated = folder.run(&["simulate", "bell.qasm", "--expect", "Z0 Z1", "--shots", "10"]).good();
    assert!(estimated.ends_with("10 shots (seed 1), expectation values\n+1.000000  Z0 Z1\n"), "{estimated}");
    for (text, column) in [("Z0 + ", 6), ("Q0", 1), ("0.5 0.5 Z0", 5), ("Z", 1), ("Z0 2", 4), ("+ + Z0", 3), ("", 1)] {
        let message = folder.run(&["simulate", "bell.qasm", "--expect", text]).bad(1);
        assert!(message.starts_with(&format!("error: --expect:1:{column}: ")), "{text}: {message}");
    }
    let beyond = folder.run(&["simulate", "bell.qasm", "--expect", "Z7"]).bad(1);
    assert!(beyond.starts_with("error: bell.qasm: observable 0"), "{beyond}");
}

#[test]
fn inputs_get_numbers() {
    let folder = Folder::new("set").with("turned.qasm", TURNED);
    let open = folder.run(&["simulate", "turned.qasm", "--set", "x0=1"]).bad(2);
    assert!(open.starts_with("error: theta have no number") || open.contains("theta"), "{open}");
    let line = ["simulate", "turned.qasm", "--set", "x0=pi/3", "--set", "theta=-3*pi/4", "--f64", "--json"];
    let found = json(&folder.run(&[&line[..], &["--expect", "Z0", "--expect", "Z1"]].concat()).good());
    let value = |place: usize| found["expectations"][place]["value"].as_f64().expect("a number");
    let third = std::f64::consts::FRAC_PI_3;
    assert!((value(0) - third.cos()).abs() < 1e-14);
    assert!((value(1) - (2.0 * -0.75 * std::f64::consts::PI * third).cos()).abs() < 1e-14);

    // Some of the inputs, all of them, none.
    let convert = |line: &[&str]| folder.run(&[&["convert", "turned.qasm"], line].concat()).good();
    assert!(convert(&["--set", "theta=0.25"]).contains("rx(0.5*x0) q[1];"));
    assert!(convert(&["--set", "theta=0.25", "--set", "x0=2", "--to", "qasm2"]).contains("rx(1.0) q[1];"));
    assert!(convert(&[]).contains("input float[64] theta;"));
    folder.run(&["convert", "turned.qasm", "--to", "qasm2"]).bad(2);
}

/// Texts of both versions read back with the same probabilities, and the same registers where nothing reads a bit.
#[test]
fn conversions_keep_the_measurements() {
    let folder = Folder::new("convert").with("bell.qasm", BELL).with("middle.qasm", MIDDLE);
    for (name, version) in [("bell", "qasm2"), ("bell", "qasm3"), ("middle", "qasm3")] {
        let (from, to) = (format!("{name}.qasm"), format!("{name}.{version}"));
        assert_eq!(folder.run(&["convert", &from, "--to", version, "-o", &to]).good(), "");
        let [before, after] = [&from, &to].map(|file| {
            let simulated = folder.run(&["simulate", file]).good();
            simulated.split_once(": ").expect("a name").1.split_once("; ").expect("a part").1.to_owned()
        });
        assert_eq!(before, after, "{name} {version}");
    }
    // Registers are compared as a whole in OpenQASM 2, so a bit that a gate reads has a register of its own.
    let text = folder.run(&["convert", "middle.qasm", "--to", "qasm2"]).good();
    assert!(text.contains("measure q[0] -> c0[0];") && text.contains("// c[0] is c0[0]"), "{text}");
    assert_eq!(qasm::import(&text).expect("a text").bits.len(), 2);
}

#[test]
fn mistakes_are_shown_in_their_line() {
    let wrong = BELL.replace("cx q[0], q[1];", "\tcx q[0], q[0];");
    let folder = Folder::new("mistakes").with("c.qasm", &wrong).with("long.qasm", &format!("{}!", "/* */".repeat(99)));
    for verb in ["draw", "simulate", "convert", "info"] {
        let message = folder.run(&[verb, "c.qasm"]).bad(1);
        let expected = "error: c.qasm:6:2: qubit `q[0]` is used twice\n6 |  cx q[0], q[0];\n  |  ^\n";
        assert!(message == expected || message.contains("is used twice\n6 |  cx q[0], q[0];\n  | "), "{message}");
        let long = folder.run(&[verb, "long.qasm"]).bad(1);
        let last = long.lines().last().expect("a caret");
        assert!(long.starts_with("error: long.qasm:1:496: ") && last.chars().count() < 110, "{long}");
    }
    assert!(folder.run(&["draw", "none.qasm"]).bad(1).starts_with("error: none.qasm: cannot be read: "));
    assert!(folder.run_with(&["draw", "-"], b"qubit \xff").bad(1).contains("standard input:1: the text is not UTF-8"));
    let large = "OPENQASM 3.0; qubit[50] q; U(0.1,0,0) q;";
    assert!(folder.run_with(&["simulate", "-", "--state"], large.as_bytes()).bad(1).contains("bytes"));
}

#[test]
fn info_of_circuits() {
    let folder = Folder::new("info").with("turned.qasm", TURNED).with("bell.qasm", BELL);
    let text = folder.run(&["info", "bell.qasm"]).good();
    assert!(
        text.starts_with("bell.qasm: OpenQASM 2.0, 2 qubits, 2 operations, depth 2\n  bits c[0], c[1]\n"),
        "{text}"
    );
    let found = json(&folder.run(&["info", "turned.qasm", "--json"]).good());
    assert_eq!((&found["kind"], &found["features"], &found["qubits"]), (&"circuit".into(), &1.into(), &2.into()));
    assert_eq!(found["weights"]["theta"], serde_json::json!([]));
    assert_eq!(found["gates"], serde_json::json!({ "rx": 1, "ry": 1 }));
}
