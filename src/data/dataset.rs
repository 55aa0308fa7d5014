//! Samples with their classes.

use super::features::check_float;
use super::fields;
use super::{Purpose, seeded_generator};
use crate::error::{DataError, Error, Result, TensorError};
use crate::limits::{check_copy, check_rows};
use crate::memory::check_numbers;
use candle_core::{DType, Device, Tensor};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;

/// Samples with their classes, as tensors.
///
/// ```
/// use candlewick::data::Dataset;
/// let table = Dataset::from_csv("3,2,small,large\n0.1,0.2,0\n5,6.5,1\n7,8,1\n")?;
/// assert_eq!(table.x.to_vec2::<f32>()?[1], [5.0, 6.5]);
/// assert_eq!(table.y.to_vec1::<u32>()?, [0, 1, 1]);
/// assert_eq!(table.classes, ["small", "large"]);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Dataset {
    /// Samples `[samples, features]`, or `[samples, channels, height, width]` for images; F32 on the CPU if this crate
    /// made them, unless the options of a table say F64.
    pub x: Tensor,
    /// Class of each sample, `[samples]` in U32, below the number of classes. In a set for a regression, the targets
    /// `[samples, targets]` in a floating-point dtype, of which there may be none.
    pub y: Tensor,
    /// Name of each class; none in a set for a regression.
    pub classes: Vec<String>,
    /// Name of each feature, or nothing if they have no names.
    pub features: Vec<String>,
}

impl Dataset {
    /// Makes a data set of existing tensors.
    ///
    /// # Errors
    /// Labels that are not `[samples]` in U32 with as many samples as `x`, are beyond the classes, or are more than the
    /// memory holds.
    pub fn new(x: Tensor, y: Tensor, classes: Vec<String>) -> Result<Self> {
        let samples = x.dims().first().copied().unwrap_or(0);
        if y.dtype() != DType::U32 {
            return Err(Error::Tensor(TensorError::DTypeMismatch {
                what: "labels".to_owned(),
                expected: DType::U32,
                actual: y.dtype(),
            }));
        }
        if y.dims() != [samples] {
            return Err(Error::Tensor(TensorError::Shape {
                what: "labels",
                expected: samples.into(),
                actual: y.shape().clone(),
            }));
        }
        check_copy("the labels", &y, y.dtype())?;
        check_labels(&y.to_vec1::<u32>()?, &classes)?;
        Ok(Self { x, y, classes, features: Vec::new() })
    }

    /// Makes a data set for a regression: targets `[samples, targets]` in a floating-point dtype.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::data::Dataset;
    /// let x = Tensor::arange(0f32, 20.0, &Device::Cpu)?.reshape((10, 2))?;
    /// let set = Dataset::regression(x.clone(), x.sum_keepdim(1)?)?;
    /// assert_eq!((set.len(), set.split(0.2, 7)?.test.len()), (10, 2));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// Targets of another shape or dtype, or of another number of samples.
    pub fn regression(x: Tensor, y: Tensor) -> Result<Self> {
        let samples = x.dims().first().copied().unwrap_or(0);
        check_float("the tensor of targets", &y)?;
        match y.dims() {
            [targets, _] if *targets == samples => Ok(Self { x, y, classes: Vec::new(), features: Vec::new() }),
            other => {
                let expected = (samples, other.get(1).copied().unwrap_or(1)).into();
                let (what, actual) = ("the targets", y.shape().clone());
                Err(Error::Tensor(TensorError::Shape { what, expected, actual }))
            }
        }
    }

    /// Returns the same samples with other features, such as scaled ones, or images made of rows. The new features have
    /// no names.
    ///
    /// # Errors
    /// Features of another number of samples.
    pub fn with_x(self, x: Tensor) -> Result<Self> {
        if self.y.dtype().is_float() { Self::regression(x, self.y) } else { Self::new(x, self.y, self.classes) }
    }

