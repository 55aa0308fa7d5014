//! Linear layers with weights of eight bits, for inference: rounding of a trained layer, its file, and its gradient in
//! the input.

use super::{check_float, check_width, is_float};
use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TensorError};
use crate::limits::{self, check_copy};
use crate::memory::check_numbers;
use candle_core::backend::BackendStorage;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{CpuStorage, CudaStorage, MetalStorage, Storage, StorageRef};
use candle_core::{CustomOp1, D, DType, Device, Layout, Module, Shape, Tensor};
use candle_nn::{Linear, VarBuilder};
use std::borrow::Cow;
use std::sync::Arc;

/// Number of weights that share a scale.
const BLOCK: usize = 32;

/// Bytes of a block: two for its scale in F16, and one for each weight.
const BLOCK_BYTES: usize = 34;

/// Exponent of the largest weight: it is stored as a number from `2^(EXPONENT - 1)` on and below `2^EXPONENT`. Scales
/// of blocks whose weights are up to 2^21 times smaller are then normal numbers in F16.
const EXPONENT: i32 = 15;

/// Exponents of the smallest and the largest unit: both and their inverses are normal numbers in F32.
const UNITS: (f64, f64) = (-126.0, 126.0);

/// [`Linear`] with weights of eight bits, which [`quantize_dynamic`] makes from a trained layer. It takes about a
/// quarter of the memory of F32.
///
/// | | |
/// |---|---|
/// | input | `[.., inputs]`, any leading dimensions, strided or not, in F16, BF16, F32 or F64 |
/// | output | `[.., outputs]` in the dtype of the input; products are summed in F32 |
/// | weights | `Q8_0` of candle: 32 neighbours along the inputs share a scale in F16 and have a byte each |
/// | inputs | rounded to eight bits in each call, in blocks too: "dynamic" as in PyTorch's `quantize_dynamic` |
/// | bias | not rounded; it is added in F32, or in F64 for an input in F64 |
/// | gradients | in the input the gradient of [`dequantize`](Self::dequantize); none in weights and bias |
/// | device | the device of the linear layer |
///
/// Rows are filled up with zeros to a multiple of 32, so layers of fewer than nine inputs become larger. Weights and
/// bias are constants. The gradient in the input is the gradient without rounding of the inputs (the straight-through
/// estimator, Bengio et al., arXiv:1308.3432).
///
/// The scale of a block is its largest weight divided by 127. The error of a weight is at most half that scale, plus
/// the rounding of the scale (2^-11 of the weight). The error of an input is as large a part of its block. The gain is
/// memory. Whether the layer is faster, too, depends on sizes and processor: candle has fast products for some sizes
/// (rows that are multiples of 256 and outputs that are multiples of 16, with AVX-512) and plain products for others.
/// An input row that has a NaN or an infinity gives a row of NaN; other rows are not affected.
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::VarMap;
/// use candlewick::nn::{SeededInit, linear_size_in_bytes, quantize_dynamic};
/// let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
/// let linear = candle_nn::linear(64, 16, vb)?;
/// let small = quantize_dynamic(&linear)?;
/// assert_eq!((linear_size_in_bytes(&linear), small.size_in_bytes()), (4160, 1152));
///
/// let x = Tensor::randn(0f32, 1., (5, 64), &Device::Cpu)?;
/// let off =
///     (linear.forward(&x)? - small.forward(&x)?)?.abs()?.max_all()?.to_scalar::<f32>()?;
/// assert!(off < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Linear`]: https://docs.rs/candle-nn/latest/candle_nn/linear/struct.Linear.html
#[derive(Debug, Clone)]
pub struct QuantizedLinear {
    /// Weights `[outputs, inputs]` divided by `unit`, with rows filled up to whole blocks.
    blocks: Arc<QTensor>,
    /// Power of two by which the blocks are multiplied.
    unit: f64,
    inputs: usize,
    bias: Option<Tensor>,
    /// Dtype of the weights before rounding.
    dtype: DType,
}

/// Shape of a [`QuantizedLinear`] that is [loaded](QuantizedLinear::load).
///
/// ```
/// use candlewick::nn::QuantizedLinearConfig;
/// let config = QuantizedLinearConfig { bias: false, ..QuantizedLinearConfig::new(40, 3) };
/// assert_eq!((config.inputs, config.outputs), (40, 3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantizedLinearConfig {
    /// Number of features of an input, at least 1.
    pub inputs: usize,
    /// Number of outputs, at least 1.
    pub outputs: usize,
    /// Whether there is a bias. Default `true`.
    pub bias: bool,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl QuantizedLinearConfig {
    /// Returns the shape of a layer with a bias.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, bias: true, non_exhaustive: NonExhaustive(()) }
    }
}

