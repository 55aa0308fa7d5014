//! Drawings that are kept as files, in three forms.

use super::circuits::circuits;
use std::fs;
use std::path::Path;

/// Fails when a drawing has changed, after having written it anew.
#[test]
fn drawings_are_as_they_were() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/suite/drawings/golden");
    let mut files = Vec::new();
    for (name, circuit, set) in circuits() {
        let drawing = set(circuit.draw());
        let [svg, latex] =
            [drawing.to_svg(), drawing.to_latex()].map(|text| text.unwrap_or_else(|error| panic!("{name}: {error}")));
        for (end, text) in [("svg", svg), ("tex", latex), ("txt", drawing.to_text())] {
            files.push((folder.join(format!("{name}.{end}")), text));
        }
    }
    assert_eq!(files.len(), 30);
    // The README shows its own circuit.
    files.push((root.join("docs/images/drawing.svg"), files[0].1.clone()));
    let mut stale = Vec::new();
    for (path, fresh) in files {
        if fs::read_to_string(&path).ok().as_ref() != Some(&fresh) {
            fs::write(&path, fresh).expect("the folder is writable");
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "drawings have changed; they have been written anew, look at them: {stale:#?}");
}
