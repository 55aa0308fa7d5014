//! Clipping of gradients.

use super::{require_gradient, variables};
use crate::error::{Error, Result, TrainingError};
use crate::numbers::host_number;
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, Storage, Tensor, Var};
use candle_nn::VarMap;

/// Scales the gradients of all variables of `varmap` by one factor, so that their common Euclidean norm is at most
/// `limit`. Returns the norm before scaling. Gradients within the limit do not change, bit for bit.
///
/// The norm is summed in F64 (on Metal in F32), variable by variable in the order of their names. Variables without a
/// gradient count as 0 if others have a gradient. After an error nothing is scaled.
///
/// # Errors
/// A limit that is not above 0; gradients without any of the variables; a gradient that is not finite, with the
/// variable's name.
pub fn clip_by_norm(gradients: &mut GradStore, varmap: &VarMap, limit: f64) -> Result<f64> {
    check(limit, "clip_by_norm")?;
    let variables = variables(varmap)?;
    require_gradient("clip_by_norm", &variables, gradients)?;
    let mut norm = 0.0f64;
    for (name, var) in &variables {
        if let Some(gradient) = gradients.get(var) {
            norm = norm.hypot(
                norm_of(gradient)?
                    .ok_or_else(|| Error::Training(TrainingError::GradientNotFinite { name: name.clone() }))?,
            );
        }
    }
    if norm > limit {
        change(gradients, &variables, |gradient| gradient.affine(limit / norm, 0.0))?;
    }
    Ok(norm)
}

/// Moves each entry of each gradient into `[-limit, limit]`. After an error nothing is changed.
///
/// # Errors
/// A limit that is not above 0; gradients without any of the variables; a gradient that is not finite, with the
/// variable's name.
pub fn clip_by_value(gradients: &mut GradStore, varmap: &VarMap, limit: f64) -> Result<()> {
    check(limit, "clip_by_value")?;
    let variables = variables(varmap)?;
    require_gradient("clip_by_value", &variables, gradients)?;
    for (name, var) in &variables {
        if let Some(gradient) = gradients.get(var)
            && !is_finite(gradient)?
        {
            return Err(Error::Training(TrainingError::GradientNotFinite { name: name.clone() }));
        }
    }
    change(gradients, &variables, |gradient| gradient.clamp(-limit, limit))
}

fn check(limit: f64, of: &'static str) -> Result<()> {
    match limit > 0.0 && limit.is_finite() {
        true => Ok(()),
        false => Err(Error::Setting { of, setting: "limit", value: limit, allowed: "a finite number above 0" }),
    }
}

/// Replaces each gradient by another.
fn change(
    gradients: &mut GradStore,
    variables: &[(String, Var)],
    to: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
) -> Result<()> {
    for (_, var) in variables {
        if let Some(gradient) = gradients.get(var) {
            let changed = to(gradient)?;
            gradients.insert(var, changed);
        }
    }
    Ok(())
}

/// Returns the widest dtype in which a device adds.
fn widest(device: &Device) -> DType {
    if device.is_metal() { DType::F32 } else { DType::F64 }
}

/// Returns the Euclidean norm, or `None` if an entry is not finite. Entries are divided by the largest first, so no
/// square overflows.
fn norm_of(gradient: &Tensor) -> Result<Option<f64>> {
    if gradient.elem_count() == 0 {
        return Ok(Some(0.0));
    }
    if !is_finite(gradient)? {
        return Ok(None);
    }
    let wide = gradient.to_dtype(widest(gradient.device()))?;
    let number = |tensor: Tensor| host_number(&tensor);
    let largest = number(wide.abs()?.flatten_all()?.max(0)?)?;
    if largest == 0.0 {
        return Ok(Some(0.0));
    }
    // Divides, because the inverse of the smallest numbers is infinite.
    let part = (wide / largest)?.sqr()?.sum_all()?;
    Ok(Some(largest * number(part)?.sqrt()))
}

