//! Long short-term memory whose gates are circuits.

use super::{QuantumLayer, QuantumLayerConfig, check_float, check_width};
use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::error::{Error, Result, TensorError};
use crate::measurement::Measurement;
use crate::memory::check_numbers;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::rnn::{LSTMState, RNN};
use candle_nn::{Linear, VarBuilder, linear, ops::sigmoid};

const NAME: &str = "the quantum LSTM";

/// Long short-term memory (LSTM) in which four circuits stand in the place of the four matrices (Chen, Yoo and Fang,
/// Quantum long short-term memory, arXiv:2009.01783). It is a cell for candle's [`RNN`] trait.
///
/// A step takes an input `x` of the sequence and the state, `h` and `c`:
///
/// ```text
/// a = encode([h, x])     a linear layer to the features of the circuit
/// z = decode(gate(a))    for each gate: its circuit, then a linear layer to the hidden size
/// c = sigmoid(z_forget) c + sigmoid(z_input) tanh(z_cell)
/// h = sigmoid(z_output) tanh(c)
/// ```
///
/// The four gates have the same circuit and weights of their own. All gates share `encode` and `decode`. The circuit
/// sees what `encode` returns as it is: a circuit that wants angles within a range takes them through `arctan` before.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{RNN, VarMap};
/// use candlewick::nn::{QuantumLstm, QuantumLstmConfig, SeededInit};
/// use candlewick::{gate::Gate, prelude::*};
///
/// let mut circuit = Circuit::new(4);
/// circuit.angle_embedding(Gate::ry, (0..4).map(input)).basic_entangler_layers(
///     "w",
///     1,
///     Gate::rx,
/// );
/// let varmap = VarMap::new();
/// let vb = SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu);
/// let config = QuantumLstmConfig::new(1, 3); // one number a step, a hidden state of three
/// let lstm = QuantumLstm::new(
///     circuit,
///     Measurement::expectation((0..4).map(Z)),
///     config,
///     vb.pp("lstm"),
/// )?;
///
/// // [batch, steps, inputs]
/// let sequences = Tensor::randn(0f32, 1., (8, 20, 1), &Device::Cpu)?;
/// let states = lstm.seq(&sequences)?;
/// assert_eq!(states[19].h().dims(), [8, 3]);
/// assert_eq!(lstm.states_to_tensor(&states)?.dims(), [8, 20, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`RNN`]: https://docs.rs/candle-nn/latest/candle_nn/rnn/trait.RNN.html
#[derive(Debug, Clone)]
pub struct QuantumLstm {
    config: QuantumLstmConfig,
    encode: Linear,
    /// Gates in the order of [`GATES`].
    gates: [QuantumLayer; 4],
    decode: Linear,
    dtype: DType,
    device: Device,
}

/// Names of the gates in the order in which a step uses them, which are the prefixes of their weights.
const GATES: [&str; 4] = ["forget", "input", "cell", "output"];

/// Options of a [`QuantumLstm`].
#[derive(Debug, Clone, PartialEq)]
pub struct QuantumLstmConfig {
    /// Numbers of an input of the sequence, at least 1.
    pub inputs: usize,
    /// Numbers of the hidden state, at least 1.
    pub hidden: usize,
    /// Options of the four layers. Default: their default options.
    pub layer: QuantumLayerConfig,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl QuantumLstmConfig {
    /// Makes options for `inputs` numbers a step and a hidden state of `hidden` numbers.
    pub fn new(inputs: usize, hidden: usize) -> Self {
        Self { inputs, hidden, layer: QuantumLayerConfig::default(), non_exhaustive: NonExhaustive(()) }
    }
}

impl QuantumLstm {
    /// Makes a cell. Weights are below `encode`, `forget`, `input`, `cell`, `output` and `decode` in `vb`.
    ///
    /// # Errors
    /// No inputs or no hidden state; a circuit that reads no features; linear layers beyond the memory; the errors of
    /// [`QuantumLayer::with_config`].
    pub fn new(
        circuit: Circuit,
        measurement: Measurement,
        config: QuantumLstmConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let QuantumLstmConfig { inputs, hidden, .. } = config;
        let features = circuit.inputs();
        let settings = [("inputs", inputs), ("hidden", hidden), ("features of the circuit", features)];
        if let Some((setting, _)) = settings.into_iter().find(|(_, value)| *value == 0) {
            return Err(Error::Setting { of: NAME, setting, value: 0.0, allowed: "at least 1" });
        }
        let gate =
            |name| QuantumLayer::with_config(circuit.clone(), measurement.clone(), config.layer.clone(), vb.pp(name));
        let [forget, input, cell, output] = GATES.map(gate);
        let gates = [forget?, input?, cell?, output?];
        let read = (inputs as u64).checked_add(hidden as u64);
        check_numbers("the first linear layer of an LSTM", read.and_then(|read| read.checked_mul(features as u64)))?;
        let outputs = gates[0].program().outputs();
        check_numbers("the last linear layer of an LSTM", (outputs as u64).checked_mul(hidden as u64))?;
        let encode = linear(inputs + hidden, features, vb.pp("encode"))?;
        let decode = linear(outputs, hidden, vb.pp("decode"))?;
        let (dtype, device) = (vb.dtype(), vb.device().clone());
        Ok(Self { config, encode, gates, decode, dtype, device })
    }

