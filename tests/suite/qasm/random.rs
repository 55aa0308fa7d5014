//! Any text gives a circuit or an error with a place inside the text: no text panics.

use super::cases::texts;
use candlewick::Error;
use candlewick::qasm::{ImportConfig, Limits, import_with};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Words, signs and pieces of texts.
const PIECES: [&str; 154] = [
    "OPENQASM 2.0;",
    "OPENQASM 3.0;",
    "include \"qelib1.inc\";",
    "include \"stdgates.inc\";",
    "qreg",
    "creg",
    "qubit",
    "bit",
    "int",
    "uint",
    "float",
    "angle",
    "bool",
    "const",
    "input",
    "output",
    "let",
    "for",
    "in",
    "while",
    "if",
    "else",
    "def",
    "return",
    "gate",
    "opaque",
    "measure",
    "reset",
    "barrier",
    "nop",
    "pragma",
    "inv",
    "pow",
    "ctrl",
    "negctrl",
    "true",
    "false",
    "pi",
    "tau",
    "π",
    "ℇ",
    "delay",
    "box",
    "array",
    "complex",
    "switch",
    "extern",
    "cal",
    "end",
    "duration",
    "U",
    "CX",
    "gphase",
    "x",
    "h",
    "rx",
    "u3",
    "cx",
    "ccx",
    "cu",
    "swap",
    "iswap",
    "ecr",
    "c3x",
    "rccx",
    "pauli_rot_xz",
    "q",
    "c",
    "a",
    "b",
    "i",
    "x0",
    "_w_1_",
    "$0",
    "$57",
    "0",
    "1",
    "2",
    "3",
    "57",
    "58",
    "-1",
    "0.5",
    ".5",
    "5.e-1",
    "1e308",
    "1e999",
    "9223372036854775807",
    "99999999999999999999",
    "0x1F",
    "0b2",
    "1_0",
    "2ns",
    "1im",
    "\"01\"",
    "'0'",
    "\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ";",
    ";",
    ";",
    ",",
    ",",
    ":",
    ".",
    "->",
    "@",
    "++",
    "=",
    "+=",
    "**=",
    "~=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "<<",
    ">>",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "^",
    "&",
    "|",
    "&&",
    "||",
    "!",
    "~",
    "\n",
    "// comment\n",
    "/*",
    "*/",
    "#pragma\n",
    "@candlewick.gate u3\n",
    "@candlewick.weight t[2,3] at [1,2]\n",
    "@candlewick.feature 3\n",
    "sin(",
    "mod(",
    "int(",
    "popcount(",
    "\u{feff}",
    "é",
    "😀",
    "\0",
];

/// Whole statements, most of them right.
const STATEMENTS: [&str; 34] = [
    "qreg q[3];",
    "creg c[2];",
    "qubit[2] q;",
    "bit[2] c;",
    "bit d;",
    "qubit b;",
    "h q;",
    "x q[0];",
    "cx q[0],q[1];",
    "rx(pi/2) q[1];",
    "measure q[0] -> c[0];",
    "c[1] = measure q[1];",
    "c = measure q[0:1];",
    "d = c[0] ^ c[1];",
    "reset q[0];",
    "reset q;",
    "if (c == 1) x q[1];",
    "if(c==2) measure q[0] -> c[0];",
    "if (c[0]) { x q[0]; } else { reset q[1]; }",
    "if (c != 2 || d) { d = measure q[0]; c[0] = d; }",
    "for int i in [0:2] { rx(i) q[0]; }",
    "while (true) { x q[0]; }",
    "int i = 3;",
    "i += c[0];",
    "input float x0;",
    "input angle w;",
    "if (x0 > 0.5 && d) { ry(x0*w) q[0]; }",
    "gate g(a) b { rx(a/2) b; pow(2) @ x b; }",
    "g(0.3) q[0];",
    "ctrl @ g(w) q[0], q[1];",
    "inv @ g(x0) q;",
    "def f(qubit p, int n) -> bit { rx(n) p; return measure p; }",
    "d = f(q[0], 3);",
    "f(q[1], 2);",
];

/// Limits with which no text takes long.
fn config(skip_timing: bool) -> ImportConfig {
    let limits = Limits { steps: 1 << 12, expansion: 1 << 10, ..Default::default() };
    ImportConfig { limits, skip_timing, ..Default::default() }
}

