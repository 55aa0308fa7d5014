// Printed from the table in kernels/src/: `just kernels` writes it again.

// Index that stands for no entry.
#define NONE 0xffffffffu

// Bit of a source whose slot reads inputs, so each sample has its own; bit of a variable that is a feature.
#define INPUTS 0x80000000u

// Bit of a source whose slot reads weights.
#define WEIGHTS 0x40000000u

// Bits of a source that are not its index.
#define KINDS 0xc0000000u

// Opcode of a phase table and up to three rotations.
#define OP_PASS 0u

// Opcode of diagonal factors.
#define OP_DIAGONALS 1u

// Opcode of a rotation about a word that flips bits.
#define OP_MIX 2u

// Opcode of an exchange of amplitudes.
#define OP_EXCHANGE 3u

// Opcode of a dense matrix.
#define OP_DENSE 4u

// Largest number of angles of an operation: rotations of a pass, factors of diagonals.
#define MAX_ANGLES 3u

// Largest number of qubits of a dense matrix.
#define MAX_MATRIX_QUBITS 6u

// Kind of a term that is a Pauli word.
#define TERM_WORD 0u

// Kind of a term that is a diagonal.
#define TERM_DIAGONAL 1u

// Kind of a term that is a projector.
#define TERM_PROJECTOR 2u

// Kind of a term that is a dense matrix.
#define TERM_MATRIX 3u

// Words from one term of a sum to the next: its head and its operand.
#define TERM_STRIDE 6u

// Threads of a warp, which exchange values without a barrier.
#define WARP 32u

// Warps of the largest block: entries of the shared memory in which a block adds up a number.
#define MAX_WARPS 32u

// Real numbers for each amplitude that a forward sweep has in shared memory: ψ.
#define FORWARD_PLANES 2u

// Real numbers for each amplitude that a reverse sweep has in shared memory: ψ, λ and their overlap.
#define REVERSE_PLANES 5u

// Bit of `store`: ψ is written at the end of a sweep.
#define STORE_PSI 1u

// Bit of `store`: λ is written at the end of a sweep.
#define STORE_LAMBDA 2u

// Largest number of amplitudes of a chunk that a thread has.
#define CHUNK_AMPLITUDES 8u

// Largest number of threads of a sweep's block in single precision: each has registers for eight amplitudes of two
// states.
#define SWEEP_THREADS_F32 512u

// Largest number of threads of a sweep's block in double precision.
#define SWEEP_THREADS_F64 256u

// Range of a list in the bytecode.
struct List {
    uint first; // code: the first entry.
    uint end; // code: the end of the last entry.
};

#define LIST_WORDS 2u

FN List load_list(GLOBAL const uint *code, uint at) {
    List record;
    record.first = code[at + 0u];
    record.end = code[at + 1u];
    return record;
}

// Parity of bits of an index in a tile.
struct Parity {
    uint local; // Mask of local bits.
    uint tile; // Mask of the tile's bits.
    uint odd; // 1: the parity is flipped.
};

#define PARITY_WORDS 3u

FN Parity load_parity(GLOBAL const uint *code, uint at) {
    Parity record;
    record.local = code[at + 0u];
    record.tile = code[at + 1u];
    record.odd = code[at + 2u];
    return record;
}

// Conditions under which an operation acts: all parities are odd.
struct Conditions {
    uint count; // Number of parities.
    uint at; // code: the parities.
};

#define CONDITIONS_WORDS 2u

FN Conditions load_conditions(GLOBAL const uint *code, uint at) {
    Conditions record;
    record.count = code[at + 0u];
    record.at = code[at + 1u];
    return record;
}

// Qubit of a dense matrix.
struct Qubit {
    uint flip_mask; // Bits that flip with the qubit.
    Parity parity; // Parity that is the qubit's value.
};

#define QUBIT_WORDS 4u

FN Qubit load_qubit(GLOBAL const uint *code, uint at) {
    Qubit record;
    record.flip_mask = code[at + 0u];
    record.parity = load_parity(code, at + 1u);
    return record;
}

