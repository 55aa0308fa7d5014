//! Processes that compute together: states that they share, and training in which each has a part of every batch.
//!
//! A [`Cluster`] is a handle on a group of members, of which this program is one. All members run the same program and
//! call the same functions of candlewick in the same order. What they have to agree on is compared before anything is
//! exchanged, so a difference is a typed [`ClusterError`] on all of them.
//!
#![cfg_attr(feature = "mpi", doc = "[`Cluster::from_mpi`] has the processes that `mpirun` or `srun` has started.")]
#![cfg_attr(not(feature = "mpi"), doc = "With the feature `mpi`, `Cluster::from_mpi` has the processes of `mpirun`.")]
//! [`Cluster::threads`] has threads of one process, for tests; [`Cluster::alone`] has no other members.

mod agreement;
mod comm;
#[cfg(feature = "mpi")]
mod cores;
#[cfg(feature = "mpi")]
mod letter;
#[cfg(feature = "mpi")]
mod mpi;
mod report;
mod sharing;
#[cfg(feature = "train")]
mod sums;
mod threads;
#[cfg(any(feature = "mpi", test))]
mod watch;
#[cfg(feature = "train")]
mod workers;

pub(crate) use comm::Communicator;
pub(crate) use sharing::Sharing;
#[cfg(feature = "train")]
pub(crate) use sums::share;
#[cfg(feature = "train")]
pub(crate) use workers::{Roots, Workers};

use crate::error::{ClusterError, Error, Result};
use candle_core::Device;
use comm::Alone;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use threads::Thread;

/// Handle on a group of members that compute together. Clones are handles on the same group, and two handles are equal
/// if they are clones.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarBuilder;
/// use candlewick::cluster::Cluster;
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(12);
/// circuit.strongly_entangling_layers("w", 2);
/// let layer = |cluster: Cluster| -> candlewick::Result<Vec<f64>> {
///     let config = QuantumLayerConfig { cluster: Some(cluster), ..Default::default() };
///     let vb = VarBuilder::zeros(DType::F64, &Device::Cpu).set_prefix("q");
///     let measurement = Measurement::expectation([Z(0), X(3) * X(4)]);
///     let layer = QuantumLayer::with_config(circuit.clone(), measurement, config, vb)?;
///     Ok(layer.evaluate()?.to_vec1()?)
/// };
/// // Four members, each with a quarter of the state.
/// let outputs = std::thread::scope(|scope| {
///     let spawn = |member| scope.spawn(|| layer(member));
///     let members: Vec<_> = Cluster::threads(4).into_iter().map(spawn).collect();
///     members.into_iter().map(|member| member.join()).collect::<Vec<_>>()
/// });
/// for y in outputs {
///     assert!((y.expect("no panic")?[0] - 1.0).abs() < 1e-12);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    comm: Arc<dyn Communicator>,
    /// Members with this one's rank in the other groups, after a [`Cluster::split`].
    across: Option<Arc<dyn Communicator>>,
    /// All members of all groups.
    whole: Arc<dyn Communicator>,
    /// Number of calls in which the members have shared a state.
    shared_calls: AtomicU64,
}

impl PartialEq for Cluster {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cluster {}

impl Cluster {
    fn new(comm: Arc<dyn Communicator>) -> Self {
        let whole = Arc::clone(&comm);
        Self(Arc::new(Inner { comm, across: None, whole, shared_calls: AtomicU64::new(0) }))
    }

    /// Returns a group of this program alone. A layer that shares its state among
    /// [`shards`](crate::QuantumLayerConfig::shards) computes the same bits as on so many members.
    pub fn alone() -> Self {
        Self::new(Arc::new(Alone))
    }

    /// Returns the handles of a group of threads of this process: one for each, in the order of ranks. A call waits
    /// until all have called. A member whose handles are dropped has ended, and the others get
    /// [`ClusterError::Left`] when they need it.
    pub fn threads(ranks: usize) -> Vec<Self> {
        Thread::all(ranks).into_iter().map(|thread| Self::new(Arc::new(thread))).collect()
    }

    /// Number of this member in its group, counted from 0.
    pub fn rank(&self) -> usize {
        self.0.comm.rank()
    }

