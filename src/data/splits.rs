//! Parts of a data set: for training, validation and the test, and folds.

use super::dataset::check_labels;
use super::{Dataset, Purpose, seeded_generator};
use crate::error::{Error, Result};
use crate::limits::check_copy;
use crate::memory::check_numbers;
use rand::seq::SliceRandom;

/// Two parts of one set of samples: [`Dataset::split`] makes them, and so does `images` of the feature `datasets`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Split {
    /// Samples to train on.
    pub train: Dataset,
    /// Samples held out for the test.
    pub test: Dataset,
}

/// Three parts of one set of samples: [`Dataset::split3`] makes them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Split3 {
    /// Samples to train on.
    pub train: Dataset,
    /// Samples by which something is chosen: the epoch, the size of a network, a step size.
    pub validation: Dataset,
    /// Samples for the figure that is reported. Nothing is chosen by them.
    pub test: Dataset,
}

impl Dataset {
    /// Splits the samples into a part for training and a part for the test. The fraction `fraction` of every class,
    /// rounded to whole samples, goes to the test; the seed chooses the samples. A set for a regression is split as one
    /// class. Both parts are in the order of their classes: [shuffle](Self::shuffled) them before you take a few
    /// samples.
    ///
    /// # Errors
    /// A fraction outside [0, 1]; a label beyond the classes.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<Split> {
        let [train, test, _] = self.parts([fraction, 0.0], seed)?;
        Ok(Split { train: self.select(&train)?, test: self.select(&test)? })
    }

    /// Splits the samples into parts for training, validation and the test: the fractions `validation` and `test` of
    /// every class, each rounded to whole samples. The test set is that of [`split`](Self::split) with the same
    /// fraction and seed.
    ///
    /// ```
    /// use candlewick::data::{self, MoonsConfig, Split3};
    /// let moons = data::moons(500, MoonsConfig { noise: 0.1, seed: 7, ..Default::default() })?;
    /// let Split3 { train, validation, test, .. } = moons.split3(0.2, 0.2, 7)?;
    /// assert_eq!([train.len(), validation.len(), test.len()], [300, 100, 100]);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// A fraction outside [0, 1], or two with a sum above 1; a label beyond the classes.
    pub fn split3(&self, validation: f64, test: f64, seed: u64) -> Result<Split3> {
        let [train, test, validation] = self.parts([test, validation], seed)?;
        let (train, validation) = (self.select(&train)?, self.select(&validation)?);
        Ok(Split3 { train, validation, test: self.select(&test)? })
    }

    /// Splits the samples into `count` parts of equal size, as far as possible, with the classes in equal shares, and
    /// returns a split for each: the part as its test set, all others to train on. The seed chooses the samples.
    ///
    /// ```
    /// use candlewick::data::{self, MoonsConfig};
    /// let moons = data::moons(100, MoonsConfig { noise: 0.1, ..Default::default() })?;
    /// let folds = moons.folds(5, 7)?;
    /// assert!(folds.iter().all(|fold| (fold.train.len(), fold.test.len()) == (80, 20)));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than 2 parts, or more than samples; a label beyond the classes; more than the memory holds.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<Split>> {
        if !(2..=self.len()).contains(&count) {
            let allowed = "from 2 to the number of samples";
            return Err(Error::Setting { of: "folds", setting: "count", value: count as f64, allowed });
        }
        self.countable()?;
        // The samples once more for each fold, as if every number had eight bytes, and for each of its sets the tensors
        // and the names of classes and features.
        let names = 16 * (4 + self.classes.len() + self.features.len());
        let numbers = [self.y.elem_count(), names].iter().try_fold(self.x.elem_count(), |all, &n| all.checked_add(n));
        check_numbers("the folds", numbers.and_then(|all| all.checked_mul(count)).map(|numbers| numbers as u64))?;
        let mut rng = seeded_generator(seed, Purpose::Folds);
        // The fold of each sample. Classes go on where the class before has ended, so that folds differ by one sample.
        let (mut fold_of, mut next) = (vec![0; self.len()], 0);
        for mut members in self.groups()? {
            members.shuffle(&mut rng);
            for member in members {
                fold_of[member as usize] = next % count;
                next += 1;
            }
        }
        let part = |fold: usize, is_test: bool| {
            let chosen = fold_of.iter().zip(0..).filter(|(of, _)| (**of == fold) == is_test);
            self.select(&chosen.map(|(_, index)| index).collect::<Vec<u32>>())
        };
        (0..count).map(|fold| Ok(Split { train: part(fold, false)?, test: part(fold, true)? })).collect()
    }

    /// Returns the samples of each class, or all samples of a set for a regression.
    fn groups(&self) -> Result<Vec<Vec<u32>>> {
        let samples = self.countable()?;
        if self.y.dtype().is_float() {
            return Ok(vec![(0..samples).collect()]);
        }
        check_copy("the labels", &self.y, self.y.dtype())?;
        let labels = self.y.to_vec1::<u32>()?;
        check_labels(&labels, &self.classes)?;
        let mut groups = vec![Vec::new(); self.classes.len()];
        for (&label, index) in labels.iter().zip(0..) {
            groups[label as usize].push(index);
        }
        Ok(groups)
    }

    /// Returns the rest of the samples, and two parts with a fraction of every class.
    fn parts(&self, fractions: [f64; 2], seed: u64) -> Result<[Vec<u32>; 3]> {
        for value in [fractions[0], fractions[1], fractions[0] + fractions[1]] {
            if !(0.0..=1.0).contains(&value) {
                let allowed = "in [0, 1], and the sum of all fractions too";
                return Err(Error::Setting { of: "a split", setting: "fraction", value, allowed });
            }
        }
        let mut rng = seeded_generator(seed, Purpose::Split);
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for mut members in self.groups()? {
            members.shuffle(&mut rng);
            let [first, second] = fractions.map(|fraction| (members.len() as f64 * fraction).round() as usize);
            let rest = members.split_off((first + second).min(members.len()));
            let second = members.split_off(first);
            parts[0].extend(rest);
            parts[1].extend(members);
            parts[2].extend(second);
        }
        Ok(parts)
    }
}