// Phase table, then rotations, whose records follow.
struct Pass {
    uint rotations; // Number of rotations.
    uint bases; // code: the first index of each set of amplitudes.
    uint table; // Number of the table, or NONE.
    uint term_count; // Terms of the table.
    uint term_kinds; // Kinds of the sources of all terms.
    uint term_masks; // code: mask of each term.
    uint first_partial; // Partial gradient of the first term; the other terms' partial gradients follow.
};

#define PASS_WORDS 8u

FN Pass load_pass(GLOBAL const uint *code, uint at) {
    Pass record;
    record.rotations = code[at + 1u];
    record.bases = code[at + 2u];
    record.table = code[at + 3u];
    record.term_count = code[at + 4u];
    record.term_kinds = code[at + 5u];
    record.term_masks = code[at + 6u];
    record.first_partial = code[at + 7u];
    return record;
}

// Rotation of a pass.
struct Rotation {
    uint source; // Source of the rotation's cosine and sine.
    uint partial; // Partial gradient, or NONE.
    uint flip_mask; // Bits that the rotation flips.
    uint tile_mask; // Mask of the tile's bits in the rotation's parity.
};

#define ROTATION_WORDS 4u

FN Rotation load_rotation(GLOBAL const uint *code, uint at) {
    Rotation record;
    record.source = code[at + 0u];
    record.partial = code[at + 1u];
    record.flip_mask = code[at + 2u];
    record.tile_mask = code[at + 3u];
    return record;
}

// Diagonal factors, whose records follow.
struct Diagonals {
    uint factors; // Number of factors.
};

#define DIAGONALS_WORDS 2u

FN Diagonals load_diagonals(GLOBAL const uint *code, uint at) {
    Diagonals record;
    record.factors = code[at + 1u];
    return record;
}

// Diagonal factor exp(±i φ).
struct Factor {
    uint source; // Source of the factor's cosine and sine.
    uint partial; // Partial gradient, or NONE.
    Parity sign; // Parity that is odd where φ has a plus.
    Conditions conditions; // Conditions under which the factor acts.
};

#define FACTOR_WORDS 7u

FN Factor load_factor(GLOBAL const uint *code, uint at) {
    Factor record;
    record.source = code[at + 0u];
    record.partial = code[at + 1u];
    record.sign = load_parity(code, at + 2u);
    record.conditions = load_conditions(code, at + 5u);
    return record;
}

// Rotation about a word that flips bits.
struct Mix {
    uint real; // 1: the word has an odd number of Y.
    uint source; // Source of the rotation's cosine and sine.
    uint partial; // Partial gradient, or NONE.
    uint flip_mask; // Bits that the rotation flips.
    uint top_bit; // Highest bit of the flip mask.
    Parity negative; // Parity that is odd where the sine has a minus.
    Conditions conditions; // Conditions under which the rotation acts.
};

#define MIX_WORDS 11u

FN Mix load_mix(GLOBAL const uint *code, uint at) {
    Mix record;
    record.real = code[at + 1u];
    record.source = code[at + 2u];
    record.partial = code[at + 3u];
    record.flip_mask = code[at + 4u];
    record.top_bit = code[at + 5u];
    record.negative = load_parity(code, at + 6u);
    record.conditions = load_conditions(code, at + 9u);
    return record;
}

// Exchange of the two amplitudes that differ by the flip mask, where the conditions are met.
struct Exchange {
    uint flip_mask; // Bits in which the two amplitudes differ.
    Conditions conditions; // Conditions under which the exchange acts.
};

#define EXCHANGE_WORDS 4u

FN Exchange load_exchange(GLOBAL const uint *code, uint at) {
    Exchange record;
    record.flip_mask = code[at + 1u];
    record.conditions = load_conditions(code, at + 2u);
    return record;
}

// Dense matrix, whose qubits' records follow.
struct Dense {
    uint qubits; // Number of qubits.
    uint entries; // First entry among the constants.
    uint adjoint; // First entry of the adjoint among the constants.
    uint bases; // code: the first index of each set of amplitudes.
    Conditions conditions; // Conditions under which the matrix acts.
};

