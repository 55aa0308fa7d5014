//! Expressions and conditions in a description.

use crate::angle::WeightTensor;
use crate::circuit::{Angle, Comparison, Condition, Term, Token, Variable};
use crate::error::ModelProblem;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Expression: a number, or a constant `k` and terms `t`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AngleForm {
    constant: f64,
    terms: Vec<TermForm>,
}

/// Term: a coefficient, and one or two variables.
#[derive(Debug, Clone, PartialEq)]
struct TermForm {
    coefficient: f64,
    first: VariableForm,
    second: Option<VariableForm>,
}

/// Variable: the number of a feature, or the number of a weight tensor and the flat index of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
enum VariableForm {
    Input(usize),
    Weight(usize, usize),
}

/// Token of a condition.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenForm {
    Not,
    And,
    Or,
    /// Value above a threshold.
    Gt(AngleForm, f64),
    Lt(AngleForm, f64),
    /// Absolute value above a threshold.
    AbsGt(AngleForm, f64),
    AbsLt(AngleForm, f64),
}

/// Weight tensors of a circuit, in the order of their declarations.
pub(super) type Declared = [Arc<WeightTensor>];

impl AngleForm {
    pub(super) fn of(angle: &Angle, declared: &Declared) -> Self {
        let variable = |variable: &Variable| match variable {
            Variable::Input(index) => VariableForm::Input(*index),
            Variable::Weight { tensor, index } => {
                let place = declared.iter().position(|other| other.name == tensor.name);
                // A circuit without a mistake declares all of its tensors.
                VariableForm::Weight(place.unwrap_or(usize::MAX), *index)
            }
        };
        let term = |term: &Term| TermForm {
            coefficient: term.coefficient,
            first: variable(&term.first),
            second: term.second.as_ref().map(variable),
        };
        Self { constant: angle.constant, terms: angle.terms.iter().map(term).collect() }
    }

    pub(super) fn angle(&self, declared: &Declared) -> Result<Angle, ModelProblem> {
        let variable = |form: &VariableForm| match *form {
            VariableForm::Input(index) => Ok(Variable::Input(index)),
            VariableForm::Weight(place, index) => {
                let outside = |what, value: usize, limit| Err(ModelProblem::Limit { what, value: value as u64, limit });
                let Some(tensor) = declared.get(place) else {
                    return outside("the number of a weight tensor, from 0", place, declared.len() as u64);
                };
                // The shape of a declared tensor has been checked.
                let entries: usize = tensor.shape.iter().product();
                match index < entries {
                    true => Ok(Variable::Weight { tensor: Arc::clone(tensor), index }),
                    false => outside("the index of a weight, from 0", index, entries as u64),
                }
            }
        };
        let terms = self.terms.iter().map(|term| {
            let second = term.second.as_ref().map(variable).transpose()?;
            Ok(Term { coefficient: term.coefficient, first: variable(&term.first)?, second })
        });
        let terms: Vec<Term> = terms.collect::<Result<_, _>>()?;
        Ok(Angle::from_terms(self.constant, terms))
    }
}

/// Returns the form of a condition.
pub(super) fn of_condition(condition: &Condition, declared: &Declared) -> Vec<TokenForm> {
    let form = |token: &Token<Comparison<Angle>>| match token {
        Token::Not => TokenForm::Not,
        Token::And => TokenForm::And,
        Token::Or => TokenForm::Or,
        Token::Test(Comparison { value, absolute, above, threshold }) => {
            let value = AngleForm::of(value, declared);
            match (absolute, above) {
                (false, true) => TokenForm::Gt(value, *threshold),
                (false, false) => TokenForm::Lt(value, *threshold),
                (true, true) => TokenForm::AbsGt(value, *threshold),
                (true, false) => TokenForm::AbsLt(value, *threshold),
            }
        }
    };
    condition.code().iter().map(form).collect()
}

