//! Kernels: the function of each, its buffers in the order of its parameters, and its arguments.

use super::buffers::{Buffer, Element};
use super::{BasisArgs, ChainArgs, EmbedArgs, FlagArgs, OutputArgs, PrepareArgs, ReadArgs, SlotArgs, SweepArgs, Words};

/// Part of a buffer, from a byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The buffer.
    pub buffer: Buffer,
    /// First byte.
    pub start: u64,
}

impl View {
    /// Returns a view of the whole buffer.
    pub const fn of(buffer: Buffer) -> Self {
        Self { buffer, start: 0 }
    }
}

/// Buffer among the parameters of a kernel.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Name in the kernel.
    pub name: &'static str,
    /// Usual buffer.
    pub buffer: Buffer,
    /// Type of the buffer's elements in the kernel.
    pub element: Element,
    /// Whether the kernel writes the buffer.
    pub is_written: bool,
}

/// Kernel with its parameters.
#[derive(Debug)]
pub struct Kernel {
    /// Name of the entry point.
    pub name: &'static str,
    /// Function that the entry point calls.
    pub function: &'static str,
    /// Buffers, which are the first parameters.
    pub parameters: &'static [Parameter],
    /// Type of the last parameter.
    pub arguments: &'static str,
    /// Type of the shared memory's elements, if the kernel uses shared memory.
    pub shared: Option<Element>,
    /// Whether the number of threads of a block is bounded.
    pub is_bounded: bool,
}

/// Kernel with its buffers, ready for a launch.
pub trait Bound: Copy {
    /// Type of the arguments.
    type Arguments: Words;

    /// The kernel.
    const KERNEL: &'static Kernel;

    /// Buffers in the order of the parameters.
    fn views(self) -> Vec<View>;
}

/// Declares kernels. Each is a structure of its buffers, with the names of its parameters.
macro_rules! kernels {
    (@element $buffer:ident) => { Buffer::$buffer.element() };
    (@element $buffer:ident $element:ident) => { Element::$element };
    (@is_written read) => { false };
    (@is_written write) => { true };
    (@shared) => { None };
    (@shared $element:ident) => { Some(Element::$element) };
    ($($(#[doc = $about:literal])* $name:ident: $entry:ident => $function:ident($arguments:ident)
        $(shares $shared:ident)? $(with $bounded:ident)? {
        $($access:ident $parameter:ident: $buffer:ident $(as $element:ident)?,)*
    })*) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name {
                $(#[doc = concat!("`", stringify!($parameter), "` of the kernel.")] pub $parameter: View,)*
            }

            impl $name {
                /// Kernel with its usual buffers.
                pub const USUAL: Self = Self { $($parameter: View::of(Buffer::$buffer)),* };
            }

            impl Bound for $name {
                type Arguments = $arguments;

                const KERNEL: &'static Kernel = &Kernel {
                    name: stringify!($entry),
                    function: stringify!($function),
                    parameters: &[$(Parameter {
                        name: stringify!($parameter),
                        buffer: Buffer::$buffer,
                        element: kernels!(@element $buffer $($element)?),
                        is_written: kernels!(@is_written $access),
                    }),*],
                    arguments: stringify!($arguments),
                    shared: kernels!(@shared $($shared)?),
                    is_bounded: !<[&str]>::is_empty(&[$(stringify!($bounded))?]),
                };

                fn views(self) -> Vec<View> {
                    vec![$(self.$parameter),*]
                }
            }
        )*

        /// All kernels.
        pub const KERNELS: &[&Kernel] = &[$($name::KERNEL),*];
    };
}