#define DENSE_WORDS 7u

FN Dense load_dense(GLOBAL const uint *code, uint at) {
    Dense record;
    record.qubits = code[at + 1u];
    record.entries = code[at + 2u];
    record.adjoint = code[at + 3u];
    record.bases = code[at + 4u];
    record.conditions = load_conditions(code, at + 5u);
    return record;
}

// Angle as an expression: a constant and a sum of terms.
struct Slot {
    uint offset; // number: the constant of the expression.
    List terms; // Terms of the angle.
};

#define SLOT_WORDS 3u

FN Slot load_slot(GLOBAL const uint *code, uint at) {
    Slot record;
    record.offset = code[at + 0u];
    record.terms = load_list(code, at + 1u);
    return record;
}

// Term of a slot: a coefficient times one or two variables.
struct SlotTerm {
    uint coefficient; // number: the coefficient.
    uint first; // Variable.
    uint second; // Second variable, or NONE.
};

#define SLOT_TERM_WORDS 3u

FN SlotTerm load_slot_term(GLOBAL const uint *code, uint at) {
    SlotTerm record;
    record.coefficient = code[at + 0u];
    record.first = code[at + 1u];
    record.second = code[at + 2u];
    return record;
}

// Derivative of a slot in a variable: a coefficient, times the other variable of its term.
struct Derivative {
    uint slot; // Slot that reads the variable.
    uint coefficient; // number: the coefficient.
    uint other; // Other variable, or NONE.
};

#define DERIVATIVE_WORDS 3u

FN Derivative load_derivative(GLOBAL const uint *code, uint at) {
    Derivative record;
    record.slot = code[at + 0u];
    record.coefficient = code[at + 1u];
    record.other = code[at + 2u];
    return record;
}

// Term of a phase table.
struct TableTerm {
    uint mask; // Bits whose parity is the term's sign.
    uint offset; // number: the constant part of the angle.
    List parts; // Parts of the angle.
};

#define TABLE_TERM_WORDS 4u

FN TableTerm load_table_term(GLOBAL const uint *code, uint at) {
    TableTerm record;
    record.mask = code[at + 0u];
    record.offset = code[at + 1u];
    record.parts = load_list(code, at + 2u);
    return record;
}

// Weighted entry of a sum: a slot in the angle of a table's term, or a partial gradient in the gradient of a slot.
struct Weighted {
    uint index; // Slot or partial gradient.
    uint weight; // number: the weight.
};

#define WEIGHTED_WORDS 2u

FN Weighted load_weighted(GLOBAL const uint *code, uint at) {
    Weighted record;
    record.index = code[at + 0u];
    record.weight = code[at + 1u];
    return record;
}

// Head of a term of an observable, whose operand follows.
struct Term {
    uint kind; // Kind of the operand.
    uint output; // Output that the term adds to.
    uint coefficient; // number: the coefficient.
};

#define TERM_WORDS 3u

FN Term load_term(GLOBAL const uint *code, uint at) {
    Term record;
    record.kind = code[at + 0u];
    record.output = code[at + 1u];
    record.coefficient = code[at + 2u];
    return record;
}

// Operand that is a Pauli word.
struct WordTerm {
    uint flip_mask; // Bits that the word flips.
    uint sign_mask; // Bits whose parity is the word's sign.
    uint quarter_turns; // Power of i that multiplies the word.
};

#define WORD_TERM_WORDS 3u

FN WordTerm load_word_term(GLOBAL const uint *code, uint at) {
    WordTerm record;
    record.flip_mask = code[at + 0u];
    record.sign_mask = code[at + 1u];
    record.quarter_turns = code[at + 2u];
    return record;
}

// Operand that is a diagonal.
struct DiagonalTerm {
    uint count; // Number of parities.
    uint bits; // code: parities that are the bits of an index into the values.
    uint values; // number: the first value.
};

#define DIAGONAL_TERM_WORDS 3u