/// Returns the condition of a form.
pub(super) fn condition(form: &[TokenForm], declared: &Declared) -> Result<Condition, ModelProblem> {
    let test = |value: &AngleForm, threshold: f64, absolute, above| {
        Ok(Token::Test(Comparison { value: value.angle(declared)?, absolute, above, threshold }))
    };
    let token = |form: &TokenForm| match form {
        TokenForm::Not => Ok(Token::Not),
        TokenForm::And => Ok(Token::And),
        TokenForm::Or => Ok(Token::Or),
        TokenForm::Gt(value, threshold) => test(value, *threshold, false, true),
        TokenForm::Lt(value, threshold) => test(value, *threshold, false, false),
        TokenForm::AbsGt(value, threshold) => test(value, *threshold, true, true),
        TokenForm::AbsLt(value, threshold) => test(value, *threshold, true, false),
    };
    let code: Vec<_> = form.iter().map(token).collect::<Result<_, ModelProblem>>()?;
    Condition::from_code(code).ok_or_else(|| ModelProblem::Setting {
        what: "a condition",
        value: format!("{} tokens", form.len()),
        allowed: "one expression, with operators behind their operands",
    })
}

impl Serialize for AngleForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        if self.terms.is_empty() {
            return serializer.serialize_f64(self.constant);
        }
        let mut map = serializer.serialize_map(None)?;
        if self.constant != 0.0 {
            map.serialize_entry("k", &self.constant)?;
        }
        map.serialize_entry("t", &self.terms)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for AngleForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = AngleForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or an object with `k` and `t`")
            }
            fn visit_f64<E: de::Error>(self, constant: f64) -> Result<AngleForm, E> {
                Ok(AngleForm { constant, terms: Vec::new() })
            }
            fn visit_u64<E: de::Error>(self, constant: u64) -> Result<AngleForm, E> {
                self.visit_f64(constant as f64)
            }
            fn visit_i64<E: de::Error>(self, constant: i64) -> Result<AngleForm, E> {
                self.visit_f64(constant as f64)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AngleForm, A::Error> {
                let (mut constant, mut terms) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "k" if constant.is_none() => constant = Some(map.next_value()?),
                        "t" if terms.is_none() => terms = Some(map.next_value()?),
                        _ => return Err(de::Error::unknown_field(&key, &["k", "t"])),
                    }
                }
                let terms: Vec<TermForm> = terms.ok_or_else(|| de::Error::missing_field("t"))?;
                Ok(AngleForm { constant: constant.unwrap_or(0.0), terms })
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl Serialize for TermForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(2 + usize::from(self.second.is_some())))?;
        list.serialize_element(&self.coefficient)?;
        list.serialize_element(&self.first)?;
        self.second.iter().try_for_each(|second| list.serialize_element(second))?;
        list.end()
    }
}

impl<'de> Deserialize<'de> for TermForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = TermForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a coefficient with one or two variables")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TermForm, A::Error> {
                let short = |length| de::Error::invalid_length(length, &"a coefficient with one or two variables");
                let coefficient = list.next_element()?.ok_or_else(|| short(0))?;
                let first = list.next_element()?.ok_or_else(|| short(1))?;
                Ok(TermForm { coefficient, first, second: list.next_element()? })
            }
        }
        deserializer.deserialize_seq(Form)
    }
}

impl Serialize for VariableForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Input(index) => index.serialize(serializer),
            Self::Weight(place, index) => (place, index).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for VariableForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = VariableForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of a feature, or the number of a weight tensor with an index")
            }
            fn visit_u64<E: de::Error>(self, index: u64) -> Result<VariableForm, E> {
                usize::try_from(index).map(VariableForm::Input).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<VariableForm, A::Error> {
                let short = |length| de::Error::invalid_length(length, &"a weight tensor and an index");
                let place = list.next_element()?.ok_or_else(|| short(0))?;
                let index = list.next_element()?.ok_or_else(|| short(1))?;
                Ok(VariableForm::Weight(place, index))
            }
        }
        deserializer.deserialize_any(Form)
    }
}
