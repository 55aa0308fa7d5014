//! No files of the crate need each other in a circle, and the table of rooms in ARCHITECTURE.md is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Path of a module from the root of the crate.
pub(crate) type Module = Vec<String>;

/// All modules that are files of their own, each with its text without comments and unit tests.
fn modules() -> BTreeMap<Module, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (BTreeMap::new(), vec![source.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the sources") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&source).expect("a path below it").with_extension("");
            let mut module: Module = name.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            module.pop_if(|last| last == "mod" || last == "lib");
            let text = std::fs::read_to_string(&path).expect("a text");
            let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
            found.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
    found
}

/// The paths of a `use` declaration: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expanded(declaration: &str) -> Vec<String> {
    let Some((prefix, rest)) = declaration.split_once('{') else { return vec![declaration.trim().to_owned()] };
    let inner = rest.rsplit_once('}').expect("a closing brace").0;
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("it has one").push(letter);
        }
    }
    let whole = |part: &String| expanded(&format!("{}{}", prefix.trim(), part.trim()));
    parts.iter().filter(|part| !part.trim().is_empty()).flat_map(whole).collect()
}

/// Paths in a text: paths of `use` declarations, and paths that begin with `crate` or `super` anywhere.
fn paths(text: &str) -> Vec<String> {
    let declarations = text.split("use ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(path, _)| path);
    let mut found: Vec<String> =
        declarations.filter(|path| !path.contains(['=', '(', '"'])).flat_map(expanded).collect();
    for start in ["crate::", "super::"] {
        let named = text.match_indices(start).map(|(at, _)| {
            let end = text[at..].find(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter)));
            text[at..].get(..end.unwrap_or(text.len() - at)).unwrap_or_default().to_owned()
        });
        found.extend(named);
    }
    found
}

/// The module that a path from within `from` leads to, if it is one of this crate.
fn target(from: &Module, path: &str, modules: &BTreeMap<Module, String>) -> Option<Module> {
    let mut segments = path.split("::").map(str::trim).peekable();
    let mut module = from.clone();
    match segments.peek().copied()? {
        "crate" => module.clear(),
        "self" => {}
        "super" => {
            while segments.next_if_eq(&"super").is_some() {
                module.pop();
            }
        }
        first => {
            let child: Module = from.iter().cloned().chain([first.to_owned()]).collect();
            modules.contains_key(&child).then_some(())?;
        }
    }
    for segment in segments.filter(|segment| !["crate", "self"].contains(segment)) {
        module.push(segment.to_owned());
        if !modules.contains_key(&module) {
            module.pop();
            break;
        }
    }
    Some(module)
}

/// Modules that each module uses.
pub(crate) fn uses() -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules();
    let of = |(module, text): (&Module, &String)| {
        let targets = paths(text).iter().filter_map(|path| target(module, path, &modules)).collect();
        (module.clone(), targets)
    };
    modules.iter().map(of).collect()
}

/// Nodes of a graph that are in a circle: nodes without arrows in or without arrows out are removed until none is left.
fn circle<N: Ord + Clone>(mut graph: BTreeMap<N, BTreeSet<N>>) -> Vec<N> {
    loop {
        let nodes: BTreeSet<N> = graph.keys().cloned().collect();
        let used: BTreeSet<N> = graph.values().flatten().cloned().collect();
        graph.retain(|node, uses| used.contains(node) && uses.iter().any(|used| nodes.contains(used)));
        graph.values_mut().for_each(|uses| uses.retain(|used| nodes.contains(used)));
        if graph.len() == nodes.len() {
            return graph.into_keys().collect();
        }
    }
}

/// A file may use the modules around it, as the names of these are its own; no other files use each other in a circle.
#[test]
fn no_files_need_each_other() {
    let mut graph = uses();
    graph.remove(&Module::new());
    for (module, targets) in &mut graph {
        targets.retain(|target| !module.starts_with(target));
    }
    let circle: Vec<String> = circle(graph).iter().map(|module| module.join("::")).collect();
    assert!(circle.is_empty(), "files that need each other: {circle:?}");
}

/// Rows of ARCHITECTURE's table of rooms: paths of modules, and the modules that the last column says they never use.
fn never() -> Vec<(Vec<Module>, Vec<Module>)> {
    let page = include_str!("../../ARCHITECTURE.md");
    let names = |cell: &str| -> Vec<Module> {
        let quoted = cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches(".rs").trim_end_matches('/'));
        let path = |name: &str| name.strip_prefix("src/").unwrap_or(name).split('/').map(str::to_owned).collect();
        quoted.map(path).collect()
    };
    let table = page.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let rows = table.take_while(|line| line.starts_with("| "));
    let row = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        assert_eq!(cells.len(), 3, "{row}");
        (names(cells[0]), names(cells[2]))
    };
    rows.map(row).collect()
}

#[test]
fn the_table_of_rooms_is_true() {
    let (uses, modules) = (uses(), modules());
    let mut named = 0;
    for (rooms, never) in never() {
        for target in never.iter().filter(|target| !target.is_empty()) {
            assert!(modules.contains_key(target), "{target:?} is no module");
            named += 1;
            for (module, targets) in &uses {
                let is_inside = rooms.iter().any(|room| module.starts_with(room));
                let found = targets.iter().find(|used| used.starts_with(target));
                assert!(!is_inside || found.is_none(), "{module:?} uses {found:?}, which it never does");
            }
        }
    }
    assert!(named > 10, "the last column names modules");
}