FN DiagonalTerm load_diagonal_term(GLOBAL const uint *code, uint at) {
    DiagonalTerm record;
    record.count = code[at + 0u];
    record.bits = code[at + 1u];
    record.values = code[at + 2u];
    return record;
}

// Operand that is a projector.
struct ProjectorTerm {
    Conditions conditions; // Conditions under which the projector is 1.
    uint unused; // Padding to the stride of terms.
};

#define PROJECTOR_TERM_WORDS 3u

FN ProjectorTerm load_projector_term(GLOBAL const uint *code, uint at) {
    ProjectorTerm record;
    record.conditions = load_conditions(code, at + 0u);
    record.unused = code[at + 2u];
    return record;
}

// Operand that is a dense matrix.
struct MatrixTerm {
    uint count; // Number of qubits.
    uint qubits; // code: the qubits.
    uint entries; // First entry among the constants.
};

#define MATRIX_TERM_WORDS 3u

FN MatrixTerm load_matrix_term(GLOBAL const uint *code, uint at) {
    MatrixTerm record;
    record.count = code[at + 0u];
    record.qubits = code[at + 1u];
    record.entries = code[at + 2u];
    return record;
}

// Series: words that flip the same bits, with the same factor 1 or i up to signs.
struct Series {
    uint imaginary; // 1: the factor is i.
    uint flip_mask; // Bits that all words flip.
    uint first_term; // First term of the series.
    uint end_term; // End of the terms of the series.
    List entries; // Entries, one for each low part of a sign mask.
};

#define SERIES_WORDS 6u

FN Series load_series(GLOBAL const uint *code, uint at) {
    Series record;
    record.imaginary = code[at + 0u];
    record.flip_mask = code[at + 1u];
    record.first_term = code[at + 2u];
    record.end_term = code[at + 3u];
    record.entries = load_list(code, at + 4u);
    return record;
}

// Entry of a series: terms whose sign masks have the same bits within a chunk.
struct SeriesEntry {
    uint mask; // Bits of the sign masks within a chunk.
    uint first_term; // First term of the entry.
    uint end_term; // End of the terms of the entry.
};

#define SERIES_ENTRY_WORDS 3u

FN SeriesEntry load_series_entry(GLOBAL const uint *code, uint at) {
    SeriesEntry record;
    record.mask = code[at + 0u];
    record.first_term = code[at + 1u];
    record.end_term = code[at + 2u];
    return record;
}

// Arguments of the preparation of angles and tables.
struct PrepareArgs {
    uint shared; // Number of slots that all samples share.
    uint fixed; // Number of constant cosines and sines, which follow the shared slots.
    uint own; // Number of slots of each sample's own.
    uint batch; // Number of samples.
    uint inputs; // Number of features of a sample.
    uint slots; // code: the slots, shared slots first.
    uint constants; // First constant cosine and sine among the constants.
    uint tables; // Number of tables.
    uint bits; // Bits of an index into a table.
    uint lists; // code: for each table the list of its terms.
};

// Arguments of the flags.
struct FlagArgs {
    uint batch; // Number of samples.
    uint shared; // Number of cosines and sines that all samples share.
    uint own; // Number of cosines and sines of each sample's own.
    uint qubits; // Number of qubits.
    uint embedded; // 1: the states of embedded features are in memory.
};

