//! Letters of members that have ended.

/// Largest number of characters of an error's text in a letter: MPI sends short ones although nobody waits for them.
const TEXT: usize = 300;

/// Message of a member that has ended, to another one.
pub(super) struct Letter {
    /// Number of calls in which both take part.
    pub(super) calls: u64,
    /// Text of its error, and the rank that has caused it.
    pub(super) error: Option<(String, usize)>,
}

impl Letter {
    pub(super) fn write(&self) -> Vec<u8> {
        let (text, cause) = self.error.as_ref().map_or(("", u64::MAX), |(text, cause)| (text, *cause as u64));
        [&self.calls.to_le_bytes()[..], &cause.to_le_bytes(), text.as_bytes()].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks();
        let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        let text = String::from_utf8_lossy(bytes.get(16..).unwrap_or_default()).into_owned();
        let error = usize::try_from(word(1)).ok().filter(|cause| *cause != usize::MAX).map(|cause| (text, cause));
        Self { calls: word(0), error }
    }
}

/// Returns as much of an error's text as a letter has.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}
