//! Gradients of a limited size.

use super::variables;
use crate::error::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, Storage, Tensor, Var};
use candle_nn::VarMap;

/// Scales the gradients of all variables of `varmap` by one factor, such that their common Euclidean norm is at most `limit`; returns
/// the norm as it was. Gradients within the limit are left as they are, bit for bit.
///
/// The norm is summed in F64 (on Metal in F32), variable by variable in the order of their names. Variables without a gradient count as 0.
///
/// # Errors
/// A limit that is not above 0; a gradient that is not finite, with the variable's name: nothing is scaled then.
pub fn clip_by_norm(gradients: &mut GradStore, varmap: &VarMap, limit: f64) -> Result<f64> {
    check(limit, "clip_by_norm")?;
    let variables = variables(varmap)?;
    let mut norm = 0.0f64;
    for (name, var) in &variables {
        if let Some(gradient) = gradients.get(var) {
            norm = norm.hypot(norm_of(gradient)?.ok_or_else(|| Error::GradientNotFinite { name: name.clone() })?);
        }
    }
    if norm > limit {
        change(gradients, &variables, |gradient| gradient.affine(limit / norm, 0.0))?;
    }
    Ok(norm)
}

/// Moves each entry of each gradient into `[-limit, limit]`.
///
/// # Errors
/// A limit that is not above 0; a gradient that is not finite, with the variable's name: nothing is changed then.
pub fn clip_by_value(gradients: &mut GradStore, varmap: &VarMap, limit: f64) -> Result<()> {
    check(limit, "clip_by_value")?;
    let variables = variables(varmap)?;
    for (name, var) in &variables {
        if let Some(gradient) = gradients.get(var)
            && !is_finite(gradient, f64::INFINITY)?
        {
            return Err(Error::GradientNotFinite { name: name.clone() });
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

/// Puts another gradient in the place of each.
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

/// The widest dtype in which a device adds.
fn widest(device: &Device) -> DType {
    if device.is_metal() { DType::F32 } else { DType::F64 }
}

/// The Euclidean norm, by way of the largest entry, so that no square overflows; none where an entry is not finite.
fn norm_of(gradient: &Tensor) -> Result<Option<f64>> {
    if gradient.elem_count() == 0 {
        return Ok(Some(0.0));
    }
    if !is_finite(gradient, f64::INFINITY)? {
        return Ok(None);
    }
    let wide = gradient.to_dtype(widest(gradient.device()))?;
    let number = |tensor: Tensor| tensor.to_dtype(DType::F64)?.to_scalar::<f64>();
    let largest = number(wide.abs()?.flatten_all()?.max(0)?)?;
    if largest == 0.0 {
        return Ok(Some(0.0));
    }
    // Dividing, as the inverse of the smallest numbers is infinite.
    let part = (wide / largest)?.sqr()?.sum_all()?;
    Ok(Some(largest * number(part)?.sqrt()))
}

/// Whether all entries are finite and smaller than `limit` in size.
pub(super) fn is_finite(gradient: &Tensor, limit: f64) -> Result<bool> {
    let (storage, layout) = gradient.storage_and_layout();
    if let (Storage::Cpu(storage), Some((start, end))) = (&*storage, layout.contiguous_offsets()) {
        // The largest size, compared as whole numbers: an infinity is above all that is finite, a NaN above that.
        match storage {
            CpuStorage::F32(values) => {
                let size = |largest: u32, value: &f32| largest.max(value.abs().to_bits());
                return Ok(values[start..end].iter().fold(0, size) < (limit as f32).to_bits());
            }
            CpuStorage::F64(values) => {
                let size = |largest: u64, value: &f64| largest.max(value.abs().to_bits());
                return Ok(values[start..end].iter().fold(0, size) < limit.to_bits());
            }
            _ => {}
        }
    }
    drop(storage);
    if gradient.elem_count() == 0 {
        return Ok(true);
    }
    // A maximum may pass over a NaN; 0 times what is not finite is NaN.
    let wide = gradient.to_dtype(widest(gradient.device()))?.flatten_all()?;
    let number = |tensor: Tensor| tensor.to_dtype(DType::F64)?.to_scalar::<f64>();
    Ok(number(wide.affine(0.0, 0.0)?.sum_all()?)? == 0.0 && number(wide.abs()?.max(0)?)? < limit)
}
