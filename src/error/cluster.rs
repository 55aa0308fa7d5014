//! Errors of processes that compute together.

/// Problems of a [`Cluster`](crate::cluster::Cluster).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A number of members that cannot share a state.
    #[error("a state is shared by a power of two of processes, not by {ranks}; `Cluster::split({})` makes groups", largest_power(*.ranks))]
    Ranks {
        /// Members of the group.
        ranks: usize,
    },
    /// A number of shards that members cannot share.
    #[error("{shards} shards of a state for {ranks} processes: shards are a power of two and at least as many")]
    Shards {
        /// Parts of the state.
        shards: usize,
        /// Members of the group.
        ranks: usize,
    },
    /// A state that is too small for so many shards.
    #[error(
        "a state of {qubits} qubits has at most {most} shards, not {shards}; `Cluster::split({most})` makes groups"
    )]
    TooFewQubits {
        /// Qubits of the state.
        qubits: usize,
        /// Parts that were asked for.
        shards: usize,
        /// Largest number of parts.
        most: usize,
    },
    /// A result that shared states do not have.
    #[error("a state that processes share has no {what}; take a layer without a cluster")]
    NotShared {
        /// The result.
        what: &'static str,
    },
    /// Members that differ in something that all must have.
    #[error("rank {rank} differs from rank 0 in {what}")]
    Differs {
        /// The thing.
        what: &'static str,
        /// First member that differs.
        rank: usize,
    },
    /// An error of another member.
    #[error("rank {rank} has an error: {error}")]
    Elsewhere {
        /// First member that has one.
        rank: usize,
        /// Its text.
        error: String,
    },
    /// A member that has ended.
    #[error("rank {rank} has ended")]
    Left {
        /// The member.
        rank: usize,
    },
    /// A call from another thread than the one that made the cluster.
    #[error("a cluster of processes is used by the thread that made it alone")]
    Thread,
    /// Groups of unequal sizes, or a second split.
    #[error("{ranks} processes cannot be cut into groups of {size}")]
    Split {
        /// Members of the whole.
        ranks: usize,
        /// Members of a group.
        size: usize,
    },
    /// Training in which all members compute the same.
    #[error(
        "each of {ranks} processes would compute every batch as a whole: set `TrainConfig::micro_batches` to at least \
         {ranks}, or let a quantum layer share its state"
    )]
    Replicated {
        /// Members of the group.
        ranks: usize,
    },
    /// A longest time to wait that is none.
    #[error("`CANDLEWICK_CLUSTER_TIMEOUT` is `{value}`; it must be a number of seconds above 0")]
    Timeout {
        /// Value of the environment variable.
        value: String,
    },
    /// MPI that cannot be used.
    #[error("MPI: {reason}")]
    Mpi {
        /// The reason.
        reason: String,
    },
}

/// Largest power of two that divides a number of members, at least 1.
fn largest_power(ranks: usize) -> usize {
    if ranks == 0 { 1 } else { 1 << ranks.trailing_zeros() }
}
