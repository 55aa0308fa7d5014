//! A line search for the strong Wolfe conditions.

use crate::error::Result;

/// Point on a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// Place on the line, in steps.
    pub(super) step: f64,
    /// Loss, infinite where the loss or its gradient is not finite.
    pub(super) loss: f64,
    /// Derivative of the loss along the line.
    pub(super) slope: f64,
}

/// Search from a point with a slope below 0 (Nocedal and Wright, algorithms 3.5 and 3.6).
#[derive(Debug)]
pub(super) struct LineSearch {
    pub(super) start: Point,
    pub(super) sufficient_decrease: f64,
    pub(super) curvature: f64,
    /// Largest number of evaluations.
    pub(super) evaluations: usize,
}

impl LineSearch {
    /// Returns a point that meets both conditions. If the evaluations do not suffice, returns the lowest point with a
    /// sufficient decrease, or `None` if there is none.
    pub(super) fn run(&self, first: f64, mut at: impl FnMut(f64) -> Result<Point>) -> Result<Option<Point>> {
        // `low` has a sufficient decrease and a slope towards `high`, if there is an end to the interval.
        let (mut low, mut high, mut next) = (self.start, None::<Point>, first);
        for _ in 0..self.evaluations {
            let point = at(next)?;
            if !self.decreases(&point) || point.loss >= low.loss {
                high = Some(point);
            } else if point.slope.abs() <= -self.curvature * self.start.slope {
                return Ok(Some(point));
            } else {
                let towards = high.map_or(f64::INFINITY, |high| high.step) - low.step;
                if point.slope * towards >= 0.0 {
                    high = Some(low);
                }
                low = point;
            }
            next = match high {
                None => extrapolated(&self.start, &low),
                Some(high) => inside(&low, &high),
            };
            let stands_still = next == low.step || high.is_some_and(|high| next == high.step);
            if stands_still || !next.is_finite() {
                break;
            }
        }
        Ok(Some(low).filter(|low| low.step > 0.0))
    }

    fn decreases(&self, point: &Point) -> bool {
        point.loss <= self.start.loss + self.sufficient_decrease * point.step * self.start.slope
    }
}

/// Returns the minimum of the cubic through two points with their slopes, if it has one.
fn cubic(a: &Point, b: &Point) -> Option<f64> {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.step - b.step);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = (b.step - a.step).signum() * square.sqrt();
    let minimum = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    Some(minimum).filter(|minimum| minimum.is_finite())
}

/// Returns a point inside an interval: the cubic's minimum, not nearer to an end than a tenth of the length.
fn inside(low: &Point, high: &Point) -> f64 {
    let (left, right) = (low.step.min(high.step), low.step.max(high.step));
    let margin = 0.1 * (right - left);
    cubic(low, high).map_or(0.5 * (left + right), |at| at.clamp(left + margin, right - margin))
}

/// Returns a point behind the last: the cubic's minimum, from twice to ten times as far.
fn extrapolated(start: &Point, last: &Point) -> f64 {
    let (nearest, farthest) = (2.0 * last.step, 10.0 * last.step);
    cubic(start, last).filter(|at| *at > last.step).map_or(nearest, |at| at.clamp(nearest, farthest))
}
