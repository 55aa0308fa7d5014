//! Finite differences, along each variable or along random directions.

use super::chain::Numbers;
use super::points::{Batches, Variant};
use crate::engine::NeedsGrad;
use crate::error::{Error, Result};
use crate::memory;
use crate::program::Variable;
use candle_core::DType;
use rand::Rng;

/// Returns points in units of the step, and a factor for each: the slope is the sum of factor times value, divided by
/// the step.
fn scheme(order: usize) -> Vec<(f64, f64)> {
    let half: &[f64] = match order {
        1 => return vec![(0.0, -1.0), (1.0, 1.0)],
        2 => &[1.0 / 2.0],
        4 => &[2.0 / 3.0, -1.0 / 12.0],
        6 => &[3.0 / 4.0, -3.0 / 20.0, 1.0 / 60.0],
        _ => &[4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0],
    };
    let both = |(k, factor): (usize, &f64)| [(k as f64 + 1.0, *factor), (-(k as f64) - 1.0, -factor)];
    half.iter().enumerate().flat_map(both).collect()
}

/// Computes the gradients of `sum(cotangent * outputs)` in inputs and weights by differences along each variable.
pub(super) fn along_variables(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    cotangent: &[f64],
    needs_grad: NeedsGrad,
    (step, order): (f64, usize),
) -> Result<[Vec<f64>; 2]> {
    let variables: Vec<usize> = variables(numbers, needs_grad).collect();
    check_step("finite differences", numbers, &variables, step, batches.dtype)?;
    let scheme = scheme(order);
    let each = variables.len() * scheme.len();
    let place = |point: usize| {
        let (sample, rest) = (point / each, point % each);
        (sample, variables[rest / scheme.len()], scheme[rest % scheme.len()])
    };
    let mut found = Found::new(numbers);
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, variable, (by, _)) = place(point);
        copy(numbers, sample, to);
        to[variable] += by * step;
    };
    batches.evaluate(Variant::OwnWeights, numbers.batch * each, fill, |point, values| {
        let (sample, variable, (_, factor)) = place(point);
        found.add(sample, variable, factor / step * dot(cotangent, sample, values));
    })?;
    Ok(found.gradients)
}

/// Computes the same gradients by differences along random directions, in which every variable moves by the step.
pub(super) fn along_directions(
    batches: &Batches<'_>,
    numbers: &Numbers<'_>,
    cotangent: &[f64],
    needs_grad: NeedsGrad,
    (samples, step): (usize, f64),
    random: impl Rng,
) -> Result<[Vec<f64>; 2]> {
    let variables: Vec<usize> = variables(numbers, needs_grad).collect();
    if variables.is_empty() {
        return Ok(Found::new(numbers).gradients);
    }
    check_step("SPSA", numbers, &variables, step, batches.dtype)?;
    let words = (numbers.batch as u64 * samples as u64).checked_mul(variables.len().div_ceil(64) as u64);
    memory::check_numbers("random directions", words)?;
    let signs = Signs::new(numbers.batch * samples, variables.len(), random);
    // The two points of a direction are neighbours.
    let place =
        |point: usize| (point / (2 * samples), if point.is_multiple_of(2) { 1.0 } else { -1.0 }, signs.row(point / 2));
    let mut found = Found::new(numbers);
    let fill = |point: usize, to: &mut [f64]| {
        let (sample, side, signs) = place(point);
        copy(numbers, sample, to);
        variables.iter().zip(signs).for_each(|(variable, sign)| to[*variable] += side * sign * step);
    };
    batches.evaluate(Variant::OwnWeights, numbers.batch * 2 * samples, fill, |point, values| {
        let (sample, side, signs) = place(point);
        let slope = side * dot(cotangent, sample, values) / (2.0 * step * samples as f64);
        variables.iter().zip(signs).for_each(|(variable, sign)| found.add(sample, *variable, slope * sign));
    })?;
    Ok(found.gradients)
}

/// Returns the variables of a sample that are moved: indices in a row of features, then weights. Switches of
/// conditional gates are not moved, and neither are variables that the circuit does not read: a random direction would
/// give them a slope.
fn variables(numbers: &Numbers<'_>, needs_grad: NeedsGrad) -> impl Iterator<Item = usize> {
    let program = numbers.program;
    let [inputs, weights] = program.variables_read();
    let has_origin = |index: &usize| program.origin(Variable::Input(*index)).is_some();
    let features = (0..program.engine_inputs).filter(move |index| inputs[*index]).filter(has_origin);
    let weights = (0..numbers.weights.len()).filter(move |index| weights[*index]);
    let weights = weights.map(|index| program.engine_inputs + index);
    features.filter(move |_| needs_grad.inputs).chain(weights.filter(move |_| needs_grad.weights))
}

/// Refuses a step that is too small to change a variable: differences would be 0.
fn check_step(of: &'static str, numbers: &Numbers<'_>, variables: &[usize], step: f64, dtype: DType) -> Result<()> {
    let moves = |value: f64| match dtype {
        DType::F64 => value + step != value,
        _ => value as f32 + step as f32 != value as f32,
    };
    let value = |sample: usize, variable: usize| match variable.checked_sub(numbers.program.engine_inputs) {
        None => numbers.sample(sample).inputs[variable],
        Some(weight) => numbers.weights[weight],
    };
    let mut all = (0..numbers.batch).flat_map(|sample| variables.iter().map(move |variable| value(sample, *variable)));
    if all.all(|value| !value.is_finite() || moves(value)) {
        return Ok(());
    }
    let allowed = "large enough to move every input and weight";
    Err(Error::Setting { of, setting: "step", value: step, allowed })
}

/// Writes the features, then the weights.
fn copy(numbers: &Numbers<'_>, sample: usize, to: &mut [f64]) {
    let (features, weights) = to.split_at_mut(numbers.program.engine_inputs);
    features.copy_from_slice(numbers.sample(sample).inputs);
    weights.copy_from_slice(&numbers.weights);
}

fn dot(cotangent: &[f64], sample: usize, values: &[f64]) -> f64 {
    let cotangent = &cotangent[sample * values.len()..];
    cotangent.iter().zip(values).map(|(c, value)| c * value).sum()
}

/// Gradients in inputs and weights.
struct Found {
    /// Number of features of a sample.
    width: usize,
    gradients: [Vec<f64>; 2],
}

impl Found {
    fn new(numbers: &Numbers<'_>) -> Self {
        let gradients = [vec![0.0; numbers.inputs.len()], vec![0.0; numbers.weights.len()]];
        Self { width: numbers.program.engine_inputs, gradients }
    }

    fn add(&mut self, sample: usize, variable: usize, amount: f64) {
        match variable.checked_sub(self.width) {
            None => self.gradients[0][sample * self.width + variable] += amount,
            Some(weight) => self.gradients[1][weight] += amount,
        }
    }
}

/// Random signs, a row for each direction.
struct Signs {
    words: Vec<u64>,
    width: usize,
}

impl Signs {
    fn new(rows: usize, width: usize, mut random: impl Rng) -> Self {
        let words = (0..rows * width.div_ceil(64)).map(|_| random.random()).collect();
        Self { words, width }
    }

    fn row(&self, row: usize) -> impl Iterator<Item = f64> {
        let words = self.width.div_ceil(64);
        let words = &self.words[row * words..(row + 1) * words];
        (0..self.width).map(|k| if words[k / 64] >> (k % 64) & 1 == 1 { 1.0 } else { -1.0 })
    }
}