    /// Number of the members of the group.
    pub fn ranks(&self) -> usize {
        self.0.comm.ranks()
    }

    /// Number of this member's group, counted from 0; 0 without a [`split`](Self::split).
    pub fn group(&self) -> usize {
        self.0.across.as_ref().map_or(0, |across| across.rank())
    }

    /// Number of the groups; 1 without a [`split`](Self::split).
    pub fn groups(&self) -> usize {
        self.0.across.as_ref().map_or(1, |across| across.ranks())
    }

    /// Whether this member is the first of all, that is the one that prints, draws and writes files.
    pub fn is_first(&self) -> bool {
        self.rank() == 0 && self.group() == 0
    }

    /// Returns the device of this member: the CPU, or with the feature `cuda` the GPU whose number is the member's
    /// number on its machine.
    ///
    /// # Errors
    /// There is no such GPU.
    pub fn device(&self) -> Result<Device> {
        #[cfg(feature = "cuda")]
        return Ok(Device::new_cuda(self.0.comm.on_machine().0)?);
        #[cfg(not(feature = "cuda"))]
        Ok(Device::Cpu)
    }

    /// Cuts the group into groups of `size` members with neighbouring ranks, and returns the handle on this member's.
    /// Layers share states within a group; training divides batches among the groups. All members call it.
    ///
    /// ```
    /// use candlewick::cluster::Cluster;
    /// let members = Cluster::threads(6);
    /// let group = members[4].split(2)?; // the third group: ranks 4 and 5
    /// assert_eq!((group.group(), group.groups()), (2, 3));
    /// assert_eq!((group.rank(), group.ranks()), (0, 2));
    /// assert!(members[4].split(4).is_err());
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The size does not divide the number of members, or the group is part of a split already.
    pub fn split(&self, size: usize) -> Result<Self> {
        let (rank, ranks) = (self.rank(), self.ranks());
        if size == 0 || !ranks.is_multiple_of(size) || self.0.across.is_some() {
            return Err(Error::Cluster(ClusterError::Split { ranks, size }));
        }
        let first = rank / size * size;
        let comm = Arc::clone(&self.0.comm).group((first..first + size).collect())?;
        let across = Arc::clone(&self.0.comm).group((rank % size..ranks).step_by(size).collect())?;
        let whole = Arc::clone(&self.0.whole);
        Ok(Self(Arc::new(Inner { comm, across: Some(across), whole, shared_calls: AtomicU64::new(0) })))
    }

    /// Checks that all members of the group have the same number, such as a hash of what they read or a
    /// [fingerprint](crate::QuantumLayer::fingerprint), before they go on.
    ///
    /// # Errors
    /// [`ClusterError::Differs`] on all members, with the first rank that differs
    /// from rank 0.
    pub fn check_same(&self, what: &'static str, number: u64) -> Result<()> {
        self.agree(Ok(()), false, &[(what, number)]).map(|(mine, _)| mine)
    }

    /// Returns a member's result once all have one: the same error on all if one has an error.
    ///
    /// # Errors
    /// This member's own error, or [`ClusterError::Elsewhere`].
    pub fn all_or_none<T>(&self, mine: Result<T>) -> Result<T> {
        self.agree(mine, false, &[]).map(|(mine, _)| mine)
    }

    /// Returns a member's result once all have one and the same words for some things, and whether any has the flag.
    pub(crate) fn agree<T>(&self, mine: Result<T>, flag: bool, things: &[(&'static str, u64)]) -> Result<(T, bool)> {
        agreement::agree(self.comm(), mine, flag, things)
    }

    /// Number of the members on this member's machine.
    pub(crate) fn members_here(&self) -> usize {
        self.0.comm.on_machine().1
    }

    /// Communicator of the group.
    pub(crate) fn comm(&self) -> &dyn Communicator {
        &*self.0.comm
    }

    /// Notes that the members have shared a state.
    pub(crate) fn note_shared_call(&self) {
        self.0.shared_calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of calls in which the members have shared a state.
    #[cfg(feature = "train")]
    pub(crate) fn shared_calls(&self) -> u64 {
        self.0.shared_calls.load(Ordering::Relaxed)
    }
}
