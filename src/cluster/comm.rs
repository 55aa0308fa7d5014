//! Communicators: calls by which the members of a group exchange bytes.

use crate::error::{ClusterError, Error, Result};
use std::fmt::Debug;
use std::sync::Arc;

/// Members that call the same functions in the same order.
pub(crate) trait Communicator: Debug + Send + Sync {
    /// Number of this member, counted from 0.
    fn rank(&self) -> usize;

    /// Number of the members.
    fn ranks(&self) -> usize;

    /// Number of this member among those on its machine, and the number of those.
    fn on_machine(&self) -> (usize, usize);

    /// Sends bytes to a member, and receives as many from it.
    ///
    /// # Errors
    /// The member has ended, or the call comes from another thread than the one that made the communicator.
    fn swap(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<()>;

    /// Fills `all` with the bytes that each member gives, in the order of ranks. All members give equally many.
    ///
    /// # Errors
    /// The errors of [`swap`](Self::swap).
    fn gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()>;

    /// Makes a communicator of some members, in ascending order of their ranks; this member is one of them. All members
    /// call it, each with the members of its own group.
    ///
    /// # Errors
    /// The errors of [`swap`](Self::swap).
    fn group(self: Arc<Self>, members: Vec<usize>) -> Result<Arc<dyn Communicator>>;

    /// Ends this member's part, with the text of its error, if it has one, and the rank that has caused it. Returns
    /// whether it is for this member to print the error, as no other does. Not all members have to call it.
    fn end(&self, _error: Option<(&str, usize)>) -> bool {
        true
    }
}

/// The only member of its group.
#[derive(Debug)]
pub(super) struct Alone;

impl Communicator for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn ranks(&self) -> usize {
        1
    }

    fn on_machine(&self) -> (usize, usize) {
        (0, 1)
    }

    fn swap(&self, _: usize, send: &[u8], receive: &mut [u8]) -> Result<()> {
        receive.copy_from_slice(send);
        Ok(())
    }

    fn gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        all.copy_from_slice(mine);
        Ok(())
    }

    fn group(self: Arc<Self>, _: Vec<usize>) -> Result<Arc<dyn Communicator>> {
        Ok(self)
    }
}

/// Some members of a group as a group of their own, by messages of the whole.
#[derive(Debug)]
pub(super) struct Part<C> {
    whole: Arc<C>,
    members: Vec<usize>,
    rank: usize,
}

impl<C: Communicator> Part<C> {
    /// Makes the group of these members, of which the caller must be one.
    pub(super) fn new(whole: Arc<C>, members: Vec<usize>) -> Result<Self> {
        let not_a_member = ClusterError::Split { ranks: whole.ranks(), size: members.len() };
        let rank = members.binary_search(&whole.rank()).map_err(|_| Error::Cluster(not_a_member))?;
        Ok(Self { whole, members, rank })
    }
}

impl<C: Communicator + 'static> Communicator for Part<C> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.members.len()
    }

    fn on_machine(&self) -> (usize, usize) {
        self.whole.on_machine()
    }

    fn swap(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<()> {
        self.whole.swap(self.members[with], send, receive)
    }

    fn gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        let (rank, ranks, len) = (self.rank, self.ranks(), mine.len());
        all[rank * len..][..len].copy_from_slice(mine);
        // In each round, members whose ranks add up to the round's number are partners, so nobody waits in a circle.
        for round in 0..ranks {
            let partner = (ranks + round - rank) % ranks;
            if partner != rank {
                self.swap(partner, mine, &mut all[partner * len..][..len])?;
            }
        }
        Ok(())
    }

    fn group(self: Arc<Self>, members: Vec<usize>) -> Result<Arc<dyn Communicator>> {
        let members = members.into_iter().map(|member| self.members[member]).collect();
        Ok(Arc::new(Part::new(Arc::clone(&self.whole), members)?))
    }
}