    /// Reads a table in the format of this repository's own data; [`read_csv`](Self::read_csv) reads other tables. A
    /// first line `samples,features,class names..`, then for each sample a line with its
    /// features, followed by its class (from 0).
    ///
    /// # Errors
    /// A line that does not fit, with its number and the number of its field if one field is wrong, both counted from
    /// 1.
    pub fn from_csv(text: &str) -> Result<Self> {
        let mut lines = text.lines().zip(1..);
        let problem = |line: usize, problem: &'static str| Error::Data(DataError::Table { line, field: None, problem });
        let bad = |line: usize, field: usize, problem: &'static str| {
            Error::Data(DataError::Table { line, field: Some(field), problem })
        };
        let (header, _) = lines.next().ok_or(problem(1, "the table is empty"))?;
        let mut header = header.split(',').map(str::trim);
        let mut count = || header.next().and_then(|field| field.parse::<usize>().ok());
        let announced = count().zip(count());
        let (samples, features) =
            announced.ok_or(problem(1, "the first line must read `samples,features,class names..`"))?;
        let classes: Vec<String> = header.map(str::to_owned).collect();

        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
            let (row, label) = line.rsplit_once(',').ok_or(problem(number, "there is one field"))?;
            let before = x.len();
            for (field, place) in row.split(',').zip(1..) {
                let value = fields::number(field.trim(), DType::F32, "is no number");
                x.push(value.map_err(|problem| bad(number, place, problem))? as f32);
            }
            if x.len() - before != features {
                return Err(problem(number, "there are other features than the first line announces"));
            }
            let last = features + 1;
            let label: u32 = label.trim().parse().map_err(|_| bad(number, last, "the class is no whole number"))?;
            if label as usize >= classes.len() {
                return Err(bad(number, last, "the first line has no such class"));
            }
            y.push(label);
        }
        if y.len() != samples {
            return Err(problem(1, "another number of samples follows"));
        }
        let device = Device::Cpu;
        Self::new(Tensor::from_vec(x, (samples, features), &device)?, Tensor::from_vec(y, samples, &device)?, classes)
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.y.dims().first().copied().unwrap_or(0)
    }

    /// Returns whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of samples in `u32`, as indices of samples are, if the memory holds a few lists of indices.
    pub(super) fn countable(&self) -> Result<u32> {
        let samples = self.len();
        let count = u32::try_from(samples).map_err(|_| {
            let (of, setting, allowed) = ("a data set", "samples", "at most 4294967295");
            Error::Setting { of, setting, value: samples as f64, allowed }
        })?;
        check_numbers("the indices of the samples", (samples as u64).checked_mul(4))?;
        Ok(count)
    }

    /// Returns the samples of `indices`, in that order.
    ///
    /// # Errors
    /// candle's error for an index that is out of range; more than the memory holds.
    pub fn select(&self, indices: &[u32]) -> Result<Self> {
        check_rows("the samples", &[&self.x, &self.y], indices.len())?;
        let indices = Tensor::new(indices, self.x.device())?;
        let rows = |of: &Tensor| of.contiguous()?.index_select(&indices, 0);
        let (x, y) = (rows(&self.x)?, rows(&self.y)?);
        Ok(Self { x, y, ..self.clone() })
    }

    /// Returns the samples in an order that the seed determines. Many tables are sorted by class.
    ///
    /// # Errors
    /// More samples than `u32` numbers or than the memory holds; candle's errors.
    pub fn shuffled(&self, seed: u64) -> Result<Self> {
        let mut order: Vec<u32> = (0..self.countable()?).collect();
        order.shuffle(&mut seeded_generator(seed, Purpose::Order));
        self.select(&order)
    }

    /// Returns the first `count` samples, or all if there are fewer. Sorted samples begin with the first classes:
    /// [shuffle](Self::shuffled) them first.
    ///
    /// # Errors
    /// candle's errors.
    pub fn take(&self, count: usize) -> Result<Self> {
        let count = count.min(self.len());
        Ok(Self { x: self.x.narrow(0, 0, count)?, y: self.y.narrow(0, 0, count)?, ..self.clone() })
    }

    /// Appends `features` features without meaning: normal variates of mean 0 and standard deviation `deviation`, from
    /// the seed.
    ///
    /// # Errors
    /// A deviation that is negative or not finite; samples that are no rows or not of a floating-point dtype; more than
    /// the memory holds.
    pub fn with_noise(&self, features: usize, deviation: f64, seed: u64) -> Result<Self> {
        let (samples, before) = self.x.dims2()?;
        check_float("the tensor of samples", &self.x)?;
        // Even without samples, a feature has a name.
        // The noise in F64 and in the samples' dtype, and both side by side.
        let width = (features as u64).checked_mul(3).and_then(|noise| noise.checked_add(before as u64));
        check_numbers("the samples", width.and_then(|width| width.checked_mul(samples.max(1) as u64)))?;
        let noise = normal_numbers(samples, features, deviation, &mut seeded_generator(seed, Purpose::Noise))?;
        let noise = Tensor::from_vec(noise, (samples, features), &Device::Cpu)?.to_dtype(self.x.dtype())?;
        let x = Tensor::cat(&[&self.x, &noise.to_device(self.x.device())?], 1)?;
        let unnamed = self.features.is_empty();
        let names = (1..=features).filter(|_| !unnamed).map(|index| format!("noise {index}"));
        Ok(Self { x, features: self.features.iter().cloned().chain(names).collect(), ..self.clone() })
    }

    /// Copies the data set to another device.
    ///
    /// # Errors
    /// candle's errors.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self { x: self.x.to_device(device)?, y: self.y.to_device(device)?, ..self.clone() })
    }
}

pub(super) fn check_labels(labels: &[u32], classes: &[String]) -> Result<()> {
    match labels.iter().position(|&label| label as usize >= classes.len()) {
        None => Ok(()),
        Some(sample) => Err(Error::Data(DataError::Label { sample, classes: classes.len() })),
    }
}

/// Returns normal variates around 0, row by row.
pub(super) fn normal_numbers(rows: usize, columns: usize, deviation: f64, rng: &mut impl Rng) -> Result<Vec<f64>> {
    if !(deviation.is_finite() && deviation >= 0.0) {
        let allowed = "a finite number from 0 on";
        return Err(Error::Setting { of: "noise", setting: "deviation", value: deviation, allowed });
    }
    check_numbers("the samples", (rows as u64).checked_mul(columns as u64))?;
    Ok((0..rows * columns).map(|_| deviation * rng.sample::<f64, _>(StandardNormal)).collect())
}
