//! Small data sets and their preparation for a network: clouds of points from a seed, tables, splits, missing values,
//! scaling, principal components. The feature `datasets` adds MNIST and Fashion-MNIST.
//!
//! ```
//! use candlewick::data::{self, MoonsConfig, Scaler, Split3};
//! let moons = data::moons(500, MoonsConfig { noise: 0.1, seed: 7, ..Default::default() })?;
//! let all = moons.with_noise(2, 0.1, 7)?; // [500, 4], two features of noise
//! // Two fifths of each class are held out.
//! let Split3 { train, validation, test, .. } = all.split3(0.2, 0.2, 7)?;
//! let scaler = Scaler::standard(&train)?; // of the training set alone
//! let (train_x, test_x) = (scaler.apply(&train.x)?, scaler.apply(&test.x)?);
//! assert_eq!((train_x.dims(), test_x.dims()), (&[300, 4][..], &[100, 4][..]));
//! assert_eq!(validation.len(), 100);
//! # Ok::<(), candlewick::Error>(())
//! ```

mod columns;
mod config;
mod dataset;
mod encoder;
mod features;
mod fields;
#[cfg(feature = "datasets")]
mod images;
mod imputer;
mod pca;
mod points;
mod scaler;
mod splits;
mod table;

pub use config::{CsvConfig, Missing, MissingTarget, Target, Unknown};
pub use dataset::Dataset;
pub use encoder::TableEncoder;
pub use features::Features;
pub(crate) use features::narrowed_samples;
#[cfg(feature = "datasets")]
#[cfg_attr(docsrs, doc(cfg(feature = "datasets")))]
pub use images::{ImageSet, images};
pub use imputer::Imputer;
pub use pca::Pca;
pub use points::{BlobsConfig, CirclesConfig, MoonsConfig, SpiralsConfig, blobs, circles, moons, spirals};
pub use scaler::Scaler;
pub use splits::{Split, Split3};
pub use table::Table;

use crate::random::Generator;
use rand::SeedableRng;

/// Purpose of a random generator. Each purpose has a stream of its own, so no purpose changes the numbers of another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Coordinates of generated points.
    Points,
    /// Rows that are held out for the test.
    Split,
    /// Rows of each fold.
    Folds,
    /// Order of the training samples.
    #[cfg(feature = "train")]
    Batches,
    /// Features of noise.
    Noise,
    /// Order of a shuffled set.
    Order,
}

/// Returns the generator of a seed for a purpose.
pub(crate) fn seeded_generator(seed: u64, purpose: Purpose) -> Generator {
    let stream = match purpose {
        Purpose::Points => 0,
        Purpose::Split => 1,
        #[cfg(feature = "train")]
        Purpose::Batches => 2,
        Purpose::Noise => 3,
        Purpose::Folds => 1 << 62,
        Purpose::Order => 1 << 63,
    };
    Generator::seed_from_u64(seed.wrapping_mul(4).wrapping_add(stream))
}
