//! Sines and cosines of many angles at once, in `f64`, with vectors.
//!
//! The reduction and the polynomials are fdlibm's (`__ieee754_rem_pio2` for medium arguments, `__kernel_sin`,
//! `__kernel_cos`), with errors below an ulp. The standard library computes angles beyond fdlibm's medium range, NaN
//! and infinity.

use crate::engine::simd::arch::current_arch;
use pulp::NullaryFnOnce;
use std::f64::consts::FRAC_2_PI;

/// Angles that are treated at once.
const WIDTH: usize = 8;

/// Largest angle for which the products of the reduction are exact.
const MEDIUM: f64 = 8e5;

/// Constant that rounds a number of medium size to an integer when it is added and subtracted. The low bits of the sum
/// are the integer's.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// π/2 as three parts of 33 bits, and the remainder.
const HALF_PI: [f64; 4] =
    [1.570_796_326_734_125_6, 6.077_100_506_303_966e-11, 2.022_266_248_711_166_5e-21, 8.478_427_660_368_9e-32];

const SIN: [f64; 6] = [
    -1.666_666_666_666_663_2e-1,
    8.333_333_333_322_49e-3,
    -1.984_126_982_985_795e-4,
    2.755_731_370_707_006_8e-6,
    -2.505_076_025_340_686_3e-8,
    1.589_690_995_211_55e-10,
];

const COS: [f64; 6] = [
    4.166_666_666_666_66e-2,
    -1.388_888_888_887_411e-3,
    2.480_158_728_947_673e-5,
    -2.755_731_435_139_066_3e-7,
    2.087_572_321_298_175e-9,
    -1.135_964_755_778_819_5e-11,
];

/// Returns sine and cosine of an angle of medium size.
#[inline(always)]
fn medium(x: f64) -> (f64, f64) {
    let shifted = x * FRAC_2_PI + ROUND;
    let (n, quadrant) = (shifted - ROUND, shifted.to_bits());
    let r = (((x - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2]) - n * HALF_PI[3];
    let z = r * r;
    let series = |c: &[f64; 6]| c[0] + z * (c[1] + z * (c[2] + z * (c[3] + z * (c[4] + z * c[5]))));
    let sin = r + r * z * series(&SIN);
    let half = 0.5 * z;
    let w = 1.0 - half;
    let cos = w + (((1.0 - w) - half) + z * z * series(&COS));
    let (a, b) = if quadrant & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let x_group = |value: f64, sign: u64| f64::from_bits(value.to_bits() ^ (sign & 2) << 62);
    (x_group(a, quadrant), x_group(b, quadrant.wrapping_add(1)))
}

struct Each<'a> {
    angles: &'a [f64],
    sin: &'a mut [f64],
    cos: &'a mut [f64],
}

impl NullaryFnOnce for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let parts = self.sin.chunks_mut(WIDTH).zip(self.cos.chunks_mut(WIDTH));
        for (angles, (sin, cos)) in self.angles.chunks(WIDTH).zip(parts) {
            // The vector is full even if fewer angles are left, so that an angle's result does not depend on its place.
            let mut x = [0.0; WIDTH];
            x[..angles.len()].copy_from_slice(angles);
            let (mut s, mut c) = ([0.0; WIDTH], [0.0; WIDTH]);
            if x.iter().all(|x| x.abs() < MEDIUM) {
                for k in 0..WIDTH {
                    (s[k], c[k]) = medium(x[k]);
                }
            } else {
                for k in 0..WIDTH {
                    (s[k], c[k]) = if x[k].abs() < MEDIUM { medium(x[k]) } else { x[k].sin_cos() };
                }
            }
            sin.copy_from_slice(&s[..angles.len()]);
            cos.copy_from_slice(&c[..angles.len()]);
        }
    }
}

/// Writes the sine and the cosine of each angle.
pub(crate) fn sin_cos(angles: &[f64], sin: &mut [f64], cos: &mut [f64]) {
    current_arch().dispatch(Each { angles, sin, cos });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_library() {
        let near = (-2000..2000).flat_map(|k: i32| {
            let corner = f64::from(k) * std::f64::consts::FRAC_PI_4;
            [corner, corner + 1e-9, f64::from(k) * 0.377, f64::from(k) * 399.7, corner.powi(3), 1e-9 * corner]
        });
        let angles: Vec<f64> = near.chain([0.0, -0.0, 7e5, 9e5, 1e300, f64::MIN_POSITIVE]).collect();
        let (mut sin, mut cos) = (vec![0.0; angles.len()], vec![0.0; angles.len()]);
        sin_cos(&angles, &mut sin, &mut cos);
        for (x, (s, c)) in angles.iter().zip(sin.iter().zip(&cos)) {
            let close = |a: f64, b: f64| (a - b).abs() <= 2.0 * f64::EPSILON * b.abs();
            assert!(close(*s, x.sin()) && close(*c, x.cos()), "{x}: {s} {c}, not {} {}", x.sin(), x.cos());
        }
        let odd = [f64::NAN, f64::INFINITY, 0.5];
        let (mut sin, mut cos) = ([0.0; 3], [0.0; 3]);
        sin_cos(&odd, &mut sin, &mut cos);
        assert!(sin[0].is_nan() && cos[1].is_nan() && (sin[2] - 0.5f64.sin()).abs() < 1e-15);
    }
}
