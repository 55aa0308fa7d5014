//! The Markdown pages: generated tables are up to date, links have a target, and pages stay within their size.

use candle_core::{Device, Tensor, Var};
use candlewick::channel::{self, Channel};
use candlewick::functional;
use candlewick::gate::{self, Gate};
use candlewick::prelude::*;
use candlewick::program::{Program, Rewrite, Rewrites};
use std::fs;
use std::path::{Path, PathBuf};

/// Pages with a generated table, between its marks.
const TABLES: [(&str, &str, fn() -> String); 2] =
    [("docs/gates.md", "gate", gate::markdown_table), ("docs/channels.md", "channel", channel::markdown_table)];

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

/// Programs on pages and in documentation write files that others can read, with this crate's functions: candle's make
/// files of mode 0600.
#[test]
fn programs_do_not_write_files_of_mode_0600() {
    let mut texts = pages();
    let mut folders = vec![root().join("src"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path()) {
            match file.extension() {
                Some(extension) if extension == "rs" => texts.push((file.clone(), read(&file))),
                _ if file.is_dir() => folders.push(file),
                _ => {}
            }
        }
    }
    let ours = root().join("src/optim/state.rs");
    let mut found = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| *path != ours) {
        let writes = |line: &&str| line.contains("safetensors::save(") || line.contains("varmap.save(");
        found.extend(text.lines().filter(writes).map(|line| format!("{}: {line}", path.display())));
    }
    assert!(texts.len() > 150 && found.is_empty(), "{} files: {found:#?}", texts.len());
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

/// Fails when a table has drifted from the rows, after having written it anew.
#[test]
fn generated_tables() {
    let mut stale = Vec::new();
    for (page, name, fresh) in TABLES {
        let path = root().join(page);
        let text = read(&path);
        let start = format!("<!-- {name} table: written by `cargo test` from src/{name}/table.rs -->\n");
        let end = format!("<!-- end of {name} table -->");
        let (before, rest) = text.split_once(&start).expect("the start mark of the table");
        let (_, after) = rest.split_once(&end).expect("the end mark of the table");
        let fresh = format!("{before}{start}{}{end}{after}", fresh());
        if fresh != text {
            fs::write(&path, fresh).expect("the page is writable");
            stale.push(page);
        }
    }
    assert!(stale.is_empty(), "tables were out of date; they have been rewritten, commit them: {stale:?}");
}

/// The README counts the channels of the table.
#[test]
fn number_of_channels() {
    let number = format!(" {} channels", Channel::all().len());
    assert!(read(&root().join("README.md")).contains(&number), "README.md does not say `{number}`");
}

