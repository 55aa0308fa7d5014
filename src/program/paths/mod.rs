//! Pauli propagation: observables as sums of Pauli words, followed from the end of a circuit to its start.
//!
//! A turn `exp(-i θ/2 G)` leaves words that commute with G as they are, and turns the others in pairs (P, R = i G P):
//! behind it stands P, in front of it `cos θ P + sin θ R`. Which words there are, and which pairs each turn turns, does
//! not depend on angles, so it is found once: that is [`Paths`]. Values then are a sweep over pairs of numbers.
//!
//! | step of the making | what it does |
//! |---|---|
//! | [`turns`] | writes the steps of a program as turns |
//! | [`channels`] | reads channels: factors of words, and words that lose a letter |
//! | the start | turns and channels on one qubit, before any that joins the qubit to others, stay out: they move Bloch vectors |
//! | [`words`] | the table of words, from the observables on; quarter turns relabel it |
//! | limits | a word that a turn would bear, but that is too heavy or has too many sines, is left out: a cut |
//! | pruning | what has no way to a word with a value at the start is dropped, from the start on |
//! | the tree | end values are products of Bloch components, with shared beginnings |

mod channels;
mod cuts;
mod ends;
mod make;
mod numbers;
mod prune;
mod structure;
mod turns;
mod words;

pub(crate) use channels::MixesWords;
pub(crate) use make::{Limits, TooLarge};
pub(crate) use numbers::{Angle, Coefficient};
pub(crate) use structure::{FactorStep, PathStep, Paths, StartStep, TurnStep, others};
pub(crate) use turns::{MAX_GENERATORS, Move, Moves, TooManyGenerators};