/// Returns the index of the first gradient with an entry whose square is not finite in the precision of the second
/// moment. Gradients on a GPU are checked together: the check waits for the GPU only once.
pub(super) fn without_square(gradients: &[&Tensor]) -> Result<Option<usize>> {
    let (mut bad, mut waiting): (Vec<usize>, Vec<(usize, Tensor)>) = (Vec::new(), Vec::new());
    for (index, gradient) in gradients.iter().enumerate() {
        let limit = if gradient.dtype() == DType::F64 { f64::MAX.sqrt() } else { f64::from(f32::MAX).sqrt() };
        match on_host(gradient, limit) {
            Some(true) => {}
            Some(false) => bad.push(index),
            None => waiting.push((index, square_sign(gradient)?)),
        }
    }
    while let Some((_, first)) = waiting.first() {
        let device = first.device().clone();
        let (here, others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, sign)| sign.device().same_device(&device));
        let signs: Vec<&Tensor> = here.iter().map(|(_, sign)| sign).collect();
        let signs = Tensor::stack(&signs, 0)?.to_vec1::<f32>()?;
        bad.extend(here.iter().zip(signs).filter(|(_, sign)| *sign != 0.0).map(|((index, _), _)| *index));
        waiting = others;
    }
    Ok(bad.into_iter().min())
}

/// Returns a number in F32: 0, or NaN if an entry's square is not finite. A maximum may ignore a NaN.
fn square_sign(gradient: &Tensor) -> Result<Tensor> {
    let wide = if gradient.dtype() == DType::F64 { gradient.clone() } else { gradient.to_dtype(DType::F32)? };
    Ok(match wide.elem_count() {
        0 => Tensor::zeros((), DType::F32, wide.device())?,
        _ => wide.sqr()?.affine(0.0, 0.0)?.sum_all()?.to_dtype(DType::F32)?,
    })
}

/// Returns whether all entries are finite and smaller than `limit` in size, for a tensor in memory of the host.
fn on_host(gradient: &Tensor, limit: f64) -> Option<bool> {
    let (storage, layout) = gradient.storage_and_layout();
    let (Storage::Cpu(storage), Some((start, end))) = (&*storage, layout.contiguous_offsets()) else { return None };
    // Compares sizes as whole numbers: an infinity is above all finite numbers, a NaN above infinity.
    match storage {
        CpuStorage::F32(values) => {
            let size = |largest: u32, value: &f32| largest.max(value.abs().to_bits());
            Some(values[start..end].iter().fold(0, size) < (limit as f32).to_bits())
        }
        CpuStorage::F64(values) => {
            let size = |largest: u64, value: &f64| largest.max(value.abs().to_bits());
            Some(values[start..end].iter().fold(0, size) < limit.to_bits())
        }
        _ => None,
    }
}

/// Returns whether all entries are finite.
fn is_finite(gradient: &Tensor) -> Result<bool> {
    if let Some(outcome) = on_host(gradient, f64::INFINITY) {
        return Ok(outcome);
    }
    if gradient.elem_count() == 0 {
        return Ok(true);
    }
    // 0 times an infinity or a NaN is NaN.
    let wide = gradient.to_dtype(widest(gradient.device()))?;
    Ok(host_number(&wide.affine(0.0, 0.0)?.sum_all()?)? == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the test for GPUs and the test on the host agree.
    #[test]
    fn signs_of_squares() {
        let tensor =
            |value: f64, dtype| Tensor::new(&[1.0, value, -2.0], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        for dtype in [DType::F32, DType::F64] {
            for value in [0.0, -1e-30, 1e18, -1e20, 1e160, f64::NAN, f64::NEG_INFINITY] {
                let gradient = tensor(value, dtype);
                let sign: f32 = square_sign(&gradient).unwrap().to_scalar().unwrap();
                let expected = without_square(&[&gradient]).unwrap().is_none();
                assert_eq!(sign == 0.0, expected, "{value} in {dtype:?}");
            }
        }
        let half = |value| tensor(value, DType::F16);
        let (good, large, bad) = (half(1.0), half(6e4), half(f64::INFINITY));
        assert_eq!(without_square(&[&good, &large]).unwrap(), None);
        assert_eq!(without_square(&[&good, &bad, &large, &bad, &tensor(f64::NAN, DType::F64)]).unwrap(), Some(1));
        assert_eq!(without_square(&[]).unwrap(), None);
        assert_eq!(
            square_sign(&Tensor::zeros((0, 2), DType::F32, &Device::Cpu).unwrap()).unwrap().to_scalar::<f32>().unwrap(),
            0.0
        );
    }
}
