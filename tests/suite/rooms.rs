//! The picture of the rooms in `ARCHITECTURE.md`: which module of the crate uses which.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Modules in the direction in which data flows.
const ROOMS: [&str; 24] = [
    "error",
    "limits",
    "places",
    "random",
    "gate",
    "observable",
    "measurement",
    "circuit",
    "fingerprint",
    "program",
    "columns",
    "engine",
    "autograd",
    "sampling",
    "gradient",
    "functional",
    "optim",
    "nn",
    "states",
    "diagnostics",
    "variational",
    "data",
    "plot",
    "train",
];

/// Modules that stand outside the flow: the front page, the guide, and the door for the project's own tools.
const OUTSIDE: [&str; 3] = ["lib", "guide", "private"];

/// Adds the names behind `crate::` in the code of a file or folder, but for its unit tests.
fn add_uses(path: &Path, uses: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            add_uses(&entry.expect("an entry").path(), uses);
        }
        return;
    }
    let text = fs::read_to_string(path).expect("a source");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
    let code: String = code.map(|line| line.split("//").next().unwrap_or_default()).collect();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    for (at, found) in code.match_indices("crate::") {
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default().split(',').map(str::trim);
                uses.extend(group.map(|item| item.split(|c| !is_name(c)).next().unwrap_or_default().to_owned()));
            }
            None => _ = uses.insert(rest.split(|c| !is_name(c)).next().unwrap_or_default().to_owned()),
        }
    }
}

/// A row for each room, with the rooms that it uses.
fn rooms() -> Vec<BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms = vec![BTreeSet::new(); ROOMS.len()];
    for entry in fs::read_dir(&source).expect("src") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        match ROOMS.iter().position(|room| *room == name) {
            Some(at) => add_uses(&path, &mut rooms[at]),
            None => assert!(OUTSIDE.contains(&name), "{name} is no room yet: give it a place in ROOMS"),
        }
    }
    rooms
}

/// The matrix as SVG: blue where a row uses an earlier room, orange where it uses a later one.
fn picture(rooms: &[BTreeSet<String>]) -> String {
    const CELL: usize = 20;
    const LEFT: usize = 110;
    const TOP: usize = 100;
    let (width, height) = (LEFT + ROOMS.len() * CELL + 40, TOP + ROOMS.len() * CELL + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (row, name) in ROOMS.iter().enumerate() {
        if row % 2 == 0 {
            let (y, width) = (TOP + row * CELL - 1, LEFT + ROOMS.len() * CELL);
            writeln!(svg, "<rect y=\"{y}\" width=\"{width}\" height=\"{CELL}\" fill=\"#eef1f5\"/>").unwrap();
        }
        let (start, middle) = (TOP + row * CELL, TOP + row * CELL + 15);
        let column = LEFT + row * CELL + 14;
        writeln!(svg, "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>", LEFT - 6).unwrap();
        let turned = format!("transform=\"translate({column} {}) rotate(-60)\"", TOP - 6);
        writeln!(svg, "<text {turned}>{name}</text>").unwrap();
        for (column, used) in ROOMS.iter().enumerate() {
            let color = match row.cmp(&column) {
                Ordering::Equal => "#b8bec6",
                _ if !rooms[row].contains(*used) => continue,
                Ordering::Greater => "#2f6db5",
                Ordering::Less => "#e0782f",
            };
            let (x, size) = (LEFT + column * CELL, CELL - 2);
            writeln!(svg, "<rect x=\"{x}\" y=\"{start}\" width=\"{size}\" height=\"{size}\" fill=\"{color}\"/>")
                .unwrap();
        }
    }
    svg + "</svg>\n"
}

/// Fails when the picture has drifted from the code, after having drawn it anew.
#[test]
fn picture_of_the_rooms() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/rooms.svg");
    let fresh = picture(&rooms());
    if fs::read_to_string(&path).ok().as_ref() != Some(&fresh) {
        fs::write(&path, fresh).expect("docs/images/rooms.svg is writable");
        panic!("docs/images/rooms.svg was out of date; it has been drawn anew, commit it");
    }
}