/// Rounds the weights of a linear layer to eight bits; see [`QuantizedLinear`].
///
/// The result is in no graph: later changes of the variables behind `linear` do not reach it.
///
/// # Errors
/// Weights that are no matrix, without elements, not of F16, BF16, F32 or F64, or with an entry that is not finite in
/// F32; a bias that is not finite or does not fit the weights.
pub fn quantize_dynamic(linear: &Linear) -> Result<QuantizedLinear> {
    let weight = linear.weight().detach();
    let dtype = check_float("the weight of the linear layer", &weight)?;
    let (outputs, inputs) = match *weight.dims() {
        [outputs, inputs] if outputs > 0 && inputs > 0 => (outputs, inputs),
        _ => return Err(Error::Tensor(TensorError::LinearShape { shape: weight.shape().clone() })),
    };
    check_copy("the weight of the linear layer", &weight, DType::F32)?;
    let weight = weight.to_dtype(DType::F32)?;
    let largest = f64::from(weight.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?);
    // The maximum of some numbers hides a NaN among them.
    if !largest.is_finite() || !finite(&weight)? {
        return Err(Error::Tensor(TensorError::NotFinite { what: "the weight of the linear layer" }));
    }
    let bias = linear.bias().map(|bias| checked_bias(&bias.detach(), outputs)).transpose()?;
    let unit = unit_of(largest);
    let whole = weight.affine(unit.recip(), 0.0)?.pad_with_zeros(D::Minus1, 0, padding(inputs))?.contiguous()?;
    let blocks = Arc::new(QTensor::quantize(&whole, GgmlDType::Q8_0)?);
    Ok(QuantizedLinear { blocks, unit, inputs, bias, dtype })
}

/// Returns the bytes of the weights and the bias of a linear layer.
pub fn linear_size_in_bytes(linear: &Linear) -> usize {
    bytes(linear.weight()) + linear.bias().map_or(0, bytes)
}

