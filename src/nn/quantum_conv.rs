//! The quantum convolution: a circuit slid over images, with every patch of every image as a sample of one quantum
//! layer.

use super::{QuantumLayer, QuantumLayerConfig};
use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::error::{Error, Result, TensorError};
use crate::limits;
use crate::measurement::Measurement;
use crate::memory;
use candle_core::{Device, Module, Tensor};
use candle_nn::VarBuilder;

/// Name of the layer in [`Error::Setting`].
const NAME: &str = "the quantum convolution";

/// Index of a pixel of the padding: candle's `index_select` gives 0 for this index, and `index_add` adds nothing there.
const NOWHERE: u32 = u32::MAX;

/// A circuit slid over the patches of images, as a convolution slides a kernel. It is the quanvolution of Henderson et
/// al. (arXiv:1904.04767) with trained weights.
///
/// | | |
/// |---|---|
/// | input | `[.., channels, height, width]`, any leading dimensions, strided or not |
/// | output | `[.., outputs, rows, columns]`: the measurement's outputs, flattened, are channels |
/// | features | channels, in each of them rows, in each row columns, in PyTorch's order of `unfold` |
/// | rows | `(height + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down; columns likewise |
/// | dtype, weights, gradients, shots, device | as for [`QuantumLayer`]; all patches share the weights |
///
/// Feature `(c * kernel.0 + i) * kernel.1 + j` of a patch is its pixel `(i, j)` of channel `c`. Gradients flow into
/// images, too.
///
/// All patches of all images are samples of ONE call of the layer, and one operation of candle cuts them. They are in
/// memory together: `rows * columns * channels * kernel.0 * kernel.1` numbers an image, beside its outputs. A patch is
/// a sample, so 60000 images of 28 x 28 with a kernel of 2 x 2 and a stride of 2 are 11.8 million samples and 188 MB of
/// patches in F32. Give a network batches, and use [`forward_detached`](Self::forward_detached) on a set that is
/// transformed once.
///
/// A patch of black pixels alone is a sample of zeros. It has no state under
/// [`amplitude_embedding`](Circuit::amplitude_embedding), which is an error.
/// For images on black take [`amplitude_embedding_or_zero_state`](Circuit::amplitude_embedding_or_zero_state).
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::{VarBuilder, VarMap};
/// use candlewick::nn::{QuantumConv2d, QuantumConv2dConfig};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(4); // a qubit for each pixel of a patch
/// for q in 0..4 {
///     circuit.ry(input(q), q);
/// }
/// circuit.strongly_entangling_layers("theta", 1);
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let config = QuantumConv2dConfig { kernel: (2, 2), stride: (2, 2), ..Default::default() };
/// let conv = QuantumConv2d::new(
///     circuit,
///     Measurement::expectation((0..4).map(Z)),
///     config,
///     vb.pp("conv"),
/// )?;
/// let images = Tensor::rand(0f32, 1., (5, 1, 8, 8), &Device::Cpu)?;
/// assert_eq!(conv.forward(&images)?.dims(), [5, 4, 4, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct QuantumConv2d {
    layer: QuantumLayer,
    config: QuantumConv2dConfig,
}

