//! Measurements: the outputs of a circuit.

use crate::error::{Error, Mistake, Result};
use crate::limits::{MAX_QUBITS, at_most, some_qubits};
use crate::mask::{Mask, Wide};
use crate::observable::Observable;

/// Output of a circuit for each sample. All outputs are differentiable.
///
/// | measurement | outputs a sample | shape behind the batch |
/// |---|---|---|
/// | [`expectation`](Self::expectation) of m observables | `<O_k>` | `[m]` |
/// | [`variance`](Self::variance) of m observables | `<O_k²> - <O_k>²` | `[m]` |
/// | [`probabilities`](Self::probabilities) of k qubits | probability of each basis state | `[2^k]` |
/// | [`state`](Self::state) | real and imaginary part of each amplitude | `[2^n, 2]` |
/// | [`density_matrix`](Self::density_matrix) | real and imaginary part of each entry | `[2^n, 2^n, 2]` |
/// | [`postselect`](Self::postselect) of m values | values where qubits read as given; the probability | `[m + 1]` |
/// | [`all`](Self::all) of several measurements | the outputs of each, side by side | `[sum of their numbers]` |
///
/// ```
/// use candlewick::prelude::*;
/// let four_outputs = Measurement::expectation((0..4).map(Z));
/// let energy = Measurement::expectation([0.5 * Z(0) * Z(1) + X(0)]);
/// let five_outputs = Measurement::all([energy, Measurement::probabilities([0, 1])]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Measurement {
    /// Expectation value of each observable.
    Expectation(Vec<Observable>),
    /// Variance of each observable.
    Variance(Vec<Observable>),
    /// Probabilities of the basis states of some qubits.
    Probabilities(Vec<usize>),
    /// State vector.
    State,
    /// Density matrix.
    DensityMatrix,
    /// Values among the shots in which qubits have given values.
    Postselected(Postselection),
    /// Several measurements of one state.
    All(Measurements),
}

/// Measurement on the condition that qubits have given values; see [`Measurement::postselect`].
#[derive(Debug, Clone, PartialEq)]
pub struct Postselection {
    pub(crate) values: Vec<(usize, bool)>,
    pub(crate) measurement: Box<Measurement>,
}

impl Postselection {
    /// Returns the qubits with their values.
    pub fn values(&self) -> &[(usize, bool)] {
        &self.values
    }

    /// Returns the measurement under the condition: expectation values, probabilities, or a list of them.
    pub fn measurement(&self) -> &Measurement {
        &self.measurement
    }

    /// Returns the projector on the condition.
    fn projector(&self) -> Observable {
        Observable::projector_on(self.values.iter().copied())
    }

    fn check(&self, qubits: usize) -> Result<()> {
        self.projector().check(qubits).map_err(Error::Measurement)?;
        let is_linear =
            |part: &Measurement| matches!(part, Measurement::Expectation(_) | Measurement::Probabilities(_));
        if !self.measurement.parts().iter().all(is_linear) {
            return Err(Error::Measurement(Mistake::NotPostselectable));
        }
        self.measurement.check(qubits)
    }
}

/// Measurements whose outputs stand side by side; see [`Measurement::all`]. None of them is itself a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurements(Vec<Measurement>);

impl Measurements {
    /// Returns the measurements in the order of their outputs.
    pub fn as_slice(&self) -> &[Measurement] {
        &self.0
    }
}

/// Largest number of qubits of a density matrix that is measured: each of its 65536 words is an observable.
const MAX_DENSITY_QUBITS: usize = 8;

/// Largest number of measurements in a list.
const MAX_MEASUREMENTS: usize = 1 << 20;

impl Measurement {
    /// Measures expectation values, one output for each observable; at most 2^20 observables.
    ///
    /// The values belong to the state as it was computed; they are not divided by its norm. A Pauli word may therefore
    /// be beyond ±1, and a probability above 1, by as much as rounding has changed the norm. In F32 that is up to 8
    /// times `f32::EPSILON` (1e-6) after 400 layers of rotations and CX on 10 qubits, and 4 to 5 times after 4 layers.
    /// Clamp the values before an `acos` or a logarithm.
    pub fn expectation(observables: impl IntoIterator<Item = Observable>) -> Self {
        Self::Expectation(Observable::list(observables))
    }

