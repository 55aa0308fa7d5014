//! The Fubini-Study metric of a circuit's states.
//!
//! `g_ij = Re(<∂i ψ|∂j ψ> - <∂i ψ|ψ><ψ|∂j ψ>)` (Stokes, Izaac, Killoran and Carleo, Quantum 4, 269, 2020, equation 12).
//! The entries are computed in angles first, where a derivative of the state is the difference of two states. The chain
//! rule converts them to entries in variables.

use super::chain::Numbers;
use super::points::{Batches, Variant};
use super::shift::{Shift, Shifted};
use super::{MetricTensor, Wrt};
use crate::error::{Error, Result};
use crate::mask::{Mask, Wide};
use crate::memory;
use crate::program::Program;
use candle_core::{Device, Tensor};

/// Computes metric tensors `[batch, variables, variables]` of a program whose output is its state and whose steps are
/// as written.
pub(crate) fn metric_tensors(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    wrt: Wrt,
    entries: MetricTensor,
) -> Result<Vec<f64>> {
    let (program, count) = (numbers.program, numbers.count(wrt));
    if wrt == Wrt::Inputs && program.embedding.is_some() {
        let of = "features that are embedded as amplitudes";
        let instead = "take `Wrt::Weights`";
        return Err(Error::NoGradient { method: "the metric tensor", of, instead });
    }
    let angles = &program.angles_as_inputs().angles;
    let read: Vec<usize> =
        (0..angles.len()).filter(|k| wrt.is_read(program, &program.slots[angles[*k].slot])).collect();
    let shifted = Shifted::in_all(numbers, wrt);
    let mut found = vec![0.0; numbers.batch * count * count];
    let width = program.engine_outputs();
    for block in blocks(program, &read, entries) {
        // Counts the vectors of a sample and their products, which are in memory at once.
        let vectors = FIRST as u64 + block.len() as u64;
        let alive = vectors.checked_mul((width as u64).saturating_add(vectors));
        memory::check_numbers("derivatives of a state", alive)?;
        for sample in 0..numbers.batch {
            let vectors = vectors_of(batches, &shifted, (sample, block))?;
            let products = products(vectors, width)?;
            let found = &mut found[sample * count * count..][..count * count];
            let mut slopes: Vec<Vec<(usize, f64)>> = vec![Vec::new(); block.len()];
            for (angle, slopes) in block.iter().zip(&mut slopes) {
                let slot = &program.slots[angles[*angle].slot];
                numbers.derivatives(sample, slot, wrt, |variable, slope| slopes.push((variable, slope)));
            }
            for (i, left) in slopes.iter().enumerate() {
                for (j, right) in slopes.iter().enumerate() {
                    let entry = products.entry(i, j);
                    for (row, a) in left {
                        right.iter().for_each(|(column, b)| found[row * count + column] += entry * a * b);
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Number of the vectors ψ and iψ, which stand before the derivatives.
const FIRST: usize = 2;

/// Returns the vectors of a sample, one after another, real and imaginary parts in turns: ψ, iψ, and the derivatives of
/// ψ in the chosen angles.
fn vectors_of(batches: &Batches<'_>, shifted: &Shifted<'_>, (sample, chosen): (usize, &[usize])) -> Result<Vec<f64>> {
    let width = shifted.angles_as_inputs.program.engine_outputs();
    let mut vectors = vec![0.0; (FIRST + chosen.len()) * width];
    let mut places = vec![None; shifted.angles_as_inputs.angles.len()];
    chosen.iter().enumerate().for_each(|(place, angle)| places[*angle] = Some(FIRST + place));
    // Number of the vector to which a shift belongs.
    let place = |shift: &Shift| places[shift.angle];
    let shifts: Vec<(usize, Shift)> = shifted.shifts.iter().filter_map(|shift| Some((place(shift)?, *shift))).collect();
    let at = |point: usize| point.checked_sub(1).map(|point| shifts[point]);
    let fill = |point: usize, to: &mut [f64]| shifted.write(sample, at(point).map(|(_, shift)| shift), to);
    batches.evaluate(Variant::AnglesAsInputs, 1 + shifts.len(), fill, |point, values| {
        let (to, factor) = at(point).map_or((0, 1.0), |(place, shift)| (place, shift.factor));
        vectors[to * width..][..width].iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
    })?;
    let (state, turned) = vectors.split_at_mut(width);
    for (from, to) in state.chunks_exact(2).zip(turned.chunks_exact_mut(2)) {
        to.copy_from_slice(&[-from[1], from[0]]);
    }
    Ok(vectors)
}

/// Scalar products of the vectors of a sample. The product of two derivatives is the real part of `<∂i ψ|∂j ψ>`, and
/// its products with ψ and iψ are the real and the imaginary part of `<ψ|∂j ψ>`.
struct Products {
    of: Vec<f64>,
    count: usize,
}

impl Products {
    fn at(&self, i: usize, j: usize) -> f64 {
        self.of[i.min(j) * self.count + i.max(j)]
    }

    /// Returns an entry of the metric in angles.
    fn entry(&self, i: usize, j: usize) -> f64 {
        let [left, right] = [i, j].map(|angle| [0, 1].map(|first| self.at(first, FIRST + angle)));
        self.at(FIRST + i, FIRST + j) - (left[0] * right[0] + left[1] * right[1])
    }
}

/// Number of rows of a matrix of products that are computed at once: from the diagonal on.
const ROWS: usize = 64;

/// Multiplies vectors with each other, by matrix products. Products below the diagonal are partly left out.
fn products(vectors: Vec<f64>, width: usize) -> Result<Products> {
    let count = vectors.len() / width;
    let mut of = vec![0.0; count * count];
    let vectors = Tensor::from_vec(vectors, (count, width), &Device::Cpu)?;
    for (block, of) in of.chunks_mut(ROWS * count).enumerate() {
        let first = block * ROWS;
        let left = vectors.narrow(0, first, of.len() / count)?;
        let right = vectors.narrow(0, first, count - first)?.t()?;
        let products = left.matmul(&right)?.flatten_all()?.to_vec1::<f64>()?;
        for (row, products) in of.chunks_mut(count).zip(products.chunks(count - first)) {
            row[first..].copy_from_slice(products);
        }
    }
    Ok(Products { of, count })
}

/// Splits the angles that are read where a layer ends, never inside an operation.
fn blocks<'a>(program: &Program, read: &'a [usize], entries: MetricTensor) -> Vec<&'a [usize]> {
    if entries == MetricTensor::Full {
        return vec![read];
    }
    let angles = &program.angles_as_inputs().angles;
    let operation = |angle: &usize| program.operations[angles[*angle].step];
    let mut blocks = Vec::new();
    let (mut start, mut end, mut touched) = (0, 0, Wide::EMPTY);
    for gate in read.chunk_by(|a, b| operation(a) == operation(b)) {
        let support = gate.iter().fold(Wide::EMPTY, |mask, angle| mask | angles[*angle].support);
        if !(touched & support).is_empty() {
            blocks.push(&read[start..end]);
            (start, touched) = (end, Wide::EMPTY);
        }
        end += gate.len();
        touched |= support;
    }
    blocks.push(&read[start..]);
    blocks
}
