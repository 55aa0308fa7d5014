//! GPU kernels of [candlewick](https://docs.rs/candlewick): their text in each [`Dialect`], and the table for both
//! sides: constants, records of the bytecode, arguments, buffers, and the kernels themselves.
//!
//! Rust writes records and arguments as the structures declared here. The kernels read them through `common/abi.h`,
//! and are called through the entry points of both dialects. [`headers`] prints these three files from the table. A
//! test compares the files with the table and writes them again (`just kernels`).
//!
//! The feature `cuda` compiles the text to PTX with nvcc. The crate has no dependencies, so that a build script can use
//! it. Its interface is for candlewick alone: one version of the kernels belongs to one version of candlewick.

/// Declares constants of both sides.
macro_rules! constants {
    ($($(#[doc = $about:literal])* $name:ident = $value:expr;)*) => {
        $($(#[doc = $about])* pub const $name: u32 = $value;)*

        /// All constants, in their order.
        pub const CONSTANTS: &[Constant] =
            &[$(Constant { name: stringify!($name), about: &[$($about),*], value: $name }),*];
    };
}

/// Declares structures of words that both sides know. A structure with an opcode begins with it.
macro_rules! structures {
    ($list:ident: $($(#[doc = $about:literal])* $name:ident $(after $opcode:ident)? {
        $($(#[doc = $text:literal])* $field:ident: $kind:ident,)*
    })*) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
            pub struct $name {
                $($(#[doc = $text])* pub $field: $kind,)*
            }

            impl Words for $name {
                const WORDS: usize = 0 $(+ one_word($opcode))? $(+ <$kind as Words>::WORDS)*;

                fn write(self, words: &mut Vec<u32>) {
                    $(words.push($opcode);)?
                    $(self.$field.write(words);)*
                }

                fn read(words: &[u32]) -> Self {
                    let mut words = &words[0 $(+ one_word($opcode))?..];
                    Self { $($field: next(&mut words),)* }
                }
            }
        )*

        /// All structures of the list, in their order.
        pub const $list: &[Structure] = &[$(Structure {
            name: stringify!($name),
            about: &[$($about),*],
            words: <$name as Words>::WORDS,
            opcode: &[$(stringify!($opcode))?],
            fields: &[$(Field {
                name: stringify!($field),
                about: &[$($text),*],
                kind: stringify!($kind),
                words: <$kind as Words>::WORDS,
            }),*],
        }),*];
    };
}

mod arguments;
mod buffers;
mod constants;
pub mod headers;
pub mod kernels;
#[cfg(feature = "cuda")]
pub mod ptx;
mod records;
mod text;

pub use arguments::*;
pub use buffers::{Buffer, Element};
pub use constants::*;
pub use kernels::{Kernel, View};
pub use records::*;
pub use text::{Dialect, source};

/// Constant, for the header.
#[derive(Debug, Clone, Copy)]
pub struct Constant {
    /// Name on both sides.
    pub name: &'static str,
    /// Lines of its comment.
    pub about: &'static [&'static str],
    /// Value of the constant.
    pub value: u32,
}

/// Structure of words, for the header.
#[derive(Debug, Clone, Copy)]
pub struct Structure {
    /// Name on both sides.
    pub name: &'static str,
    /// Lines of its comment.
    pub about: &'static [&'static str],
    /// Number of its words.
    pub words: usize,
    /// Name of the opcode that it begins with, if there is one.
    pub opcode: &'static [&'static str],
    /// Fields in their order.
    pub fields: &'static [Field],
}

/// Field of a structure, for the header.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name on both sides.
    pub name: &'static str,
    /// Lines of its comment.
    pub about: &'static [&'static str],
    /// Name of its type in Rust: `u32` or a structure.
    pub kind: &'static str,
    /// Number of its words.
    pub words: usize,
}

/// Value that is written as words.
pub trait Words: Copy {
    /// Number of words.
    const WORDS: usize;

    /// Appends the words.
    fn write(self, words: &mut Vec<u32>);

    /// Reads a value from the first words.
    fn read(words: &[u32]) -> Self;

    /// Returns the words of the value.
    fn words(self) -> Vec<u32> {
        let mut words = Vec::with_capacity(Self::WORDS);
        self.write(&mut words);
        words
    }
}

impl Words for u32 {
    const WORDS: usize = 1;

    fn write(self, words: &mut Vec<u32>) {
        words.push(self);
    }

    fn read(words: &[u32]) -> Self {
        words[0]
    }
}

/// Reads a value, and moves `words` to the word behind it.
fn next<W: Words>(words: &mut &[u32]) -> W {
    let value = W::read(words);
    *words = &words[W::WORDS..];
    value
}

/// Number of words of an opcode.
const fn one_word(_opcode: u32) -> usize {
    1
}
