//! Circuits in a description.

use super::super::layer::check_limit;
use super::super::modules::at;
use super::angle::{AngleForm, TokenForm, condition, of_condition};
use super::numbers::{Sink, Source};
use crate::angle::WeightTensor;
use crate::channel::Channel;
use crate::circuit::{AMPLITUDES, AMPLITUDES_OR_ZERO_STATE, Amplitudes, Circuit, DEFAULT_INIT, Kind, Operation};
use crate::error::{ModelProblem, Result};
use crate::gate::Gate;
use crate::limits::{MAX_KRAUS_QUBITS, MAX_MATRIX_QUBITS, MAX_QUBITS};
use candle_nn::Init;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Most operations of a circuit in a file.
const OPERATIONS: u64 = 1 << 20;

/// Most features of a sample.
pub(in super::super) const FEATURES: u64 = 1 << 20;

/// Most angles of an operation, more than any gate or channel has.
const ANGLES: u64 = 64;

/// Most dimensions of a weight tensor.
const DIMENSIONS: u64 = 16;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CircuitForm {
    qubits: usize,
    features: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weights: Vec<WeightsForm>,
    /// Conditions in postfix order, which operations name by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Vec<TokenForm>>,
    operations: Vec<OperationForm>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WeightsForm {
    name: String,
    shape: Vec<usize>,
    /// Initialisation; uniform in [0, 2π) without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    init: Option<InitForm>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InitForm {
    Constant(f64),
    /// Mean and standard deviation.
    Normal(f64, f64),
    Uniform(f64, f64),
    /// Kaiming's initialisation as candle describes it: distribution, fan, nonlinearity.
    Kaiming(String, String, String),
}

/// Operation; the names are short because there are many.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationForm {
    /// Name of the builder method.
    g: String,
    /// Angles or strengths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    a: Vec<AngleForm>,
    /// Qubits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    q: Vec<usize>,
    /// Further controls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    c: Vec<usize>,
    /// Those of the controls that have to be 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    o: Vec<usize>,
    /// Numbers of the conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    w: Vec<usize>,
    /// Whether the gate is inverted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    d: bool,
    /// Pauli word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    /// Number of the tensor of a matrix, or of Kraus operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<usize>,
    /// First feature and number of features that are embedded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<(usize, usize)>,
    /// Whether each amplitude is two features.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    complex: bool,
}

impl CircuitForm {
    /// Returns the form of a circuit without a mistake.
    pub(super) fn of(circuit: &Circuit, place: &str, sink: &mut Sink<'_>) -> Result<Self> {
        circuit.check()?;
        let declared = declared(circuit);
        let mut weights = Vec::new();
        for declaration in circuit.declarations() {
            let (name, shape) = (declaration.handle.name().to_owned(), declaration.handle.shape().to_vec());
            weights.push(WeightsForm { name, shape, init: of_init(declaration.init) });
        }
        let mut conditions = Vec::new();
        let mut numbers = HashMap::new();
        let mut operations = Vec::with_capacity(circuit.operations().len());
        for operation in circuit.operations() {
            let mut form = of_operation(operation, &declared, sink)?;
            for condition in operation.conditions() {
                let number = *numbers.entry(condition.address()).or_insert_with(|| {
                    conditions.push(of_condition(condition, &declared));
                    conditions.len() - 1
                });
                form.w.push(number);
            }
            operations.push(form);
        }
        check_limit("operations", operations.len() as u64, OPERATIONS).map_err(|problem| at(place, problem))?;
        Ok(Self { qubits: circuit.qubits(), features: circuit.inputs(), weights, conditions, operations })
    }

    /// Returns the circuit, whose builder checks it.
    pub(super) fn circuit(&self, place: &str, source: &mut Source<'_>) -> Result<Circuit> {
        let limits = [
            ("qubits", self.qubits, MAX_QUBITS as u64),
            ("features", self.features, FEATURES),
            ("operations", self.operations.len(), OPERATIONS),
        ];
        for (what, value, limit) in limits {
            check_limit(what, value as u64, limit).map_err(|problem| at(place, problem))?;
        }
        let mut circuit = Circuit::new(self.qubits).with_inputs(self.features);
        for (index, weights) in self.weights.iter().enumerate() {
            let place = format!("{place}.weights[{index}]");
            check_limit("dimensions", weights.shape.len() as u64, DIMENSIONS).map_err(|problem| at(&place, problem))?;
            let init = weights.init.as_ref().map_or(Ok(DEFAULT_INIT), init).map_err(|problem| at(&place, problem))?;
            circuit.weights_with_init(&weights.name, weights.shape.clone(), init);
            check(&circuit, &place)?;
        }
        let declared = self.declared(&circuit);
        let mut conditions = Vec::with_capacity(self.conditions.len());
        for (index, form) in self.conditions.iter().enumerate() {
            let problem = |problem| at(&format!("{place}.conditions[{index}]"), problem);
            conditions.push(condition(form, &declared).map_err(problem)?);
        }
        circuit.reserve(self.operations.len());
        for (index, form) in self.operations.iter().enumerate() {
            let place = || format!("{place}.operations[{index}]");
            let wrong = |problem| at(&place(), problem);
            let mut operation = form.operation(&declared, &place, source)?;
            for number in &form.w {
                let limit = conditions.len() as u64;
                let outside =
                    ModelProblem::Limit { what: "the number of a condition, from 0", value: *number as u64, limit };
                operation.conditions.push(conditions.get(*number).cloned().ok_or_else(|| wrong(outside))?);
            }
            circuit.push_operation(operation);
            if circuit.mistake().is_some() {
                check(&circuit, &place())?;
            }
        }
        check(&circuit, place)?;
        Ok(circuit)
    }
}

