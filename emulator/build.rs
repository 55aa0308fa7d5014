//! Compiles the text of the kernels for the CPU, each dialect in a namespace of its own, with a launcher for each kernel.

#[path = "../src/engine/gpu/text.rs"]
#[allow(unreachable_pub, reason = "it is public in the crate that it belongs to")]
mod text;

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};
use text::Dialect;

/// A kernel's name and its parameters.
type Kernel = (String, Vec<String>);

fn main() {
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-changed=../kernels");
    println!("cargo::rerun-if-changed=../src/engine/gpu/text.rs");
    let out = env::var("OUT_DIR").expect("cargo names a directory");
    let mut build = cc::Build::new();
    // As on a GPU without fast arithmetic: no contraction, NaN is NaN.
    build.cpp(true).std("c++17").include("shim").opt_level(2).flag("-ffp-contract=off").flag("-Wno-unknown-pragmas");
    if env::var_os("CARGO_FEATURE_RACE").is_some() {
        build.clone().file("shim/race.cpp").define("EMU_RACE", "1").compile("candlewick_race");
        build.define("EMU_RACE", "1").flag("-fsanitize=thread");
    }
    if env::var_os("CARGO_FEATURE_ADDRESS").is_some() {
        build.flag("-fsanitize=address");
        println!("cargo::rustc-link-lib=asan");
    }
    for (name, dialect) in [("cuda_f32", Dialect::CudaF32), ("cuda_f64", Dialect::CudaF64), ("metal", Dialect::Metal)] {
        let path = Path::new(&out).join(format!("{name}.cpp"));
        fs::write(&path, unit(name, dialect)).expect("the directory can be written");
        build.file(path);
    }
    build.compile("candlewick_kernels");
}

/// A translation unit: the shim, the text, launchers, and their table.
fn unit(name: &str, dialect: Dialect) -> String {
    let text = without_comments(&text::source(dialect));
    let metal = dialect == Dialect::Metal;
    let (keyword, shim) = if metal { ("kernel ", "metal_stdlib") } else { ("__global__ ", "cuda_emu.h") };
    let kernels = kernels(&text, keyword);
    let body = if metal {
        without_attributes(&text).replace("#include <metal_stdlib>", "")
    } else {
        text.replace("extern \"C\" ", "static ").replace("extern __shared__ double group_memory[];", "")
    };
    let mut unit = format!("#include \"launch.h\"\n#include \"{shim}\"\nnamespace {name} {{\n{body}\n");
    let mut table = String::new();
    for (kernel, parameters) in &kernels {
        let arguments = if metal { metal_arguments(parameters) } else { cuda_arguments(parameters) };
        let buffers =
            parameters.iter().filter(|parameter| !parameter.contains("[[") || parameter.contains("[[buffer("));
        writeln!(
            unit,
            "static void launch_{kernel}(const emu::Launch *l) {{\n    \
             emu::run_grid(\"{kernel}\", l->groups, l->group, l->threads, [=] {{ {kernel}({arguments}); }});\n}}"
        )
        .expect("a string grows");
        writeln!(table, "{{\"{kernel}\", {name}::launch_{kernel}, {}}},", buffers.count()).expect("a string grows");
    }
    format!("{unit}}}\nEMU_TABLE(emu_{name})\n{table}EMU_TABLE_END\n")
}

/// All kernels of a text without comments.
fn kernels(text: &str, keyword: &str) -> Vec<Kernel> {
    let declarations = text.split(keyword).skip(1).filter_map(|rest| rest.trim_start().strip_prefix("void "));
    let declarations = declarations.map(|rest| rest.trim_start_matches("SWEEP_BOUNDS "));
    let kernel = |declaration: &str| {
        let declaration = declaration.replace("__restrict__ ", "");
        let (name, rest) = declaration.split_once('(').expect("parameters");
        (name.trim().to_owned(), parameters(rest))
    };
    declarations.map(kernel).collect()
}

/// Splits a parameter list at its commas.
fn parameters(rest: &str) -> Vec<String> {
    let (mut depth, mut current, mut all) = (1, String::new(), Vec::new());
    for letter in rest.chars() {
        depth += i32::from("([<".contains(letter)) - i32::from(")]>".contains(letter));
        if depth == 0 || letter == ',' && depth == 1 {
            all.push(current.split_whitespace().collect::<Vec<_>>().join(" "));
            current.clear();
        } else {
            current.push(letter);
        }
        if depth == 0 {
            break;
        }
    }
    all
}

/// The type of a declared parameter: all but its name.
fn type_of(parameter: &str) -> &str {
    parameter.trim().trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_').trim()
}

fn cuda_arguments(parameters: &[String]) -> String {
    let argument = |(k, parameter): (usize, &String)| {
        let kind = type_of(parameter);
        if kind.ends_with('*') { format!("({kind})l->buffers[{k}]") } else { format!("*({kind} *)l->buffers[{k}]") }
    };
    parameters.iter().enumerate().map(argument).collect::<Vec<_>>().join(", ")
}

fn metal_arguments(parameters: &[String]) -> String {
    let argument = |parameter: &String| {
        let (declared, attribute) = parameter.split_once("[[").expect("an attribute on every parameter");
        let attribute = attribute.trim_end_matches("]]").trim();
        let kind = type_of(declared);
        let index = |name: &str| attribute.strip_prefix(name).map(|rest| rest.trim_end_matches(')').to_owned());
        if let Some(k) = index("buffer(") {
            match kind.strip_suffix('&') {
                Some(kind) => format!("*({kind} *)l->buffers[{k}]"),
                None => format!("({kind})l->buffers[{k}]"),
            }
        } else if index("threadgroup(").is_some() {
            format!("({kind})emu::group_memory()")
        } else {
            format!("emu::Pos<{kind}>::of(emu::b_{attribute}())")
        }
    };
    parameters.iter().map(argument).collect::<Vec<_>>().join(", ")
}

fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .fold(String::new(), |all, line| all + line + "\n")
}

/// `[[...]]` goes: `threadgroup` inside one would meet the macro of that name.
fn without_attributes(text: &str) -> String {
    let mut parts = text.split("[[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("]]").expect("the end of an attribute").1)
}
