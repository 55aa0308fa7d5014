//! Promises of the public interface that the compiler does not check: public items can grow without breaking programs.

use candle_core::DType;
use candle_nn::Init;
use candlewick::prelude::*;
use candlewick::variational::{VqeConfig, VqeMethod, VqeOptimizerConfig};
use std::fs;
use std::path::{Path, PathBuf};

/// Sources of the modules that users see.
fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in entries {
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// Text of each file with sources that users see: engines are private, and plans of launches are the emulator's.
fn public_sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "engine"));
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Whether a program outside the crate could list all variants or fields of an item, whose lines these are.
fn is_open(attributes: &str, kind: &str, body: &[&str]) -> bool {
    if attributes.contains("#[non_exhaustive]")
        || body.iter().any(|line| line.contains("non_exhaustive: NonExhaustive"))
    {
        return false;
    }
    let fields = body.iter().filter(|line| {
        line.starts_with("    ") && !line.starts_with("     ") && !line.contains("//") && line.contains(':')
    });
    kind == "enum" || fields.clone().count() > 0 && fields.clone().all(|line| line.starts_with("    pub "))
}

#[test]
fn no_public_struct_or_enum_is_open() {
    let (mut items, mut open) = (0, Vec::new());
    for (path, text) in &public_sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some((kind, rest)) = ["struct", "enum"]
                .into_iter()
                .find_map(|kind| line.trim_start().strip_prefix(&format!("pub {kind} ")).map(|rest| (kind, rest)))
            else {
                continue;
            };
            items += 1;
            let attributes: Vec<&str> =
                lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with("#[")).copied().collect();
            let body: Vec<&str> = lines[at + 1..].iter().take_while(|line| !line.starts_with('}')).copied().collect();
            let body = if line.ends_with('{') { &body[..] } else { &[] };
            // A tuple's fields stand in its own line.
            let tuple = rest.contains("(pub ")
                && !attributes.join("").contains("#[non_exhaustive]")
                && !rest.contains("NonExhaustive");
            if is_open(&attributes.join("\n"), kind, body) || tuple {
                open.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(items > 60, "{items} items: the sources have another shape than this test reads");
    assert!(open.is_empty(), "{open:#?}");
}

/// One thing has one name: no two public types, traits or functions of the crate share one, in whatever modules they
/// are.
#[test]
fn public_names_are_unique() {
    let mut places: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for (path, text) in public_sources() {
        for line in text.lines() {
            let item = ["struct", "enum", "trait", "type", "fn", "const fn"]
                .into_iter()
                .find_map(|kind| line.strip_prefix(&format!("pub {kind} ")));
            if let Some(item) = item {
                let name: String = item.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                places.entry(name).or_default().push(path.display().to_string());
            }
        }
    }
    assert!(places.len() > 150, "{} names: the sources have another shape than this test reads", places.len());
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

/// Words with which the comment of a public item does not begin: a noun or a verb says what the item is or does.
const FRAGMENTS: [&str; 17] = [
    "Of", "As", "In", "From", "For", "To", "With", "What", "Those", "None", "Such", "On", "Where", "How", "Which",
    "Why", "By",
];

#[test]
fn comments_of_public_items_are_no_fragments() {
    let (mut comments, mut fragments) = (0, Vec::new());
    for (path, text) in public_sources() {
        let lines: Vec<&str> = text.lines().collect();
        let mut in_public = false;
        for (at, line) in lines.iter().enumerate() {
            match line.strip_prefix("pub ") {
                Some(item) => in_public = item.starts_with("enum "),
                None => in_public &= !line.starts_with('}'),
            }
            let is_first = at == 0 || !lines[at - 1].trim_start().starts_with("///");
            let Some(comment) = line.trim_start().strip_prefix("/// ").filter(|_| is_first) else { continue };
            let item = lines[at..].iter().map(|line| line.trim_start()).find(|line| !line.starts_with(['/', '#']));
            if in_public || item.is_some_and(|item| item.starts_with("pub ")) {
                comments += 1;
                if FRAGMENTS.contains(&comment.split(' ').next().unwrap_or_default()) {
                    fragments.push(format!("{}:{}: {comment}", path.display(), at + 1));
                }
            }
        }
    }
    assert!(comments > 400, "{comments} comments: the sources have another shape than this test reads");
    assert!(fragments.is_empty(), "{fragments:#?}");
}

/// Circuits and configurations are equal where they say the same.
#[test]
fn circuits_and_configurations_are_compared() {
    let circuit = |angle: f64, init: Init| {
        let mut circuit = Circuit::new(2);
        let w = circuit.weights_with_init("w", 2, init);
        circuit.ry(w.at(0) + angle, 0).cx(0, 1);
        circuit
    };
    let one = circuit(0.5, Init::Const(0.1));
    assert_eq!(one, circuit(0.5, Init::Const(0.1)));
    assert_ne!(one, circuit(0.6, Init::Const(0.1)));
    assert_ne!(one, circuit(0.5, Init::Const(0.2)));
    assert_ne!(one, circuit(0.5, Init::Randn { mean: 0.1, stdev: 0.0 }));
    assert_ne!(one, one.clone().with_inputs(1));
    let ansatz = |angle| VqeOptimizerConfig { ansatz: Some(circuit(angle, Init::Const(0.0))), ..Default::default() };
    assert_eq!(ansatz(1.0), ansatz(1.0));
    assert_ne!(ansatz(1.0), ansatz(2.0));

    let others: [VqeConfig; 9] = [
        VqeConfig { method: VqeMethod::Spsa(Default::default()), ..Default::default() },
        VqeConfig { steps: 1, ..Default::default() },
        VqeConfig { gradient_tolerance: 1.0, ..Default::default() },
        VqeConfig { energy_tolerance: 1.0, ..Default::default() },
        VqeConfig { patience: None, ..Default::default() },
        VqeConfig { dtype: DType::F32, ..Default::default() },
        VqeConfig { seed: 1, ..Default::default() },
        VqeConfig { layer: QuantumLayerConfig { shots: Some(1), ..Default::default() }, ..Default::default() },
        VqeConfig { seed: 2, ..Default::default() },
    ];
    for (place, config) in others.iter().enumerate() {
        assert_ne!(*config, VqeConfig::default());
        assert!(others.iter().enumerate().all(|(other, with)| (config == with) == (other == place)));
    }
}
