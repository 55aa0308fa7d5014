//! Parts of a data set: for training, validation and the test, and folds.

use super::dataset::check_labels;
use super::{Dataset, Purpose, seeded_generator};
use crate::error::{DataError, Error, Result};
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

/// Three parts of one set of samples or of one table: [`Dataset::split3`] and [`Table::split3`](super::Table::split3)
/// make them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Split3<T = Dataset> {
    /// Samples to train on.
    pub train: T,
    /// Samples by which something is chosen: the epoch, the size of a network, a step size.
    pub validation: T,
    /// Samples for the figure that is reported. Nothing is chosen by them.
    pub test: T,
}

impl Dataset {
    /// Splits the samples into a part for training and a part for the test. The fraction `fraction` of every class,
    /// rounded to whole samples, goes to the test, but at least one sample of each class to each part, unless the
    /// fraction is 0 or 1. The seed chooses the samples and their order in both parts. A set for a regression is split
    /// as one class.
    ///
    /// # Errors
    /// A fraction outside [0, 1]; a class with a single sample; a label beyond the classes; more samples than `u32`
    /// numbers or than the memory holds.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<Split> {
        let [train, test, _] = self.parts([fraction, 0.0], seed)?;
        Ok(Split { train: self.select(&train)?, test: self.select(&test)? })
    }

    /// Splits the samples into parts for training, validation and the test: the fractions `validation` and `test` of
    /// every class, each rounded to whole samples, but at least one sample of each class to each part, unless its
    /// fraction is 0. The samples of every part are in an order that the seed determines. The test set is that of
    /// [`split`](Self::split) with the same fraction and seed, if every class is large enough for its share.
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
    /// A fraction outside [0, 1], or two with a sum above 1; a class with fewer samples than parts; a label beyond the
    /// classes; more samples than `u32` numbers or than the memory holds.
    pub fn split3(&self, validation: f64, test: f64, seed: u64) -> Result<Split3> {
        let [train, test, validation] = self.parts([test, validation], seed)?;
        let (train, validation) = (self.select(&train)?, self.select(&validation)?);
        Ok(Split3 { train, validation, test: self.select(&test)? })
    }

    /// Splits the samples into `count` parts of equal size, as far as possible, with the classes in equal shares, and
    /// returns a split for each: the part as its test set, all others to train on. The seed chooses the samples and
    /// their order. A class with fewer samples than parts is in some of the test sets only.
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
    /// Fewer than 2 parts, or more than samples; a class with a single sample, which one of the folds could not train
    /// on; a label beyond the classes; more samples than `u32` numbers or than the memory holds.
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
        for (class, mut members) in self.groups()? {
            if members.len() == 1 {
                return Err(few_members(class, 1, 2));
            }
            members.shuffle(&mut rng);
            for member in members {
                fold_of[member as usize] = next % count;
                next += 1;
            }
        }
        let mut part = |fold: usize, is_test: bool| {
            let chosen = fold_of.iter().zip(0..).filter(|(of, _)| (**of == fold) == is_test);
            let mut chosen: Vec<u32> = chosen.map(|(_, index)| index).collect();
            chosen.shuffle(&mut rng);
            self.select(&chosen)
        };
        (0..count).map(|fold| Ok(Split { train: part(fold, false)?, test: part(fold, true)? })).collect()
    }

    /// Returns the samples of each class with its name, or all samples of a set for a regression.
    fn groups(&self) -> Result<Vec<Group>> {
        let samples = self.countable()?;
        if self.y.dtype().is_float() {
            return Ok(vec![(None, (0..samples).collect())]);
        }
        check_copy("the labels", &self.y, self.y.dtype())?;
        let labels = self.y.to_vec1::<u32>()?;
        check_labels(&labels, &self.classes)?;
        let mut groups: Vec<Group> = self.classes.iter().map(|class| (Some(class.clone()), Vec::new())).collect();
        for (&label, index) in labels.iter().zip(0..) {
            groups[label as usize].1.push(index);
        }
        Ok(groups)
    }

    fn parts(&self, fractions: [f64; 2], seed: u64) -> Result<[Vec<u32>; 3]> {
        check_fractions(fractions)?;
        parts(self.groups()?, fractions, seed)
    }
}

/// Name of a class, if there are classes, and its samples.
pub(super) type Group = (Option<String>, Vec<u32>);

pub(super) fn check_fractions(fractions: [f64; 2]) -> Result<()> {
    for value in [fractions[0], fractions[1], fractions[0] + fractions[1]] {
        if !(0.0..=1.0).contains(&value) {
            let allowed = "in [0, 1], and the sum of all fractions too";
            return Err(Error::Setting { of: "a split", setting: "fraction", value, allowed });
        }
    }
    Ok(())
}

/// Returns the rest of the samples, and two parts with a fraction of every group.
pub(super) fn parts(groups: Vec<Group>, fractions: [f64; 2], seed: u64) -> Result<[Vec<u32>; 3]> {
    let mut rng = seeded_generator(seed, Purpose::Split);
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for (class, mut members) in groups.into_iter().filter(|(_, members)| !members.is_empty()) {
        members.shuffle(&mut rng);
        let [first, second] = shares(class, members.len(), fractions)?;
        let rest = members.split_off(first + second);
        let second = members.split_off(first);
        parts[0].extend(rest);
        parts[1].extend(members);
        parts[2].extend(second);
    }
    // The first held-out part comes first: its order does not depend on whether there is a second.
    [1, 0, 2].into_iter().for_each(|part| parts[part].shuffle(&mut rng));
    Ok(parts)
}

/// Returns how many of `count` members go to each held-out part: the fractions, rounded, and at least one member for
/// each of the three parts that is not to be empty.
fn shares(class: Option<String>, count: usize, fractions: [f64; 2]) -> Result<[usize; 2]> {
    let rest = 1.0 - (fractions[0] + fractions[1]);
    let needs = [fractions[0], fractions[1], rest].map(|fraction| usize::from(fraction > 0.0));
    let needed = needs.iter().sum();
    if count < needed {
        return Err(few_members(class, count, needed));
    }
    let mut shares = [0, 1].map(|part| ((count as f64 * fractions[part]).round() as usize).max(needs[part]));
    // Two shares that are rounded up may be more than there is.
    while shares[0] + shares[1] + needs[2] > count {
        shares[usize::from(shares[1] > shares[0])] -= 1;
    }
    Ok(shares)
}

fn few_members(class: Option<String>, count: usize, parts: usize) -> Error {
    Error::Data(DataError::FewMembers { class, count, parts })
}