/// Options of a [`QuantumConv2d`]. Each pair has a number for rows and a number for columns.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantumConv2dConfig {
    /// Channels of an image, at least 1. Default 1.
    pub channels: usize,
    /// Height and width of a patch, in pixels that are read; at least 1. Default (2, 2).
    pub kernel: (usize, usize),
    /// Pixels from a patch to the next, at least 1. Default (1, 1). Patches overlap if the stride is below the kernel.
    pub stride: (usize, usize),
    /// Zeros on each side of an image. Default (0, 0).
    pub padding: (usize, usize),
    /// Pixels of the image from a pixel of a patch to the next, at least 1. Default (1, 1).
    pub dilation: (usize, usize),
    /// Options of the inner [`QuantumLayer`](crate::QuantumLayer). Default: its default options.
    pub layer: QuantumLayerConfig,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for QuantumConv2dConfig {
    fn default() -> Self {
        let layer = QuantumLayerConfig::default();
        Self {
            channels: 1,
            kernel: (2, 2),
            stride: (1, 1),
            padding: (0, 0),
            dilation: (1, 1),
            layer,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl QuantumConv2dConfig {
    /// Checks that each setting is a number of 32 bits, so that positions in an image can be computed in 64.
    fn check(&self) -> Result<()> {
        let both =
            |setting, (rows, columns): (usize, usize), least| [(setting, rows, least), (setting, columns, least)];
        let pairs = [
            both("kernel", self.kernel, 1),
            both("stride", self.stride, 1),
            both("padding", self.padding, 0),
            both("dilation", self.dilation, 1),
        ];
        for (setting, value, least) in pairs.into_iter().flatten().chain([("channels", self.channels, 1)]) {
            if value < least || u32::try_from(value).is_err() {
                let allowed = if least == 1 { "from 1 to 2^32 - 1" } else { "from 0 to 2^32 - 1" };
                return Err(Error::Setting { of: NAME, setting, value: value as f64, allowed });
            }
        }
        Ok(())
    }

    /// Returns the number of features of a patch.
    fn features(&self) -> usize {
        self.channels.saturating_mul(self.kernel.0).saturating_mul(self.kernel.1)
    }

    /// Returns both directions for an image of height and width `image`.
    fn axes(&self, image: (usize, usize)) -> Result<[Axis; 2]> {
        let axis = |size: usize, kernel, stride, padding, dilation| Axis {
            size: size as u64,
            kernel: kernel as u64,
            stride: stride as u64,
            padding: padding as u64,
            dilation: dilation as u64,
        };
        let axes = [
            axis(image.0, self.kernel.0, self.stride.0, self.padding.0, self.dilation.0),
            axis(image.1, self.kernel.1, self.stride.1, self.padding.1, self.dilation.1),
        ];
        if axes.iter().all(|axis| axis.span() <= axis.padded()) {
            return Ok(axes);
        }
        let [rows, columns] = &axes;
        let (kernel, padded) = ((rows.span(), columns.span()), (rows.padded(), columns.padded()));
        Err(Error::Tensor(TensorError::KernelBeyondImage { kernel, image, padded }))
    }
}

/// One direction of an image.
#[derive(Debug, Clone, Copy)]
struct Axis {
    size: u64,
    kernel: u64,
    stride: u64,
    padding: u64,
    dilation: u64,
}

impl Axis {
    /// Number of pixels between the first and the last pixel of a kernel, both included.
    fn span(&self) -> u64 {
        self.dilation * (self.kernel - 1) + 1
    }

    fn padded(&self) -> u64 {
        self.size.saturating_add(2 * self.padding)
    }

    /// Number of patches along this direction, if the kernel fits.
    fn patches(&self) -> u64 {
        (self.padded() - self.span()) / self.stride + 1
    }

    /// Returns the pixel at position `place` of a patch, or `None` in the padding.
    fn pixel(&self, patch: u64, place: u64) -> Option<u64> {
        (patch * self.stride + place * self.dilation).checked_sub(self.padding).filter(|pixel| *pixel < self.size)
    }
}

impl QuantumConv2d {
    /// Makes a circuit for patches of images, with weights from `vb` as for [`QuantumLayer::with_config`].
    ///
    /// # Errors
    /// A kernel, stride, dilation or number of channels of 0, or of 2^32 and above; a circuit that reads another number
    /// of features than `channels * kernel.0 * kernel.1` ([`Circuit::with_inputs`] declares features that no gate
    /// reads); the errors of [`QuantumLayer::with_config`].
    pub fn new(
        circuit: Circuit,
        measurement: Measurement,
        config: QuantumConv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let path = vb.prefix();
        Self::at_path(circuit, measurement, config, vb, &path)
    }

    /// Makes a layer whose random numbers are those of `path`.
    pub(crate) fn at_path(
        circuit: Circuit,
        measurement: Measurement,
        config: QuantumConv2dConfig,
        vb: VarBuilder<'_>,
        path: &str,
    ) -> Result<Self> {
        config.check()?;
        circuit.check()?;
        let QuantumConv2dConfig { channels, kernel, .. } = config;
        if circuit.inputs() != config.features() {
            return Err(Error::Tensor(TensorError::PatchFeatures {
                expected: circuit.inputs(),
                channels,
                kernel,
                actual: config.features(),
            }));
        }
        Ok(Self { layer: QuantumLayer::at_path(circuit, measurement, config.layer.clone(), vb, path)?, config })
    }

    /// Computes [`Module::forward`], with candlewick's own typed error.
    ///
    /// # Errors
    /// Images with another number of channels; images that are smaller than the kernel, padding included; patches
    /// beyond the memory; images of 2^32 pixels and more; the errors of [`QuantumLayer::try_forward`].
    ///
    /// [`Module::forward`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html#tymethod.forward
    pub fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        self.run(x, QuantumLayer::try_forward)
    }

    /// Computes [`try_forward`](Self::try_forward) without a graph behind the result, for inference.
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward).
    pub fn forward_detached(&self, x: &Tensor) -> Result<Tensor> {
        self.run(&x.detach(), QuantumLayer::forward_detached)
    }

    fn run(&self, x: &Tensor, layer: impl Fn(&QuantumLayer, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let (leading, image) = self.split(x)?;
        let axes = self.config.axes(image)?;
        let [rows, columns] = self.check_sizes(leading, &axes)?;
        let batch = limits::checked_product("images", leading)?;
        let patches = (batch * rows * columns, self.config.features());
        let patches = if batch == 0 {
            x.reshape(patches)?
        } else {
            let images = x.reshape((batch, self.config.channels * image.0 * image.1))?;
            images.index_select(&self.indices(&axes, x.device())?, 1)?.reshape(patches)?
        };
        let y = layer(&self.layer, &patches)?.reshape((batch, rows * columns, self.outputs()))?;
        let shape: Vec<usize> = leading.iter().copied().chain([self.outputs(), rows, columns]).collect();
        Ok(y.transpose(1, 2)?.contiguous()?.reshape(shape)?)
    }

    /// Returns the leading dimensions of images, and their height and width.
    fn split<'a>(&self, x: &'a Tensor) -> Result<(&'a [usize], (usize, usize))> {
        let channels = self.config.channels;
        match x.dims() {
            [leading @ .., found, height, width] if *found == channels => Ok((leading, (*height, *width))),
            _ => Err(Error::Tensor(TensorError::Images { channels, shape: x.shape().clone() })),
        }
    }

    /// Returns rows and columns of the output if there is memory for the patches.
    fn check_sizes(&self, leading: &[usize], axes: &[Axis; 2]) -> Result<[usize; 2]> {
        let product = |numbers: &[u64]| numbers.iter().fold(1, |all: u64, one| all.saturating_mul(*one));
        let ([rows, columns], channels) = (axes, self.config.channels as u64);
        let pixels = product(&[channels, rows.size, columns.size]);
        if pixels >= u64::from(NOWHERE) {
            let (setting, allowed) = ("channels x height x width", "below 2^32 - 1");
            return Err(Error::Setting { of: NAME, setting, value: pixels as f64, allowed });
        }
        let batch = leading.iter().fold(1, |all: u64, one| all.saturating_mul(*one as u64));
        let places = product(&[rows.patches(), columns.patches(), channels, rows.kernel, columns.kernel]);
        let outputs = product(&[rows.patches(), columns.patches(), self.outputs() as u64]);
        // Counts indices, patches, and images that a copy may make contiguous.
        let each = batch.saturating_mul(places.saturating_add(pixels));
        memory::check_numbers("patches of images", Some(each.saturating_add(places).saturating_add(outputs)))?;
        // A number of patches that fits the memory fits a `usize`.
        Ok([rows.patches() as usize, columns.patches() as usize])
    }

    /// Returns the index in an image of each number of its patches.
    fn indices(&self, [rows, columns]: &[Axis; 2], device: &Device) -> Result<Tensor> {
        let mut indices = Vec::new();
        for row in 0..rows.patches() {
            for column in 0..columns.patches() {
                for channel in 0..self.config.channels as u64 {
                    for i in 0..rows.kernel {
                        let line = rows.pixel(row, i).map(|pixel| (channel * rows.size + pixel) * columns.size);
                        indices.extend((0..columns.kernel).map(|j| match line.zip(columns.pixel(column, j)) {
                            // The index was checked to be below 2^32 - 1.
                            Some((line, pixel)) => (line + pixel) as u32,
                            None => NOWHERE,
                        }));
                    }
                }
            }
        }
        let count = indices.len();
        Ok(Tensor::from_vec(indices, count, device)?)
    }

    /// Returns rows and columns of the output for images of height and width `image`.
    ///
    /// # Errors
    /// Images that are smaller than the kernel, padding included.
    pub fn output_size(&self, image: (usize, usize)) -> Result<(usize, usize)> {
        let [rows, columns] =
            self.config.axes(image)?.map(|axis| usize::try_from(axis.patches()).unwrap_or(usize::MAX));
        Ok((rows, columns))
    }

    /// Returns the number of channels of the output.
    pub fn outputs(&self) -> usize {
        self.layer.program().outputs()
    }

    /// Returns the layer that the patches go through, `[patches, features]`.
    pub fn layer(&self) -> &QuantumLayer {
        &self.layer
    }

    /// Returns the options.
    pub fn config(&self) -> &QuantumConv2dConfig {
        &self.config
    }
}

impl Module for QuantumConv2d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.try_forward(x)?)
    }
}
