//! Workers of a training: single members or groups of members, each with a range of the micro-batches of every step.

use super::Cluster;
use super::agreement::{agree, gather_words};
use super::comm::Communicator;
use super::sums::{Known, add_up, roots, share};
use crate::error::{ClusterError, Error, Result};
use crate::memory::check_numbers;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Bytes before the sums of a message: whether there is an error, whether to stop, and none of six.
const HEAD: usize = 8;

/// Sums of the subtrees of a worker's micro-batches; `None` where there are no samples.
pub(crate) type Roots = Vec<Option<Vec<f64>>>;

/// Workers among whom the micro-batches of a step are divided.
#[derive(Debug)]
pub(crate) struct Workers {
    /// All members, if there are others than this one.
    cluster: Option<Cluster>,
    /// Members that compute this worker's micro-batches together, if there are others than this one.
    group: Option<Cluster>,
    /// This member among those that have a rank in the other groups, if there are other workers.
    across: Option<Arc<dyn Communicator>>,
    /// Number of the micro-batches of a batch.
    parts: usize,
    /// Place of each root that a worker sends: its number among all, with as many places for each worker.
    places: HashMap<Range<usize>, usize>,
    /// Largest number of roots of a worker.
    most: usize,
    /// Calls of shared states before the first step.
    shared_calls: u64,
}

impl Workers {
    /// Divides the micro-batches of each batch: among the groups of a cluster that has been split; among its members,
    /// if there is more than one micro-batch; otherwise all members are one worker.
    ///
    /// # Errors
    /// Fewer micro-batches than workers.
    pub(crate) fn new(cluster: Option<&Cluster>, parts: usize) -> Result<Self> {
        let (group, across, allowed) = match cluster.map(|cluster| (cluster, cluster.across())) {
            None => (None, None, ""),
            Some((group, Some(across))) => (Some(group), Some(across), "at least the number of groups"),
            Some((members, None)) if parts > 1 => {
                (None, Some(members.shared_comm()), "at least the number of processes")
            }
            Some((group, None)) => (Some(group), None, ""),
        };
        let across = across.filter(|across| across.ranks() > 1);
        let workers = across.as_ref().map_or(1, |across| across.ranks());
        if parts < workers {
            return Err(Error::Setting { of: "training", setting: "micro_batches", value: parts as f64, allowed });
        }
        let of_worker = |worker: usize| roots(parts, &share(parts, worker, workers));
        let most = (0..workers).map(|worker| of_worker(worker).len()).max().unwrap_or(0);
        let place = |worker: usize| of_worker(worker).into_iter().zip(worker * most..);
        let (cluster, group) = (cluster.cloned(), group.filter(|group| group.ranks() > 1).cloned());
        let shared_calls = group.as_ref().map_or(0, Cluster::shared_calls);
        Ok(Self { cluster, group, across, parts, places: (0..workers).flat_map(place).collect(), most, shared_calls })
    }

    /// Whether this member is the first of all.
    pub(crate) fn is_first(&self) -> bool {
        self.cluster.as_ref().is_none_or(Cluster::is_first)
    }

    /// Whether there is no other member.
    pub(crate) fn is_alone(&self) -> bool {
        self.group.is_none() && self.across.is_none()
    }

    /// Checks that there is memory for the sums of a step, each of `size` numbers.
    pub(crate) fn check_memory(&self, size: usize) -> Result<()> {
        let workers = self.across.as_ref().map_or(1, |across| across.ranks());
        // Sums of this worker, a message with them, the messages of all, and one sum for each level of the tree.
        let sums = self.most as u64 * (workers as u64 + 2) + u64::from(self.parts.ilog2()) + 2;
        check_numbers("the gradients of all workers", sums.checked_mul(size as u64))
    }

    /// Checks that the members of the group have shared a state since the run began.
    ///
    /// # Errors
    /// [`ClusterError::Replicated`].
    pub(crate) fn check_shared(&self) -> Result<()> {
        match &self.group {
            Some(group) if group.shared_calls() == self.shared_calls => {
                Err(Error::Cluster(ClusterError::Replicated { ranks: group.ranks() }))
            }
            _ => Ok(()),
        }
    }

    /// Returns this member's result once all of its group have one, before they share a state again.
    ///
    /// # Errors
    /// This member's own error, or [`ClusterError::Elsewhere`].
    pub(crate) fn together<T>(&self, mine: Result<T>) -> Result<T> {
        match &self.group {
            Some(group) => group.all_or_none(mine),
            None => mine,
        }
    }

    /// Returns this member's result once all members have one, and whether any has the flag.
    ///
    /// # Errors
    /// This member's own error, or [`ClusterError::Elsewhere`].
    pub(crate) fn settle<T>(&self, mine: Result<T>, flag: bool) -> Result<(T, bool)> {
        let Some(cluster) = self.cluster.as_ref().filter(|_| !self.is_alone()) else { return Ok((mine?, flag)) };
        agree(cluster.whole(), mine, flag, &[])
    }

