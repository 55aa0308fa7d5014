//! Constants of both sides.

use super::Constant;

constants! {
    /// Index that stands for no entry.
    NONE = u32::MAX;
    /// Bit of a source whose slot reads inputs, so each sample has its own; bit of a variable that is a feature.
    INPUTS = 1 << 31;
    /// Bit of a source whose slot reads weights.
    WEIGHTS = 1 << 30;
    /// Bits of a source that are not its index.
    KINDS = INPUTS | WEIGHTS;
    /// Opcode of a phase table and up to three rotations.
    OP_PASS = 0;
    /// Opcode of diagonal factors.
    OP_DIAGONALS = 1;
    /// Opcode of a rotation about a word that flips bits.
    OP_MIX = 2;
    /// Opcode of an exchange of amplitudes.
    OP_EXCHANGE = 3;
    /// Opcode of a dense matrix.
    OP_DENSE = 4;
    /// Largest number of angles of an operation: rotations of a pass, factors of diagonals.
    MAX_ANGLES = 3;
    /// Largest number of qubits of a dense matrix.
    MAX_MATRIX_QUBITS = 6;
    /// Kind of a term that is a Pauli word.
    TERM_WORD = 0;
    /// Kind of a term that is a diagonal.
    TERM_DIAGONAL = 1;
    /// Kind of a term that is a projector.
    TERM_PROJECTOR = 2;
    /// Kind of a term that is a dense matrix.
    TERM_MATRIX = 3;
    /// Words from one term of a sum to the next: its head and its operand.
    TERM_STRIDE = 6;
    /// Threads of a warp, which exchange values without a barrier.
    WARP = 32;
    /// Warps of the largest block: entries of the shared memory in which a block adds up a number.
    MAX_WARPS = 32;
    /// Real numbers for each amplitude that a forward sweep has in shared memory: ψ.
    FORWARD_PLANES = 2;
    /// Real numbers for each amplitude that a reverse sweep has in shared memory: ψ, λ and their overlap.
    REVERSE_PLANES = 5;
    /// Bit of `store`: ψ is written at the end of a sweep.
    STORE_PSI = 1;
    /// Bit of `store`: λ is written at the end of a sweep.
    STORE_LAMBDA = 2;
    /// Largest number of amplitudes of a chunk that a thread has.
    CHUNK_AMPLITUDES = 8;
    /// Largest number of threads of a sweep's block in single precision: each has registers for eight amplitudes of two
    /// states.
    SWEEP_THREADS_F32 = 512;
    /// Largest number of threads of a sweep's block in double precision.
    SWEEP_THREADS_F64 = 256;
}
