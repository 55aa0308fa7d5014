//! Agreement of all members before they exchange anything: on what they are about to do, and that all of them can.

use super::comm::Communicator;
use crate::error::{ClusterError, Error, Result};

/// Largest number of bytes of an error's text that other members see.
const TEXT: usize = 240;

/// Gathers a number of words from each member, member by member.
pub(super) fn gather_words(comm: &dyn Communicator, mine: &[u64]) -> Result<Vec<u64>> {
    let bytes: Vec<u8> = mine.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut all = vec![0; bytes.len() * comm.ranks()];
    comm.gather(&bytes, &mut all)?;
    Ok(all.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
}

/// Words of an agreement before those of things: whether there is an error, and a flag.
const HEAD: usize = 2;

/// Checks that all members have the same words, and that none has an error: each word is the hash of a thing that the
/// error names. Returns the value of this member, and whether any has the flag. All members return an error, or none
/// does.
///
/// # Errors
/// This member's own error; [`ClusterError::Elsewhere`] if another member has one; [`ClusterError::Differs`].
pub(super) fn agree<T>(
    comm: &dyn Communicator,
    mine: Result<T>,
    flag: bool,
    things: &[(&'static str, u64)],
) -> Result<(T, bool)> {
    let words: Vec<u64> =
        [status(&mine), u64::from(flag)].into_iter().chain(things.iter().map(|(_, word)| *word)).collect();
    let all = gather_words(comm, &words)?;
    let rows = || all.chunks(words.len()).enumerate();
    // The member whose own error it is knows more than those that have heard of it.
    for kind in [OWN, HEARD] {
        if let Some((rank, _)) = rows().find(|(_, row)| row[0] == kind) {
            return tell(comm, mine, rank).map(|mine| (mine, flag));
        }
    }
    for (place, (what, _)) in things.iter().enumerate() {
        if let Some((rank, _)) = rows().find(|(_, row)| row[HEAD + place] != all[HEAD + place]) {
            return Err(Error::Cluster(ClusterError::Differs { what, rank }));
        }
    }
    let any = rows().any(|(_, row)| row[1] == 1);
    mine.map(|mine| (mine, any))
}

/// Kinds of errors: a member's own, and one of another member, of which it has heard.
const OWN: u64 = 1;
const HEARD: u64 = 2;

fn status<T>(mine: &Result<T>) -> u64 {
    match mine {
        Ok(_) => 0,
        Err(Error::Cluster(ClusterError::Elsewhere { .. })) => HEARD,
        Err(_) => OWN,
    }
}

/// Returns this member's error, or the text of another member's as an error.
fn tell<T>(comm: &dyn Communicator, mine: Result<T>, rank: usize) -> Result<T> {
    let text = mine.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let mut bytes = [0; TEXT];
    let end = (0..=text.len().min(TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
    let mut all = vec![0; TEXT * comm.ranks()];
    comm.gather(&bytes, &mut all)?;
    match (status(&mine), mine) {
        (OWN, Err(error)) => Err(error),
        (_, Err(error)) if rank == comm.rank() => Err(error),
        _ => {
            let error = String::from_utf8_lossy(&all[rank * TEXT..][..TEXT]).trim_end_matches('\0').to_owned();
            Err(Error::Cluster(ClusterError::Elsewhere { rank, error }))
        }
    }
}
