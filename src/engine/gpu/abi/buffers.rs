//! Buffers of a plan.

/// Type of a buffer's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// A word of the bytecode.
    Word,
    /// A number in the precision of angles.
    Angle,
    /// A number in the precision of long sums, which is that of angles.
    Sum,
    /// A number in the precision of states.
    Real,
    /// A complex number in the precision of states.
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
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];

            /// Type of its elements.
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
    /// `[batch, features]`.
    Inputs: Real,
    /// All weight tensors one after the other.
    Weights: Real,
    /// `[batch, outputs]`.
    Cotangent: Real,
    /// Outputs `[batch, outputs]`, or the wanted gradients in inputs and weights one after the other.
    Result: Real,
    /// Cosines and sines of the angles that all samples share, then constant ones.
    SharedCosSin: Complex,
    /// Cosines and sines of each sample's own: `[batch, slots]`.
    OwnCosSin: Complex,
    /// 0 for each sample, or NaN if its outputs are.
    Flags: Real,
    /// Tables of phases.
    Tables: Complex,
    /// ψ of each sample.
    States: Complex,
    /// λ of each sample.
    Lambdas: Complex,
    /// `(O - mean) ψ` of each sample, for variances.
    Deviations: Complex,
    /// Partial gradients of single operations, a row a tile.
    Partials: Real,
    /// Expectation values of single terms, a row a chunk.
    Sums: Real,
    /// Gradients of slots, a row a slot.
    Slots: Sum,
    /// Expectation values that variances need.
    Means: Real,
    /// Gradients in weights, of parts of a batch.
    Parts: Sum,
}