// Arguments of a sweep. The arguments from `fused` on are for a state that is one tile.
struct SweepArgs {
    uint qubits; // Number of qubits.
    uint bits; // Bits of an index in a tile.
    uint batch; // Number of samples.
    uint per_block; // Number of tiles that a block works on.
    uint tile_basis; // code: first indices of the tiles whose numbers are powers of two.
    uint offsets; // code: XOR mask of an index for each value of the local bits above the lanes.
    uint lane_bits; // Number of local bits that are the same bits of a stored index.
    uint index; // code: the position of each operation.
    uint first; // First operation.
    uint last; // End of the operations.
    uint from_zero; // 1: the sweep starts from |0..0> and does not read the state.
    uint store; // States that the sweep writes at the end: STORE_PSI, STORE_LAMBDA.
    uint wanted; // Kinds of the sources that need gradients.
    uint own; // Number of slots of each sample's own.
    uint partials; // Number of partial gradients of a tile.
    uint fused; // 1: the sweep also does everything that follows a forward sweep or surrounds a reverse sweep.
    uint shared; // Number of cosines and sines that all samples share.
    uint terms; // code: terms of the observables.
    uint term_count; // Number of terms.
    uint direct; // Number of the terms that are in no series. They come first.
    uint series; // code: the series.
    uint series_count; // Number of series.
    uint outputs; // Number of outputs of a sample.
    uint lists; // code: for each output the list of its terms.
    uint output_constants; // number: the constant of the first output; the other outputs' constants follow.
    uint slots; // Number of slots.
    uint slot_lists; // code: for each slot the list of its partial gradients.
    uint inputs; // Number of features of a sample.
    uint input_lists; // code: for each feature the list of its derivatives.
};

// Arguments of observables on states in memory.
struct ReadArgs {
    uint qubits; // Number of qubits.
    uint batch; // Number of samples.
    uint chunk_bits; // Bits of an index within a chunk of a state.
    uint terms; // code: the terms.
    uint term_count; // Number of sums of a chunk.
    uint direct; // Number of the terms that are in no series. They come first.
    uint span; // Number of terms outside a series that a block takes.
    uint series; // code: the series.
    uint series_count; // Number of series.
    uint outputs; // Number of entries in a row of outputs, of the cotangent and of the means.
    uint cotangent; // 1: the cotangent weights the terms.
    uint column; // Index of the first output in a row of outputs, of the cotangent and of the means.
    uint centered; // 1: the mean of the first output is subtracted.
    uint keep; // 1: the result is added to the values in memory.
};

// Arguments of outputs from sums over chunks.
struct OutputArgs {
    uint batch; // Number of samples.
    uint outputs; // Number of outputs of this sum.
    uint chunks; // Number of chunks of a state.
    uint terms; // code: the terms.
    uint lists; // code: for each output the list of its terms.
    uint constants; // number: the constant of the first output; the other outputs' constants follow.
    uint term_count; // Number of sums of a chunk.
    uint column; // Index of the first output in a row of outputs.
    uint width; // Number of entries in a row of outputs.
    uint per_item; // Number of threads for an output.
};

// Arguments of basis states of measured qubits.
struct BasisArgs {
    uint qubits; // Number of qubits.
    uint batch; // Number of samples.
    uint count; // Number of measured qubits.
    uint rows; // code: the parity of each measured qubit.
    uint columns; // code: bits that flip with each qubit, measured qubits first.
    uint origin; // Stored index of logical index 0.
    uint per_item; // Number of threads for an output.
    uint column; // Index of the first output in a row of outputs, and of the cotangent.
    uint width; // Number of entries in a row of outputs, and of the cotangent.
    uint keep; // 1: the result is added to the values in memory.
};

// Arguments of embedding, and of its gradient.
struct EmbedArgs {
    uint qubits; // Number of qubits.
    uint batch; // Number of samples.
    uint inputs; // Number of features of a sample.
    uint first; // First embedded feature.
    uint count; // Number of embedded features.
    uint zero_state; // 1: features that are all zero become |0..0>.
    uint pairs; // 1: an amplitude is two features, its real and its imaginary part.
};

// Arguments of gradients in slots.
struct SlotArgs {
    uint batch; // Number of samples.
    uint slots; // Number of slots.
    uint tile_bits; // Bits of a tile's number.
    uint partials; // Number of partial gradients of a tile.
    uint lists; // code: for each slot the list of its partial gradients.
    uint per_item; // Number of threads for a slot.
};

// Arguments of the chain rule from slots to variables.
struct ChainArgs {
    uint batch; // Number of samples.
    uint inputs; // Number of features of a sample.
    uint variables; // Number of variables: of features, or of weights.
    uint lists; // code: for each variable the list of its derivatives.
    uint parts; // Number of parts of the batch. A block sums each part.
    uint span; // Number of samples of a part.
};
