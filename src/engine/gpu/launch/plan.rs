//! Launch plans: what a device has to do, as data.
//!
//! A plan says how large each buffer is and which kernels run on which of them, with how many threads. CUDA, Metal and the
//! emulator only submit plans: none of them knows what a circuit is. [`super::planner`] makes them.

/// Buffers of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Buffer {
    /// What a program is: words.
    Code,
    /// Numbers in the precision of angles.
    Numbers,
    /// Complex numbers in the precision of states.
    Constants,
    /// `[batch, features]`.
    Inputs,
    /// All weight tensors one after the other.
    Weights,
    /// `[batch, outputs]`.
    Cotangent,
    /// Outputs `[batch, outputs]`, or the wanted gradients in inputs and weights one after the other.
    Result,
    /// OwnCosSin (cosine and sine) of the angles that all samples share, then constant ones.
    SharedCosSin,
    /// OwnCosSin of each sample's own: `[batch, slots]`.
    OwnCosSin,
    /// 0 for each sample, or NaN if its outputs are.
    Flags,
    /// Tables of phases.
    Tables,
    /// ψ of each sample.
    States,
    /// λ of each sample.
    Lambdas,
    /// `(O - mean) ψ` of each sample, for variances.
    Deviations,
    /// Gradients of single operations, a row a tile.
    Partials,
    /// Expectation values of single terms, a row a chunk.
    Sums,
    /// Gradients of slots, a row a slot.
    Slots,
    /// Expectation values that variances need.
    Means,
    /// Gradients in weights, of parts of a batch.
    Parts,
}

impl Buffer {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Code,
        Self::Numbers,
        Self::Constants,
        Self::Inputs,
        Self::Weights,
        Self::Cotangent,
        Self::Result,
        Self::SharedCosSin,
        Self::OwnCosSin,
        Self::Flags,
        Self::Tables,
        Self::States,
        Self::Lambdas,
        Self::Deviations,
        Self::Partials,
        Self::Sums,
        Self::Slots,
        Self::Means,
        Self::Parts,
    ];

    /// Whether it is memory that a plan needs for its own time alone.
    pub(crate) fn is_scratch(self) -> bool {
        use Buffer::{Deviations, Lambdas, Means, Partials, Parts, Slots, Sums};
        matches!(self, Lambdas | Deviations | Partials | Sums | Slots | Means | Parts)
    }

    /// Whether a forward pass leaves it for the gradient.
    pub(crate) fn is_saved(self) -> bool {
        use Buffer::{Flags, OwnCosSin, SharedCosSin, States, Tables};
        matches!(self, SharedCosSin | OwnCosSin | Flags | Tables | States)
    }
}

/// One launch of a kernel.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The kernel's name in the text.
    pub kernel: &'static str,
    /// Groups of threads, in one row.
    pub groups: u32,
    /// Threads of a group.
    pub threads: u32,
    /// Bytes of memory that a group shares.
    pub group_bytes: u32,
    /// Buffers, each from a byte on, in the order of the kernel's parameters.
    pub buffers: Vec<(Buffer, u64)>,
    /// The structure after them, as words.
    pub args: Vec<u32>,
}

impl Launch {
    /// Which of its buffers the kernel writes, by their places among the parameters. Metal has to be told.
    pub fn written(&self) -> &'static [usize] {
        WRITTEN.iter().find(|(kernel, _)| *kernel == self.kernel).map_or(&[], |(_, places)| places)
    }
}

/// What each kernel writes; a test compares it with the text of both dialects.
const WRITTEN: [(&str, &[usize]); 17] = [
    ("cw_prepare", &[5, 6, 7]),
    ("cw_flags", &[3]),
    ("cw_embed", &[1]),
    ("cw_forward", &[6, 7, 8]),
    ("cw_reverse", &[6, 7, 8, 11, 14]),
    ("cw_expect", &[4]),
    ("cw_outputs", &[4]),
    ("cw_apply", &[4]),
    ("cw_probabilities", &[3]),
    ("cw_seed_probabilities", &[4]),
    ("cw_amplitudes", &[3]),
    ("cw_seed_amplitudes", &[3]),
    ("cw_slots", &[3]),
    ("cw_inputs", &[6]),
    ("cw_weights", &[6, 7]),
    ("cw_totals", &[1]),
    ("cw_unembed", &[2]),
];

/// See the module.
#[derive(Debug, Clone)]
pub struct LaunchPlan {
    /// Bytes of each buffer, by its number; 0 if the plan does not use it.
    pub sizes: [u64; Buffer::ALL.len()],
    /// In the order in which they run.
    pub launches: Vec<Launch>,
}

impl LaunchPlan {
    /// Bytes of a buffer.
    pub(crate) fn size(&self, buffer: Buffer) -> u64 {
        self.sizes[buffer as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::WRITTEN;
    use crate::engine::gpu::{Dialect, source};

    /// Kernels of a text, each with the declarations of its parameters.
    fn kernels(text: &str) -> Vec<(&str, Vec<&str>)> {
        let declarations = text.split("\nkernel ").flat_map(|part| part.split("\nextern \"C\" __global__ ")).skip(1);
        let kernel = |declaration| {
            let (head, rest) = str::split_once(declaration, '(').expect("parameters");
            let name = head.split_whitespace().last().expect("a name");
            (name, rest.split_once("\n{").expect("a body").0.split(',').map(str::trim).collect())
        };
        declarations.map(kernel).collect()
    }

    /// What kernels write is what they declare without `const`, and the argument structures come after all buffers.
    #[test]
    fn written_buffers_are_those_of_the_text() {
        for dialect in [Dialect::CudaF32, Dialect::Metal] {
            let text = source(dialect);
            let kernels = kernels(&text);
            assert_eq!(kernels.len(), WRITTEN.len(), "{dialect:?}");
            for ((name, parameters), (expected, places)) in kernels.iter().zip(WRITTEN) {
                assert_eq!(*name, expected, "{dialect:?}");
                let pointer = |declared: &&&str| declared.contains('*') && !declared.starts_with("threadgroup ");
                let buffers: Vec<&&str> = parameters.iter().filter(pointer).collect();
                let written: Vec<usize> = (0..buffers.len()).filter(|k| !buffers[*k].contains("const ")).collect();
                assert_eq!(written, places, "{dialect:?} {name}");
                let numbered = |(k, declared): (usize, &&str)| declared.contains(&format!("[[buffer({k})]]"));
                let numbered =
                    dialect != Dialect::Metal || parameters[..=buffers.len()].iter().enumerate().all(numbered);
                assert!(numbered && parameters[buffers.len()].contains("Args "), "{dialect:?} {name}: {parameters:?}");
            }
        }
    }
}