/// Reads a text, and checks that an error has its place inside of it. Returns whether there was none.
fn check(text: &str) -> bool {
    match import_with(text, &config(text.len().is_multiple_of(2))) {
        Ok(imported) => {
            assert!(imported.circuit.check().is_ok(), "{text}");
            let places = imported.registers.iter().flat_map(|register| &register.qubits);
            assert!(places.into_iter().all(|qubit| *qubit < imported.circuit.qubits()), "{text}");
            true
        }
        Err(Error::Qasm { line, column, problem }) => {
            let lines = text.split('\n').nth(line - 1).unwrap_or_else(|| panic!("line {line} of {text:?}"));
            assert!((1..=lines.chars().count() + 1).contains(&column), "column {column} of {text:?}");
            assert!(!problem.to_string().is_empty());
            false
        }
        Err(other) => panic!("{other} of {text:?}"),
    }
}

/// A text of random pieces, of random statements, or a case with random changes.
fn text(random: &mut StdRng, cases: &[String]) -> String {
    let mut text = String::new();
    let kind = random.random_range(0..4);
    if kind == 0 {
        for _ in 0..random.random_range(0..40) {
            text += PIECES[random.random_range(0..PIECES.len())];
            text += if random.random_range(0..3) == 0 { "" } else { " " };
        }
        return text;
    }
    text +=
        ["", "OPENQASM 2.0; include \"qelib1.inc\"; ", "OPENQASM 3; include \"stdgates.inc\"; qubit[3] q; bit[2] c;"]
            [random.random_range(0..3)];
    if kind == 1 {
        for _ in 0..random.random_range(0..16) {
            text += STATEMENTS[random.random_range(0..STATEMENTS.len())];
        }
    } else {
        text = cases[random.random_range(0..cases.len())].clone();
    }
    for _ in 0..random.random_range(0..4) {
        changed(&mut text, random);
    }
    text
}

/// Changes a text: removes, doubles or replaces a part of it.
fn changed(text: &mut String, random: &mut StdRng) {
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    let mut place = || places[random.random_range(0..places.len())];
    let (one, other) = (place(), place());
    let (start, end) = (one.min(other), one.max(other));
    let short = places.iter().copied().find(|place| *place > start).unwrap_or(end);
    match random.random_range(0..5) {
        0 => text.replace_range(start..short, PIECES[random.random_range(0..PIECES.len())]),
        1 => text.insert_str(start, PIECES[random.random_range(0..PIECES.len())]),
        2 => text.replace_range(start..short, ""),
        3 if end - start < 40 => text.replace_range(start..end, ""),
        _ => {
            let part: String = text[start..end].chars().take(40).collect();
            text.insert_str(start, &part);
        }
    }
}

/// Reads so many random texts, and returns the number of circuits.
fn read_random(seed: u64, count: usize) -> usize {
    let cases: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    let mut random = StdRng::seed_from_u64(seed);
    (0..count).filter(|_| check(&text(&mut random, &cases))).count()
}

#[test]
fn random_texts() {
    let circuits = read_random(1, 20_000);
    assert!(circuits > 1_000, "{circuits} circuits");
}

/// `FUZZ_SEED=7` reads other texts.
#[test]
#[ignore = "minutes: FUZZ_INPUTS=10000000 cargo test --test suite -- --ignored qasm::random::fuzz"]
fn fuzz() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (seed, count) = (number("FUZZ_SEED").unwrap_or(2), number("FUZZ_INPUTS").unwrap_or(10_000_000));
    let circuits = read_random(seed, count as usize);
    println!("{count} texts, {circuits} circuits");
}

/// Every beginning of every case.
#[test]
fn prefixes() {
    for (_, text) in texts() {
        for (end, _) in text.char_indices() {
            check(&text[..end]);
        }
        assert!(check(&text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)) {
        check(&pieces.join(" "));
        check(&pieces.concat());
    }

    #[test]
    fn any_letters(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        check(&text);
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn statements(statements in prop::collection::vec(prop::sample::select(&STATEMENTS[..]), 0..20)) {
        check(&statements.concat());
    }
}
