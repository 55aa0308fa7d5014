//! Values of words at the start of the circuit.

use std::collections::HashMap;

/// Values of words at the start: products of Bloch components. A word is two halves, a beginning and an end, of which
/// there are far fewer than words; halves are a tree of beginnings of theirs, in alphabetical order.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// Node by node the node that it extends, and by which component: `3 qubit + letter`. Node 0 is 1.
    pub(crate) tree: Vec<(u32, u32)>,
    /// Words with a value: the word, whether it is negative, and the nodes of its halves.
    pub(crate) words: Vec<(u32, bool, [u32; 2])>,
}

impl Ends {
    /// Makes the tree of words that are spelled as components.
    pub(super) fn new(spelled: &[(Vec<u32>, u32, bool)]) -> Self {
        let halves = |letters: &'_ [u32]| letters.len().div_ceil(2);
        let mut nodes: HashMap<&[u32], u32> = HashMap::new();
        for (letters, ..) in spelled {
            let (beginning, end) = letters.split_at(halves(letters));
            nodes.entry(beginning).or_default();
            nodes.entry(end).or_default();
        }
        let mut different: Vec<(&&[u32], &mut u32)> = nodes.iter_mut().collect();
        different.sort_unstable();
        let mut ends = Self { tree: vec![(0, 0)], words: Vec::with_capacity(spelled.len()) };
        let (mut path, mut before) = (vec![0u32], &[][..]);
        for (letters, node) in different {
            let shared = letters.iter().zip(before).take_while(|(a, b)| a == b).count();
            path.truncate(1 + shared);
            for component in &letters[shared..] {
                ends.tree.push((path[path.len() - 1], *component));
                path.push(ends.tree.len() as u32 - 1);
            }
            (*node, before) = (path[path.len() - 1], letters);
        }
        for (letters, index, minus) in spelled {
            let (beginning, end) = letters.split_at(halves(letters));
            ends.words.push((*index, *minus, [nodes[beginning], nodes[end]]));
        }
        ends.words.sort_unstable_by_key(|(index, _, nodes)| (*nodes, *index));
        ends
    }
}