    /// Returns the sums of this worker's subtrees, from those of single micro-batches.
    ///
    /// # Errors
    /// The errors of `leaf`.
    pub(crate) fn roots(
        &self,
        is_empty: &dyn Fn(&Range<usize>) -> bool,
        leaf: &mut dyn FnMut(usize) -> Result<Vec<f64>>,
    ) -> Result<Roots> {
        let (worker, workers) = self.across.as_ref().map_or((0, 1), |across| (across.rank(), across.ranks()));
        let mut known = |node: &Range<usize>| match node.len() {
            _ if is_empty(node) => Ok(Known::Sum(None)),
            1 => Ok(Known::Sum(Some(leaf(node.start)?))),
            _ => Ok(Known::Below),
        };
        roots(self.parts, &share(self.parts, worker, workers))
            .into_iter()
            .map(|root| add_up(root, &mut known))
            .collect()
    }

    /// Adds up the sums of all workers, of `size` numbers each, of which the first is above 0. Returns the sum, and
    /// whether any member has the flag. There is one exchange among the workers, and one within a group.
    ///
    /// # Errors
    /// This member's own error, or [`ClusterError::Elsewhere`].
    pub(crate) fn sum(&self, mine: Result<Roots>, size: usize, flag: bool) -> Result<(Vec<f64>, bool)> {
        let mut flags = [u8::from(mine.is_err()), u8::from(flag)];
        if let Some(group) = &self.group {
            let mut all = vec![0; 2 * group.ranks()];
            group.comm().gather(&flags, &mut all)?;
            join(&mut flags, all.chunks(2));
        }
        let (all, length) = self.gather(&mut flags, mine.as_ref().ok(), size)?;
        let mine = match (&self.cluster, flags[0]) {
            (Some(cluster), 1) => cluster.agree_all(mine, &[])?,
            _ => mine?,
        };
        let sum = match self.across {
            None => mine.into_iter().next().flatten(),
            Some(_) => self.add_up(&all, length, size)?,
        };
        Ok((sum.unwrap_or_else(|| vec![0.0; size]), flags[1] == 1))
    }

    /// Exchanges the sums of all workers, with flags. Returns the messages and the length of one.
    fn gather(&self, flags: &mut [u8; 2], mine: Option<&Roots>, size: usize) -> Result<(Vec<u8>, usize)> {
        let Some(across) = &self.across else { return Ok((Vec::new(), HEAD)) };
        let length = HEAD + self.most * size * size_of::<f64>();
        let mut message = Vec::with_capacity(length);
        message.extend_from_slice(flags);
        message.resize(HEAD, 0);
        for root in mine.into_iter().flatten() {
            match root {
                Some(numbers) => message.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
                None => message.resize(message.len() + size * size_of::<f64>(), 0),
            }
        }
        message.resize(length, 0);
        let mut all = vec![0; length * across.ranks()];
        across.gather(&message, &mut all)?;
        join(flags, all.chunks(length));
        Ok((all, length))
    }

    /// Adds up the sums in the messages of all workers.
    fn add_up(&self, all: &[u8], length: usize, size: usize) -> Result<Option<Vec<f64>>> {
        let width = size * size_of::<f64>();
        let numbers = |place: &usize| {
            let at = place / self.most * length + HEAD + place % self.most * width;
            let numbers: Vec<f64> =
                all[at..][..width].as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            numbers.first().is_some_and(|first| *first > 0.0).then_some(numbers)
        };
        let mut known =
            |node: &Range<usize>| Ok(self.places.get(node).map_or(Known::Below, |place| Known::Sum(numbers(place))));
        add_up(0..self.parts, &mut known)
    }

    /// Returns the bytes of each worker. All members call it.
    ///
    /// # Errors
    /// The errors of [`settle`](Self::settle); more bytes than fit the memory of a member.
    pub(crate) fn exchange(&self, mine: Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
        let (mine, _) = self.settle(mine, false)?;
        let Some(across) = &self.across else { return Ok(vec![mine]) };
        let lengths = gather_words(&**across, &[mine.len() as u64])?;
        let most = lengths.iter().max().copied().unwrap_or(0);
        let numbers = most.checked_mul(2 * lengths.len() as u64 + 2).map(|bytes| bytes / 8);
        self.settle(check_numbers("the outputs of all workers", numbers), false)?;
        let most = most as usize;
        let mut message = mine;
        message.resize(most, 0);
        let mut all = vec![0; most * lengths.len()];
        across.gather(&message, &mut all)?;
        Ok(lengths
            .iter()
            .enumerate()
            .map(|(worker, length)| all[worker * most..][..*length as usize].to_vec())
            .collect())
    }
}

/// Raises each flag that one of the messages begins with.
fn join<'a>(flags: &mut [u8; 2], messages: impl Iterator<Item = &'a [u8]>) {
    messages.for_each(|message| flags.iter_mut().zip(message).for_each(|(flag, other)| *flag |= other));
}

impl Cluster {
    /// Communicator between the groups, after a split.
    fn across(&self) -> Option<Arc<dyn Communicator>> {
        self.0.across.clone()
    }

    fn shared_comm(&self) -> Arc<dyn Communicator> {
        Arc::clone(&self.0.comm)
    }

    /// Communicator of all members, of those in other groups too.
    fn whole(&self) -> &dyn Communicator {
        &*self.0.whole
    }

    /// Checks as [`agree`](Self::agree) does, among all members of all groups.
    pub(crate) fn agree_all<T>(&self, mine: Result<T>, things: &[(&'static str, u64)]) -> Result<T> {
        agree(self.whole(), mine, false, things).map(|(mine, _)| mine)
    }
}
