//! Drawings that are kept as files, in three forms.

use super::circuits::circuits;
use std::fs;
use std::path::Path;

/// Fails when a drawing has changed, after having written it anew.
#[test]
fn drawings_are_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/drawings/golden");
    let (mut stale, mut count) = (Vec::new(), 0);
    for (name, circuit, set) in circuits() {
        let drawing = set(circuit.draw());
        let [svg, latex] =
            [drawing.to_svg(), drawing.to_latex()].map(|text| text.unwrap_or_else(|error| panic!("{name}: {error}")));
        for (end, fresh) in [("svg", svg), ("tex", latex), ("txt", drawing.to_text())] {
            let path = folder.join(format!("{name}.{end}"));
            if fs::read_to_string(&path).ok().as_ref() != Some(&fresh) {
                fs::write(&path, fresh).expect("the folder is writable");
                stale.push(path);
            }
            count += 1;
        }
    }
    assert_eq!(count, 30);
    assert!(stale.is_empty(), "drawings have changed; they have been written anew, look at them: {stale:#?}");
}
