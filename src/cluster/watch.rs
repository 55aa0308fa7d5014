//! Calls that wait for other members, and how long they may.

use crate::error::{ClusterError, Error, Result};
use std::time::{Duration, Instant};

/// Variable with the longest time in seconds that a call may wait for other members.
const VARIABLE: &str = "CANDLEWICK_CLUSTER_TIMEOUT";

/// Largest number of ranks that a message lists.
const LISTED: usize = 8;

/// Returns the longest time that a call may wait, if the variable has one.
///
/// # Errors
/// [`ClusterError::Timeout`] if its value is no number of seconds above 0.
pub(super) fn longest_wait() -> Result<Option<Duration>> {
    std::env::var_os(VARIABLE).filter(|text| !text.is_empty()).map(|text| seconds(&text.to_string_lossy())).transpose()
}

fn seconds(text: &str) -> Result<Duration> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| Error::Cluster(ClusterError::Timeout { value: text.to_owned() }))
}

/// A call of this member that waits for others.
pub(super) struct Call<'a> {
    /// Name of the call.
    pub(super) what: &'static str,
    /// Rank of this member among all.
    pub(super) rank: usize,
    /// Ranks of those that take part, with or without this member, among all.
    pub(super) members: &'a [usize],
    began: Instant,
}

impl<'a> Call<'a> {
    pub(super) fn new(what: &'static str, rank: usize, members: &'a [usize]) -> Self {
        Self { what, rank, members, began: Instant::now() }
    }

    /// Ranks of the other members that take part.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> {
        self.members.iter().copied().filter(|member| *member != self.rank)
    }

    /// Says who waits where, if the call has waited too long.
    pub(super) fn overdue(&self, longest: Duration) -> Option<String> {
        let waited = self.began.elapsed();
        if waited <= longest {
            return None;
        }
        let listed: Vec<String> = self.others().take(LISTED).map(|rank| rank.to_string()).collect();
        let ranks = match self.others().count() - listed.len() {
            0 if listed.len() == 1 => format!("rank {}", listed[0]),
            0 => format!("ranks {}", listed.join(", ")),
            more => format!("ranks {} and {more} more", listed.join(", ")),
        };
        let (rank, what, seconds) = (self.rank, self.what, waited.as_secs_f64());
        Some(format!("rank {rank} has waited {seconds:.1} s in a {what} with {ranks} ({VARIABLE})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_of_seconds_above_0() {
        assert_eq!(seconds("2.5").ok(), Some(Duration::from_millis(2500)));
        for text in ["ten", "0", "-1", "nan", "inf", "1e300", "5 s"] {
            let error = seconds(text).expect_err(text);
            assert!(matches!(&error, Error::Cluster(ClusterError::Timeout { value }) if value == text), "{error}");
        }
        assert!(longest_wait().is_ok_and(|longest| longest.is_none()), "the variable is set");
    }

    #[test]
    fn a_call_that_waits_too_long_says_with_whom() {
        let members: Vec<usize> = (0..12).collect();
        let call = Call::new("gather", 3, &members);
        assert_eq!(call.overdue(Duration::from_secs(3600)), None);
        let text = call.overdue(Duration::ZERO).expect("any time is too long");
        let expected = "rank 3 has waited 0.0 s in a gather with ranks 0, 1, 2, 4, 5, 6, 7, 8 and 3 more";
        assert!(text.starts_with(expected), "{text}");
        let text = Call::new("swap", 3, &[7]).overdue(Duration::ZERO).expect("any time is too long");
        assert!(text.contains("in a swap with rank 7 ("), "{text}");
    }
}
