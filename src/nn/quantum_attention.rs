//! Self-attention whose queries, keys and values are outputs of circuits.

use super::{QuantumLayer, check_float, check_width};
use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TensorError};
use crate::memory::check_numbers;
use candle_core::{D, Module, Tensor};
use candle_nn::ops::softmax;

const INPUT: &str = "the input of the attention block";

/// Self-attention of the tokens of a sequence, whose queries, keys and values are outputs of circuits (Li, Zhao and
/// Wang, Quantum self-attention neural networks for text classification, arXiv:2205.05625).
///
/// Token `s` of a sequence attends to token `j` with a weight that falls with the distance of its query from the key,
/// and the weights of a token sum to 1:
///
/// ```text
/// w_sj = exp(-|query(x_s) - key(x_j)|²) / sum over k of exp(-|query(x_s) - key(x_k)|²)
/// y_s  = x_s + sum over j of w_sj value(x_j)
/// ```
///
/// Input and output are `[.., tokens, features]`, with any leading dimensions. All tokens of all sequences are samples
/// of one call of each layer.
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::VarMap;
/// use candlewick::nn::{QuantumAttention, QuantumAttentionConfig, SeededInit};
/// use candlewick::{gate::Gate, prelude::*};
///
/// let varmap = VarMap::new();
/// let vb = SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu);
/// let layer = |name: &str, outputs: usize| {
///     let mut circuit = Circuit::new(4);
///     circuit
///         .angle_embedding(Gate::ry, (0..4).map(input))
///         .strongly_entangling_layers("w", 1);
///     QuantumLayer::new(circuit, Measurement::expectation((0..outputs).map(Z)), vb.pp(name))
/// };
/// let (query, key, value) = (layer("query", 1)?, layer("key", 1)?, layer("value", 4)?);
/// let attention =
///     QuantumAttention::new(query, key, value, QuantumAttentionConfig::default())?;
/// let tokens = Tensor::randn(0f32, 1., (8, 10, 4), &Device::Cpu)?;
/// assert_eq!(attention.forward(&tokens)?.dims(), [8, 10, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct QuantumAttention {
    query: QuantumLayer,
    key: QuantumLayer,
    value: QuantumLayer,
    config: QuantumAttentionConfig,
}

/// Options of a [`QuantumAttention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantumAttentionConfig {
    /// Whether the token itself is added to its sum. The values are then as many as the features. Default `true`.
    pub residual: bool,
    /// Whether a token attends to itself and earlier tokens alone. Default `false`.
    pub causal: bool,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for QuantumAttentionConfig {
    fn default() -> Self {
        Self { residual: true, causal: false, non_exhaustive: NonExhaustive(()) }
    }
}

impl QuantumAttention {
    /// Makes a block of three layers that read the same features. Queries are as many numbers as keys.
    ///
    /// # Errors
    /// Layers that read different numbers of features, or none; different numbers of queries and keys; a number of
    /// values other than of features, if the token is added.
    pub fn new(
        query: QuantumLayer,
        key: QuantumLayer,
        value: QuantumLayer,
        config: QuantumAttentionConfig,
    ) -> Result<Self> {
        let features = query.program().inputs();
        let outputs = |layer: &QuantumLayer| layer.program().outputs();
        let same = |what, expected: usize, actual: usize| {
            let wrong = TensorError::Shape { what, expected: expected.into(), actual: actual.into() };
            if expected == actual { Ok(()) } else { Err(Error::Tensor(wrong)) }
        };
        if features == 0 {
            return Err(Error::Setting { of: "attention", setting: "features", value: 0.0, allowed: "at least 1" });
        }
        same("the input of the keys", features, key.program().inputs())?;
        same("the input of the values", features, value.program().inputs())?;
        same("a key", outputs(&query), outputs(&key))?;
        if config.residual {
            same("a value, to which its token is added,", features, outputs(&value))?;
        }
        Ok(Self { query, key, value, config })
    }

