//! Constants of both sides.

use super::Constant;

constants! {
    /// No entry.
    NONE = u32::MAX;
    /// Bit of a source whose slot reads inputs, so that it is a sample's own; bit of a variable that is a feature.
    INPUTS = 1 << 31;
    /// Bit of a source whose slot reads weights.
    WEIGHTS = 1 << 30;
    /// Bits of a source that are not its index.
    KINDS = INPUTS | WEIGHTS;
    /// Opcode of rotations of amplitudes at hand, behind a table of phases.
    OP_PASS = 0;
    /// Opcode of diagonal factors.
    OP_DIAGONALS = 1;
    /// Opcode of a rotation about a word that flips bits.
    OP_MIX = 2;
    /// Opcode of an exchange of amplitudes.
    OP_EXCHANGE = 3;
    /// Opcode of a dense matrix.
    OP_DENSE = 4;
    /// The most angles of one operation: rotations of a pass, factors of diagonals.
    MAX_ANGLES = 3;
    /// The most qubits of a dense matrix.
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
    /// Warps of the largest block: entries of the scratch in which a block adds up a number.
    MAX_WARPS = 32;
    /// Real numbers that a forward sweep keeps of an amplitude in shared memory: ψ.
    FORWARD_PLANES = 2;
    /// Real numbers that a reverse sweep keeps of an amplitude in shared memory: ψ, λ and their overlap.
    REVERSE_PLANES = 5;
    /// Bit of `store`: ψ is written at the end of a sweep.
    STORE_PSI = 1;
    /// Bit of `store`: λ is written at the end of a sweep.
    STORE_LAMBDA = 2;
    /// Amplitudes of a chunk that a thread has at the most.
    CHUNK_AMPLITUDES = 8;
    /// The most threads of a block of a sweep in single precision: as many as have registers for eight amplitudes of two states.
    SWEEP_THREADS_F32 = 512;
    /// The most threads of a block of a sweep in double precision.
    SWEEP_THREADS_F64 = 256;
}
