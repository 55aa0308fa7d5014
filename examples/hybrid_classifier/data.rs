//! The data sets: tables that come with the repository, and point clouds made from a seed.

use anyhow::Result;
use candlewick::data::{self, CirclesConfig, Dataset as Samples, MoonsConfig, Scaler};
use clap::ValueEnum;

/// Which data set to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dataset {
    /// Two concentric circles and two features of pure noise.
    Circles,
    /// Two interleaved half circles and two features of pure noise.
    Moons,
    /// Iris flowers: 150 rows, 4 features, 3 classes.
    Iris,
    /// Wines: 178 rows, 13 features, 3 classes.
    Wine,
    /// Breast cancer: 569 rows, 30 features, 2 classes.
    BreastCancer,
    /// Handwritten digits: 1797 images of 8x8 pixels, 10 classes.
    Digits,
}

/// Default settings that suit a data set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// Passes over the training set.
    pub(crate) epochs: usize,
    /// Step size of Adam.
    pub(crate) learning_rate: f64,
    /// Width of the layers before and after the bottleneck.
    pub(crate) hidden: usize,
    /// Width of the bottleneck.
    pub(crate) qubits: usize,
    /// Layers of the circuit.
    pub(crate) layers: usize,
}

/// Number of points of a generated data set.
const POINTS: usize = 500;
/// Standard deviation of the noise on coordinates, and of the features that are only noise.
const NOISE: f64 = 0.1;
/// Radius of the inner circle relative to the outer one.
const FACTOR: f64 = 0.5;
/// Largest value of a pixel of a digit.
const DARKEST_PIXEL: f64 = 16.0;

impl Dataset {
    /// Returns the name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Returns the name in plots.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Circles => "Two circles",
            Self::Moons => "Two moons",
            Self::Iris => "Iris",
            Self::Wine => "Wine",
            Self::BreastCancer => "Breast cancer",
            Self::Digits => "Handwritten digits",
        }
    }

    /// Returns whether the first two features are coordinates and the others noise, so that decisions can be drawn on a
    /// plane.
    pub(crate) fn is_plane(self) -> bool {
        matches!(self, Self::Circles | Self::Moons)
    }

    /// Returns the number of rows and columns of an image, or `None` if samples are no images.
    pub(crate) fn side(self) -> Option<usize> {
        (self == Self::Digits).then_some(8)
    }

    /// Returns the defaults. Ten classes need a wider bottleneck than four qubits; the other data sets have the
    /// smallest network.
    pub(crate) fn defaults(self) -> Defaults {
        match self {
            Self::Digits => Defaults { epochs: 40, learning_rate: 0.005, hidden: 64, qubits: 8, layers: 3 },
            _ => Defaults { epochs: 50, learning_rate: 0.01, hidden: 16, qubits: 4, layers: 2 },
        }
    }

    /// Returns the samples; the seed changes only generated samples.
    pub(crate) fn load(self, seed: u64) -> Result<Samples> {
        Ok(match self {
            Self::Circles => {
                data::circles(POINTS, CirclesConfig { noise: NOISE, factor: FACTOR, seed, ..Default::default() })?
                    .with_noise(2, NOISE, seed)?
            }
            Self::Moons => data::moons(POINTS, MoonsConfig { noise: NOISE, seed, ..Default::default() })?
                .with_noise(2, NOISE, seed)?,
            Self::Iris => Samples::from_csv(include_str!("../data/iris.csv"))?,
            Self::Wine => Samples::from_csv(include_str!("../data/wine.csv"))?,
            Self::BreastCancer => Samples::from_csv(include_str!("../data/breast_cancer.csv"))?,
            Self::Digits => Samples::from_csv(include_str!("../data/digits.csv"))?,
        })
    }

    /// Returns the scaler that suits the data set, given its training samples.
    pub(crate) fn scaler(self, train: &Samples) -> Result<Scaler> {
        let features = train.x.dim(1)?;
        Ok(match self {
            // Points have coordinates of size one.
            Self::Circles | Self::Moons => Scaler::uniform(features, 1.0)?,
            // Pixels share one unit. A division of each pixel by its own deviation would enlarge pixels that are rarely
            // lit.
            Self::Digits => Scaler::uniform(features, DARKEST_PIXEL)?,
            Self::Iris | Self::Wine | Self::BreastCancer => Scaler::standard(&train.x)?,
        })
    }
}
