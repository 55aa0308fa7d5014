//! Schedules of the step size.

use std::f64::consts::PI;

/// Factor of the step size at each step. It is a function of the number of steps alone, so it has no state to save.
///
/// The numbers of a schedule count steps of the optimiser for [`factor`](Self::factor), and epochs for
/// [`factor_by_epoch`](Self::factor_by_epoch): see [`Interval`].
///
/// ```
/// use candlewick::optim::Schedule;
/// let schedule = Schedule::Cosine { steps: 100, floor: 0.1 }.after_warmup(10);
/// assert_eq!(schedule.factor(0), 0.1); // 1 / 10, then up to 1
/// assert_eq!(schedule.factor(9), 1.0);
/// assert!((schedule.factor(60) - 0.55).abs() < 1e-12); // half-way from 1 to 0.1
/// assert_eq!(schedule.factor(1000), 0.1);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Schedule {
    /// Factor 1 at all steps.
    #[default]
    Constant,
    /// Product of one `factor` for every `every` steps.
    Step {
        /// Number of steps between two changes; 0 counts as 1.
        every: u64,
        /// Factor of each change.
        factor: f64,
    },
    /// Product of one `factor` for each step.
    Exponential {
        /// Factor of each step.
        factor: f64,
    },
    /// Straight line from 1 to `floor`, then `floor`.
    Linear {
        /// Number of steps of the line.
        steps: u64,
        /// Factor at the end of the line and after it.
        floor: f64,
    },
    /// Half a cosine from 1 to `floor`, then `floor` (Loshchilov and Hutter, arXiv:1608.03983, without restarts).
    Cosine {
        /// Number of steps of the half cosine.
        steps: u64,
        /// Factor at the end of the half cosine and after it.
        floor: f64,
    },
    /// A straight line up to 1, then another schedule from its start; made by [`after_warmup`](Self::after_warmup).
    Warmup(Warmup),
}

/// Straight lines up to 1, then another schedule. Warm-ups in front of warm-ups are stored as one list, so readers need
/// no recursion.
#[derive(Debug, Clone, PartialEq)]
pub struct Warmup {
    /// Steps of each line; the last line of the list acts first.
    lines: Vec<u64>,
    /// Schedule after the lines; never a warm-up itself.
    then: Box<Schedule>,
}

/// Unit in which a [`Schedule`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Interval {
    /// Steps of the optimiser, see [`Schedule::factor`].
    #[default]
    Step,
    /// Passes over the training set, see [`Schedule::factor_by_epoch`].
    Epoch,
}

impl Schedule {
    /// Returns this schedule after a straight line up to 1 in `steps` steps. The first factor is 1 / steps, the last 1.
    pub fn after_warmup(self, steps: u64) -> Self {
        match self {
            same if steps == 0 => same,
            Self::Warmup(mut warmup) => {
                warmup.lines.push(steps);
                Self::Warmup(warmup)
            }
            then => Self::Warmup(Warmup { lines: vec![steps], then: Box::new(then) }),
        }
    }

    /// Returns the factor of step `step`, counted from 0.
    pub fn factor(&self, step: u64) -> f64 {
        self.factor_by_epoch(step, 1)
    }

    /// Returns the factor of step `step`, counted from 0 over all epochs, of a schedule whose numbers count epochs of
    /// `steps_per_epoch` steps. The factor changes at every step: it is the factor of a schedule whose numbers of steps
    /// are multiplied by `steps_per_epoch`, and whose exponential has that root as its factor.
    ///
    /// ```
    /// use candlewick::optim::Schedule;
    /// let epochs = Schedule::Cosine { steps: 10, floor: 0.1 }.after_warmup(2);
    /// let steps = Schedule::Cosine { steps: 10 * 57, floor: 0.1 }.after_warmup(2 * 57);
    /// assert!((0..1000).all(|step| epochs.factor_by_epoch(step, 57) == steps.factor(step)));
    /// ```
    pub fn factor_by_epoch(&self, step: u64, steps_per_epoch: u64) -> f64 {
        self.factor_of(u128::from(step), u128::from(steps_per_epoch.max(1)))
    }

    /// Returns the factor of a step, with the number of steps for which each number of the schedule stands.
    fn factor_of(&self, step: u128, unit: u128) -> f64 {
        let length = |steps: u64| u128::from(steps) * unit;
        let part = |steps: u64| if step < length(steps) { step as f64 / length(steps) as f64 } else { 1.0 };
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => factor.powf((step / length((*every).max(1))) as f64),
            Self::Exponential { factor } => factor.powf(step as f64 / unit as f64),
            Self::Linear { steps, floor } => mix(*floor, 1.0 - part(*steps)),
            Self::Cosine { steps, floor } => mix(*floor, 0.5 * (1.0 + (PI * part(*steps)).cos())),
            Self::Warmup(Warmup { lines, then }) => {
                let mut step = step;
                for line in lines.iter().rev().map(|line| length(*line)) {
                    if step < line {
                        return (step + 1) as f64 / line as f64;
                    }
                    step -= line;
                }
                then.factor_of(step, unit)
            }
        }
    }
}

/// Returns `floor + (1 - floor) * above`: a number between `floor` and 1, exactly `floor` if `above` is 0.
fn mix(floor: f64, above: f64) -> f64 {
    floor + (1.0 - floor) * above
}