impl CircuitForm {
    /// Returns the weight tensors of the circuit in the order of the description; a circuit sorts them by name.
    pub(super) fn declared(&self, circuit: &Circuit) -> Vec<Arc<WeightTensor>> {
        let tensors = declared(circuit);
        let by_name: HashMap<&str, &Arc<WeightTensor>> =
            tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        self.weights.iter().filter_map(|one| by_name.get(one.name.as_str()).map(|tensor| Arc::clone(tensor))).collect()
    }
}

fn check(circuit: &Circuit, place: &str) -> Result<()> {
    match circuit.mistake() {
        Some(mistake) => Err(at(place, ModelProblem::Mistake(mistake.clone()))),
        None => Ok(()),
    }
}

/// Returns the weight tensors of a circuit, sorted by name.
fn declared(circuit: &Circuit) -> Vec<Arc<WeightTensor>> {
    circuit.declarations().map(|one| Arc::clone(&one.handle.tensor)).collect()
}

fn of_operation(operation: &Operation, declared: &[Arc<WeightTensor>], sink: &mut Sink<'_>) -> Result<OperationForm> {
    let Operation { kind, angles, qubits, controls, zeros, conditions: _, dagger } = operation;
    let mut form = OperationForm {
        g: operation.name().to_owned(),
        a: angles.iter().map(|angle| AngleForm::of(angle, declared)).collect(),
        q: qubits.clone(),
        c: controls.clone(),
        o: zeros.clone(),
        d: *dagger,
        ..OperationForm::default()
    };
    match kind {
        Kind::Gate(_) | Kind::GlobalPhase | Kind::Barrier | Kind::Measure | Kind::Reset | Kind::Channel(_) => {}
        Kind::PauliRotation(word) => form.word = Some(word.clone()),
        Kind::Unitary(matrix) => {
            let size = 1 << qubits.len();
            form.m = Some(sink.complex(matrix, &[size, size])?);
        }
        Kind::Kraus(operators) => {
            let size = 1 << qubits.len();
            let entries: Vec<_> = operators.iter().flat_map(|operator| operator.iter().copied()).collect();
            form.m = Some(sink.complex(&entries, &[operators.len(), size, size])?);
        }
        Kind::AmplitudeEmbedding { first, count, options } => {
            (form.e, form.complex) = (Some((*first, *count)), options.complex);
        }
    }
    Ok(form)
}

impl OperationForm {
    fn operation(
        &self,
        declared: &[Arc<WeightTensor>],
        place: &dyn Fn() -> String,
        source: &mut Source<'_>,
    ) -> Result<Operation> {
        let wrong = |problem| at(&place(), problem);
        if self.q.len() + self.c.len() > MAX_QUBITS {
            let value = (self.q.len() + self.c.len()) as u64;
            return Err(wrong(ModelProblem::Limit { what: "qubits", value, limit: MAX_QUBITS as u64 }));
        }
        check_limit("angles", self.a.len() as u64, ANGLES).map_err(wrong)?;
        let kind = self.kind(place, source)?;
        let angles = self.a.iter().map(|angle| angle.angle(declared)).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let mut operation = Operation::new(kind, angles, self.q.clone());
        let is_gate = operation.is_gate();
        let fits = match operation.kind {
            Kind::PauliRotation(_) => self.a.len() == 1,
            Kind::GlobalPhase => self.a.len() == 1 && self.q.is_empty(),
            Kind::Measure | Kind::Reset => self.a.is_empty() && self.q.len() == 2,
            Kind::Unitary(_) | Kind::Barrier | Kind::Kraus(_) | Kind::AmplitudeEmbedding { .. } => self.a.is_empty(),
            // The builder counts these.
            Kind::Gate(_) | Kind::Channel(_) => true,
        };
        let is_inside = self.o.iter().all(|zero| self.c.contains(zero)) && self.o.len() <= self.c.len();
        if !fits || !is_inside || !is_gate && (self.d || !self.c.is_empty()) {
            return Err(wrong(self.does_not_fit()));
        }
        (operation.controls, operation.zeros, operation.dagger) = (self.c.clone(), self.o.clone(), self.d);
        Ok(operation)
    }

