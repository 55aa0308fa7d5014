//! Texts with their states, by Qiskit 2.6.2 or by dense matrices in numpy, and with the probabilities of their bits, by
//! branching over all outcomes in numpy.

use super::{probabilities, state};
use candlewick::qasm;
use num_complex::Complex64 as C;
use std::path::{Path, PathBuf};

/// Texts of the folder of cases.
pub(super) fn texts() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/qasm/cases");
    let files = std::fs::read_dir(folder).expect("the folder of cases").map(|file| file.expect("a file").path());
    let mut texts: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "qasm")).collect();
    texts.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a text");
        (path, text)
    };
    texts.into_iter().map(read).collect()
}

#[test]
fn cases_have_their_values() {
    let mut cases = 0;
    for (path, text) in texts() {
        let name = path.display();
        let json = std::fs::read_to_string(path.with_extension("json")).expect("its values");
        let case: serde_json::Value = serde_json::from_str(&json).expect("a JSON text");
        let imported = qasm::import(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let number = |key: &str| case[key].as_u64().expect("a number") as usize;
        assert_eq!(imported.registers.iter().map(|register| register.qubits.len()).sum::<usize>(), number("qubits"));
        assert_eq!(imported.bits.iter().map(|register| register.bits.len()).sum::<usize>(), number("clbits"), "{name}");
        assert_eq!(u64::from(imported.version.0), case["version"].as_u64().expect("a version"), "{name}");
        if let Some(expected) = case["state"].as_array() {
            let entry = |value: &serde_json::Value| C::new(value[0].as_f64().unwrap(), value[1].as_f64().unwrap());
            let actual = state(&imported.circuit, &[], |w| {
                vec![case["inputs"][w.name()].as_f64().unwrap_or_else(|| panic!("{name}: `{}`", w.name()))]
            });
            assert_eq!(actual.len(), expected.len(), "{name}");
            let overlap: C = actual.iter().zip(expected).map(|(a, b)| a.conj() * entry(b)).sum();
            assert!((1.0 - overlap.norm()).abs() < 1e-9, "{name}: overlap {overlap}");
            // Other values are right up to a global phase.
            assert!(case["exact"].is_null() || (overlap - 1.0).norm() < 1e-9, "{name}: overlap {overlap}");
            cases += 1;
        }
        if let Some(expected) = case["probabilities"].as_object() {
            let actual = probabilities(&imported);
            let off = |key: &u64| {
                let expected = expected.get(&key.to_string()).and_then(serde_json::Value::as_f64).unwrap_or(0.0);
                (actual.get(key).copied().unwrap_or(0.0) - expected).abs()
            };
            let keys = expected.keys().map(|key| key.parse().expect("a number")).chain(actual.keys().copied());
            let worst = keys.map(|key: u64| off(&key)).fold(0.0, f64::max);
            assert!(worst < 1e-9, "{name}: {actual:?}");
            cases += 1;
        }
    }
    assert!(cases >= 39, "{cases} cases");
}
