//! The problems: two classes of points in a plane.

use anyhow::Result;
use candle_core::{Device, Tensor};
use candlewick::data::{self, Dataset, MoonsConfig, SpiralsConfig};
use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::f64::consts::{PI, TAU};

/// Problems of points in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Problem {
    /// Points even in a square, class 1 inside a circle of half its area.
    Circle,
    /// Points even in a square, class 1 in a ring of half its area.
    Annulus,
    /// Points even in a square, class 1 above a wave.
    Wave,
    /// Two half circles that reach into each other.
    Moons,
    /// Two spirals.
    Spirals,
}

/// Squared radius of a circle with half the area of the square from -1 to 1.
const HALF: f64 = 2.0 / PI;
/// Squared outer radius of the ring.
const OUTER: f64 = 0.8;
/// Noise on the coordinates of moons and of spirals.
const NOISE: [f64; 2] = [0.1, 0.03];

impl Problem {
    /// Returns the name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Returns a training and a test set.
    pub(crate) fn sets(self, train: usize, test: usize, seed: u64) -> Result<[Dataset; 2]> {
        let drawn = |count: usize, seed: u64| match self {
            Self::Moons => Ok(data::moons(count, MoonsConfig { noise: NOISE[0], seed, ..Default::default() })?),
            Self::Spirals => {
                Ok(data::spirals(count, SpiralsConfig { arms: 2, noise: NOISE[1], seed, ..Default::default() })?)
            }
            Self::Circle | Self::Annulus | Self::Wave => self.uniform(count, seed),
        };
        Ok([drawn(train, seed.wrapping_mul(2))?, drawn(test, seed.wrapping_mul(2).wrapping_add(1))?])
    }

    /// Draws points uniformly in the square from -1 to 1.
    fn uniform(self, count: usize, seed: u64) -> Result<Dataset> {
        let mut rng = StdRng::seed_from_u64(seed);
        let x: Vec<f32> = (0..2 * count).map(|_| rng.random_range(-1.0..1.0)).collect();
        let class = |point: &[f32]| u32::from(self.is_inside(f64::from(point[0]), f64::from(point[1])));
        let y: Vec<u32> = x.chunks_exact(2).map(class).collect();
        let classes = if self == Self::Wave { ["below", "above"] } else { ["outside", "inside"] };
        let (x, y) = (Tensor::from_vec(x, (count, 2), &Device::Cpu)?, Tensor::from_vec(y, count, &Device::Cpu)?);
        Ok(Dataset::new(x, y, classes.map(str::to_owned).to_vec())?)
    }

    fn is_inside(self, x: f64, y: f64) -> bool {
        let square = x * x + y * y;
        match self {
            Self::Annulus => (OUTER - HALF..OUTER).contains(&square),
            Self::Wave => y > wave(x),
            Self::Circle | Self::Moons | Self::Spirals => square < HALF,
        }
    }

    /// Returns the border between the classes, if it is a line.
    pub(crate) fn borders(self) -> Vec<Vec<(f64, f64)>> {
        let ring = |square: f64| {
            let at = |k: i32| (TAU * f64::from(k) / 240.0).sin_cos();
            (0..=240).map(at).map(|(sin, cos)| (square.sqrt() * cos, square.sqrt() * sin)).collect()
        };
        match self {
            Self::Circle => vec![ring(HALF)],
            Self::Annulus => vec![ring(OUTER), ring(OUTER - HALF)],
            Self::Wave => {
                let points = (-120..=120).map(|k| f64::from(k) / 120.0).map(|x| (x, wave(x)));
                vec![points.filter(|(_, y)| y.abs() <= 1.0).collect()]
            }
            Self::Moons | Self::Spirals => Vec::new(),
        }
    }
}

/// Border of the paper's problem that is not convex.
fn wave(x: f64) -> f64 {
    1.5 * (PI * x).sin() - 2.0 * x
}

/// Returns the fraction of the points in the more frequent class.
pub(crate) fn most_frequent(set: &Dataset) -> Result<f64> {
    let ones = set.y.to_vec1::<u32>()?.iter().filter(|&&class| class == 1).count();
    Ok(ones.max(set.len() - ones) as f64 / set.len() as f64)
}