kernels! {
    /// Cosines and sines of all slots, and phase tables.
    Prepare: cw_prepare => prepare(PrepareArgs) {
        read code: Code,
        read numbers: Numbers,
        read constants: Constants,
        read inputs: Inputs,
        read weights: Weights,
        write shared: SharedCosSin,
        write cos_sins: OwnCosSin,
        write tables: Tables,
    }
    /// Flags of the samples whose outputs are NaN.
    Flag: cw_flags => fill_flags(FlagArgs) {
        read shared: SharedCosSin,
        read cos_sins: OwnCosSin,
        read states: States,
        write flags: Flags,
    }
    /// Features as amplitudes.
    Embed: cw_embed => embed_features(EmbedArgs) shares Angle {
        read inputs: Inputs,
        write states: States,
    }
    /// Forward sweep.
    Forward: cw_forward => forward_sweep(SweepArgs) shares Real with bounds {
        read code: Code,
        read numbers: Numbers,
        read shared: SharedCosSin,
        read cos_sins: OwnCosSin,
        read tables: Tables,
        read constants: Constants,
        write states: States,
        write flags: Flags,
        write outputs: Result,
    }
    /// Reverse sweep.
    Reverse: cw_reverse => reverse_sweep(SweepArgs) shares Real with bounds {
        read code: Code,
        read numbers: Numbers,
        read shared: SharedCosSin,
        read cos_sins: OwnCosSin,
        read tables: Tables,
        read constants: Constants,
        write states: States,
        write lambdas: Lambdas,
        write partials: Partials,
        read cotangent: Cotangent,
        read flags: Flags,
        write slots: Slots,
        read inputs: Inputs,
        read weights: Weights,
        write gradient: Result,
    }
    /// Expectation values of terms over chunks of states.
    Expect: cw_expect => expect_terms(ReadArgs) shares Real {
        read code: Code,
        read numbers: Numbers,
        read constants: Constants,
        read states: States,
        write sums: Sums,
    }
    /// Outputs from sums over chunks.
    Collect: cw_outputs => collect_outputs(OutputArgs) shares Sum {
        read code: Code,
        read numbers: Numbers,
        read sums: Sums,
        read flags: Flags,
        write outputs: Result,
    }
    /// Observables applied to states.
    Apply: cw_apply => apply_terms(ReadArgs) shares Real {
        read code: Code,
        read numbers: Numbers,
        read constants: Constants,
        read from: States,
        write to: Lambdas,
        read cotangent: Cotangent,
        read means: Means,
        read flags: Flags,
    }
    /// Probabilities of basis states of measured qubits.
    Probabilities: cw_probabilities => collect_probabilities(BasisArgs) shares Sum {
        read code: Code,
        read states: States,
        read flags: Flags,
        write outputs: Result,
    }
    /// λ of probabilities.
    SeedProbabilities: cw_seed_probabilities => seed_probabilities(BasisArgs) {
        read code: Code,
        read states: States,
        read cotangent: Cotangent,
        read flags: Flags,
        write lambdas: Lambdas,
    }
    /// Amplitudes in the order of logical indices.
    Amplitudes: cw_amplitudes => collect_amplitudes(BasisArgs) {
        read code: Code,
        read states: States,
        read flags: Flags,
        write outputs: Result,
    }
    /// λ of returned amplitudes.
    SeedAmplitudes: cw_seed_amplitudes => seed_amplitudes(BasisArgs) {
        read code: Code,
        read cotangent: Cotangent,
        read flags: Flags,
        write lambdas: Lambdas,
    }
    /// Gradients in slots from partial gradients.
    SumSlots: cw_slots => sum_slots(SlotArgs) shares Sum {
        read code: Code,
        read numbers: Numbers,
        read partials: Partials,
        write slots: Slots,
    }
    /// Gradients in features.
    InputGradients: cw_inputs => collect_inputs(ChainArgs) {
        read code: Code,
        read numbers: Numbers,
        read slots: Slots,
        read flags: Flags,
        read inputs: Inputs,
        read weights: Weights,
        write gradient: Result,
    }
    /// Gradients in weights, or in the weights for each part of a batch.
    WeightGradients: cw_weights => collect_weights(ChainArgs) shares Sum {
        read code: Code,
        read numbers: Numbers,
        read slots: Slots,
        read inputs: Inputs,
        read weights: Weights,
        read flags: Flags,
        write sums: Parts,
        write gradient: Result,
    }
    /// Gradients in weights, as sums over the parts of a batch.
    WeightTotals: cw_totals => total_weights(ChainArgs) {
        read sums: Parts,
        write gradient: Result,
    }
    /// Gradients in embedded features.
    Unembed: cw_unembed => unembed_features(EmbedArgs) shares Sum {
        read inputs: Inputs,
        read lambdas: Lambdas,
        write gradient: Result,
    }
}
