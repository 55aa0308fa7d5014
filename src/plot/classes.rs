//! Panels for classifiers.

use super::figure::PANELS;
use super::{Color, Field, Figure, Matrix, Panel};
use crate::data::{Dataset, Features};
use crate::error::{Error, Result, TensorError};
use crate::memory::check_numbers;
use crate::metrics::{Confusion, RocCurve};
use crate::numbers::{first_not_finite, host_numbers};
use candle_core::{Device, Tensor};
use std::ops::Range;

/// Number of points along each side of the grid on which decisions are evaluated.
const GRID: usize = 160;

/// Draws the first two features of samples in a colour for each class: dots for the training set, diamonds for the test
/// set. The axes have the names of the features, of the first set that has names.
///
/// # Errors
/// Samples that are no rows of two features or more; a feature of these that is not finite, with its sample.
pub fn scatter(heading: &str, train: &Dataset, test: &Dataset) -> Result<Panel> {
    let named = [train, test].map(|set| set.features.as_slice());
    let [x, y] = named.into_iter().find_map(<[String]>::first_chunk).cloned().unwrap_or_else(unnamed);
    let mut panel = Panel::new(heading).axes(x, y).equal();
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
/// network is surer; a bar tells the probabilities. A line separates the classes where both are equally probable.
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
    let name = train.classes.get(1).map_or("1", String::as_str);
    Ok(scatter(heading, train, test)?.field(field).color_bar(format!("probability of {name}")))
}

/// Draws a confusion matrix: the number of samples of each class (rows) that were assigned to each class (columns). A
/// cell is darker if its fraction of the row is larger.
///
/// # Errors
/// More cells than the memory holds.
pub fn confusion(heading: &str, of: &Confusion, color: Color) -> Result<Panel> {
    let width = of.classes().len() as u64;
    // Counts a shade and a text with its letters for each cell.
    check_numbers("the cells of a confusion matrix", width.checked_mul(width).and_then(|cells| cells.checked_mul(8)))?;
    let (mut shades, mut texts) = (Vec::new(), Vec::new());
    for row in of.rows() {
        let total = row.iter().sum::<u64>().max(1) as f64;
        shades.extend(row.iter().map(|&count| count as f64 / total));
        texts.extend(row.iter().map(|&count| if count > 0 { count.to_string() } else { String::new() }));
    }
    let (rows, columns) = (of.classes().to_vec(), of.classes().to_vec());
    let matrix = Matrix { rows, columns, shades, texts, color, ..Matrix::default() };
    Ok(Panel::new(heading).axes("predicted class", "actual class").matrix(matrix))
}

/// Draws images that were assigned to a wrong class: above each its class, and the class that was predicted. `images` has
/// `[samples, rows, columns]` or `[samples, 1, rows, columns]`; the least value of all is black, the largest white.
/// `predictions` has a class for each sample. At most `most` mistakes are drawn, evenly from all of them; the note says
/// how many there are.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::data::Dataset;
/// use candlewick::plot;
/// let x = Tensor::rand(0f32, 1.0, (3, 8, 8), &Device::Cpu)?;
/// let y = Tensor::new(&[0u32, 1, 1], &Device::Cpu)?;
/// let images = Dataset::new(x, y, vec!["three".into(), "eight".into()])?;
/// let picture = plot::mistakes("Digits: mistakes", &images, &[0, 0, 1], 12)?.render()?;
/// # assert!(picture.width > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `most` beyond 1 to 400; samples that are no images; the errors of [`Confusion::new`].
pub fn mistakes(title: &str, images: &Dataset, predictions: &[u32], most: usize) -> Result<Figure> {
    if !(1..=PANELS).contains(&most) {
        let (of, setting, allowed) = ("plot::mistakes", "most", "from 1 to 400");
        return Err(Error::Setting { of, setting, value: most as f64, allowed });
    }
    let labels = images.y.to_vec1::<u32>()?;
    Confusion::new(&images.classes, &labels, predictions)?;
    let x = if images.x.rank() == 4 { images.x.squeeze(1)? } else { images.x.clone() };
    let (_, rows, columns) = x.dims3()?;
    check_numbers("images as numbers", (x.elem_count() as u64).checked_mul(2))?;
    let values = host_numbers(&x)?;
    let finite = values.iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let size = if high > low { high - low } else { 1.0 };

    let wrong: Vec<usize> = (0..labels.len()).filter(|&sample| labels[sample] != predictions[sample]).collect();
    let shown = wrong.len().min(most);
    let name = |class: u32| images.classes.get(class as usize).map_or("", String::as_str);
    let note = match (wrong.len(), shown) {
        (0, _) => format!("none of {} images is wrong", labels.len()),
        (all, shown) if shown < all => format!("{all} of {} images are wrong; {shown} of them", labels.len()),
        (all, _) => format!("{all} of {} images are wrong", labels.len()),
    };
    let mut figure = Figure::new(title).note(note).columns(shown.clamp(1, 6));
    if wrong.is_empty() {
        return Ok(figure.panel(Panel::new("no mistakes").bare()));
    }
    for sample in (0..shown).map(|k| wrong[k * wrong.len() / shown]) {
        let image = &values[sample * rows * columns..(sample + 1) * rows * columns];
        let gray: Vec<f64> = image.iter().map(|value| (value - low) / size).collect();
        let heading = format!("{}, predicted {}", name(labels[sample]), name(predictions[sample]));
        figure = figure.panel(Panel::new(heading).image(columns, &gray));
    }
    Ok(figure)
}

/// Draws ROC curves with their names and areas, and the diagonal, where scores say nothing about the class.
///
/// ```
/// use candlewick::metrics::RocCurve;
/// use candlewick::plot::{Figure, roc};
/// let curve = RocCurve::new(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// let picture = Figure::new("Patients")
///     .panel(roc("ROC curve of the test set", &[("hybrid", &curve)]))
///     .render()?;
/// # assert!(picture.width > 0);
/// # Ok::<(), candlewick::Error>(())
/// ```
pub fn roc(heading: &str, curves: &[(&str, &RocCurve)]) -> Panel {
    let axes = ("false positive rate", "true positive rate");
    let panel = Panel::new(heading).axes(axes.0, axes.1).x_range(0.0..1.0).y_range(0.0..1.0).equal();
    let panel = panel.dashes("chance", Color::GRAY, &[(0.0, 0.0), (1.0, 1.0)]);
    curves.iter().enumerate().fold(panel, |panel, (index, (name, curve))| {
        panel.line(format!("{name}: AUC {:.4}", curve.auc()), Color::nth(index), curve.points())
    })
}

fn unnamed() -> [String; 2] {
    ["feature 1".to_owned(), "feature 2".to_owned()]
}

/// Returns class and first two features of each sample.
fn points(of: &Dataset) -> Result<Vec<(u32, (f64, f64))>> {
    of.x.dims2()?;
    check_numbers("the points of a picture", (of.len() as u64).checked_mul(8))?;
    let shown = of.x.narrow(1, 0, 2)?;
    if let Some((sample, feature, value)) = first_not_finite(&shown, 2)? {
        return Err(Features::from(of).not_finite(feature, sample, value));
    }
    let (rows, labels) = (host_numbers(&shown)?, of.y.to_vec1::<u32>()?);
    Ok(labels.into_iter().zip(rows.chunks_exact(2).map(|row| (row[0], row[1]))).collect())
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
