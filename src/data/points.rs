//! Clouds of points from a seed, as in scikit-learn's `make_circles`, `make_moons` and `make_blobs`, and spirals.
//! Samples alternate between the classes. Before noise is added they have even distances along their curves.

use super::dataset::normal_numbers;
use super::{Dataset, Purpose, seeded_generator};
use crate::__private::NonExhaustive;
use crate::error::{Error, Result};
use crate::memory::check_numbers;
use candle_core::{DType, Device, Tensor};
use rand::Rng;
use std::f64::consts::{PI, TAU};

/// Options of [`circles`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CirclesConfig {
    /// Standard deviation of the Gaussian noise added to each coordinate, a finite number from 0 on. Default 0.
    pub noise: f64,
    /// Radius of the inner circle, in [0, 1]; the outer circle has radius 1. Default 0.8.
    pub factor: f64,
    /// Seed of the noise. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for CirclesConfig {
    fn default() -> Self {
        Self { noise: 0.0, factor: 0.8, seed: 0, non_exhaustive: NonExhaustive(()) }
    }
}

/// Makes points `[samples, 2]` on two circles around the origin: class 0 has radius 1, class 1 has radius
/// [`factor`](CirclesConfig::factor).
///
/// ```
/// use candlewick::data::{self, CirclesConfig};
/// let config = CirclesConfig { factor: 0.5, seed: 7, ..Default::default() };
/// let radii = data::circles(100, config)?.x.sqr()?.sum(1)?.sqrt()?.to_vec1::<f32>()?;
/// assert!(
///     radii
///         .iter()
///         .zip([1.0, 0.5].iter().cycle())
///         .all(|(radius, expected)| (radius - expected).abs() < 1e-6)
/// );
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// Noise that is negative or not finite; a factor outside [0, 1]; more than the memory holds.
pub fn circles(samples: usize, config: CirclesConfig) -> Result<Dataset> {
    let CirclesConfig { noise, factor, seed, .. } = config;
    if !(0.0..=1.0).contains(&factor) {
        return Err(Error::Setting { of: "circles", setting: "factor", value: factor, allowed: "in [0, 1]" });
    }
    let curve = |class: usize, t: f64| {
        let radius = if class == 0 { 1.0 } else { factor };
        [radius * (TAU * t).cos(), radius * (TAU * t).sin()]
    };
    along(samples, &["outer circle", "inner circle"], noise, seed, curve)
}

/// Options of [`moons`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MoonsConfig {
    /// Standard deviation of the Gaussian noise added to each coordinate, a finite number from 0 on. Default 0.
    pub noise: f64,
    /// Seed of the noise. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for MoonsConfig {
    fn default() -> Self {
        Self { noise: 0.0, seed: 0, non_exhaustive: NonExhaustive(()) }
    }
}

/// Makes points `[samples, 2]` on two half circles that reach into each other: class 0 is the upper half circle, class
/// 1 the lower.
///
/// # Errors
/// Noise that is negative or not finite; more than the memory holds.
pub fn moons(samples: usize, config: MoonsConfig) -> Result<Dataset> {
    let MoonsConfig { noise, seed, .. } = config;
    let curve = |class: usize, t: f64| {
        let (x, y) = ((PI * t).cos(), (PI * t).sin());
        if class == 0 { [x, y] } else { [1.0 - x, 0.5 - y] }
    };
    along(samples, &["upper moon", "lower moon"], noise, seed, curve)
}

/// Options of [`spirals`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpiralsConfig {
    /// Number of spirals and of classes, in 1..=1000. Default 2.
    pub arms: usize,
    /// Standard deviation of the Gaussian noise added to each coordinate, a finite number from 0 on. Default 0.
    pub noise: f64,
    /// Seed of the noise. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for SpiralsConfig {
    fn default() -> Self {
        Self { arms: 2, noise: 0.0, seed: 0, non_exhaustive: NonExhaustive(()) }
    }
}

