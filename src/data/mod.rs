//! Small data sets and their preparation for a network: clouds of points from a seed, tables, splits, scaling,
//! principal components. The feature `datasets` adds MNIST and Fashion-MNIST.
//!
//! ```
//! use candlewick::data::{self, MoonsConfig, Scaler, Split};
//! let moons = data::moons(500, MoonsConfig { noise: 0.1, seed: 7, ..Default::default() })?;
//! let all = moons.with_noise(2, 0.1, 7)?; // [500, 4], two features of noise
//! let Split { train, test, .. } = all.split(0.2, 7)?; // a fifth of each class held out
//! let scaler = Scaler::standard(&train.x)?; // of the training set alone
//! let (train_x, test_x) = (scaler.apply(&train.x)?, scaler.apply(&test.x)?);
//! assert_eq!((train_x.dims(), test_x.dims()), (&[400, 4][..], &[100, 4][..]));
//! # Ok::<(), candlewick::Error>(())
//! ```

mod dataset;
#[cfg(feature = "datasets")]
mod images;
mod pca;
mod points;
mod scaler;

pub use dataset::{Dataset, Split};
#[cfg(feature = "datasets")]
#[cfg_attr(docsrs, doc(cfg(feature = "datasets")))]
pub use images::{ImageSet, images};
pub use pca::Pca;
pub use points::{BlobsConfig, CirclesConfig, MoonsConfig, SpiralsConfig, blobs, circles, moons, spirals};
pub use scaler::Scaler;

use crate::random::Generator;
use rand::SeedableRng;

/// Purpose of a random generator. Each purpose has a stream of its own, so no purpose changes the numbers of another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Coordinates of generated points.
    Points,
    /// Rows that are held out for the test.
    Split,
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
        Purpose::Order => 1 << 63,
    };
    Generator::seed_from_u64(seed.wrapping_mul(4).wrapping_add(stream))
}
