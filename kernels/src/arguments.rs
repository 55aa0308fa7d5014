//! Arguments of the kernels.
//!
//! `code` is a position in the bytecode, `number` an index into the numbers.

use super::{Field, Structure, Words, next};

structures! { ARGUMENTS:
    /// Arguments of the preparation of angles and tables.
    PrepareArgs {
        /// Number of slots that all samples share.
        shared: u32,
        /// Number of constant cosines and sines, which follow the shared slots.
        fixed: u32,
        /// Number of slots of each sample's own.
        own: u32,
        /// Number of samples.
        batch: u32,
        /// Number of features of a sample.
        inputs: u32,
        /// code: the slots, shared slots first.
        slots: u32,
        /// First constant cosine and sine among the constants.
        constants: u32,
        /// Number of tables.
        tables: u32,
        /// Bits of an index into a table.
        bits: u32,
        /// code: for each table the list of its terms.
        lists: u32,
    }
    /// Arguments of the flags.
    FlagArgs {
        /// Number of samples.
        batch: u32,
        /// Number of cosines and sines that all samples share.
        shared: u32,
        /// Number of cosines and sines of each sample's own.
        own: u32,
        /// Number of qubits.
        qubits: u32,
        /// 1: the states of embedded features are in memory.
        embedded: u32,
    }
    /// Arguments of a sweep. The arguments from `fused` on are for a state that is one tile.
    SweepArgs {
        /// Number of qubits.
        qubits: u32,
        /// Bits of an index in a tile.
        bits: u32,
        /// Number of samples.
        batch: u32,
        /// Number of tiles that a block works on.
        per_block: u32,
        /// code: first indices of the tiles whose numbers are powers of two.
        tile_basis: u32,
        /// code: XOR mask of an index for each value of the local bits above the lanes.
        offsets: u32,
        /// Number of local bits that are the same bits of a stored index.
        lane_bits: u32,
        /// code: the position of each operation.
        index: u32,
        /// First operation.
        first: u32,
        /// End of the operations.
        last: u32,
        /// 1: the sweep starts from |0..0> and does not read the state.
        from_zero: u32,
        /// States that the sweep writes at the end: STORE_PSI, STORE_LAMBDA.
        store: u32,
        /// Kinds of the sources that need gradients.
        wanted: u32,
        /// Number of slots of each sample's own.
        own: u32,
        /// Number of partial gradients of a tile.
        partials: u32,
        /// 1: the sweep also does everything that follows a forward sweep or surrounds a reverse sweep.
        fused: u32,
        /// Number of cosines and sines that all samples share.
        shared: u32,
        /// code: terms of the observables.
        terms: u32,
        /// Number of terms.
        term_count: u32,
        /// Number of the terms that are in no series. They come first.
        direct: u32,
        /// code: the series.
        series: u32,
        /// Number of series.
        series_count: u32,
        /// Number of outputs of a sample.
        outputs: u32,
        /// code: for each output the list of its terms.
        lists: u32,
        /// number: the constant of the first output; the other outputs' constants follow.
        output_constants: u32,
        /// Number of slots.
        slots: u32,
        /// code: for each slot the list of its partial gradients.
        slot_lists: u32,
        /// Number of features of a sample.
        inputs: u32,
        /// code: for each feature the list of its derivatives.
        input_lists: u32,
    }
    /// Arguments of observables on states in memory.
    ReadArgs {
        /// Number of qubits.
        qubits: u32,
        /// Number of samples.
        batch: u32,
        /// Bits of an index within a chunk of a state.
        chunk_bits: u32,
        /// code: the terms.
        terms: u32,
        /// Number of sums of a chunk.
        term_count: u32,
        /// Number of the terms that are in no series. They come first.
        direct: u32,
        /// Number of terms outside a series that a block takes.
        span: u32,
        /// code: the series.
        series: u32,
        /// Number of series.
        series_count: u32,
        /// Number of entries in a row of outputs, of the cotangent and of the means.
        outputs: u32,
        /// 1: the cotangent weights the terms.
        cotangent: u32,
        /// Index of the first output in a row of outputs, of the cotangent and of the means.
        column: u32,
        /// 1: the mean of the first output is subtracted.
        centered: u32,
        /// 1: the result is added to the values in memory.
        keep: u32,
    }
    /// Arguments of outputs from sums over chunks.
    OutputArgs {
        /// Number of samples.
        batch: u32,
        /// Number of outputs of this sum.
        outputs: u32,
        /// Number of chunks of a state.
        chunks: u32,
        /// code: the terms.
        terms: u32,
        /// code: for each output the list of its terms.
        lists: u32,
        /// number: the constant of the first output; the other outputs' constants follow.
        constants: u32,
        /// Number of sums of a chunk.
        term_count: u32,
        /// Index of the first output in a row of outputs.
        column: u32,
        /// Number of entries in a row of outputs.
        width: u32,
        /// Number of threads for an output.
        per_item: u32,
    }
    /// Arguments of basis states of measured qubits.
    BasisArgs {
        /// Number of qubits.
        qubits: u32,
        /// Number of samples.
        batch: u32,
        /// Number of measured qubits.
        count: u32,
        /// code: the parity of each measured qubit.
        rows: u32,
        /// code: bits that flip with each qubit, measured qubits first.
        columns: u32,
        /// Stored index of logical index 0.
        origin: u32,
        /// Number of threads for an output.
        per_item: u32,
        /// Index of the first output in a row of outputs, and of the cotangent.
        column: u32,
        /// Number of entries in a row of outputs, and of the cotangent.
        width: u32,
        /// 1: the result is added to the values in memory.
        keep: u32,
    }
    /// Arguments of embedding, and of its gradient.
    EmbedArgs {
        /// Number of qubits.
        qubits: u32,
        /// Number of samples.
        batch: u32,
        /// Number of features of a sample.
        inputs: u32,
        /// First embedded feature.
        first: u32,
        /// Number of embedded features.
        count: u32,
        /// 1: features that are all zero become |0..0>.
        zero_state: u32,
        /// 1: an amplitude is two features, its real and its imaginary part.
        pairs: u32,
    }
    /// Arguments of gradients in slots.
    SlotArgs {
        /// Number of samples.
        batch: u32,
        /// Number of slots.
        slots: u32,
        /// Bits of a tile's number.
        tile_bits: u32,
        /// Number of partial gradients of a tile.
        partials: u32,
        /// code: for each slot the list of its partial gradients.
        lists: u32,
        /// Number of threads for a slot.
        per_item: u32,
    }
    /// Arguments of the chain rule from slots to variables.
    ChainArgs {
        /// Number of samples.
        batch: u32,
        /// Number of features of a sample.
        inputs: u32,
        /// Number of variables: of features, or of weights.
        variables: u32,
        /// code: for each variable the list of its derivatives.
        lists: u32,
        /// Number of parts of the batch. A block sums each part.
        parts: u32,
        /// Number of samples of a part.
        span: u32,
    }
}

/// Number of words of the longest arguments.
pub const MAX_ARGUMENT_WORDS: usize = {
    let (mut most, mut k) = (0, 0);
    while k < ARGUMENTS.len() {
        if ARGUMENTS[k].words > most {
            most = ARGUMENTS[k].words;
        }
        k += 1;
    }
    most
};
