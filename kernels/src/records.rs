//! Records of the bytecode.
//!
//! A source is the index of a cosine and sine, with the bits `INPUTS` and `WEIGHTS`. A variable is the index of a
//! weight, or the index of a feature with the bit `INPUTS`. `code` is a position in the bytecode, `number` an index
//! into the numbers.

use super::constants::{OP_DENSE, OP_DIAGONALS, OP_EXCHANGE, OP_MIX, OP_PASS, TERM_STRIDE};
use super::{Field, Structure, Words, next, one_word};

structures! { RECORDS:
    /// Range of a list in the bytecode.
    List {
        /// code: the first entry.
        first: u32,
        /// code: the end of the last entry.
        end: u32,
    }
    /// Parity of bits of an index in a tile.
    Parity {
        /// Mask of local bits.
        local: u32,
        /// Mask of the tile's bits.
        tile: u32,
        /// 1: the parity is flipped.
        odd: u32,
    }
    /// Conditions under which an operation acts: all parities are odd.
    Conditions {
        /// Number of parities.
        count: u32,
        /// code: the parities.
        at: u32,
    }
    /// Qubit of a dense matrix.
    Qubit {
        /// Bits that flip with the qubit.
        flip_mask: u32,
        /// Parity that is the qubit's value.
        parity: Parity,
    }
    /// Phase table, then rotations, whose records follow.
    Pass after OP_PASS {
        /// Number of rotations.
        rotations: u32,
        /// code: the first index of each set of amplitudes.
        bases: u32,
        /// Number of the table, or NONE.
        table: u32,
        /// Terms of the table.
        term_count: u32,
        /// Kinds of the sources of all terms.
        term_kinds: u32,
        /// code: mask of each term.
        term_masks: u32,
        /// Partial gradient of the first term; the other terms' partial gradients follow.
        first_partial: u32,
    }
    /// Rotation of a pass.
    Rotation {
        /// Source of the rotation's cosine and sine.
        source: u32,
        /// Partial gradient, or NONE.
        partial: u32,
        /// Bits that the rotation flips.
        flip_mask: u32,
        /// Mask of the tile's bits in the rotation's parity.
        tile_mask: u32,
    }
    /// Diagonal factors, whose records follow.
    Diagonals after OP_DIAGONALS {
        /// Number of factors.
        factors: u32,
    }
    /// Diagonal factor exp(±i φ).
    Factor {
        /// Source of the factor's cosine and sine.
        source: u32,
        /// Partial gradient, or NONE.
        partial: u32,
        /// Parity that is odd where φ has a plus.
        sign: Parity,
        /// Conditions under which the factor acts.
        conditions: Conditions,
    }
    /// Rotation about a word that flips bits.
    Mix after OP_MIX {
        /// 1: the word has an odd number of Y.
        real: u32,
        /// Source of the rotation's cosine and sine.
        source: u32,
        /// Partial gradient, or NONE.
        partial: u32,
        /// Bits that the rotation flips.
        flip_mask: u32,
        /// Highest bit of the flip mask.
        top_bit: u32,
        /// Parity that is odd where the sine has a minus.
        negative: Parity,
        /// Conditions under which the rotation acts.
        conditions: Conditions,
    }
    /// Exchange of the two amplitudes that differ by the flip mask, where the conditions are met.
    Exchange after OP_EXCHANGE {
        /// Bits in which the two amplitudes differ.
        flip_mask: u32,
        /// Conditions under which the exchange acts.
        conditions: Conditions,
    }
    /// Dense matrix, whose qubits' records follow.
    Dense after OP_DENSE {
        /// Number of qubits.
        qubits: u32,
        /// First entry among the constants.
        entries: u32,
        /// First entry of the adjoint among the constants.
        adjoint: u32,
        /// code: the first index of each set of amplitudes.
        bases: u32,
        /// Conditions under which the matrix acts.
        conditions: Conditions,
    }
    /// Angle as an expression: a constant and a sum of terms.
    Slot {
        /// number: the constant of the expression.
        offset: u32,
        /// Terms of the angle.
        terms: List,
    }
    /// Term of a slot: a coefficient times one or two variables.
    SlotTerm {
        /// number: the coefficient.
        coefficient: u32,
        /// Variable.
        first: u32,
        /// Second variable, or NONE.
        second: u32,
    }
    /// Derivative of a slot in a variable: a coefficient, times the other variable of its term.
    Derivative {
        /// Slot that reads the variable.
        slot: u32,
        /// number: the coefficient.
        coefficient: u32,
        /// Other variable, or NONE.
        other: u32,
    }
    /// Term of a phase table.
    TableTerm {
        /// Bits whose parity is the term's sign.
        mask: u32,
        /// number: the constant part of the angle.
        offset: u32,
        /// Parts of the angle.
        parts: List,
    }
    /// Weighted entry of a sum: a slot in the angle of a table's term, or a partial gradient in the gradient of a slot.
    Weighted {
        /// Slot or partial gradient.
        index: u32,
        /// number: the weight.
        weight: u32,
    }
    /// Head of a term of an observable, whose operand follows.
    Term {
        /// Kind of the operand.
        kind: u32,
        /// Output that the term adds to.
        output: u32,
        /// number: the coefficient.
        coefficient: u32,
    }
    /// Operand that is a Pauli word.
    WordTerm {
        /// Bits that the word flips.
        flip_mask: u32,
        /// Bits whose parity is the word's sign.
        sign_mask: u32,
        /// Power of i that multiplies the word.
        quarter_turns: u32,
    }
    /// Operand that is a diagonal.
    DiagonalTerm {
        /// Number of parities.
        count: u32,
        /// code: parities that are the bits of an index into the values.
        bits: u32,
        /// number: the first value.
        values: u32,
    }
    /// Operand that is a projector.
    ProjectorTerm {
        /// Conditions under which the projector is 1.
        conditions: Conditions,
        /// Padding to the stride of terms.
        unused: u32,
    }
    /// Operand that is a dense matrix.
    MatrixTerm {
        /// Number of qubits.
        count: u32,
        /// code: the qubits.
        qubits: u32,
        /// First entry among the constants.
        entries: u32,
    }
    /// Series: words that flip the same bits, with the same factor 1 or i up to signs.
    Series {
        /// 1: the factor is i.
        imaginary: u32,
        /// Bits that all words flip.
        flip_mask: u32,
        /// First term of the series.
        first_term: u32,
        /// End of the terms of the series.
        end_term: u32,
        /// Entries, one for each low part of a sign mask.
        entries: List,
    }
    /// Entry of a series: terms whose sign masks have the same bits within a chunk.
    SeriesEntry {
        /// Bits of the sign masks within a chunk.
        mask: u32,
        /// First term of the entry.
        first_term: u32,
        /// End of the terms of the entry.
        end_term: u32,
    }
}

const _: () = {
    let stride = TERM_STRIDE as usize;
    assert!(Term::WORDS + WordTerm::WORDS == stride && Term::WORDS + DiagonalTerm::WORDS == stride);
    assert!(Term::WORDS + ProjectorTerm::WORDS == stride && Term::WORDS + MatrixTerm::WORDS == stride);
};
