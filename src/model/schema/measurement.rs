//! Measurements and observables in a description.

use super::super::layer::check_limit;
use super::super::modules::at;
use super::angle::{AngleForm, Declared};
use super::numbers::{Sink, Source};
use crate::error::{Mistake, ModelProblem, Result};

use crate::limits::{MAX_MATRIX_QUBITS, MAX_OBSERVABLES, MAX_QUBITS};
use crate::mask::{Mask, Wide};
use crate::measurement::Measurement;
use crate::observable::{Observable, Part, PauliWord};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MeasurementForm {
    Expectation(Vec<ObservableForm>),
    Variance(Vec<ObservableForm>),
    Probabilities(Vec<usize>),
    State,
    DensityMatrix,
    /// Qubits with their values, and the measurement under this condition.
    Postselected(Vec<(usize, bool)>, Box<Self>),
    All(Vec<Self>),
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObservableForm {
    /// Coefficients and Pauli words such as `Z0 X2`; the empty word is the identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<(f64, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<(f64, PartForm)>,
    /// Expressions and the observables that they multiply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weighted: Vec<(AngleForm, Self)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PartForm {
    /// Number of the tensor of the values, and the qubits in ascending order.
    Diagonal(usize, Vec<usize>),
    /// Number of the tensor of the entries, and the qubits.
    Matrix(usize, Vec<usize>),
    /// Qubits with their values.
    Projector(Vec<(usize, bool)>),
}

impl MeasurementForm {
    pub(super) fn of(measurement: &Measurement, declared: &Declared, sink: &mut Sink<'_>) -> Result<Self> {
        let mut all = |observables: &[Observable]| {
            observables.iter().map(|one| ObservableForm::of(one, declared, sink)).collect::<Result<Vec<_>>>()
        };
        Ok(match measurement {
            Measurement::Expectation(observables) => Self::Expectation(all(observables)?),
            Measurement::Variance(observables) => Self::Variance(all(observables)?),
            Measurement::Probabilities(qubits) => Self::Probabilities(qubits.clone()),
            Measurement::State => Self::State,
            Measurement::DensityMatrix => Self::DensityMatrix,
            Measurement::Postselected(of) => {
                Self::Postselected(of.values().to_vec(), Box::new(Self::of(of.measurement(), declared, sink)?))
            }
            Measurement::All(members) => {
                let members = members.as_slice().iter().map(|member| Self::of(member, declared, sink));
                Self::All(members.collect::<Result<_>>()?)
            }
        })
    }

    /// Returns the measurement, which the layer checks.
    pub(super) fn measurement(&self, place: &str, declared: &Declared, source: &mut Source<'_>) -> Result<Measurement> {
        let mut all = |forms: &[ObservableForm]| {
            let limit = MAX_OBSERVABLES as u64;
            check_limit("observables", forms.len() as u64, limit).map_err(|problem| at(place, problem))?;
            let one = |(index, form): (usize, &ObservableForm)| {
                form.observable(&format!("{place}[{index}]"), declared, source)
            };
            forms.iter().enumerate().map(one).collect::<Result<Vec<_>>>()
        };
        Ok(match self {
            Self::Expectation(forms) => Measurement::expectation(all(forms)?),
            Self::Variance(forms) => Measurement::variance(all(forms)?),
            Self::Probabilities(qubits) => Measurement::probabilities(qubits.iter().copied()),
            Self::State => Measurement::state(),
            Self::DensityMatrix => Measurement::density_matrix(),
            Self::Postselected(values, form) => {
                let place = format!("{place}.postselected");
                form.measurement(&place, declared, source)?.postselect(values.iter().copied())
            }
            Self::All(members) => {
                let member = |(index, form): (usize, &Self)| {
                    form.measurement(&format!("{place}.all[{index}]"), declared, source)
                };
                Measurement::all(members.iter().enumerate().map(member).collect::<Result<Vec<_>>>()?)
            }
        })
    }
}

impl ObservableForm {
    fn of(observable: &Observable, declared: &Declared, sink: &mut Sink<'_>) -> Result<Self> {
        let words = observable.words().map(|(word, coefficient)| (coefficient, word.spelled())).collect();
        let parts = observable.parts().iter().map(|(coefficient, part)| Ok((*coefficient, PartForm::of(part, sink)?)));
        let parts = parts.collect::<Result<_>>()?;
        let weighted = observable
            .weighted()
            .iter()
            .map(|(coefficient, of)| Ok((AngleForm::of(coefficient, declared), Self::of(of, declared, sink)?)));
        Ok(Self { words, parts, weighted: weighted.collect::<Result<_>>()? })
    }

    fn observable(&self, place: &str, declared: &Declared, source: &mut Source<'_>) -> Result<Observable> {
        let wrong = |problem| at(place, problem);
        let mistake = |mistake| at(place, ModelProblem::Mistake(mistake));
        let words = self.words.iter().map(|(coefficient, text)| Ok((word(text)?, *coefficient)));
        let words = words.collect::<Result<Vec<_>, _>>().map_err(mistake)?;
        let parts = self.parts.iter().map(|(coefficient, part)| Ok((*coefficient, part.part(place, source)?)));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let weighted = self.weighted.iter().map(|(coefficient, of)| {
            Ok((coefficient.angle(declared).map_err(wrong)?, of.observable(place, declared, source)?))
        });
        let observable = Observable::from_terms(words, parts, weighted.collect::<Result<_>>()?);
        observable.check(MAX_QUBITS).map_err(mistake)?;
        Ok(observable)
    }
}

/// Returns the word of a text such as `Z0 X2`, whose qubits ascend.
fn word(text: &str) -> Result<PauliWord, Mistake> {
    let unreadable = || Mistake::PauliWord { text: crate::error::words::cited(text, 40) };
    let mut letters = Vec::new();
    for token in text.split(' ').filter(|token| !token.is_empty()) {
        let mut rest = token.chars();
        let letter = rest.next().filter(|letter| "XYZ".contains(*letter)).ok_or_else(unreadable)?;
        let qubit: usize = rest.as_str().parse().map_err(|_| unreadable())?;
        if qubit >= MAX_QUBITS || letters.last().is_some_and(|(_, last)| *last >= qubit) {
            return Err(unreadable());
        }
        letters.push((letter, qubit));
    }
    PauliWord::from_letters(letters)
}

impl PartForm {
    fn of(part: &Part<Wide>, sink: &mut Sink<'_>) -> Result<Self> {
        Ok(match part {
            Part::Diagonal { values, mask } => {
                Self::Diagonal(sink.reals(values, &[values.len()])?, mask.qubits().collect())
            }
            Part::Matrix { entries, qubits } => {
                let size = 1 << qubits.len();
                Self::Matrix(sink.complex(entries, &[size, size])?, qubits.clone())
            }
            Part::Projector { mask, bits } => {
                Self::Projector(mask.qubits().map(|qubit| (qubit, bits.contains(qubit))).collect())
            }
        })
    }

    fn part(&self, place: &str, source: &mut Source<'_>) -> Result<Part<Wide>> {
        let ascending = |qubits: &[usize]| match qubits {
            _ if qubits.is_sorted_by(|a, b| a < b) && qubits.last().is_none_or(|last| *last < MAX_QUBITS) => Ok(()),
            _ => Err(at(place, qubits_problem(qubits))),
        };
        Ok(match self {
            Self::Diagonal(values, qubits) => {
                ascending(qubits)?;
                let size = u32::try_from(qubits.len()).ok().and_then(|count| 1usize.checked_shl(count));
                let values =
                    source.exactly(*values, place, &[size.ok_or_else(|| at(place, qubits_problem(qubits)))?])?;
                Part::Diagonal { values: values.into(), mask: Wide::of_qubits(qubits.iter().copied()) }
            }
            Self::Matrix(entries, qubits) => {
                if qubits.is_empty() || qubits.len() > MAX_MATRIX_QUBITS {
                    return Err(at(place, qubits_problem(qubits)));
                }
                let size = 1 << qubits.len();
                Part::Matrix { entries: source.complex(*entries, place, &[size, size])?.into(), qubits: qubits.clone() }
            }
            Self::Projector(values) => {
                let qubits: Vec<usize> = values.iter().map(|(qubit, _)| *qubit).collect();
                ascending(&qubits)?;
                let bits = Wide::of_qubits(values.iter().filter(|(_, value)| *value).map(|(qubit, _)| *qubit));
                Part::Projector { mask: Wide::of_qubits(qubits), bits }
            }
        })
    }
}

fn qubits_problem(qubits: &[usize]) -> ModelProblem {
    let value = qubits.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    ModelProblem::Setting { what: "a list of qubits", value, allowed: "ascending, each below 256" }
}