impl QuantizedLinear {
    /// Computes [`Module::forward`], with candlewick's own typed error.
    ///
    /// # Errors
    /// An input of another width, on another device, or not of F16, BF16, F32 or F64.
    ///
    /// [`Module::forward`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html#tymethod.forward
    pub fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        let dtype = check_float("the input of the quantised layer", x)?;
        let leading = check_width("the input of the quantised layer", x, self.inputs)?;
        let device = self.blocks.device();
        if !x.device().same_device(&device) {
            let place = |device: &Device| format!("{:?}", device.location());
            let what = "the input of the quantised layer".to_owned();
            return Err(Error::Tensor(TensorError::DeviceMismatch {
                what,
                expected: place(&device),
                actual: place(x.device()),
            }));
        }
        let rows = limits::checked_product("the rows of the quantised layer", leading)?;
        check_copy("the input of the quantised layer", x, DType::F32)?;
        let shape: Vec<usize> = leading.iter().copied().chain([self.outputs()]).collect();
        let y = self.product(&x.detach().reshape((rows, self.inputs))?)?;
        let y = y.to_dtype(dtype)?.reshape(shape)?.contiguous()?;
        if x.track_op() { Ok(x.apply_op1(Straight { y, layer: self.clone() })?) } else { Ok(y) }
    }

    /// Returns the outputs of rows, in F32 or F64.
    fn product(&self, x: &Tensor) -> Result<Tensor> {
        let dtype = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let rows = x.dim(0)?;
        let y = if rows == 0 {
            Tensor::zeros((0, self.outputs()), dtype, x.device())?
        } else {
            let x = x.to_dtype(DType::F32)?;
            // Scales each row so that its largest entry is 127: its block then has the scale 1, whatever the size of
            // the row.
            let size =
                x.abs()?.max_keepdim(D::Minus1)?.affine(1.0 / 127.0, 0.0)?.maximum(f64::from(f32::MIN_POSITIVE))?;
            let whole = x.broadcast_div(&size)?.pad_with_zeros(D::Minus1, 0, padding(self.inputs))?.contiguous()?;
            let y = whole.apply_op1_no_bwd(self.blocks.as_ref())?.to_dtype(dtype)?.affine(self.unit, 0.0)?;
            // Rounding to integers loses NaN and infinity; this sum is NaN for such a row and else 0.
            let spoilt = x.affine(0.0, 0.0)?.sum_keepdim(D::Minus1)?;
            y.broadcast_mul(&size.to_dtype(dtype)?)?.broadcast_add(&spoilt.to_dtype(dtype)?)?
        };
        match &self.bias {
            None => Ok(y),
            Some(bias) => Ok(y.broadcast_add(&bias.to_dtype(dtype)?)?),
        }
    }

    /// Returns a linear layer with the stored weights, in the dtype of the weights before rounding.
    ///
    /// # Errors
    /// candle's errors.
    pub fn dequantize(&self) -> Result<Linear> {
        Ok(Linear::new(self.weight()?.to_dtype(self.dtype)?, self.bias.clone()))
    }

    /// Returns the weights `[outputs, inputs]` in F32.
    fn weight(&self) -> Result<Tensor> {
        let weight =
            self.blocks.dequantize(&self.blocks.device())?.narrow(1, 0, self.inputs)?.affine(self.unit, 0.0)?;
        // Rounding may have increased the scale of the largest weights.
        let largest = if self.dtype == DType::F16 { 65504.0 } else { f64::from(f32::MAX) };
        Ok(weight.clamp(-largest, largest)?.contiguous()?)
    }

    /// Returns the bytes of the blocks and the bias. On processors with AVX-512, and for layers of some sizes, candle
    /// also stores a copy of the blocks in another order from the first call on; the copy is not counted.
    pub fn size_in_bytes(&self) -> usize {
        self.blocks.storage_size_in_bytes() + self.bias.as_ref().map_or(0, bytes)
    }

    /// Returns the number of features of an input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.blocks.shape().dims().first().copied().unwrap_or(0)
    }

    /// Returns the tensors that [`load`](Self::load) reads, by name. `blocks` has the bytes of `Q8_0` as
    /// `[outputs, bytes of a row]` in U8. `unit` is the power of two in F32 by which the blocks are multiplied. `bias`
    /// is there if the layer has a bias.
    ///
    /// ```
    /// use candle_core::{DType, Device, Module, Tensor};
    /// use candle_nn::{Linear, VarBuilder};
    /// use candlewick::nn::{QuantizedLinear, QuantizedLinearConfig, quantize_dynamic};
    /// let layer = quantize_dynamic(&Linear::new(
    ///     Tensor::randn(0f32, 1., (3, 40), &Device::Cpu)?,
    ///     None,
    /// ))?;
    ///
    /// let tensors =
    ///     layer.tensors()?.into_iter().map(|(name, tensor)| (format!("head.{name}"), tensor));
    /// let path = std::env::temp_dir().join("candlewick_quantized.safetensors");
    /// candlewick::optim::save_tensors(&tensors.collect(), &path)?;
    ///
    /// let vb = VarBuilder::from_buffered_safetensors(
    ///     std::fs::read(&path)?,
    ///     DType::F32,
    ///     &Device::Cpu,
    /// )?;
    /// let config = QuantizedLinearConfig { bias: false, ..QuantizedLinearConfig::new(40, 3) };
    /// let again = QuantizedLinear::load(config, vb.pp("head"))?;
    /// let x = Tensor::randn(0f32, 1., (5, 40), &Device::Cpu)?;
    /// assert_eq!(layer.forward(&x)?.to_vec2::<f32>()?, again.forward(&x)?.to_vec2::<f32>()?);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// candle's errors.
    pub fn tensors(&self) -> Result<Vec<(&'static str, Tensor)>> {
        let device = self.blocks.device();
        let shape = (self.outputs(), bytes_of_row(self.inputs));
        let blocks = Tensor::from_slice(&self.blocks.data()?, shape, &Device::Cpu)?.to_device(&device)?;
        let unit = Tensor::new(self.unit as f32, &device)?;
        let bias = self.bias.iter().map(|bias| ("bias", bias.clone()));
        Ok([("blocks", blocks), ("unit", unit)].into_iter().chain(bias).collect())
    }

    /// Loads a layer that was saved as [`tensors`](Self::tensors). Its bias has the dtype of `vb`, and so has the
    /// result of [`dequantize`](Self::dequantize).
    ///
    /// # Errors
    /// No inputs or no outputs, or more than the memory holds; a `VarBuilder` not of F16, BF16, F32 or F64; scales or a
    /// bias that are not finite; a unit beyond 2^-126 to 2^126; candle's error for tensors that are missing or of
    /// another shape.
    pub fn load(config: QuantizedLinearConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let QuantizedLinearConfig { inputs, outputs, bias, .. } = config;
        let dtype = vb.dtype();
        if !is_float(dtype) {
            return Err(Error::Tensor(TensorError::UnsupportedDType { what: "the quantised layer".to_owned(), dtype }));
        }
        if inputs == 0 || outputs == 0 {
            return Err(Error::Tensor(TensorError::LinearShape { shape: Shape::from((outputs, inputs)) }));
        }
        let get = |shape: Shape, name, dtype| vb.get_with_hints_dtype(shape, name, Default::default(), dtype);
        let row = inputs.div_ceil(BLOCK).checked_mul(BLOCK_BYTES).filter(|row| row.checked_mul(outputs).is_some());
        let row =
            row.ok_or_else(|| Error::Tensor(TensorError::LinearShape { shape: Shape::from((outputs, inputs)) }))?;
        // Counts the bytes twice, and a bias.
        let numbers =
            (row as u64).checked_mul(outputs as u64).and_then(|bytes| (bytes / 4).checked_add(outputs as u64));
        check_numbers("a quantised layer", numbers)?;
        let stored = get(Shape::from((outputs, row)), "blocks", DType::U8)?;
        let blocks = q8_0(&stored.flatten_all()?.to_vec1()?, (outputs, inputs), vb.device())?;
        let unit = f64::from(get(Shape::from(()), "unit", DType::F32)?.to_scalar::<f32>()?);
        let bias = bias.then(|| checked_bias(&get(Shape::from(outputs), "bias", dtype)?, outputs)).transpose()?;
        let layer = Self { blocks: Arc::new(blocks), unit, inputs, bias, dtype };
        let sound =
            (UNITS.0.exp2()..=UNITS.1.exp2()).contains(&unit) && finite(&layer.blocks.dequantize(&Device::Cpu)?)?;
        if sound {
            Ok(layer)
        } else {
            Err(Error::Tensor(TensorError::NotFinite { what: "a scale of the quantised layer" }))
        }
    }
}

