//! The filters of the comparison, and the network behind each.

use anyhow::{Context, Result};
use candle_core::{DType, Module, Tensor};
use candle_nn::{Activation, Conv2dConfig, Sequential, VarBuilder, VarMap, conv2d, linear, seq};
use candlewick::nn::{QuantumConv2d, QuantumConv2dConfig, SeededInit};
use candlewick::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::f64::consts::{PI, TAU};

/// Filter between the image and the linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Circuit of random gates that is never trained: images go through it once, before the training.
    Fixed,
    /// Circuit whose weights are trained with the network.
    Trained,
    /// Convolution of the same shape, followed by a ReLU.
    Classical,
    /// No filter.
    None,
}

/// Shape of all filters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Height and width of a patch: its square is the number of qubits and of feature maps.
    pub(crate) kernel: usize,
    /// Pixels from a patch to the next.
    pub(crate) stride: usize,
    /// Number of layers of a circuit.
    pub(crate) layers: usize,
}

/// Filter and linear layer, with their variables.
pub(crate) struct Network {
    filter: Option<Box<dyn Module>>,
    head: Sequential,
    pub(crate) varmap: VarMap,
}

/// Fraction of the gates of a random circuit that join two qubits.
const JOINING: f64 = 0.3;

impl Filter {
    pub(crate) const ALL: [Self; 4] = [Self::Trained, Self::Fixed, Self::Classical, Self::None];

    /// Returns the name in tables and plots.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed circuit",
            Self::Trained => "trained circuit",
            Self::Classical => "convolution",
            Self::None => "no filter",
        }
    }
}

impl Shape {
    /// Makes a circuit with a qubit for each pixel of a patch; a pixel is an angle of up to half a circle.
    fn encoding(&self) -> Circuit {
        let mut circuit = Circuit::new(self.kernel * self.kernel);
        for qubit in 0..circuit.qubits() {
            circuit.ry(PI * input(qubit), qubit);
        }
        circuit
    }

    /// Makes a circuit of random rotations and CX, with as many gates as a trained circuit has rotations.
    fn random(&self, seed: u64) -> Circuit {
        let mut circuit = self.encoding();
        let (qubits, mut rng) = (circuit.qubits(), StdRng::seed_from_u64(seed));
        for _ in 0..3 * self.layers * qubits {
            let qubit = rng.random_range(0..qubits);
            if qubits > 1 && rng.random::<f64>() < JOINING {
                circuit.cx(qubit, (qubit + rng.random_range(1..qubits)) % qubits);
                continue;
            }
            let angle = rng.random_range(0.0..TAU);
            match rng.random_range(0..3) {
                0 => circuit.rx(angle, qubit),
                1 => circuit.ry(angle, qubit),
                _ => circuit.rz(angle, qubit),
            };
        }
        circuit
    }

    fn trainable(&self) -> Circuit {
        let mut circuit = self.encoding();
        circuit.strongly_entangling_layers("theta", self.layers);
        circuit
    }

    /// Slides a circuit over images, with `<Z>` of each qubit as a feature map.
    fn quanvolution(&self, circuit: Circuit, vb: VarBuilder<'_>) -> Result<QuantumConv2d> {
        let (kernel, stride) = ((self.kernel, self.kernel), (self.stride, self.stride));
        let measurement = Measurement::expectation((0..circuit.qubits()).map(Z));
        let config = QuantumConv2dConfig { kernel, stride, ..Default::default() };
        Ok(QuantumConv2d::new(circuit, measurement, config, vb)?)
    }

    /// Returns the feature maps of the random circuit.
    pub(crate) fn fixed(&self, images: &Tensor, seed: u64) -> Result<Tensor> {
        let vb = VarBuilder::zeros(DType::F32, images.device());
        Ok(self.quanvolution(self.random(seed), vb)?.forward_detached(images)?)
    }

    /// Returns the number of values of a filter's output for an image: channels times height times width.
    fn outputs(&self, filter: Filter, images: &Tensor) -> Result<usize> {
        let (_, channels, height, width) = images.dims4()?;
        if matches!(filter, Filter::None | Filter::Fixed) {
            return Ok(channels * height * width);
        }
        let patches = |size: usize| size.checked_sub(self.kernel).map(|rest| rest / self.stride + 1);
        let (rows, columns) = patches(height).zip(patches(width)).context("the kernel is larger than the images")?;
        Ok(self.kernel * self.kernel * rows * columns)
    }
}

impl Network {
    /// Makes a network for images, or for feature maps of the random circuit, with variables from a seed.
    pub(crate) fn new(filter: Filter, shape: &Shape, images: &Tensor, seed: u64) -> Result<Self> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, images.device());
        let features = shape.outputs(filter, images)?;
        let filter: Option<Box<dyn Module>> = match filter {
            Filter::Fixed | Filter::None => None,
            Filter::Trained => Some(Box::new(shape.quanvolution(shape.trainable(), vb.pp("quantum"))?)),
            Filter::Classical => {
                let config = Conv2dConfig { stride: shape.stride, ..Default::default() };
                let maps = shape.kernel * shape.kernel;
                let convolution = conv2d(1, maps, shape.kernel, config, vb.pp("convolution"))?;
                Some(Box::new(seq().add(convolution).add(Activation::Relu)))
            }
        };
        let head = seq().add_fn(|x| x.flatten_from(1)).add(linear(features, 10, vb.pp("head"))?);
        Ok(Self { filter, head, varmap })
    }

    /// Returns the feature maps of images: `[samples, maps, rows, columns]`.
    pub(crate) fn maps(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        match &self.filter {
            Some(filter) => filter.forward(images),
            None => Ok(images.clone()),
        }
    }

    /// Returns the number of trained values.
    pub(crate) fn parameters(&self) -> usize {
        self.varmap.all_vars().iter().map(|var| var.elem_count()).sum()
    }
}

impl Module for Network {
    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.head.forward(&self.maps(images)?)
    }
}
