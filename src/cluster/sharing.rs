//! Sharing of states among the members of a group.

use super::Cluster;
use crate::error::{ClusterError, Error, Result};
use std::ops::Range;

/// Group whose members share states, and the number of the parts of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sharing {
    pub(crate) cluster: Cluster,
    /// Number of shards, a power of two: each member has equally many.
    pub(crate) shards: usize,
}

impl Sharing {
    /// Sharing in `shards` parts, or in as many as there are members.
    ///
    /// # Errors
    /// Members or shards that are no power of two, or fewer shards than members.
    pub(crate) fn new(cluster: &Cluster, shards: Option<usize>) -> Result<Self> {
        let ranks = cluster.ranks();
        if !ranks.is_power_of_two() {
            return Err(Error::Cluster(ClusterError::Ranks { ranks }));
        }
        let shards = shards.unwrap_or(ranks);
        if !shards.is_power_of_two() || shards < ranks {
            return Err(Error::Cluster(ClusterError::Shards { shards, ranks }));
        }
        Ok(Self { cluster: cluster.clone(), shards })
    }

    /// Checks that a state has bits for its labels: at most half of its qubits.
    ///
    /// # Errors
    /// There are too many shards.
    pub(crate) fn check_qubits(&self, qubits: usize) -> Result<()> {
        let most = 1 << (qubits / 2).min(usize::BITS as usize - 2);
        if self.shards > most {
            return Err(Error::Cluster(ClusterError::TooFewQubits { qubits, shards: self.shards, most }));
        }
        Ok(())
    }

    /// Shards of this member.
    pub(crate) fn own(&self) -> Range<usize> {
        let each = self.shards / self.cluster.ranks();
        let first = self.cluster.rank() * each;
        first..first + each
    }
}
