//! Arguments of the kernels.
//!
//! `code` is a position in the bytecode, `number` an index into the numbers.

use super::{Field, Structure, Words, next};

structures! { ARGUMENTS:
    /// Arguments of the preparation.
    PrepareArgs {
        /// Slots that all samples share.
        shared: u32,
        /// Constant cosines and sines, which stand after them.
        fixed: u32,
        /// Slots of a sample's own.
        own: u32,
        /// Samples.
        batch: u32,
        /// Features of a sample.
        inputs: u32,
        /// code: the slots, shared ones first.
        slots: u32,
        /// First of the constant cosines and sines among the constants.
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
        /// Samples.
        batch: u32,
        /// Cosines and sines that all samples share.
        shared: u32,
        /// Cosines and sines of a sample's own.
        own: u32,
        /// Qubits of a state.
        qubits: u32,
        /// 1: states are there, of embedded features.
        embedded: u32,
    }
    /// Arguments of a sweep. From `fused` on they are for a state that is one tile.
    SweepArgs {
        /// Qubits of a state.
        qubits: u32,
        /// Bits of an index in a tile.
        bits: u32,
        /// Samples.
        batch: u32,
        /// Tiles that a block works on.
        per_block: u32,
        /// code: the first indices of the tiles that are powers of two.
        tile_basis: u32,
        /// code: XOR mask of a tile's first index for each setting of the local bits above the lanes.
        offsets: u32,
        /// Local bits that are the same bits of a stored index.
        lane_bits: u32,
        /// code: the position of each operation.
        index: u32,
        /// First operation.
        first: u32,
        /// End of the operations.
        last: u32,
        /// 1: the state starts from |0..0> and is not read.
        from_zero: u32,
        /// States that are written at the end: STORE_PSI, STORE_LAMBDA.
        store: u32,
        /// Kinds of sources whose gradients are wanted.
        wanted: u32,
        /// Slots of a sample's own.
        own: u32,
        /// Entries of a row of partial gradients.
        partials: u32,
        /// 1: the sweep does everything after the forward and around the reverse sweep.
        fused: u32,
        /// Cosines and sines that all samples share.
        shared: u32,
        /// code: terms of the observables.
        terms: u32,
        /// Number of terms.
        term_count: u32,
        /// Number of terms, the first ones, that are in no series.
        direct: u32,
        /// code: the series.
        series: u32,
        /// Number of series.
        series_count: u32,
        /// Outputs of a sample.
        outputs: u32,
        /// code: for each output the list of its terms.
        lists: u32,
        /// number: the constant of the first output; those of the others follow.
        output_constants: u32,
        /// Number of slots.
        slots: u32,
        /// code: for each slot the list of its partial gradients.
        slot_lists: u32,
        /// Features of a sample.
        inputs: u32,
        /// code: for each feature the list of its derivatives.
        input_lists: u32,
    }
    /// Arguments of observables on states in memory.
    ReadArgs {
        /// Qubits of a state.
        qubits: u32,
        /// Samples.
        batch: u32,
        /// Bits of an index within a chunk of a state.
        chunk_bits: u32,
        /// code: the terms.
        terms: u32,
        /// Entries of a row of sums.
        term_count: u32,
        /// Number of terms, the first ones, that are in no series.
        direct: u32,
        /// Number of those that a block takes.
        span: u32,
        /// code: the series.
        series: u32,
        /// Number of series.
        series_count: u32,
        /// Entries of a row of outputs, of the cotangent and of the means.
        outputs: u32,
        /// 1: terms are weighted by the cotangent.
        cotangent: u32,
        /// Output whose mean is subtracted, or NONE.
        shift: u32,
        /// 1: the result is added to what is there.
        keep: u32,
    }
    /// Arguments of outputs from sums over chunks.
    OutputArgs {
        /// Samples.
        batch: u32,
        /// Outputs of this sum.
        outputs: u32,
        /// Chunks of a state.
        chunks: u32,
        /// code: the terms.
        terms: u32,
        /// code: for each output the list of its terms.
        lists: u32,
        /// number: the constant of the first output; those of the others follow.
        constants: u32,
        /// Entries of a row of sums.
        term_count: u32,
        /// Place of the first output in a row of outputs.
        column: u32,
        /// Entries of a row of outputs.
        width: u32,
        /// Threads of an output.
        per_item: u32,
    }
    /// Arguments of basis states of measured qubits.
    BasisArgs {
        /// Qubits of a state.
        qubits: u32,
        /// Samples.
        batch: u32,
        /// Measured qubits.
        count: u32,
        /// code: the parity of each measured qubit.
        rows: u32,
        /// code: bits that flip with each qubit, the measured ones first.
        columns: u32,
        /// Stored index of logical index 0.
        origin: u32,
        /// Threads of an output.
        per_item: u32,
    }
    /// Arguments of features as amplitudes.
    EmbedArgs {
        /// Qubits of a state.
        qubits: u32,
        /// Samples.
        batch: u32,
        /// Features of a sample.
        inputs: u32,
        /// First feature that is an amplitude.
        first: u32,
        /// Number of them.
        count: u32,
        /// 1: features that are all zero are |0..0>.
        zero_state: u32,
    }
    /// Arguments of gradients in slots.
    SlotArgs {
        /// Samples.
        batch: u32,
        /// Number of slots.
        slots: u32,
        /// Bits of a tile's number.
        tile_bits: u32,
        /// Entries of a row of partial gradients.
        partials: u32,
        /// code: for each slot the list of its partial gradients.
        lists: u32,
        /// Threads of a slot.
        per_item: u32,
    }
    /// Arguments of the chain rule from slots to variables.
    ChainArgs {
        /// Samples.
        batch: u32,
        /// Features of a sample.
        inputs: u32,
        /// Features, or weights.
        variables: u32,
        /// code: for each variable the list of its derivatives.
        lists: u32,
        /// Parts of the batch, each summed by a block.
        parts: u32,
        /// Samples of a part.
        span: u32,
    }
}

/// Words of the longest arguments.
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
