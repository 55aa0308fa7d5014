//! Numbers of the workloads, which benchmarks of others make alike.

use candle_core::{DType, Device, Result, Tensor};

/// Numbers in [-scale, scale), from splitmix64 of `seed << 32 + index` (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn spread(seed: u64, count: usize, scale: f64) -> Vec<f64> {
    let number = |index: u64| {
        let mut z = ((seed << 32) + index).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let unit = ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        (2.0 * unit - 1.0) * scale
    };
    (0..count as u64).map(number).collect()
}

/// [`spread`] as a tensor.
pub(crate) fn tensor(seed: u64, shape: &[usize], scale: f64, dtype: DType) -> Result<Tensor> {
    let values = spread(seed, shape.iter().product(), scale);
    Tensor::from_vec(values, shape.to_vec(), &Device::Cpu)?.to_dtype(dtype)
}
