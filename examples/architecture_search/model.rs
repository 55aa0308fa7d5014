//! Small transformers, each described by four bits.

use anyhow::Result;
use candle_core::{D, DType, Device, Tensor};
use candle_nn::{Embedding, Init, Linear, Module, VarBuilder, VarMap, embedding, linear, linear_no_bias, ops};
use candlewick::nn::SeededInit;

/// Tokens of a question: two numbers and an equals sign.
const TOKENS: usize = 3;

/// Architecture of a transformer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Architecture {
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) width: usize,
    /// Width of the feed-forward part, as a multiple of the width.
    pub(crate) expansion: usize,
}

impl Architecture {
    /// Decodes four bits: bit 0 chooses the layers, bit 1 the heads, bit 2 the width, bit 3 the feed-forward part.
    pub(crate) fn from_bits(bits: u64) -> Self {
        let choose = |bit: u64, values: [usize; 2]| values[(bits >> bit & 1) as usize];
        Self {
            layers: choose(0, [1, 2]),
            heads: choose(1, [1, 4]),
            width: choose(2, [16, 32]),
            expansion: choose(3, [1, 4]),
        }
    }
}

/// Transformer that answers questions about two numbers below `modulus`.
pub(crate) struct Transformer {
    tokens: Embedding,
    places: Tensor,
    blocks: Vec<Block>,
    answer: Linear,
    pub(crate) varmap: VarMap,
}

struct Block {
    heads: usize,
    attention: Linear,
    output: Linear,
    wide: Linear,
    narrow: Linear,
    scales: [Tensor; 2],
}

impl Transformer {
    pub(crate) fn new(of: Architecture, modulus: usize, seed: u64) -> Result<Self> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, &Device::Cpu);
        let blocks =
            (0..of.layers).map(|layer| Block::new(of, &vb.pp(format!("block{layer}")))).collect::<Result<_>>()?;
        Ok(Self {
            tokens: embedding(modulus + 1, of.width, vb.pp("tokens"))?,
            places: vb.get_with_hints((TOKENS, of.width), "places", Init::Randn { mean: 0.0, stdev: 0.5 })?,
            blocks,
            answer: linear(of.width, modulus, vb.pp("answer"))?,
            varmap,
        })
    }

    /// Returns the number of trained values.
    pub(crate) fn parameters(&self) -> usize {
        self.varmap.all_vars().iter().map(|var| var.elem_count()).sum()
    }
}

impl Module for Transformer {
    /// Maps `[questions, 3]` to the logits `[questions, modulus]` of the answer, which is read from the last token.
    fn forward(&self, questions: &Tensor) -> candle_core::Result<Tensor> {
        let mut x = self.tokens.forward(questions)?.broadcast_add(&self.places)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.answer.forward(&x.narrow(1, TOKENS - 1, 1)?.squeeze(1)?.contiguous()?)
    }
}

impl Block {
    fn new(of: Architecture, vb: &VarBuilder<'_>) -> Result<Self> {
        let (width, hidden) = (of.width, of.width * of.expansion);
        let scale = |name| vb.get_with_hints(width, name, Init::Const(1.0));
        Ok(Self {
            heads: of.heads,
            attention: linear_no_bias(width, 3 * width, vb.pp("attention"))?,
            output: linear_no_bias(width, width, vb.pp("output"))?,
            wide: linear(width, hidden, vb.pp("wide"))?,
            narrow: linear(hidden, width, vb.pp("narrow"))?,
            scales: [scale("scale0")?, scale("scale1")?],
        })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = (x + self.attend(&normalized(x, &self.scales[0])?)?)?;
        let hidden = self.wide.forward(&normalized(&x, &self.scales[1])?)?.relu()?;
        x + self.narrow.forward(&hidden)?
    }

    /// Computes the attention of every token to all tokens, in heads.
    fn attend(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, tokens, width) = x.dims3()?;
        let split = (batch, tokens, 3, self.heads, width / self.heads);
        let parts = self.attention.forward(x)?.reshape(split)?.permute((2, 0, 3, 1, 4))?;
        let part = |k: usize| parts.get(k)?.contiguous();
        let (queries, keys, values) = (part(0)?, part(1)?, part(2)?);
        let scores = (queries.matmul(&keys.t()?.contiguous()?)? / ((width / self.heads) as f64).sqrt())?;
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&values)?;
        self.output.forward(&mixed.transpose(1, 2)?.reshape((batch, tokens, width))?)
    }
}

/// Normalises by the root mean square; candle's function has no gradient.
fn normalized(x: &Tensor, scale: &Tensor) -> candle_core::Result<Tensor> {
    let square = (x.sqr()?.mean_keepdim(D::Minus1)? + 1e-6)?;
    x.broadcast_div(&square.sqrt()?)?.broadcast_mul(scale)
}
