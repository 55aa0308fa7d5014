//! Sums and multiples of observables, and all operators by reference.

use super::Observable;
use crate::angle::Angle;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

impl Mul<Observable> for f64 {
    type Output = Observable;
    fn mul(self, observable: Observable) -> Observable {
        observable.scale(self)
    }
}

impl Mul<f64> for Observable {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        self.scale(factor)
    }
}

impl Mul<Observable> for Angle {
    type Output = Observable;
    fn mul(self, observable: Observable) -> Observable {
        observable.weigh(self)
    }
}

impl Mul<&Observable> for Angle {
    type Output = Observable;
    fn mul(self, observable: &Observable) -> Observable {
        observable.clone().weigh(self)
    }
}

impl Mul<Angle> for &Observable {
    type Output = Observable;
    fn mul(self, factor: Angle) -> Observable {
        self.clone().weigh(factor)
    }
}

impl Mul<Angle> for Observable {
    type Output = Self;
    fn mul(self, factor: Angle) -> Self {
        self.weigh(factor)
    }
}

impl Add for Observable {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.plus(other)
    }
}

impl Sub for Observable {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.plus(-other)
    }
}

impl Neg for Observable {
    type Output = Self;
    fn neg(self) -> Self {
        self.scale(-1.0)
    }
}

impl std::iter::Sum for Observable {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::default(), Self::plus)
    }
}

impl AddAssign for Observable {
    fn add_assign(&mut self, other: Self) {
        *self = std::mem::take(self) + other;
    }
}

impl SubAssign for Observable {
    fn sub_assign(&mut self, other: Self) {
        *self = std::mem::take(self) - other;
    }
}

impl MulAssign<f64> for Observable {
    fn mul_assign(&mut self, factor: f64) {
        *self = std::mem::take(self).scale(factor);
    }
}

/// Implements the same operators for references on either side, or on both.
macro_rules! by_reference {
    ($($operator:ident $method:ident,)*) => {$(
        impl $operator<&Observable> for Observable {
            type Output = Observable;
            fn $method(self, other: &Observable) -> Observable {
                self.$method(other.clone())
            }
        }

        impl $operator<Observable> for &Observable {
            type Output = Observable;
            fn $method(self, other: Observable) -> Observable {
                self.clone().$method(other)
            }
        }

        impl $operator for &Observable {
            type Output = Observable;
            fn $method(self, other: &Observable) -> Observable {
                self.clone().$method(other.clone())
            }
        }
    )*};
}
by_reference! { Add add, Sub sub, Mul mul, }

impl Mul<&Observable> for f64 {
    type Output = Observable;
    fn mul(self, observable: &Observable) -> Observable {
        observable.clone().scale(self)
    }
}

impl Mul<f64> for &Observable {
    type Output = Observable;
    fn mul(self, factor: f64) -> Observable {
        self.clone().scale(factor)
    }
}

impl Neg for &Observable {
    type Output = Observable;
    fn neg(self) -> Observable {
        self.clone().scale(-1.0)
    }
}
