//! Buffers of a plan.

/// Type of a buffer's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Word of the bytecode.
    Word,
    /// Number in the precision of angles.
    Angle,
    /// Number in the precision of sums over many numbers, which is the precision of angles.
    Sum,
    /// Number in the precision of states.
    Real,
    /// Complex number in the precision of states.
    Complex,
}

/// Declares buffers with the types of their elements.
macro_rules! buffers {
    ($($(#[doc = $about:literal])* $name:ident: $element:ident,)*) => {
        /// Buffers of a plan.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Buffer {
            $($(#[doc = $about])* $name,)*
        }

        impl Buffer {
            /// All buffers, in the order of their numbers.
            pub const ALL: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];

            /// Type of the buffer's elements.
            pub const fn element(self) -> Element {
                match self {
                    $(Self::$name => Element::$element,)*
                }
            }
        }
    };
}

buffers! {
    /// Bytecode of the program.
    Code: Word,
    /// Numbers in the precision of angles.
    Numbers: Angle,
    /// Complex numbers in the precision of states.
    Constants: Complex,
    /// Inputs `[batch, features]`.
    Inputs: Real,
    /// All weight tensors, one after the other.
    Weights: Real,
    /// Cotangent `[batch, outputs]`.
    Cotangent: Real,
    /// Outputs `[batch, outputs]`, or the requested gradients in inputs and weights, one after the other.
    Result: Real,
    /// Cosines and sines of the angles that all samples share, then constant ones.
    SharedCosSin: Complex,
    /// Cosines and sines of each sample's own angles, `[batch, slots]`.
    OwnCosSin: Complex,
    /// Flag of each sample: 0, or NaN if the sample's outputs are NaN.
    Flags: Real,
    /// Phase tables.
    Tables: Complex,
    /// ψ of each sample.
    States: Complex,
    /// λ of each sample.
    Lambdas: Complex,
    /// `(O - mean) ψ` of each sample, for variances.
    Deviations: Complex,
    /// Partial gradients of single operations, a row for each tile.
    Partials: Real,
    /// Expectation values of single terms, a row for each chunk.
    Sums: Real,
    /// Gradients of slots, a row for each slot.
    Slots: Sum,
    /// Expectation values that variances need.
    Means: Real,
    /// Gradients in weights, for each part of the batch.
    Parts: Sum,
}

impl Buffer {
    /// Whether a plan needs the buffer only while it runs.
    pub fn is_scratch(self) -> bool {
        use Buffer::{Deviations, Lambdas, Means, Partials, Parts, Slots, Sums};
        matches!(self, Lambdas | Deviations | Partials | Sums | Slots | Means | Parts)
    }

    /// Whether a forward pass saves the buffer for the gradient.
    pub fn is_saved(self) -> bool {
        use Buffer::{Flags, OwnCosSin, SharedCosSin, States, Tables};
        matches!(self, SharedCosSin | OwnCosSin | Flags | Tables | States)
    }
}
