//! The fingerprint of circuits and measurements: a number stored beside the weights that were trained with them.
//!
//! It is the 64-bit FNV-1a hash of a stream of bytes that names every operation. It depends on nothing but the circuit:
//! not on the build, the machine, or the order of an enumeration. The stream starts with a version, which must be
//! raised when the stream changes. Numbers count to 32 significant bits, because the sines that different machines put
//! into a matrix differ in the last of 53 bits.

use crate::circuit::{Angle, Circuit, Condition, Kind, Operation, Term, Token, Variable};
use crate::hash::Fnv;
use crate::mask::{Mask, Wide};
use crate::measurement::Measurement;
use crate::observable::{Observable, Part};
use num_complex::Complex64;

/// First bytes of the stream.
const VERSION: &str = "candlewick circuit 1";

/// Returns the fingerprint of a circuit and its measurement.
pub(crate) fn circuit_fingerprint(circuit: &Circuit, measurement: &Measurement) -> u64 {
    let mut hash = Fnv::new();
    hash.text(VERSION);
    hash.size(circuit.qubits());
    hash.size(circuit.inputs());
    hash.size(circuit.declarations().len());
    for declaration in circuit.declarations() {
        hash.text(declaration.handle.name());
        hash.sizes(declaration.handle.shape());
    }
    for operation in circuit.operations().iter().filter(|operation| operation.kind != Kind::Barrier) {
        hash.operation(operation);
    }
    hash.measurement(measurement);
    hash.value()
}

