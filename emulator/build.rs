//! Compiles the text of the kernels for the CPU, each dialect in a namespace of its own, with a launcher for each kernel of the table.

use candlewick_kernels::headers::{cuda_type, files, metal_type};
use candlewick_kernels::kernels::KERNELS;
use candlewick_kernels::{Dialect, Kernel, source};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=shim");
    let texts = [Dialect::CudaF32, Dialect::Metal].map(source);
    for (name, file) in files() {
        let is_fresh = texts.iter().any(|text| text.contains(&file));
        assert!(is_fresh, "kernels/{name} is not printed from the table in kernels/src/: run `just kernels`");
    }
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
    let text = source(dialect);
    let is_metal = dialect == Dialect::Metal;
    let shim = if is_metal { "metal_stdlib" } else { "cuda_emu.h" };
    let body = if is_metal {
        without_attributes(&text).replace("#include <metal_stdlib>", "")
    } else {
        text.replace("extern \"C\" ", "static ").replace("extern __shared__ double group_memory[];", "")
    };
    let mut unit = format!("#include \"launch.h\"\n#include \"{shim}\"\nnamespace {name} {{\n{body}\n");
    let mut table = String::new();
    for kernel in KERNELS {
        let arguments = if is_metal { metal_arguments(kernel) } else { cuda_arguments(kernel) };
        let kernel_name = kernel.name;
        writeln!(
            unit,
            "static void launch_{kernel_name}(const emu::Launch *l) {{\n    \
             emu::run_grid(\"{kernel_name}\", l->groups, l->group, l->threads, [=] {{ {kernel_name}({}); }});\n}}",
            arguments.join(", ")
        )
        .expect("a string grows");
        let buffers = kernel.parameters.len() + 1;
        writeln!(table, "{{\"{kernel_name}\", {name}::launch_{kernel_name}, {buffers}}},").expect("a string grows");
    }
    format!("{unit}}}\nEMU_TABLE(emu_{name})\n{table}EMU_TABLE_END\n")
}

fn cuda_arguments(kernel: &Kernel) -> Vec<String> {
    let buffers = kernel.parameters.iter().enumerate();
    let buffers = buffers.map(|(k, parameter)| format!("({})l->buffers[{k}]", cuda_type(parameter)));
    buffers.chain([format!("*(const {} *)l->buffers[{}]", kernel.arguments, kernel.parameters.len())]).collect()
}

fn metal_arguments(kernel: &Kernel) -> Vec<String> {
    let buffers = kernel.parameters.iter().enumerate();
    let buffers = buffers.map(|(k, parameter)| format!("({})l->buffers[{k}]", metal_type(parameter)));
    let arguments = format!("*(constant {} *)l->buffers[{}]", kernel.arguments, kernel.parameters.len());
    // Metal has one precision.
    let memory = kernel.shared.map(|_| "(threadgroup float *)emu::group_memory()".to_owned());
    let place = ["b_threadgroup_position_in_grid", "b_thread_index_in_threadgroup", "b_threads_per_threadgroup"];
    let place = place.map(|attribute| format!("emu::{attribute}().x"));
    buffers.chain([arguments]).chain(memory).chain(place).collect()
}

/// `[[...]]` goes: `threadgroup` inside one would meet the macro of that name.
fn without_attributes(text: &str) -> String {
    let mut parts = text.split("[[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("]]").expect("the end of an attribute").1)
}