/// The pages that count the gates count all of them.
#[test]
fn number_of_gates() {
    let number = format!(" {} gates", Gate::all().len());
    for page in ["README.md", "docs/systems.md"] {
        assert!(read(&root().join(page)).replace('[', " ").contains(&number), "{page} does not say `{number}`");
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
        let inline = prose(&text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
        let named = prose(&text).filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
        let links = inline.map(|(link, _)| link).chain(named.map(|(_, link)| link));
        for link in links.filter(|link| !link.contains("://")) {
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

/// The listings and numbers of `docs/internals/traced-example.md` are the code's own.
#[test]
fn traced_example() {
    let page = read(&root().join("docs/internals/traced-example.md"));
    let has = |text: &str| assert!(page.contains(text), "the page lacks\n{text}");
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 4);
    circuit.ry(input(0), 0).ry(w.at([0]), 1).cx(0, 1).cx(1, 2);
    circuit.rz(w.at([1]), 2).ry(w.at([2]), 1).ry(w.at([3]), 2);
    let measurement = Measurement::expectation([Z(0) * Z(1) * Z(2)]);
    has(circuit.to_string().trim_end());
    has(format!("{:#}", Program::new(&circuit, &measurement).expect("a sound circuit")).trim_end());

    let x = Var::from_tensor(&Tensor::new(&[0.6f64], &Device::Cpu).unwrap()).unwrap();
    let w = Var::from_tensor(&Tensor::new(&[1.0f64, 0.4, 0.8, 1.2], &Device::Cpu).unwrap()).unwrap();
    let evaluate = |measurement| functional::evaluate(&circuit, measurement, Some(&x), &[("w", &w)]).unwrap();
    let y = evaluate(&measurement);
    let gradients = y.sum_all().unwrap().backward().unwrap();
    let digits = |tensor: &Tensor| {
        let numbers = tensor.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        numbers.iter().map(|number| format!("{number:.12}")).collect::<Vec<_>>().join(" ")
    };
    has(&format!("output {}", digits(&y)));
    has(&format!("gradient in x  {}", digits(gradients.get(&x).expect("a gradient"))));
    has(&format!("gradient in w  {}", digits(gradients.get(&w).expect("a gradient"))));
    // The last column of the table of states, which stand at their stored indices there.
    let state = evaluate(&Measurement::state()).flatten_to(1).unwrap();
    let state = state.reshape((8, 2)).unwrap().to_vec2::<f64>().unwrap();
    for stored in 0..8usize {
        let logical = stored ^ (stored & 1) << 1 ^ (stored >> 1 & 1 ^ stored & 1) << 2;
        let [re, im] = state[logical][..] else { panic!("a real and an imaginary part") };
        let sign = if im < 0.0 { '-' } else { '+' };
        let row = page.lines().find(|line| line.starts_with(&format!("| {stored:03b} |")) && line.ends_with("i |"));
        let last = format!("{re:.4} {sign} {:.4}i |", im.abs());
        assert!(row.is_some_and(|row| row.ends_with(&last)), "{stored:03b}: {last}");
    }
}

/// Every line of the listings on the pages of `docs/internals` is the code's own, in the same order.
#[test]
fn listings_of_algorithms() {
    let listing = |circuit: &Circuit, measurement: Measurement, rewrites| {
        format!("{:#}", Program::with_rewrites(circuit, &measurement, rewrites).expect("a sound circuit"))
    };
    let mut general = Circuit::new(3);
    general.h(0).h(1).ccx(0, 1, 2).cx(0, 1).h(2);
    let mut euler = Circuit::new(2);
    euler.h(0).rx(input(0), 0).cx(0, 1).rx(input(1), 1);
    let mut product = Circuit::new(2);
    let w = product.weights("w", 4);
    product.cu(w.at([0]), w.at([1]), w.at([2]), w.at([3]), 0, 1);
    let mut conditional = Circuit::new(1);
    let w = conditional.weights("w", 1);
    conditional.when(input(0).gt(0.1), |c| c.ry(w.at([0]), 0));
    let mut large = Circuit::new(13);
    let w = large.weights("w", 5);
    large.h(0).cx(0, 12).cx(12, 5).ry(w.at([0]), 12).ry(w.at([1]), 5);
    large.rz(w.at([2]), 5).rzz(w.at([3]), 10, 12).cx(5, 12).ry(w.at([4]), 12);
    let z_of_all = Measurement::expectation((0..13).map(Z));
    let all = Rewrites::ALL;
    let expected = [
        ("layers", listing(&euler, Measurement::expectation([Z(1)]), all)),
        ("layers", listing(&general, Measurement::state(), all)),
        ("programs", listing(&product, Measurement::expectation([Z(1)]), Rewrites::NONE)),
        ("programs", listing(&conditional, Measurement::expectation([Z(0)]), all)),
        ("single-states", listing(&large, z_of_all, all.without(Rewrite::IdleQubits))),
    ];
    let mut blocks = Vec::new();
    for name in ["layers", "programs", "single-states"] {
        let page = read(&root().join(format!("docs/internals/{name}.md")));
        let listed = page.split("```text\n").skip(1).filter(|block| block.starts_with("  "));
        blocks.extend(listed.map(|block| (name, block.split("```").next().expect("a part").to_owned())));
    }
    assert_eq!(blocks.len(), expected.len());
    for ((page, block), (name, listing)) in blocks.iter().zip(&expected) {
        assert_eq!(page, name);
        let mut lines = listing.lines();
        let found = block.lines().all(|line| lines.any(|other| other == line));
        assert!(found, "{page}:\n{block}is not in\n{listing}");
    }
}

/// Each demo of the gallery is on its page: a row with the number of its lines, as the page says how to count them, and
/// its picture.
#[test]
fn gallery_page() {
    let page = read(&root().join("docs/gallery.md"));
    let folder = root().join("examples/gallery");
    let demos = fs::read_dir(&folder).expect("the gallery").map(|file| file.expect("a file").path());
    let mut seen = 0;
    for path in demos {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if ["main", "options"].contains(&name.as_str()) {
            continue;
        }
        let text = read(&path);
        let (code, _) = text.split_once("\nfn draw").unwrap_or_else(|| panic!("{name} draws nothing"));
        let lines =
            code.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        let row = page.lines().find(|line| line.starts_with(&format!("| [{name}](../examples/gallery/{name}.rs) |")));
        assert!(row.is_some_and(|row| row.contains(&format!(" | {lines} | "))), "{name}: {lines} lines, but {row:?}");
        assert!(page.contains(&format!("](images/gallery/{name}.png)")), "{name}: no picture");
        seen += 1;
    }
    assert_eq!(page.matches("](images/gallery/").count(), seen);
}

/// Prose keeps to 120 columns; rows of tables have the length of their contents.
#[test]
fn lines_are_short() {
    for (path, text) in pages().into_iter().filter(|(path, _)| !path.ends_with("CHANGELOG.md")) {
        let long: Vec<_> = prose(&text).filter(|line| !line.starts_with('|') && line.chars().count() > 120).collect();
        assert!(long.is_empty(), "{}: {long:#?}", path.display());
    }
}

/// Pages that are chapters of the guide end with their links to other files, and `src/guide.rs` leads each of these to
/// a chapter: a path would lead nowhere among rustdoc's pages.
#[test]
fn chapters_link_to_chapters() {
    let guide = read(&root().join("src/guide.rs"));
    let chapters: Vec<&str> =
        guide.split("include_str!(\"../").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(chapters.len() > 3, "{chapters:?}");
    for chapter in chapters {
        let text = read(&root().join(chapter));
        let (before, _) = guide.split_once(&format!("../{chapter}")).expect("the chapter");
        let own = before.rsplit("pub mod").next().expect("a part");
        for line in prose(&text) {
            let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            let dead: Vec<_> =
                inline.map(|(link, _)| link).filter(|link| !link.contains("://") && !link.starts_with('#')).collect();
            assert!(dead.is_empty(), "{chapter}: {dead:?}");
            if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
                assert!(own.contains(&format!("/// [{name}]: self::")), "{chapter}: `{name}` leads to no chapter");
            }
        }
    }
}

/// Lines of code blocks, as they are shown: hidden lines of Rust's examples are left out.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        fenced && !fence && !line.starts_with("# ")
    })
}

