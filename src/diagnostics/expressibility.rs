//! Expressibility and entangling capability: how many states a circuit reaches, and how entangled they are.

use super::ensemble::{Draws, drawn_outputs, sample_chunks};
use super::{at_least, rows, samples};
use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::error::Result;
use crate::measurement::Measurement;
use crate::states;
use candle_core::Tensor;
use std::collections::BTreeMap;

/// Options of [`expressibility`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpressibilityConfig {
    /// Number of pairs of random weights, at least 1. Default 5000.
    pub pairs: usize,
    /// Number of bins of the histogram of fidelities, at least 1. Default 75.
    pub bins: usize,
    /// Seed of the random weights. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for ExpressibilityConfig {
    fn default() -> Self {
        Self { pairs: 5000, bins: 75, seed: 0, non_exhaustive: NonExhaustive(()) }
    }
}

/// Returns the distance, in nats, of the circuit's states at random weights from uniformly (Haar) distributed states.
/// It is 0 for uniform states, and larger for a circuit that expresses less.
///
/// The distance is the Kullback-Leibler divergence of the histogram of fidelities of `pairs` pairs of random weights,
/// in `bins` equal bins, from the uniform distribution (Sim, Johnson and Aspuru-Guzik, Adv. Quantum Technol. 2,
/// 1900070, 2019, who take 75 bins). The fidelity of uniform states has the density `(N - 1)(1 - F)^(N - 2)`,
/// `N = 2^n`; the share of each bin is exact. A circuit whose state never changes has `(N - 1) ln bins`, the largest
/// value. A finite number of pairs adds about `(bins - 1) / (2 pairs)`, as long as bins of uniform states are not
/// empty.
///
/// With several input samples `[.., features]` the histogram has the pairs at each sample. A circuit that reads no
/// inputs takes `None`. The [module](super) describes how weights are drawn. A NaN among the inputs gives NaN.
///
/// ```
/// use candlewick::diagnostics::{self, ExpressibilityConfig};
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(1);
/// let config = ExpressibilityConfig { pairs: 100, ..Default::default() };
/// let idle = diagnostics::expressibility(&circuit, None, config)?;
/// assert!((idle - 75f64.ln()).abs() < 1e-12);
/// let w = circuit.weights("w", 2);
/// circuit.h(0).rz(w.at([0]), 0).rx(w.at([1]), 0);
/// assert!(
///     diagnostics::expressibility(&circuit, None, ExpressibilityConfig::default())? < 0.1
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No pairs, no bins, or no sample of inputs; a circuit that measures or resets qubits on its way; the errors of
/// [`functional::evaluate`](crate::functional::evaluate).
pub fn expressibility(circuit: &Circuit, inputs: Option<&Tensor>, config: ExpressibilityConfig) -> Result<f64> {
    let ExpressibilityConfig { pairs, bins, seed, .. } = config;
    at_least("pairs", 1, pairs)?;
    at_least("bins", 1, bins)?;
    // Stores only filled bins, which are no more than pairs.
    let (mut histogram, mut seen_nan) = (BTreeMap::<usize, u64>::new(), false);
    each_chunk(circuit, inputs, pairs.saturating_mul(2), seed, |states, count| {
        let pairs = states.reshape([&[count / 2, 2], &states.dims()[1..]].concat())?;
        let side = |k: usize| pairs.narrow(1, k, 1);
        let fidelities = states::fidelity(&side(0)?, &side(1)?)?.flatten_all()?.to_vec1::<f64>()?;
        for fidelity in fidelities {
            seen_nan |= fidelity.is_nan();
            // The last bin includes its upper end, 1.
            *histogram.entry(((fidelity * bins as f64) as usize).min(bins - 1)).or_default() += 1;
        }
        Ok(())
    })?;
    if seen_nan {
        return Ok(f64::NAN);
    }
    let all = histogram.values().sum::<u64>() as f64;
    let exponent = (circuit.qubits() as f64).exp2() - 1.0;
    let term = |(&bin, &count): (&usize, &u64)| {
        let share = count as f64 / all;
        share * (share.ln() - log_share(bin, bins, exponent))
    };
    Ok(histogram.iter().map(term).sum())
}

/// Returns the mean entanglement of the circuit's states at random weights, 0 to 1, as measured by
/// [`states::meyer_wallach`].
///
/// The definition is by Sim, Johnson and Aspuru-Guzik, Adv. Quantum Technol. 2, 1900070, 2019. Uniformly distributed
/// states have `(2^n - 2) / (2^n + 1)`. With several input samples `[.., features]` the mean is over the samples as
/// well. A circuit that reads no inputs takes `None`. The [module](super) describes how weights are drawn.
///
/// ```
/// use candlewick::{diagnostics, prelude::*};
/// let mut circuit = Circuit::new(3);
/// circuit.strongly_entangling_layers("w", 3);
/// let q = diagnostics::entangling_capability(&circuit, None, 500, 7)?;
/// assert!((q - 6.0 / 9.0).abs() < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No samples of weights or of inputs; a circuit that measures or resets qubits on its way; the errors of
/// [`functional::evaluate`](crate::functional::evaluate).
pub fn entangling_capability(circuit: &Circuit, inputs: Option<&Tensor>, samples: usize, seed: u64) -> Result<f64> {
    at_least("samples", 1, samples)?;
    let (mut sum, mut seen) = (0.0, 0);
    each_chunk(circuit, inputs, samples, seed, |states, _| {
        let all = states::meyer_wallach(states)?.flatten_all()?.to_vec1::<f64>()?;
        (sum, seen) = (sum + all.iter().sum::<f64>(), seen + all.len());
        Ok(())
    })?;
    Ok(sum / seen as f64)
}

/// Passes the states `[count, .., 2^n, 2]` of `all` random weights to the caller, a chunk at a time.
fn each_chunk(
    circuit: &Circuit,
    inputs: Option<&Tensor>,
    all: usize,
    seed: u64,
    mut body: impl FnMut(&Tensor, usize) -> Result<()>,
) -> Result<()> {
    circuit.check_pure()?;
    circuit.check_state()?;
    let inputs = samples(circuit, inputs)?;
    let mut draws = Draws::new(circuit, seed);
    for count in sample_chunks(circuit, all, rows(inputs.as_ref())?, 2 << circuit.qubits()) {
        let states = drawn_outputs(circuit, &Measurement::State, inputs.as_ref(), &draws.next(count)?, count)?;
        body(&states.detach(), count)?;
    }
    Ok(())
}

/// Returns the logarithm of a bin's share of uniform states, `(1 - l)^e - (1 - u)^e` between l and u. The shares
/// themselves may be smaller than the smallest numbers.
fn log_share(bin: usize, bins: usize, exponent: f64) -> f64 {
    let (left, right) = ((bins - bin) as f64, (bins - bin - 1) as f64);
    let outer = exponent * (left / bins as f64).ln();
    // The last bin ends at u = 1, where the second term is 0 and its logarithm `-∞`: nothing is subtracted.
    outer + (-(exponent * (right / left).ln()).exp_m1()).ln()
}
