//! Panels for classifiers.

use super::{Color, Field, Matrix, Panel};
use crate::data::Dataset;
use crate::error::{Error, Result, TensorError};
use crate::memory::check_numbers;
use candle_core::{DType, Device, Tensor};
use std::ops::Range;

/// Number of points along each side of the grid on which decisions are evaluated.
const GRID: usize = 160;

/// Draws the first two features of samples in a colour for each class: dots for the training set, diamonds for the test
/// set.
///
/// # Errors
/// Samples that are no rows of two features or more.
pub fn scatter(heading: &str, train: &Dataset, test: &Dataset) -> Result<Panel> {
    let mut panel = Panel::new(heading).axes("feature 1", "feature 2").equal();
    let (train_points, test_points) = (points(train)?, points(test)?);
    for (class, name) in train.classes.iter().enumerate() {
        panel = panel.dots(format!("{name}, training"), Color::nth(class), &of_class(&train_points, class));
    }
    for (class, name) in test.classes.iter().enumerate() {
        panel = panel.diamonds(format!("{name}, test"), Color::nth(class), &of_class(&test_points, class));
    }
    Ok(panel)
}

/// Draws the samples as [`scatter`] does, on top of a network's decisions between two classes. `probability` gets
/// points `[n, 2]` in F32 on the CPU and returns the probability of class 1 for each. Shades are deeper where the
/// network is surer. A line separates the classes where both are equally probable.
///
/// # Errors
/// The errors of [`scatter`]; errors of `probability`; another number of probabilities than of points.
pub fn decisions(
    heading: &str,
    train: &Dataset,
    test: &Dataset,
    probability: impl FnOnce(&Tensor) -> candle_core::Result<Vec<f64>>,
) -> Result<Panel> {
    let points = [points(train)?, points(test)?].concat();
    let (x, y) = (range(points.iter().map(|&(_, (x, _))| x)), range(points.iter().map(|&(_, (_, y))| y)));
    let grid: Vec<f32> = Field::grid(x.clone(), y.clone(), GRID)?.into_iter().flatten().map(|v| v as f32).collect();
    let values = probability(&Tensor::from_vec(grid, (GRID * GRID, 2), &Device::Cpu)?)?;
    if values.len() != GRID * GRID {
        let (expected, actual) = ((GRID * GRID).into(), values.len().into());
        return Err(Error::Tensor(TensorError::Shape { what: "the probabilities", expected, actual }));
    }
    let colors = [Color::nth(0), Color::nth(1)];
    let field = Field { x, y, columns: GRID, values, colors, line: true, ..Field::default() };
    Ok(scatter(heading, train, test)?.field(field))
}

/// Draws a table of how many samples of each class (rows) were assigned to each class (columns). A cell is darker if
/// its fraction of the row is larger.
///
/// # Errors
/// More cells than the memory holds.
pub fn confusion(
    heading: &str,
    classes: &[String],
    labels: &[u32],
    predictions: &[u32],
    color: Color,
) -> Result<Panel> {
    let width = classes.len();
    // Counts a number, a shade and a text for each cell.
    let numbers = (width as u64).checked_mul(width as u64).and_then(|cells| cells.checked_mul(5));
    check_numbers("the cells of a confusion matrix", numbers)?;
    let mut counts = vec![0usize; width * width];
    for (&label, &prediction) in labels.iter().zip(predictions) {
        // A class without a name has no cell.
        if let Some(count) = counts.get_mut(label as usize * width + prediction as usize)
            && (prediction as usize) < width
        {
            *count += 1;
        }
    }
    let mut shades = Vec::with_capacity(counts.len());
    for row in counts.chunks(width.max(1)) {
        let total = row.iter().sum::<usize>().max(1) as f64;
        shades.extend(row.iter().map(|&count| count as f64 / total));
    }
    let text = |&count: &usize| if count > 0 { count.to_string() } else { String::new() };
    let texts = counts.iter().map(text).collect();
    let matrix =
        Matrix { rows: classes.to_vec(), columns: classes.to_vec(), shades, texts, color, ..Matrix::default() };
    Ok(Panel::new(heading).axes("predicted class", "actual class").matrix(matrix))
}

/// Returns class and first two features of each sample.
fn points(of: &Dataset) -> Result<Vec<(u32, (f64, f64))>> {
    let rows = of.x.narrow(1, 0, 2)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let point = |(row, label): (Vec<f64>, u32)| match row.as_slice() {
        &[x, y] => (label, (x, y)),
        _ => (label, (f64::NAN, f64::NAN)),
    };
    Ok(rows.into_iter().zip(of.y.to_vec1::<u32>()?).map(point).collect())
}

fn of_class(points: &[(u32, (f64, f64))], class: usize) -> Vec<(f64, f64)> {
    points.iter().filter(|(label, _)| *label as usize == class).map(|&(_, point)| point).collect()
}

/// Returns the range of all values, with a margin.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let margin = 0.06 * (high - low);
    if low < high { low - margin..high + margin } else { -1.0..1.0 }
}