/// The Rust files of a folder and of the folders in it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = files.map(|file| file.expect("a file").path());
    let sources = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The text of a file's documentation comments. Other lines are empty, so that comments stay apart.
fn documentation(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).map(|line| {
        let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or_default();
        comment.strip_prefix(' ').unwrap_or(comment)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Code in documentation keeps to 90 columns: the boxes of rustdoc and of GitHub cut longer lines off.
#[test]
fn code_in_documentation_is_narrow() {
    let crates = ["src", "kernels/src"].map(|folder| sources(&root().join(folder)));
    let comments = crates.into_iter().flatten().map(|path| (documentation(&read(&path)), path));
    let texts = comments.chain(pages().into_iter().map(|(path, text)| (text, path)));
    let mut wide = Vec::new();
    let mut seen = 0;
    for (text, path) in texts {
        seen += code(&text).count();
        let long = code(&text).filter(|line| line.chars().count() > 90);
        wide.extend(long.map(|line| format!("{}: {line}", path.display())));
    }
    assert!(seen > 1000, "{seen} lines of code");
    assert!(wide.is_empty(), "{wide:#?}");
}

/// Names in backticks that look like files: `folder/file.rs`, or `file.rs` behind "`folder/`:" in the same line.
#[test]
fn files_of_the_map_exist() {
    let is_file = |name: &str| [".rs", ".h", ".metal", ".md", ".toml"].iter().any(|ending| name.ends_with(ending));
    let mut missing = Vec::new();
    for line in prose(&read(&root().join("ARCHITECTURE.md"))) {
        let folder = line.split_once("`: `").and_then(|(before, _)| before.rsplit('`').next());
        for name in line.split('`').skip(1).step_by(2).filter(|name| is_file(name)) {
            let found =
                root().join(name).exists() || folder.is_some_and(|folder| root().join(folder).join(name).exists());
            if !found && (folder.is_some() || name.contains('/')) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