/// Makes points `[samples, 2]` on spirals of one turn and a half around the origin, a spiral for each class. The
/// spirals are rotated by equal angles; radii are from 0.1 to 1.
///
/// # Errors
/// Noise that is negative or not finite; no arms, or more than 1000; more than the memory holds.
pub fn spirals(samples: usize, config: SpiralsConfig) -> Result<Dataset> {
    let SpiralsConfig { arms, noise, seed, .. } = config;
    check_classes("spirals", "arms", arms)?;
    let names: Vec<String> = (1..=arms).map(|arm| format!("arm {arm}")).collect();
    let curve = |class: usize, t: f64| {
        let (radius, angle) = (0.1 + 0.9 * t, 1.5 * TAU * t + TAU * class as f64 / arms as f64);
        [radius * angle.cos(), radius * angle.sin()]
    };
    along(samples, &names, noise, seed, curve)
}

/// Options of [`blobs`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlobsConfig {
    /// Number of clouds and of classes, in 1..=1000. Default 3.
    pub centers: usize,
    /// Number of features of a sample. Default 2.
    pub features: usize,
    /// Standard deviation of each cloud in each feature, a finite number from 0 on. Default 0.1.
    pub deviation: f64,
    /// Seed of the centres and the samples. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for BlobsConfig {
    fn default() -> Self {
        Self { centers: 3, features: 2, deviation: 0.1, seed: 0, non_exhaustive: NonExhaustive(()) }
    }
}

/// Makes normal clouds `[samples, features]` of a standard deviation, a cloud for each class. The centres are uniform
/// in `[-1, 1]` of each feature.
///
/// # Errors
/// A deviation that is negative or not finite; no centres, or more than 1000; more than the memory holds.
pub fn blobs(samples: usize, config: BlobsConfig) -> Result<Dataset> {
    let BlobsConfig { centers, features, deviation, seed, .. } = config;
    check_classes("blobs", "centres", centers)?;
    check_samples(samples, features)?;
    let mut rng = seeded_generator(seed, Purpose::Points);
    let mut x = normal_numbers(samples, features, deviation, &mut rng)?;
    let entries = (centers as u64).checked_mul(features as u64);
    check_numbers("the centres", entries)?;
    let places: Vec<f64> = (0..centers * features).map(|_| rng.random_range(-1.0..1.0)).collect();
    for (index, value) in x.iter_mut().enumerate() {
        let (sample, feature) = (index / features, index % features);
        *value += places[sample % centers * features + feature];
    }
    dataset(x, samples, features, (1..=centers).map(|center| format!("blob {center}")).collect())
}

fn check_classes(of: &'static str, setting: &'static str, count: usize) -> Result<()> {
    match (1..=1000).contains(&count) {
        true => Ok(()),
        false => Err(Error::Setting { of, setting, value: count as f64, allowed: "in 1..=1000" }),
    }
}

/// Checks the memory for samples: features in F64, which become F32, and labels twice.
fn check_samples(samples: usize, features: usize) -> Result<()> {
    let each = (features as u64).checked_mul(2).and_then(|numbers| numbers.checked_add(1));
    check_numbers("the samples", each.and_then(|each| each.checked_mul(samples as u64)))
}

/// Makes noisy points along a curve for each class. `curve` takes the class and a position in [0, 1).
fn along(
    samples: usize,
    names: &[impl ToString],
    noise: f64,
    seed: u64,
    curve: impl Fn(usize, f64) -> [f64; 2],
) -> Result<Dataset> {
    let classes = names.len();
    check_samples(samples, 2)?;
    let mut x = normal_numbers(samples, 2, noise, &mut seeded_generator(seed, Purpose::Points))?;
    for (sample, noisy) in x.chunks_mut(2).enumerate() {
        let class = sample % classes;
        let members = (samples - class).div_ceil(classes);
        for (coordinate, place) in noisy.iter_mut().zip(curve(class, (sample / classes) as f64 / members as f64)) {
            *coordinate += place;
        }
    }
    dataset(x, samples, 2, names.iter().map(ToString::to_string).collect())
}

/// Makes a data set of samples whose classes alternate.
fn dataset(x: Vec<f64>, samples: usize, features: usize, classes: Vec<String>) -> Result<Dataset> {
    let x = Tensor::from_vec(x, (samples, features), &Device::Cpu)?.to_dtype(DType::F32)?;
    let y: Vec<u32> = (0..samples).map(|sample| (sample % classes.len()) as u32).collect();
    Dataset::new(x, Tensor::from_vec(y, samples, &Device::Cpu)?, classes)
}
