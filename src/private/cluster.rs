//! Calls of a cluster's communicator, for `tests/cluster.rs` alone.

use crate::cluster::Cluster;
use crate::error::Result;

/// Sends bytes to a member of the group, and receives as many from it.
pub fn swap(cluster: &Cluster, with: usize, send: &[u8], receive: &mut [u8]) -> Result<()> {
    cluster.comm().swap(with, send, receive)
}

/// Fills `all` with the bytes that each member of the group gives.
pub fn gather(cluster: &Cluster, mine: &[u8], all: &mut [u8]) -> Result<()> {
    cluster.comm().gather(mine, all)
}