/// Parts of the stream.
impl Fnv {
    fn integer(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn size(&mut self, value: usize) {
        self.integer(value as u64);
    }

    fn sizes(&mut self, values: &[usize]) {
        self.size(values.len());
        values.iter().for_each(|value| self.size(*value));
    }

    fn text(&mut self, text: &str) {
        self.size(text.len());
        self.bytes(text.as_bytes());
    }

    /// Hashes a number in 32 significant bits; numbers below 1e-15 count as 0.
    fn number(&mut self, value: f64) {
        let rounded = if value.abs() < 1e-15 { 0 } else { (value.to_bits() + (1 << 20)) & !((1 << 21) - 1) };
        self.integer(rounded);
    }

    fn numbers(&mut self, values: &[Complex64]) {
        self.size(values.len());
        values.iter().flat_map(|value| [value.re, value.im]).for_each(|value| self.number(value));
    }

    fn operation(&mut self, operation: &Operation) {
        let Operation { kind, angles, qubits, controls, zeros, conditions, dagger } = operation;
        self.text(operation.name());
        match kind {
            Kind::Gate(_) | Kind::GlobalPhase | Kind::Barrier | Kind::Measure | Kind::Reset | Kind::Channel(_) => {}
            Kind::PauliRotation(word) => self.text(word),
            Kind::Unitary(matrix) => self.numbers(matrix),
            Kind::Kraus(operators) => {
                self.size(operators.len());
                operators.iter().for_each(|operator| self.numbers(operator));
            }
            // The operation's name determines the treatment of zeros.
            Kind::AmplitudeEmbedding { first, count, options } => {
                self.sizes(&[*first, *count]);
                if options.complex {
                    self.text("complex");
                }
            }
        }
        self.sizes(qubits);
        self.sizes(controls);
        self.bytes(&[u8::from(*dagger)]);
        self.size(angles.len());
        angles.iter().for_each(|angle| self.angle(angle));
        self.size(conditions.len());
        conditions.iter().for_each(|condition| self.condition(condition));
        // Circuits whose controls are all on 1 have the fingerprints that they had before there were others.
        if !zeros.is_empty() {
            self.text("zeros");
            let mut zeros = zeros.clone();
            zeros.sort_unstable();
            self.sizes(&zeros);
        }
    }

    /// Hashes an expression by its value: the order of its terms and of their factors does not count.
    fn angle(&mut self, angle: &Angle) {
        let mut terms: Vec<_> = angle.terms.iter().map(factors).collect();
        terms.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.number(angle.constant);
        self.size(terms.len());
        for (factors, coefficient) in terms {
            self.number(coefficient);
            self.size(factors.len());
            for (name, index) in factors {
                self.text(name);
                self.size(index);
            }
        }
    }

    fn condition(&mut self, condition: &Condition) {
        self.size(condition.code().len());
        for token in condition.code() {
            match token {
                Token::Not => self.text("not"),
                Token::And => self.text("and"),
                Token::Or => self.text("or"),
                Token::Test(test) => {
                    self.text(if test.above { "above" } else { "below" });
                    self.bytes(&[u8::from(test.absolute)]);
                    self.number(test.threshold);
                    self.angle(&test.value);
                }
            }
        }
    }

    fn measurement(&mut self, measurement: &Measurement) {
        match measurement {
            Measurement::Expectation(observables) => self.observables("expectation", observables),
            Measurement::Variance(observables) => self.observables("variance", observables),
            Measurement::Probabilities(qubits) => {
                self.text("probabilities");
                self.sizes(qubits);
            }
            Measurement::State => self.text("state"),
            Measurement::DensityMatrix => self.text("density_matrix"),
            Measurement::Postselected(of) => {
                self.text("postselected");
                self.size(of.values().len());
                of.values().iter().for_each(|(qubit, value)| self.sizes(&[*qubit, usize::from(*value)]));
                self.measurement(of.measurement());
            }
            Measurement::All(members) => {
                self.text("all");
                self.size(members.as_slice().len());
                members.as_slice().iter().for_each(|member| self.measurement(member));
            }
        }
    }

    fn observables(&mut self, name: &str, observables: &[Observable]) {
        self.text(name);
        self.size(observables.len());
        observables.iter().for_each(|observable| self.observable(observable));
    }

    fn observable(&mut self, observable: &Observable) {
        self.size(observable.words().count());
        for (word, coefficient) in observable.words() {
            self.mask(word.x);
            self.mask(word.z);
            self.number(coefficient);
        }
        self.size(observable.parts().len());
        for (coefficient, part) in observable.parts() {
            self.number(*coefficient);
            self.part(part);
        }
        // Observables with constant coefficients have the fingerprints that they had before there were others.
        let weighted = observable.weighted();
        if !weighted.is_empty() {
            self.text("weighted");
            self.size(weighted.len());
            for (coefficient, of) in weighted {
                self.angle(coefficient);
                self.observable(of);
            }
        }
    }

    /// Takes a mask in. One of the lowest 64 qubits has the fingerprint that it had before there were others.
    fn mask(&mut self, mask: Wide) {
        if mask == mask.narrowed().into() {
            return self.integer(mask.narrowed());
        }
        self.text("wide");
        mask.0.iter().for_each(|word| self.integer(*word));
    }

    fn part(&mut self, part: &Part<Wide>) {
        match part {
            Part::Diagonal { values, mask } => {
                // Diagonals on the lowest qubits have the fingerprints that they had before there were others.
                match *mask == Wide::of_qubits(0..mask.count() as usize) {
                    true => self.text("diagonal"),
                    false => {
                        self.text("diagonal_on");
                        self.mask(*mask);
                    }
                }
                self.size(values.len());
                values.iter().for_each(|value| self.number(*value));
            }
            Part::Matrix { entries, qubits } => {
                self.text("matrix");
                self.numbers(entries);
                self.sizes(qubits);
            }
            Part::Projector { mask, bits } => {
                self.text("projector");
                self.mask(*mask);
                self.mask(*bits);
            }
        }
    }
}

/// Returns the sorted factors of a term, and its coefficient.
fn factors(term: &Term) -> (Vec<(&str, usize)>, f64) {
    let mut factors: Vec<_> = [Some(&term.first), term.second.as_ref()].into_iter().flatten().map(key).collect();
    factors.sort_unstable();
    (factors, term.coefficient)
}

/// Returns the sort key of a variable: the name of a weight tensor, which is never empty, or an empty name for inputs;
/// then the index.
fn key(variable: &Variable) -> (&str, usize) {
    match variable {
        Variable::Input(index) => ("", *index),
        Variable::Weight { tensor, index } => (&tensor.name, *index),
    }
}
