//! Headers of the kernels, printed from the table.

use super::buffers::Element;
use super::kernels::{KERNELS, Kernel, Parameter};
use super::{ARGUMENTS, CONSTANTS, Field, RECORDS, Structure};
use std::fmt::Write as _;

/// First line of each file.
const NOTE: &str = "// Printed from the table in kernels/src/: `just kernels` writes it again.\n";

/// Files under `kernels/`, with their texts.
pub fn files() -> [(&'static str, String); 3] {
    [("common/abi.h", common()), ("cuda/entries.h", cuda()), ("metal/entries.metal", metal())]
}

/// Constants, records with the functions that load them, and arguments.
fn common() -> String {
    let mut text = String::from(NOTE);
    for constant in CONSTANTS {
        text += "\n";
        comment(&mut text, "", constant.about);
        match constant.value {
            value @ ..0x10000 => line(&mut text, format_args!("#define {} {value}u", constant.name)),
            value => line(&mut text, format_args!("#define {} {value:#x}u", constant.name)),
        }
    }
    for record in RECORDS {
        structure(&mut text, record);
        loader(&mut text, record);
    }
    for arguments in ARGUMENTS {
        structure(&mut text, arguments);
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string grows");
    text.push('\n');
}

fn comment(text: &mut String, indent: &str, about: &[&str]) {
    for about in about {
        line(text, format_args!("{indent}//{about}"));
    }
}

fn structure(text: &mut String, structure: &Structure) {
    text.push('\n');
    comment(text, "", structure.about);
    line(text, format_args!("struct {} {{", structure.name));
    for field in structure.fields {
        let about = field.about.concat();
        line(text, format_args!("    {} {}; //{about}", kind(field), field.name));
    }
    *text += "};\n";
}

/// Type of a field in the kernels.
fn kind(field: &Field) -> &'static str {
    if field.kind == "u32" { "uint" } else { field.kind }
}

/// Name of the function that loads a structure: `load_pass` for `Pass`.
fn loader_name(structure: &str) -> String {
    let mut name = String::from("load");
    for letter in structure.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// Prints the number of words of a record, and the function that loads it.
fn loader(text: &mut String, record: &Structure) {
    let name = loader_name(record.name);
    let words = name.trim_start_matches("load_").to_uppercase();
    line(text, format_args!("\n#define {words}_WORDS {}u", record.words));
    line(text, format_args!("\nFN {} {name}(GLOBAL const uint *code, uint at) {{", record.name));
    line(text, format_args!("    {} record;", record.name));
    let mut offset = record.opcode.len();
    for field in record.fields {
        let value = match field.kind {
            "u32" => format!("code[at + {offset}u]"),
            kind => format!("{}(code, at + {offset}u)", loader_name(kind)),
        };
        line(text, format_args!("    record.{} = {value};", field.name));
        offset += field.words;
    }
    *text += "    return record;\n}\n";
}

/// Type of a buffer's elements. `real` and `complex` are the dialect's names of real and complex numbers.
fn element(element: Element, real: &'static str, complex: &'static str) -> &'static str {
    match element {
        Element::Word => "uint",
        Element::Angle => "Angle",
        Element::Sum => "Sum",
        Element::Real => real,
        Element::Complex => complex,
    }
}

/// Prints the call of a kernel's function.
fn call(text: &mut String, kernel: &Kernel, real: &str, shared: Option<String>, position: &str) {
    let buffers = kernel.parameters.iter().map(|parameter| parameter.name.to_owned());
    let arguments: Vec<String> = buffers.chain(shared).chain(["a".to_owned(), position.to_owned()]).collect();
    line(text, format_args!("{{\n    {}<{real}>({});\n}}", kernel.function, arguments.join(", ")));
}

const CUDA_HEAD: &str = "
// Entry points for CUDA, for the precision that REAL names. Threads stand in one row.

extern __shared__ double group_memory[];

#define SWEEP_BOUNDS __launch_bounds__(sizeof(REAL) == 4 ? SWEEP_THREADS_F32 : SWEEP_THREADS_F64)

FN ThreadPos thread_pos() {
    ThreadPos p;
    p.block = blockIdx.x;
    p.rank = threadIdx.x;
    p.threads = blockDim.x;
    return p;
}
";

fn cuda() -> String {
    let mut text = [NOTE, CUDA_HEAD].concat();
    for kernel in KERNELS {
        let bounds = if kernel.is_bounded { "SWEEP_BOUNDS " } else { "" };
        line(&mut text, format_args!("\nextern \"C\" __global__ void {bounds}{}(", kernel.name));
        for parameter in kernel.parameters {
            line(&mut text, format_args!("    {}{},", cuda_type(parameter), parameter.name));
        }
        line(&mut text, format_args!("    const {} a)", kernel.arguments));
        let memory = |shared| format!("reinterpret_cast<{} *>(group_memory)", element(shared, "REAL", "Complex<REAL>"));
        call(&mut text, kernel, "REAL", kernel.shared.map(memory), "thread_pos()");
    }
    text
}

/// Type of a buffer among the parameters of a CUDA kernel.
pub fn cuda_type(parameter: &Parameter) -> String {
    let element = element(parameter.element, "REAL", "Complex<REAL>");
    if parameter.is_written { format!("{element} *") } else { format!("const {element} *__restrict__ ") }
}

const METAL_HEAD: &str = "
// Entry points for Metal. Threads stand in one row.

FN ThreadPos thread_pos(uint block, uint rank, uint threads) {
    ThreadPos p;
    p.block = block;
    p.rank = rank;
    p.threads = threads;
    return p;
}
";

fn metal() -> String {
    let mut text = [NOTE, METAL_HEAD].concat();
    for kernel in KERNELS {
        line(&mut text, format_args!("\nkernel void {}(", kernel.name));
        for (place, parameter) in kernel.parameters.iter().enumerate() {
            line(&mut text, format_args!("    {}{} [[buffer({place})]],", metal_type(parameter), parameter.name));
        }
        line(&mut text, format_args!("    constant {} &a [[buffer({})]],", kernel.arguments, kernel.parameters.len()));
        if let Some(shared) = kernel.shared {
            let element = element(shared, "float", "float2");
            line(&mut text, format_args!("    threadgroup {element} *memory [[threadgroup(0)]],"));
        }
        text += "    uint block [[threadgroup_position_in_grid]],\n    uint rank [[thread_index_in_threadgroup]],\n";
        text += "    uint threads [[threads_per_threadgroup]])\n";
        call(
            &mut text,
            kernel,
            "float",
            kernel.shared.map(|_| "memory".to_owned()),
            "thread_pos(block, rank, threads)",
        );
    }
    text
}

/// Type of a buffer among the parameters of a Metal kernel.
pub fn metal_type(parameter: &Parameter) -> String {
    let access = if parameter.is_written { "" } else { "const " };
    format!("device {access}{} *", element(parameter.element, "float", "float2"))
}

#[cfg(test)]
mod tests {
    use super::files;
    use std::path::Path;

    /// The files are equal to the text of the table. A run of the test makes them equal.
    #[test]
    fn kernels_have_the_headers_of_the_table() {
        let mut stale = Vec::new();
        for (name, text) in files() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
                std::fs::write(&path, text).expect("the sources can be written");
                stale.push(name);
            }
        }
        assert!(stale.is_empty(), "{stale:?} differed from the table and are written again: run the tests once more");
    }
}
