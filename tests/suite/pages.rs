//! The Markdown pages: generated tables are up to date, links lead somewhere, pages keep their size.

use candlewick::gate::markdown_table;
use std::fs;
use std::path::{Path, PathBuf};

const START: &str = "<!-- gate table: written by `cargo test` from src/gate/table.rs -->\n";
const END: &str = "<!-- end of gate table -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page of the repository, with its path.
fn pages() -> Vec<(PathBuf, String)> {
    let folders = ["", "docs", "docs/internals", "docs/decisions", "benches", "examples", "examples/data", "kernels"];
    let files = folders.iter().flat_map(|folder| {
        let folder = root().join(folder);
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    });
    let paths = files.map(|file| file.expect("a file").path());
    let pages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| (path.clone(), read(&path))).collect()
}

/// Lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Fails when the table has drifted from the rows, after having written it anew.
#[test]
fn gate_table() {
    let path = root().join("docs/gates.md");
    let text = read(&path);
    let (before, rest) = text.split_once(START).expect("the start mark of the table");
    let (_, after) = rest.split_once(END).expect("the end mark of the table");
    let fresh = format!("{before}{START}{}{END}{after}", markdown_table());
    if fresh != text {
        fs::write(&path, fresh).expect("docs/gates.md is writable");
        panic!("the gate table in docs/gates.md was out of date; it has been rewritten, commit it");
    }
}

/// The anchor that a heading has on a page.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in pages() {
        let links = prose(&text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            let found = target.exists()
                && (heading.is_empty()
                    || prose(&read(&target)).any(|line| line.starts_with('#') && anchor(line) == heading));
            if !found {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn front_pages_are_short() {
    for name in ["README.md", "ARCHITECTURE.md"] {
        let lines = read(&root().join(name)).lines().count();
        assert!(lines <= 150, "{name} has {lines} lines");
    }
}

/// Prose keeps to 120 columns; rows of tables have the length of their contents.
#[test]
fn lines_are_short() {
    let narrow = |path: &Path| {
        let folders = ["docs/internals", "docs/decisions"].map(|folder| root().join(folder));
        let files = ["README.md", "ARCHITECTURE.md", "GLOSSARY.md", "docs/devices.md"].map(|file| root().join(file));
        folders.iter().any(|folder| path.starts_with(folder)) || files.iter().any(|file| path == file)
    };
    for (path, text) in pages().into_iter().filter(|(path, _)| narrow(path)) {
        let long: Vec<_> = text.lines().filter(|line| !line.starts_with('|') && line.chars().count() > 120).collect();
        assert!(long.is_empty(), "{}: {long:#?}", path.display());
    }
}

/// Names in backticks that look like files: `folder/file.rs`, or `file.rs` behind "`folder/`:" in the same line.
#[test]
fn files_of_the_map_exist() {
    let is_file = |name: &str| [".rs", ".h", ".metal", ".md", ".toml"].iter().any(|ending| name.ends_with(ending));
    let mut missing = Vec::new();
    for line in prose(&read(&root().join("ARCHITECTURE.md"))) {
        let folder = line.split_once("`: `").and_then(|(before, _)| before.rsplit('`').next());
        for name in line.split('`').skip(1).step_by(2).filter(|name| is_file(name)) {
            let found = root().join(name).exists() || folder.is_some_and(|folder| root().join(folder).join(name).exists());
            if !found && (folder.is_some() || name.contains('/')) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
