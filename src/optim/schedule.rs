//! Schedules of the step size.

use std::f64::consts::PI;

/// What the step size is multiplied by at each step: a function of the number of steps alone, so that nothing has to be saved for it.
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
    /// Always 1.
    #[default]
    Constant,
    /// Multiplied by `factor` once every so many steps.
    Step {
        /// Steps between two changes; 0 counts as 1.
        every: u64,
        /// What each change multiplies by.
        factor: f64,
    },
    /// Multiplied by `factor` at each step.
    Exponential {
        /// What each step multiplies by.
        factor: f64,
    },
    /// From 1 to `floor` along a straight line, then `floor`.
    Linear {
        /// Steps of the way.
        steps: u64,
        /// Where it ends.
        floor: f64,
    },
    /// From 1 to `floor` along half a cosine, then `floor` (Loshchilov and Hutter, arXiv:1608.03983, without restarts).
    Cosine {
        /// Steps of the way.
        steps: u64,
        /// Where it ends.
        floor: f64,
    },
    /// A straight line up to 1, then another schedule from its start.
    Warmup {
        /// Steps of the line: the first has 1 / steps, the last 1.
        steps: u64,
        /// What follows.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// This schedule behind a straight line from near 0 to 1 in `steps` steps.
    pub fn after_warmup(self, steps: u64) -> Self {
        Self::Warmup { steps, then: Box::new(self) }
    }

    /// The factor of step `step`, counted from 0.
    pub fn factor(&self, step: u64) -> f64 {
        let part = |steps: u64| if step < steps { step as f64 / steps as f64 } else { 1.0 };
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => factor.powf((step / (*every).max(1)) as f64),
            Self::Exponential { factor } => factor.powf(step as f64),
            Self::Linear { steps, floor } => mix(*floor, 1.0 - part(*steps)),
            Self::Cosine { steps, floor } => mix(*floor, 0.5 * (1.0 + (PI * part(*steps)).cos())),
            Self::Warmup { steps, .. } if step < *steps => (step + 1) as f64 / *steps as f64,
            Self::Warmup { steps, then } => then.factor(step - steps),
        }
    }
}

/// Part `above` of the way from `floor` up to 1; `floor` itself where that part is 0.
fn mix(floor: f64, above: f64) -> f64 {
    floor + (1.0 - floor) * above
}