    /// Computes [`Module::forward`], with candlewick's own typed error.
    ///
    /// # Errors
    /// An input that is not `[.., tokens, features]`; more pairs of tokens than the memory holds; the errors of
    /// [`QuantumLayer::try_forward`].
    ///
    /// [`Module::forward`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html#tymethod.forward
    pub fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        let (leading, tokens) = self.sequences(x)?;
        if leading.contains(&0) {
            let shape = [leading, &[tokens, self.value.program().outputs()]].concat();
            return Ok(Tensor::zeros(shape, x.dtype(), x.device())?);
        }
        let weights = self.weights_of(x, leading, tokens)?;
        // A measurement of states has a matrix for each token.
        let values = self.value.try_forward(x)?.flatten_from(leading.len() + 1)?;
        let sums = weights.matmul(&values.reshape((weights.dim(0)?, tokens, ()))?)?;
        let sums = sums.reshape([leading, &[tokens, values.dim(D::Minus1)?]].concat())?;
        Ok(if self.config.residual { (x + sums)? } else { sums })
    }

    /// Returns the weights of attention, `[.., tokens, tokens]`: a row for each token, whose sum is 1.
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward).
    pub fn weights(&self, x: &Tensor) -> Result<Tensor> {
        let (leading, tokens) = self.sequences(x)?;
        if leading.contains(&0) {
            return Ok(Tensor::zeros([leading, &[tokens, tokens]].concat(), x.dtype(), x.device())?);
        }
        Ok(self.weights_of(x, leading, tokens)?.reshape([leading, &[tokens, tokens]].concat())?)
    }

    /// Returns the dimensions in front of the tokens, and the number of tokens, at least 1.
    fn sequences<'x>(&self, x: &'x Tensor) -> Result<(&'x [usize], usize)> {
        check_float(INPUT, x)?;
        let features = self.query.program().inputs();
        match check_width(INPUT, x, features)?.split_last() {
            Some((&tokens, leading)) if tokens > 0 => Ok((leading, tokens)),
            _ => {
                let (expected, actual) = ((1, features).into(), x.shape().clone());
                Err(Error::Tensor(TensorError::Shape { what: INPUT, expected, actual }))
            }
        }
    }

    /// Returns the weights of all sequences, `[sequences, tokens, tokens]`.
    fn weights_of(&self, x: &Tensor, leading: &[usize], tokens: usize) -> Result<Tensor> {
        let outputs = self.query.program().outputs();
        let sequences = leading.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64));
        // Differences and their squares, and distances, logits, mask and weights.
        let each = (outputs as u64).checked_mul(2).and_then(|numbers| numbers.checked_add(4));
        let pairs =
            (tokens as u64).checked_mul(tokens as u64).zip(each).and_then(|(pairs, each)| pairs.checked_mul(each));
        let numbers = sequences.zip(pairs).and_then(|(sequences, pairs)| sequences.checked_mul(pairs));
        check_numbers("differences of queries and keys", numbers)?;
        let all = |layer: &QuantumLayer| -> Result<Tensor> {
            let sequences = leading.iter().product::<usize>();
            Ok(layer.try_forward(x)?.reshape((sequences, tokens, outputs))?)
        };
        let (queries, keys) = (all(&self.query)?.unsqueeze(2)?, all(&self.key)?.unsqueeze(1)?);
        // Differences keep the digits that |q|² + |k|² - 2 q k would lose.
        let distances = queries.broadcast_sub(&keys)?.sqr()?.sum(D::Minus1)?;
        let logits = distances.neg()?;
        let logits = if self.config.causal { logits.broadcast_add(&later_tokens(tokens, x)?)? } else { logits };
        Ok(softmax(&logits, D::Minus1)?)
    }

    /// Returns the layers of queries, keys and values.
    pub fn layers(&self) -> [&QuantumLayer; 3] {
        [&self.query, &self.key, &self.value]
    }
}

/// Returns `-inf` for pairs of a token and a later one, 0 for all others, `[tokens, tokens]`.
fn later_tokens(tokens: usize, like: &Tensor) -> Result<Tensor> {
    let entry = |at: usize| if at % tokens > at / tokens { f32::NEG_INFINITY } else { 0.0 };
    let mask: Vec<f32> = (0..tokens * tokens).map(entry).collect();
    Ok(Tensor::from_vec(mask, (tokens, tokens), like.device())?.to_dtype(like.dtype())?)
}

impl Module for QuantumAttention {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.try_forward(x)?)
    }
}