    /// Measures variances, one output for each observable; at most 2^20 observables. It needs a third state in memory.
    pub fn variance(observables: impl IntoIterator<Item = Observable>) -> Self {
        Self::Variance(Observable::list(observables))
    }

    /// Measures probabilities of the basis states of `qubits`, summed over the other qubits. `qubits[0]` is the low bit
    /// of the output's index. Rounding is as for [`expectation`](Self::expectation).
    pub fn probabilities(qubits: impl IntoIterator<Item = usize>) -> Self {
        Self::Probabilities(some_qubits(qubits))
    }

    /// Returns the amplitudes, as `[2^n, 2]` real numbers (real part, imaginary part).
    pub fn state() -> Self {
        Self::State
    }

    /// Returns the density matrix of all qubits, as `[2^n, 2^n, 2]` real numbers (real part, imaginary part): the entry in
    /// row i and column j is that of |i><j|. It is made from the expectation values of all `4^n` Pauli words, on up to 8
    /// qubits; with finite shots the words are estimated.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(1);
    /// circuit.h(0).phase_damping(0.36, 0);
    /// let rho = functional::evaluate(&circuit, &Measurement::density_matrix(), None, &[])?;
    /// let rho = rho.to_vec3::<f32>()?; // [2, 2, 2]
    /// assert!((rho[0][0][0] - 0.5).abs() < 1e-6 && (rho[0][1][0] - 0.4).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn density_matrix() -> Self {
        Self::DensityMatrix
    }

    /// Measures several quantities of one state: one simulation and one reverse sweep serve all of them. The outputs
    /// stand side by side, in the order of the list; the amplitudes of a [`state`](Self::state) are `2^(n+1)` of them,
    /// row by row. A list among the measurements counts as its members; at most 2^20 measurements. With finite shots
    /// each kind of measurement draws its own.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1);
    /// let measurement = Measurement::all([
    ///     Measurement::expectation([Z(0), Z(0) * Z(1)]),
    ///     Measurement::variance([Z(0)]),
    ///     Measurement::probabilities([0, 1]),
    /// ]);
    /// let y = functional::evaluate(&circuit, &measurement, None, &[])?.to_vec1::<f32>()?;
    /// let expected = [0.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.5];
    /// assert!(y.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn all(measurements: impl IntoIterator<Item = Self>) -> Self {
        let members = |one| match one {
            Self::All(Measurements(members)) => members,
            one => vec![one],
        };
        match at_most(MAX_MEASUREMENTS, measurements.into_iter().flat_map(members)) {
            (members, count) if count <= MAX_MEASUREMENTS => Self::All(Measurements(members)),
            _ => Self::Expectation(vec![Observable::too_many("measurements", MAX_MEASUREMENTS)]),
        }
    }

    /// Keeps only the shots in which each of these qubits has its value, such as `[(3, true)]` for the record of a
    /// [`measure`](crate::Circuit::measure), and returns the values among them, then the probability of such a shot.
    ///
    /// A value is `<Π O Π> / <Π>` with the projector Π on the condition. It is exact and differentiable, as all outputs
    /// are. In F32 its error grows as the probability falls; where the probability is 0 the value is NaN.
    ///
    /// With finite shots `<Π O Π>` and `<Π>` are estimates, which come from the same shots only where one basis measures
    /// both. Their quotient may therefore be beyond the range of O, and has a bias of the order of one over the number
    /// of shots that meet the condition. It is NaN where the estimate of `<Π>` is 0.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.ry(input(0), 0).cx(0, 1).measure(1, 2);
    /// let measurement = Measurement::expectation([Z(0)]).postselect([(2, true)]);
    /// let x = Tensor::new(&[0.8f64], &Device::Cpu)?;
    /// let y = functional::evaluate(&circuit, &measurement, Some(&x), &[])?.to_vec1::<f64>()?;
    /// assert!((y[0] + 1.0).abs() < 1e-12 && (y[1] - 0.4f64.sin().powi(2)).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// These are mistakes: variances, states, or post-selected values under the condition; a qubit that is out of range
    /// or named twice.
    pub fn postselect(self, values: impl IntoIterator<Item = (usize, bool)>) -> Self {
        // Among more qubits than a circuit may have, a qubit is out of range or occurs twice.
        let values = at_most(MAX_QUBITS, values).0;
        Self::Postselected(Postselection { values, measurement: Box::new(self) })
    }

    /// Members of a list, or the measurement itself.
    pub(crate) fn parts(&self) -> &[Self] {
        if let Self::All(Measurements(members)) = self { members } else { std::slice::from_ref(self) }
    }

    /// Observables, in the order of their outputs.
    pub(crate) fn observables(&self) -> impl Iterator<Item = &Observable> {
        let under_conditions = self.parts().iter().flat_map(|part| match part {
            Self::Postselected(of) => of.measurement.parts(),
            _ => std::slice::from_ref(part),
        });
        under_conditions.flat_map(|part| match part {
            Self::Expectation(observables) | Self::Variance(observables) => &observables[..],
            Self::Probabilities(_) | Self::State | Self::DensityMatrix | Self::Postselected(_) | Self::All(_) => &[],
        })
    }

    pub(crate) fn is_expectation(&self) -> bool {
        matches!(self, Self::Expectation(_))
    }

    /// Number of a sample's outputs for a circuit of `qubits` qubits; `usize::MAX` if the number is larger.
    pub(crate) fn outputs(&self, qubits: usize) -> usize {
        self.output_shape(qubits).into_iter().fold(1, usize::saturating_mul)
    }

    /// Returns the shape of one sample's output for a circuit of `qubits` qubits. A dimension that does not fit `usize`
    /// is `usize::MAX`.
    pub fn output_shape(&self, qubits: usize) -> Vec<usize> {
        let states =
            |qubits: usize| u32::try_from(qubits).ok().and_then(|n| 1usize.checked_shl(n)).unwrap_or(usize::MAX);
        match self {
            Self::Expectation(observables) | Self::Variance(observables) => vec![observables.len()],
            Self::Probabilities(measured) => vec![states(measured.len())],
            Self::State => vec![states(qubits), 2],
            Self::DensityMatrix => vec![states(qubits), states(qubits), 2],
            Self::Postselected(of) => vec![of.measurement.outputs(qubits).saturating_add(1)],
            Self::All(Measurements(members)) => {
                vec![members.iter().map(|one| one.outputs(qubits)).fold(0, usize::saturating_add)]
            }
        }
    }

    /// Returns the mask of the qubits that are read otherwise than by letters Z of Pauli words, or `None` if that is all
    /// qubits of the circuit.
    pub(crate) fn reads_beyond_z(&self) -> Option<Wide> {
        match self {
            Self::Expectation(observables) | Self::Variance(observables) => {
                Some(observables.iter().fold(Wide::EMPTY, |mask, observable| mask | observable.reads_beyond_z()))
            }
            Self::Probabilities(measured) => Some(Wide::of_qubits(measured.iter().copied())),
            Self::State | Self::DensityMatrix => None,
            Self::Postselected(of) => Some(of.projector().reads_beyond_z() | of.measurement.reads_beyond_z()?),
            Self::All(Measurements(members)) => {
                members.iter().try_fold(Wide::EMPTY, |mask, one| Some(mask | one.reads_beyond_z()?))
            }
        }
    }

    /// Returns the measurement of the qubits `places`, in ascending order, as qubits 0, 1, .. All other qubits are in 0,
    /// and read by letters Z alone.
    pub(crate) fn on_places(&self, places: &[usize]) -> Self {
        let moved = |observables: &[Observable]| observables.iter().map(|one| one.on_places(places)).collect();
        match self {
            Self::Expectation(observables) => Self::Expectation(moved(observables)),
            Self::Variance(observables) => Self::Variance(moved(observables)),
            Self::Probabilities(measured) => {
                let place = |qubit: &usize| places.partition_point(|place| place < qubit);
                Self::Probabilities(measured.iter().map(place).collect())
            }
            Self::State => Self::State,
            Self::DensityMatrix => Self::DensityMatrix,
            Self::Postselected(of) => {
                let place = |qubit: usize| places.partition_point(|place| *place < qubit);
                let values = of.values.iter().map(|(qubit, value)| (place(*qubit), *value));
                of.measurement.on_places(places).postselect(values)
            }
            Self::All(Measurements(members)) => {
                Self::All(Measurements(members.iter().map(|one| one.on_places(places)).collect()))
            }
        }
    }

    /// Checks the measurement of `qubits` qubits. An error counts the observables of all members of a list.
    pub(crate) fn check(&self, qubits: usize) -> Result<()> {
        for (index, observable) in self.observables().enumerate() {
            observable.check(qubits).map_err(|mistake| Error::Observable { index, mistake })?;
        }
        let mut first = 0;
        for part in self.parts() {
            part.check_part(qubits, first)?;
            first += part.observables().count();
        }
        match self.outputs(qubits) {
            _ if self.parts().is_empty() => Err(Error::Measurement(Mistake::NothingMeasured)),
            usize::MAX => Err(Error::Measurement(Mistake::TooMany { what: "outputs", limit: usize::MAX - 1 })),
            _ => Ok(()),
        }
    }

    /// Checks a member of a list, whose first observable has the index `first`.
    fn check_part(&self, qubits: usize, first: usize) -> Result<()> {
        match self {
            Self::Expectation(observables) | Self::Variance(observables) if observables.is_empty() => {
                Err(Error::Measurement(Mistake::NothingMeasured))
            }
            Self::Variance(observables) => observables.iter().enumerate().try_for_each(|(index, observable)| {
                observable.check_constant().map_err(|mistake| Error::Observable { index: first + index, mistake })
            }),
            Self::Probabilities(measured) => check_measured(measured, qubits).map_err(Error::Measurement),
            Self::Postselected(of) => of.check(qubits),
            Self::DensityMatrix if qubits > MAX_DENSITY_QUBITS => {
                let (what, limit) = ("qubits of a density matrix", MAX_DENSITY_QUBITS);
                Err(Error::Measurement(Mistake::TooMany { what, limit }))
            }
            Self::Expectation(_) | Self::State | Self::DensityMatrix | Self::All(_) => Ok(()),
        }
    }

    /// Checks that qubits with a readout error are read letter by letter.
    pub(crate) fn check_readout(&self, with_errors: Wide) -> Result<()> {
        for (index, observable) in self.observables().enumerate() {
            if let Some(qubit) = (with_errors & observable.in_matrices()).lowest() {
                let mistake = Mistake::ReadoutBasis { qubit };
                return Err(Error::Observable { index, mistake });
            }
        }
        // Each word of a variance's square is read, too, so words must agree on the letter of such a qubit.
        let variances =
            self.parts().iter().filter_map(|part| if let Self::Variance(all) = part { Some(all) } else { None });
        for observable in variances.flatten() {
            for qubit in with_errors.qubits() {
                let mut letters = observable.words().filter_map(|(word, _)| word.letter(qubit));
                let first = letters.next();
                if letters.any(|letter| Some(letter) != first) {
                    return Err(Error::Measurement(Mistake::ReadoutBasis { qubit }));
                }
            }
        }
        match with_errors.lowest() {
            Some(qubit) if self.parts().contains(&Self::DensityMatrix) => {
                Err(Error::Measurement(Mistake::ReadoutBasis { qubit }))
            }
            _ => Ok(()),
        }
    }

    /// Checks that observables read only a classical bit from qubits that record a measurement.
    pub(crate) fn check_records(&self, records: Wide) -> Result<()> {
        for (index, observable) in self.observables().enumerate() {
            if let Some(qubit) = (records & observable.flipped()).lowest() {
                let mistake = Mistake::RecordRead { qubit };
                return Err(Error::Observable { index, mistake });
            }
        }
        Ok(())
    }
}

fn check_measured(measured: &[usize], qubits: usize) -> Result<(), Mistake> {
    for (k, &qubit) in measured.iter().enumerate() {
        if qubit >= qubits {
            return Err(Mistake::QubitOutOfRange { qubit, qubits });
        }
        if measured[..k].contains(&qubit) {
            return Err(Mistake::RepeatedQubit { qubit });
        }
    }
    if measured.is_empty() { Err(Mistake::NothingMeasured) } else { Ok(()) }
}
