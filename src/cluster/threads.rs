//! Threads of one process as the members of a group.

use super::comm::{Communicator, Part};
use crate::error::{ClusterError, Error, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Messages between the members.
#[derive(Debug)]
struct Mail {
    /// Messages from each member to each, by sender and receiver.
    queues: Vec<VecDeque<Vec<u8>>>,
    /// Members that have ended.
    has_left: Vec<bool>,
}

#[derive(Debug)]
struct Post {
    mail: Mutex<Mail>,
    arrived: Condvar,
}

impl Post {
    /// Locks the mail. A member that panicked while it had the lock has only moved whole messages.
    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Member that lives in a thread.
#[derive(Debug)]
pub(super) struct Thread {
    post: Arc<Post>,
    rank: usize,
    ranks: usize,
}

impl Thread {
    /// Makes the members of a group.
    pub(super) fn all(ranks: usize) -> Vec<Self> {
        let mail = Mail { queues: vec![VecDeque::new(); ranks * ranks], has_left: vec![false; ranks] };
        let post = Arc::new(Post { mail: Mutex::new(mail), arrived: Condvar::new() });
        (0..ranks).map(|rank| Self { post: Arc::clone(&post), rank, ranks }).collect()
    }

    fn send(&self, to: usize, bytes: &[u8]) {
        self.post.mail().queues[self.rank * self.ranks + to].push_back(bytes.to_vec());
        self.post.arrived.notify_all();
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let mut mail = self.post.mail();
        loop {
            if let Some(message) = mail.queues[from * self.ranks + self.rank].pop_front() {
                if message.len() != bytes.len() {
                    return Err(Error::Cluster(ClusterError::Differs { what: "the number of bytes", rank: from }));
                }
                bytes.copy_from_slice(&message);
                return Ok(());
            }
            if mail.has_left[from] {
                return Err(Error::Cluster(ClusterError::Left { rank: from }));
            }
            mail = self.post.arrived.wait(mail).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.post.mail().has_left[self.rank] = true;
        self.post.arrived.notify_all();
    }
}

impl Communicator for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.ranks
    }

    fn on_machine(&self) -> (usize, usize) {
        (self.rank, self.ranks)
    }

    fn swap(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<()> {
        self.send(with, send);
        self.receive(with, receive)
    }

    fn gather(&self, mine: &[u8], all: &mut [u8]) -> Result<()> {
        (0..self.ranks).filter(|to| *to != self.rank).for_each(|to| self.send(to, mine));
        for from in 0..self.ranks {
            let to = &mut all[from * mine.len()..][..mine.len()];
            if from == self.rank { to.copy_from_slice(mine) } else { self.receive(from, to)? }
        }
        Ok(())
    }

    fn group(self: Arc<Self>, members: Vec<usize>) -> Result<Arc<dyn Communicator>> {
        Ok(Arc::new(Part::new(self, members)?))
    }
}
