//! Linear independence over GF(2).

/// Linearly independent vectors.
#[derive(Debug, Default, Clone)]
pub(crate) struct Basis {
    /// Each with a leading bit that no later one has.
    reduced: Vec<u64>,
}

impl Basis {
    /// Takes a vector in, unless it depends on those there are.
    pub(crate) fn extend(&mut self, vector: u64) -> bool {
        let rest = self.reduced.iter().fold(vector, |rest, reduced| rest.min(rest ^ reduced));
        if rest != 0 {
            self.reduced.push(rest);
        }
        rest != 0
    }
}
