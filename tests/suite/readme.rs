//! The README's gate table follows from the rows.

use candlewick::gate::markdown_table;
use std::{fs, path::Path};

const START: &str = "<!-- gate table: written by `cargo test` from src/gate/table.rs -->\n";
const END: &str = "<!-- end of gate table -->";

/// Fails when the README has drifted, after having written the table anew.
#[test]
fn readme_has_the_gate_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).expect("README.md");
    let (before, rest) = text.split_once(START).expect("the start mark of the table");
    let (_, after) = rest.split_once(END).expect("the end mark of the table");
    let fresh = format!("{before}{START}{}{END}{after}", markdown_table());
    if fresh != text {
        fs::write(&path, fresh).expect("README.md is writable");
        panic!("the gate table in README.md was out of date; it has been rewritten, commit it");
    }
}