    fn does_not_fit(&self) -> ModelProblem {
        let value = crate::error::words::cited(&self.g, 40);
        ModelProblem::Setting { what: "the operation", value, allowed: "one whose angles, qubits and controls fit" }
    }

    fn kind(&self, place: &dyn Fn() -> String, source: &mut Source<'_>) -> Result<Kind> {
        let size = |most: usize| match self.q.len() {
            qubits @ 1.. if qubits <= most => Ok(1usize << qubits),
            _ => Err(at(&place(), self.does_not_fit())),
        };
        let kind = match (self.g.as_str(), &self.word, self.m, self.e) {
            ("pauli_rot", Some(word), None, None) => Kind::PauliRotation(word.clone()),
            ("global_phase", None, None, None) => Kind::GlobalPhase,
            ("barrier", None, None, None) => Kind::Barrier,
            ("measure", None, None, None) => Kind::Measure,
            ("reset", None, None, None) => Kind::Reset,
            ("unitary", None, Some(matrix), None) => {
                let size = size(MAX_MATRIX_QUBITS)?;
                Kind::Unitary(source.complex(matrix, &place(), &[size, size])?.into())
            }
            ("kraus", None, Some(operators), None) => {
                let operators = source.matrices(operators, &place(), size(MAX_KRAUS_QUBITS)?)?;
                Kind::Kraus(operators.into_iter().map(Into::into).collect())
            }
            (name @ (AMPLITUDES | AMPLITUDES_OR_ZERO_STATE), None, None, Some((first, count))) => {
                return self.embedding(name == AMPLITUDES_OR_ZERO_STATE, first, count, place);
            }
            (name, None, None, None) => match (Gate::from_name(name), Channel::all().find(|one| one.name() == name)) {
                (Some(gate), _) => Kind::Gate(gate),
                (_, Some(channel)) => Kind::Channel(channel),
                _ => return Err(at(&place(), self.does_not_fit())),
            },
            _ => return Err(at(&place(), self.does_not_fit())),
        };
        if self.complex { Err(at(&place(), self.does_not_fit())) } else { Ok(kind) }
    }

    fn embedding(&self, zero_state: bool, first: usize, count: usize, place: &dyn Fn() -> String) -> Result<Kind> {
        let options = Amplitudes { complex: self.complex, zero_state, ..Amplitudes::default() };
        let amplitudes = if self.complex { count.div_ceil(2) } else { count };
        let room = 1u64 << self.q.len().min(MAX_MATRIX_QUBITS);
        let is_even = !self.complex || count.is_multiple_of(2);
        match count > 0 && is_even && amplitudes as u64 <= room && count as u64 <= FEATURES {
            true => Ok(Kind::AmplitudeEmbedding { first, count, options }),
            false => Err(at(&place(), self.does_not_fit())),
        }
    }
}

fn of_init(init: Init) -> Option<InitForm> {
    Some(match init {
        Init::Uniform { lo, up } if matches!(DEFAULT_INIT, Init::Uniform { lo: low, up: high } if (lo, up) == (low, high)) =>
        {
            return None;
        }
        Init::Uniform { lo, up } => InitForm::Uniform(lo, up),
        Init::Const(value) => InitForm::Constant(value),
        Init::Randn { mean, stdev } => InitForm::Normal(mean, stdev),
        Init::Kaiming { dist, fan, non_linearity } => {
            InitForm::Kaiming(format!("{dist:?}"), format!("{fan:?}"), format!("{non_linearity:?}"))
        }
    })
}

fn init(form: &InitForm) -> Result<Init, ModelProblem> {
    use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
    Ok(match form {
        InitForm::Uniform(lo, up) => Init::Uniform { lo: *lo, up: *up },
        InitForm::Constant(value) => Init::Const(*value),
        InitForm::Normal(mean, stdev) => Init::Randn { mean: *mean, stdev: *stdev },
        InitForm::Kaiming(dist, fan, non_linearity) => {
            let dists = [NormalOrUniform::Normal, NormalOrUniform::Uniform];
            let fans = [FanInOut::FanIn, FanInOut::FanOut];
            let functions = [
                NonLinearity::ReLU,
                NonLinearity::Linear,
                NonLinearity::Sigmoid,
                NonLinearity::Tanh,
                NonLinearity::SELU,
            ];
            let unknown = || ModelProblem::Setting {
                what: "an initialisation",
                value: crate::error::words::cited(non_linearity, 40),
                allowed: "one of candle's",
            };
            Init::Kaiming {
                dist: dists.into_iter().find(|one| format!("{one:?}") == *dist).ok_or_else(unknown)?,
                fan: fans.into_iter().find(|one| format!("{one:?}") == *fan).ok_or_else(unknown)?,
                non_linearity: functions
                    .into_iter()
                    .find(|one| format!("{one:?}") == *non_linearity)
                    .ok_or_else(unknown)?,
            }
        }
    })
}
