//! Whole numbers on the command line.

use clap::builder::RangedU64ValueParser;

/// Parses a whole number from `least` to `most`.
pub(crate) fn whole(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}
