//! Initial density matrices: |0..0>, or embedded amplitudes.

use crate::gf2::walsh;
use crate::linalg::word_index;
use num_complex::Complex64;

/// Factor i of each letter Y of a word.
fn turns(x: usize, z: usize) -> Complex64 {
    [Complex64::ONE, Complex64::I, -Complex64::ONE, -Complex64::I][(x & z).count_ones() as usize % 4]
}

/// Passes each word P to `each`, with `<ψ|P|ψ>`.
pub(super) fn words_of_state(psi: &[Complex64], mut each: impl FnMut(usize, f64)) {
    for x in 0..psi.len() {
        let mut products: Vec<Complex64> = (0..psi.len()).map(|i| psi[i ^ x].conj() * psi[i]).collect();
        walsh(&mut products);
        for (z, product) in products.iter().enumerate() {
            each(word_index(x as u64, z as u64), (turns(x, z) * product).re);
        }
    }
}

/// Returns the sum over all words P of `weight(P) P ψ`.
pub(super) fn words_on_state(psi: &[Complex64], weight: impl Fn(usize) -> f64) -> Vec<Complex64> {
    let mut sum = vec![Complex64::ZERO; psi.len()];
    for x in 0..psi.len() {
        let of = |z: usize| turns(x, z) * weight(word_index(x as u64, z as u64));
        let mut factors: Vec<Complex64> = (0..psi.len()).map(of).collect();
        walsh(&mut factors);
        for i in 0..psi.len() {
            sum[i ^ x] += factors[i] * psi[i];
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `<ψ|Y|ψ>` is 2 Im(conj(ψ0) ψ1), and `<ψ|X ⊗ Z|ψ>` follows from the definition.
    #[test]
    fn words_have_their_values() {
        let psi = [(0.5, 0.1), (0.3, -0.4), (-0.2, 0.6), (0.1, 0.2)].map(|(re, im)| Complex64::new(re, im));
        let mut words = [0.0; 16];
        words_of_state(&psi, |word, value| words[word] = value);
        let y = 2.0 * (psi[0].conj() * psi[1] + psi[2].conj() * psi[3]).im;
        assert!((words[3] - y).abs() < 1e-15);
        // X on qubit 0, Z on qubit 1.
        let xz = 2.0 * (psi[0].conj() * psi[1] - psi[2].conj() * psi[3]).re;
        assert!((words[1 + 4 * 2] - xz).abs() < 1e-15);
    }

    /// The sum of all words with weights is the gradient of the sum of their values.
    #[test]
    fn gradients_are_those_of_differences() {
        let psi = [(0.5, 0.1), (0.3, -0.4), (-0.2, 0.6), (0.1, 0.2)].map(|(re, im)| Complex64::new(re, im));
        let weight = |word: usize| (0.3 * word as f64).sin();
        let total = |psi: &[Complex64]| {
            let mut sum = 0.0;
            words_of_state(psi, |word, value| sum += weight(word) * value);
            sum
        };
        let gradient = words_on_state(&psi, weight);
        for k in 0..4 {
            for (unit, slope) in [(Complex64::ONE, gradient[k].re), (Complex64::I, gradient[k].im)] {
                let shifted = |by: f64| {
                    let mut psi = psi;
                    psi[k] += by * unit;
                    total(&psi)
                };
                assert!((2.0 * slope - (shifted(0.5) - shifted(-0.5))).abs() < 1e-13);
            }
        }
    }
}