impl Module for QuantizedLinear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.try_forward(x)?)
    }
}

/// Op that puts computed outputs into the graph, with the straight-through gradient.
struct Straight {
    /// Outputs, contiguous.
    y: Tensor,
    layer: QuantizedLinear,
}

impl Straight {
    fn copy<S: BackendStorage>(
        &self,
        of: impl for<'a> Fn(&'a StorageRef<'_>) -> Option<&'a S>,
    ) -> candle_core::Result<(S, Shape)> {
        let (storage, layout) = self.y.storage_and_layout();
        let found = of(&storage).ok_or_else(|| candle_core::Error::msg("outputs on another device than the input"))?;
        Ok((found.try_clone(layout)?, self.y.shape().clone()))
    }
}

impl CustomOp1 for Straight {
    fn name(&self) -> &'static str {
        "quantised-linear"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        self.copy(|storage| if let Storage::Cpu(found) = &**storage { Some(found) } else { None })
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        self.copy(|storage| if let Storage::Cuda(found) = &**storage { Some(found) } else { None })
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> candle_core::Result<(MetalStorage, Shape)> {
        self.copy(|storage| if let Storage::Metal(found) = &**storage { Some(found) } else { None })
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let dtype = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let rows = gradient.detach().reshape(((), self.layer.outputs()))?.to_dtype(dtype)?;
        if rows.elem_count() == 0 {
            return x.zeros_like().map(Some);
        }
        let gradient = rows.matmul(&self.layer.weight()?.to_dtype(dtype)?)?;
        gradient.to_dtype(x.dtype())?.reshape(x.shape()).map(Some)
    }
}

/// Returns whether all entries are finite.
fn finite(tensor: &Tensor) -> Result<bool> {
    let nothing = tensor.to_dtype(DType::F32)?.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f32>()?;
    Ok(nothing == 0.0)
}

fn checked_bias(bias: &Tensor, outputs: usize) -> Result<Tensor> {
    let what = "the bias of the linear layer";
    check_float(what, bias)?;
    if bias.dims() != [outputs] {
        return Err(Error::Tensor(TensorError::Shape {
            what,
            expected: Shape::from(outputs),
            actual: bias.shape().clone(),
        }));
    }
    // Copies the bias: a variable behind it may change.
    if finite(bias)? { Ok(bias.copy()?.detach()) } else { Err(Error::Tensor(TensorError::NotFinite { what })) }
}

/// Returns the power of two that scales the largest weight to below `2^EXPONENT`.
fn unit_of(largest: f64) -> f64 {
    let exponent = if largest > 0.0 { largest.log2().floor() as i32 + 1 - EXPONENT } else { 0 };
    f64::from(exponent).clamp(UNITS.0, UNITS.1).exp2()
}

/// Number of zeros behind a row.
fn padding(inputs: usize) -> usize {
    inputs.next_multiple_of(BLOCK) - inputs
}

fn bytes_of_row(inputs: usize) -> usize {
    inputs.div_ceil(BLOCK) * BLOCK_BYTES
}

fn bytes(tensor: &Tensor) -> usize {
    tensor.elem_count() * tensor.dtype().size_in_bytes()
}

/// Makes blocks from their bytes.
fn q8_0(bytes: &[u8], (outputs, inputs): (usize, usize), device: &Device) -> Result<QTensor> {
    // The address of the bytes has to be even.
    let mut room = vec![0u8; bytes.len() + 1];
    let start = room.as_ptr().align_offset(align_of::<u16>()).min(1);
    let even = &mut room[start..start + bytes.len()];
    even.copy_from_slice(bytes);
    let storage = QStorage::from_data(Cow::Borrowed(even), device, GgmlDType::Q8_0)?;
    Ok(QTensor::new(storage, (outputs, inputs.next_multiple_of(BLOCK)))?)
}