    /// Computes [`RNN::step`] with candlewick's own typed error.
    ///
    /// # Errors
    /// An input that is not `[batch, inputs]`, a state that is not `[batch, hidden]`; a dtype other than the weights';
    /// the errors of [`QuantumLayer::try_forward`].
    ///
    /// [`RNN::step`]: https://docs.rs/candle-nn/latest/candle_nn/rnn/trait.RNN.html#tymethod.step
    pub fn try_step(&self, input: &Tensor, state: &LSTMState) -> Result<LSTMState> {
        check_float("the input of the LSTM", input)?;
        let [batch] = *check_width("the input of the LSTM", input, self.config.inputs)? else {
            let (expected, actual) =
                ((input.elem_count() / self.config.inputs, self.config.inputs).into(), input.shape());
            return Err(Error::Tensor(TensorError::Shape {
                what: "the input of the LSTM",
                expected,
                actual: actual.clone(),
            }));
        };
        for (what, part) in [("the state h of the LSTM", state.h()), ("the state c of the LSTM", state.c())] {
            let expected = (batch, self.config.hidden);
            if part.dims() != [expected.0, expected.1] {
                let (expected, actual) = (expected.into(), part.shape().clone());
                return Err(Error::Tensor(TensorError::Shape { what, expected, actual }));
            }
        }
        let features = self.encode.forward(&Tensor::cat(&[state.h(), input], 1)?)?;
        let gate = |layer: &QuantumLayer| -> Result<Tensor> {
            // A measurement of states has a matrix for each sample.
            Ok(self.decode.forward(&layer.try_forward(&features)?.flatten_from(1)?)?)
        };
        let [forget, input, cell, output] = &self.gates;
        let kept = (sigmoid(&gate(forget)?)? * state.c())?;
        let c = (kept + (sigmoid(&gate(input)?)? * gate(cell)?.tanh()?)?)?;
        let h = (sigmoid(&gate(output)?)? * c.tanh()?)?;
        Ok(LSTMState { h, c })
    }

    /// Returns the layers of the forget, input, cell and output gate.
    pub fn gates(&self) -> [&QuantumLayer; 4] {
        self.gates.each_ref()
    }
}

impl RNN for QuantumLstm {
    type State = LSTMState;

    fn zero_state(&self, batch: usize) -> candle_core::Result<LSTMState> {
        check_numbers("the state of an LSTM", (batch as u64).checked_mul(self.config.hidden as u64))?;
        let zeros = Tensor::zeros((batch, self.config.hidden), self.dtype, &self.device)?;
        Ok(LSTMState { h: zeros.clone(), c: zeros })
    }

    fn step(&self, input: &Tensor, state: &LSTMState) -> candle_core::Result<LSTMState> {
        Ok(self.try_step(input, state)?)
    }

    fn states_to_tensor(&self, states: &[LSTMState]) -> candle_core::Result<Tensor> {
        Tensor::stack(&states.iter().map(LSTMState::h).collect::<Vec<_>>(), 1)
    }
}
