//! Errors of memory.

use candle_core::DType;

/// Memory that a computation needs and does not get. All variants except `Refused` are raised before anything is
/// allocated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The states of a computation do not fit into the memory it may use. Raised before anything is allocated.
    #[error(
        "{qubits} qubits in {dtype:?} need {needed} for {states} state(s), but the memory budget is {budget} bytes",
        needed = .needed.map_or_else(|| "more than 2^64 bytes".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    States {
        /// Qubits of the circuit.
        qubits: usize,
        /// Precision of the state.
        dtype: DType,
        /// Number of states in memory at the same time.
        states: usize,
        /// Bytes needed; `None` if the number itself overflows.
        needed: Option<u64>,
        /// Bytes that may be used.
        budget: u64,
    },
    /// Numbers that a call returns or computes with do not fit the memory. Raised before they are allocated.
    #[error(
        "{what} need {needed}, but the memory budget is {budget} bytes",
        needed = .needed.map_or_else(|| "more than 2^64 bytes".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    Numbers {
        /// Numbers, in words.
        what: &'static str,
        /// Bytes needed; `None` if the number itself overflows.
        needed: Option<u64>,
        /// Bytes that may be used.
        budget: u64,
    },
    /// A kernel matrix and its states do not fit the memory. Raised before anything is allocated.
    #[error(
        "a kernel matrix of {rows} x {columns} states of {qubits} qubits in {dtype:?} needs {needed}, but the memory \
         budget is {budget} bytes",
        needed = .needed.map_or_else(|| "more than 2^64 bytes".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    KernelMatrix {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
        /// Qubits of a state.
        qubits: usize,
        /// Precision of the computation.
        dtype: DType,
        /// Bytes needed; `None` if the number itself overflows.
        needed: Option<u64>,
        /// Bytes that may be used.
        budget: u64,
    },
    /// Memory within the budget that the system refuses to give.
    #[error("the system refuses {bytes} bytes for {what}")]
    Refused {
        /// Purpose of the memory.
        what: &'static str,
        /// Bytes that were requested.
        bytes: u64,
    },
}
