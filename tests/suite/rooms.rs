//! The picture of the rooms in `ARCHITECTURE.md`: which module of the crate uses which.

use crate::architecture::uses;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Modules in the direction in which data flows.
const ROOMS: [&str; 41] = [
    "error",
    "memory",
    "limits",
    "numbers",
    "gf2",
    "mask",
    "linalg",
    "hash",
    "cluster",
    "places",
    "random",
    "gate",
    "angle",
    "channel",
    "observable",
    "measurement",
    "circuit",
    "exchange",
    "noise",
    "mitigation",
    "fingerprint",
    "program",
    "expressions",
    "derived_features",
    "derived_outputs",
    "engine",
    "autograd",
    "sampling",
    "gradient",
    "functional",
    "device",
    "optim",
    "nn",
    "states",
    "diagnostics",
    "variational",
    "data",
    "metrics",
    "model",
    "plot",
    "train",
];

/// Modules that stand outside the flow: the program, the guide, and the door for the project's own tools.
const OUTSIDE: [&str; 3] = ["bin", "guide", "private"];

/// A row for each room, with the rooms that it uses.
fn rooms() -> Vec<BTreeSet<String>> {
    let mut rooms = vec![BTreeSet::new(); ROOMS.len()];
    for (module, targets) in uses().into_iter().filter(|(module, _)| !module.is_empty()) {
        let name = module[0].as_str();
        match ROOMS.iter().position(|room| *room == name) {
            Some(at) => rooms[at].extend(targets.into_iter().filter_map(|target| target.into_iter().next())),
            None => assert!(OUTSIDE.contains(&name), "{name} is no room yet: give it a place in ROOMS"),
        }
    }
    rooms
}

/// Data flows in one direction: a room uses earlier ones alone.
#[test]
fn no_room_uses_a_later_one() {
    for (at, used) in rooms().iter().enumerate() {
        let later: Vec<_> = ROOMS[at + 1..].iter().filter(|room| used.contains(**room)).collect();
        assert!(later.is_empty(), "{} uses {later:?}", ROOMS[at]);
    }
}

/// The matrix as SVG: blue where a row uses an earlier room, orange where it uses a later one.
fn picture(rooms: &[BTreeSet<String>]) -> String {
    const CELL: usize = 20;
    const LEFT: usize = 130;
    const TOP: usize = 125;
    let (width, height) = (LEFT + ROOMS.len() * CELL + 60, TOP + ROOMS.len() * CELL + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"12\" fill=\"#fff\" stroke=\"#d0d7de\"/>\n",
        width - 1,
        height - 1
    );
    for (row, name) in ROOMS.iter().enumerate() {
        if row % 2 == 0 {
            let (y, width) = (TOP + row * CELL - 1, LEFT - 8 + ROOMS.len() * CELL);
            writeln!(svg, "<rect x=\"8\" y=\"{y}\" width=\"{width}\" height=\"{CELL}\" fill=\"#eef1f5\"/>").unwrap();
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
