//! Sums along one binary tree over numbered leaves, whoever has them: the bits of a sum do not depend on the number of
//! workers among whom the leaves are divided.

use crate::error::Result;
use std::ops::Range;

/// Range of `count` things that fall to one of `parts`, counted from 0: contiguous, and of sizes that differ by at most
/// one.
pub(crate) fn share(count: usize, part: usize, parts: usize) -> Range<usize> {
    // A quotient that is not above `count`, as `part` is not above `parts`.
    let start = |part: usize| (part as u128 * count as u128 / parts.max(1) as u128) as usize;
    start(part)..start(part + 1)
}

/// Leaf before which a node of at least two leaves is cut: behind the largest power of two of them that is not all.
fn middle(node: &Range<usize>) -> usize {
    node.start + (1 << (node.len() - 1).ilog2())
}

/// Roots of the subtrees that cover a range of the tree's leaves, in the order of the leaves.
pub(super) fn roots(leaves: usize, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    cover(0..leaves, range, &mut found);
    found
}

/// Adds the roots of a node's subtrees that cover its part of a range.
fn cover(node: Range<usize>, range: &Range<usize>, found: &mut Vec<Range<usize>>) {
    if node.start >= range.end || node.end <= range.start {
        return;
    }
    if range.start <= node.start && node.end <= range.end {
        found.push(node);
        return;
    }
    let middle = middle(&node);
    cover(node.start..middle, range, found);
    cover(middle..node.end, range, found);
}

/// Knowledge about a node.
pub(super) enum Known {
    /// Its sum; `None` if there is nothing in any of its leaves.
    Sum(Option<Vec<f64>>),
    /// Its sum is the sum of the two nodes below it.
    Below,
}

/// Returns the sum of a node, or `None` if there is nothing in it.
///
/// # Errors
/// The errors of `known`, which is called on nodes from the left to the right.
pub(super) fn add_up(
    node: Range<usize>,
    known: &mut dyn FnMut(&Range<usize>) -> Result<Known>,
) -> Result<Option<Vec<f64>>> {
    match known(&node)? {
        Known::Sum(sum) => Ok(sum),
        Known::Below if node.len() < 2 => Ok(None),
        Known::Below => {
            let middle = middle(&node);
            let left = add_up(node.start..middle, known)?;
            let right = add_up(middle..node.end, known)?;
            Ok(plus(left, right))
        }
    }
}

/// Adds two sums, of which nothing changes no bit of the other.
fn plus(left: Option<Vec<f64>>, right: Option<Vec<f64>>) -> Option<Vec<f64>> {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            left.iter_mut().zip(right).for_each(|(sum, number)| *sum += number);
            Some(left)
        }
        (left, right) => left.or(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers whose sum depends on the order in which they are added; every fifth leaf is empty.
    fn leaf(leaf: usize) -> Option<Vec<f64>> {
        let number = |place: usize| {
            (1.0 + leaf as f64).powi(place as i32 * 9 - 4) / 3.0 * if leaf.is_multiple_of(2) { 1.0 } else { -1.0 }
        };
        (leaf % 5 != 4).then(|| (0..3).map(number).collect())
    }

    fn bits(sum: Option<Vec<f64>>) -> Vec<u64> {
        sum.unwrap_or_default().into_iter().map(f64::to_bits).collect()
    }

    /// Sum of a node of leaves that are all here.
    fn sum(node: Range<usize>) -> Option<Vec<f64>> {
        let known = |node: &Range<usize>| Ok(if node.len() == 1 { Known::Sum(leaf(node.start)) } else { Known::Below });
        add_up(node, &mut { known }).unwrap()
    }

    #[test]
    fn a_sum_has_the_same_bits_for_every_number_of_workers() {
        for leaves in 1..=17 {
            let expected = bits(sum(0..leaves));
            for workers in 1..=9 {
                let shares = (0..workers).map(|worker| share(leaves, worker, workers));
                let there: Vec<_> =
                    shares.flat_map(|range| roots(leaves, &range)).map(|node| (node.clone(), sum(node))).collect();
                let known = |node: &Range<usize>| {
                    let found = there.iter().find(|(root, _)| root == node);
                    Ok(found.map_or(Known::Below, |(_, sum)| Known::Sum(sum.clone())))
                };
                assert_eq!(bits(add_up(0..leaves, &mut { known }).unwrap()), expected, "{leaves} among {workers}");
            }
        }
        // The order matters to these numbers.
        let in_order = (0..17).filter_map(leaf).reduce(|left, right| plus(Some(left), Some(right)).unwrap());
        assert_ne!(bits(in_order), bits(sum(0..17)));
    }

    #[test]
    fn shares_and_roots_cover_everything_once() {
        for (count, parts) in [(0, 3), (1, 8), (7, 3), (17, 4), (64, 64), (usize::MAX, 5), (1, usize::MAX)] {
            let few = parts.min(70);
            let shares: Vec<_> = (0..few).map(|part| share(count, part, parts)).collect();
            assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start), "{count} in {parts}");
            assert!(shares.iter().all(|share| (count / parts..=count.div_ceil(parts)).contains(&share.len())));
            assert_eq!((shares[0].start, share(count, parts - 1, parts).end), (0, count));
        }
        for leaves in 1..=33 {
            for (start, end) in (0..=leaves).flat_map(|end| (0..end).map(move |start| (start, end))) {
                let roots = roots(leaves, &(start..end));
                assert!(roots.windows(2).all(|pair| pair[0].end == pair[1].start));
                assert_eq!((roots[0].start, roots[roots.len() - 1].end), (start, end));
            }
        }
        // A worker of two has the half of the tree, in one number of each kind.
        assert_eq!(roots(8, &(4..8)), std::slice::from_ref(&(4..8)));
        assert_eq!(roots(8, &(2..5)), [2..4, 4..5]);
        assert!(roots(usize::MAX, &(1..usize::MAX)).len() < 128);
    }

    #[test]
    fn a_sum_is_as_deep_as_its_tree() {
        let known = |node: &Range<usize>| match node.len() {
            1 => Ok(Known::Sum(Some(vec![1.0]))),
            _ if node.start > 2 => Ok(Known::Sum(None)),
            _ => Ok(Known::Below),
        };
        assert_eq!(add_up(0..usize::MAX, &mut { known }).unwrap(), Some(vec![4.0]));
    }
}
