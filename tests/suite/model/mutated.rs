//! Changed files: any bytes give a model or a typed error, without a panic.

use super::{Parts, built, load};
use candle_core::DType;
use candlewick::data::{CsvConfig, Imputer, Scaler, Table, TableEncoder};
use candlewick::error::Error;
use candlewick::model::{Activation, Layer, Model};
use candlewick::prelude::*;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A small model with many kinds of parts.
fn model() -> Vec<u8> {
    let table = Table::parse("a,colour,kind\n1,red,x\n2,blue,y\n3,red,x\n", ',').expect("a table");
    let encoder = TableEncoder::fit(&table, &CsvConfig::with_label("kind")).expect("columns");
    let set = encoder.encode(&table).expect("samples");
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", (2, 2));
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..3).map(input));
    circuit.controlled_on([(0, false)], |c| c.pauli_rot(w.at([0, 1]) * input(0) + 0.5, "XZ", [1, 2]));
    circuit.when(input(0).abs().gt(0.25) & !input(1).lt(0.5), |c| c.rz(w.at([1, 0]), 0));
    let half = std::f64::consts::FRAC_1_SQRT_2;
    circuit.unitary(&[half, half, half, -half].map(num_complex::Complex64::from), [1]);
    let measurement = Measurement::all([
        Measurement::expectation([w.at([1, 1]) * Z(0) + 0.5 * X(1), Observable::diagonal_on([1.0, -1.0], [2])]),
        Measurement::probabilities([0]),
    ]);
    let builder = Model::builder(3)
        .table(encoder.clone())
        .impute(Imputer::mean(&set.x).expect("numbers"))
        .scale(Scaler::standard(&set.x).expect("numbers"))
        .layer(Layer::Residual(vec![Layer::linear(3, 3), Layer::Activation(Activation::Tanh)]))
        .layer(Layer::quantum(circuit, measurement))
        .layer(Layer::linear(4, 2))
        .classes("kind", encoder.classes().to_vec())
        .note("data", "three rows");
    built(builder, DType::F32).to_bytes().expect("a file")
}

/// Reads bytes; what is a model can be used and saved. Returns whether it is one.
fn check(bytes: &[u8]) -> bool {
    match load(bytes) {
        Ok(model) => {
            let again = model.to_bytes().expect("a model can be saved");
            assert!(load(&again).is_ok());
            true
        }
        Err(Error::Model { .. } | Error::Weights(_) | Error::Memory(_)) => false,
        Err(error) => panic!("another kind of error: {error:?}"),
    }
}

#[test]
fn truncated() {
    let bytes = model();
    (0..bytes.len()).for_each(|length| assert!(!check(&bytes[..length])));
    assert!(check(&bytes));
}

#[test]
fn changed_bytes() {
    let bytes = model();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..3000 {
        let mut changed = bytes.clone();
        let place = random.random_range(0..changed.len());
        changed[place] ^= 1 << random.random_range(0..8);
        assert!(!check(&changed), "a change at byte {place} went unnoticed");
    }
}

/// Words that stand in the place of a token of a description.
const TOKENS: [&str; 26] = [
    "0",
    "1",
    "-1",
    "2",
    "58",
    "59",
    "1e308",
    "-0.5",
    "18446744073709551615",
    "4294967296",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"x\"",
    "\"state\"",
    "\"kraus\"",
    "\"unitary\"",
    "\"measure\"",
    "\"reset\"",
    "\"amplitude_embedding\"",
    "[0,0]",
    "[[1,0]]",
    "\"flatten\"",
    "{\"residual\":[]}",
];

/// Places of the tokens of a JSON text: numbers and strings.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let (bytes, mut tokens, mut place) = (text.as_bytes(), Vec::new(), 0);
    while place < bytes.len() {
        let start = place;
        match bytes[place] {
            b'"' => {
                place += 1;
                while bytes[place] != b'"' {
                    place += 1 + usize::from(bytes[place] == b'\\');
                }
                place += 1;
                tokens.push((start, place));
            }
            b'-' | b'0'..=b'9' => {
                while matches!(bytes[place], b'-' | b'+' | b'.' | b'e' | b'0'..=b'9') {
                    place += 1;
                }
                tokens.push((start, place));
            }
            _ => place += 1,
        }
    }
    tokens
}

#[test]
fn changed_tokens() {
    let parts = Parts::of(&model());
    let mut random = StdRng::seed_from_u64(2);
    let mut models = 0;
    for _ in 0..6000 {
        let mut changed = parts.clone();
        for _ in 0..random.random_range(1..3) {
            let all = tokens(&changed.text);
            let (start, end) = all[random.random_range(0..all.len())];
            let other = all[random.random_range(0..all.len())];
            let word = match random.random_range(0..3) {
                0 => changed.text[other.0..other.1].to_owned(),
                _ => TOKENS[random.random_range(0..TOKENS.len())].to_owned(),
            };
            changed.text.replace_range(start..end, &word);
        }
        models += usize::from(check(&changed.bytes()));
    }
    // Names, notes and numbers may be others.
    assert!((100..5000).contains(&models), "{models}");
}

#[test]
#[ignore = "minutes: MODEL_INPUTS=1000000 cargo test --test suite -- --ignored model::mutated::fuzz"]
fn fuzz() {
    let count: u64 = std::env::var("MODEL_INPUTS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let parts = Parts::of(&model());
    for seed in 0..count {
        let mut random = StdRng::seed_from_u64(seed);
        let mut changed = parts.clone();
        for _ in 0..random.random_range(1..4) {
            let all = tokens(&changed.text);
            let (start, end) = all[random.random_range(0..all.len())];
            let word = TOKENS[random.random_range(0..TOKENS.len())];
            changed.text.replace_range(start..end, word);
        }
        check(&changed.bytes());
    }
}

/// Keys of the format.
const KEYS: [&str; 24] = [
    "format",
    "digest",
    "layers",
    "quantum",
    "circuit",
    "operations",
    "linear",
    "inputs",
    "outputs",
    "residual",
    "g",
    "q",
    "a",
    "t",
    "k",
    "measure",
    "expectation",
    "words",
    "qubits",
    "features",
    "output",
    "dtype",
    "input",
    "writer",
];

/// JSON of the keys of the format, in any order and depth.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(&KEYS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(&KEYS[..]), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_description(tree in tree()) {
        let text = tree.to_string();
        let parts = Parts { text, tensors: Default::default() };
        check(&parts.bytes());
    }

    /// A description with any value in the place of one of its parts.
    #[test]
    fn any_part(tree in tree(), part in prop::sample::select(&["input", "table", "prepare", "layers", "output", "notes"][..])) {
        let parts = Parts::of(&model());
        let mut value: serde_json::Value = serde_json::from_str(&parts.text).expect("JSON");
        value[part] = tree;
        // The digest stands in front of everything that a description says.
        let digest = value["digest"].as_str().unwrap_or_default().to_owned();
        let text = value.to_string();
        prop_assert!(text.contains(&digest));
        check(&Parts { text, ..parts }.bytes());
    }
}
