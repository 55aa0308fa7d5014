//! Observables of every kind, and losses on the states of circuits: results of the crate against the oracle.

use crate::oracle::*;
use candlewick::prelude::*;
use num_complex::Complex64 as C;

pub(crate) fn random_observables(seed: u64, qubits: usize) -> Vec<Obs> {
    let mut rng = rng(seed);
    let word = |rng: &mut _| (0..qubits).map(|_| ['I', 'X', 'Y', 'Z'][pick(rng, 4, 1)[0]]).collect::<String>();
    let mut all = vec![
        Obs::Words(vec![(1.0, "Z".repeat(qubits))]),
        Obs::Words(vec![(0.7, "I".repeat(qubits)), (-1.1, "X".repeat(qubits)), (0.4, "Y".repeat(qubits))]),
        Obs::Diagonal(uniform(&mut rng, 1 << qubits)),
        Obs::Diagonal(uniform(&mut rng, 2)),
        Obs::Projector((0..qubits).map(|q| q % 2 == 0).collect()),
        Obs::Projector(vec![true]),
    ];
    for width in 1..=qubits.min(3) {
        all.push(Obs::Hermitian(random_hermitian(&mut rng, width), pick(&mut rng, qubits, width)));
    }
    // Words that flip the same qubits, with odd and even numbers of Y.
    let same = |rng: &mut _, flips: bool| {
        let flipped: Vec<usize> = (0..qubits).map(|_| if flips { pick(rng, 2, 1)[0] } else { 0 }).collect();
        let letter = |rng: &mut _, x: usize| [['I', 'Z'], ['X', 'Y']][x][pick(rng, 2, 1)[0]];
        let word = |rng: &mut _| flipped.iter().map(|x| letter(rng, *x)).collect::<String>();
        Obs::Words((0..12).map(|k| (0.2 * f64::from(k) - 0.9, word(rng))).collect())
    };
    all.extend([same(&mut rng, false), same(&mut rng, true)]);
    for _ in 0..4 {
        all.push(Obs::Words((0..3).map(|k| (0.5 + f64::from(k), word(&mut rng))).collect()));
    }
    all.extend(on_chosen_qubits(seed, qubits));
    all
}

/// Parts on chosen qubits, and products of parts and words that are Hermitian.
fn on_chosen_qubits(seed: u64, qubits: usize) -> Vec<Obs> {
    let mut rng = rng(seed ^ 0x9a27);
    let order = pick(&mut rng, qubits, qubits);
    let bits = |qubits: &[usize]| Obs::ProjectorOn(qubits.iter().map(|q| (*q, q % 3 != 0)).collect());
    let three = &order[..qubits.min(3)];
    let mut all = vec![Obs::DiagonalOn(uniform(&mut rng, 1 << three.len()), three.to_vec()), bits(&order)];
    if qubits < 2 {
        return all;
    }
    let (some, rest) = order.split_at(qubits.min(3) - 1);
    let word = |letters: &str, on: &[usize]| {
        let letter = |q: usize| on.iter().position(|other| *other == q).and_then(|k| letters.chars().cycle().nth(k));
        Obs::Words(vec![(0.8, (0..qubits).map(|q| letter(q).unwrap_or('I')).collect())])
    };
    let diagonal = Obs::DiagonalOn(uniform(&mut rng, 1 << some.len()), some.to_vec());
    let matrix = Obs::Hermitian(random_hermitian(&mut rng, some.len()), some.to_vec());
    let one = Obs::Hermitian(random_hermitian(&mut rng, 1), vec![rest[0]]);
    all.extend(
        [
            // On different qubits.
            [diagonal.clone(), word("XYZ", rest)],
            [word("ZXY", rest), bits(some)],
            [matrix.clone(), word("YX", rest)],
            [bits(&rest[..1]), matrix.clone()],
            [matrix, one],
            [bits(&order), word("I", &[])],
            // On common qubits, on which they commute.
            [word("Z", three), diagonal.clone()],
            [bits(some), word("Z", &order)],
            [bits(three), bits(&order[1..])],
            [bits(&order[1..]), diagonal],
        ]
        .map(|factors| Obs::Product(factors.to_vec())),
    );
    all
}

/// Function from the state, the features and the weights of a sample to its outputs.
pub(crate) type Outputs = dyn Fn(&[C], &[f64], &[f64]) -> Vec<f64>;

/// Loss on the final state of each sample: a measurement of the crate, and the same outputs by the oracle.
pub(crate) struct Loss {
    pub(crate) measurement: Measurement,
    pub(crate) outputs: Box<Outputs>,
    /// Whether it is a quadratic form of the state and of nothing else, to which shift rules apply.
    pub(crate) quadratic: bool,
}

impl Loss {
    fn new(measurement: Measurement, quadratic: bool, outputs: impl Fn(&[C]) -> Vec<f64> + 'static) -> Self {
        Self { measurement, outputs: Box::new(move |state, _, _| outputs(state)), quadratic }
    }

    fn expectation(all: &[Obs]) -> Self {
        let measurement = Measurement::expectation(all.iter().map(Obs::observable));
        let all = all.to_vec();
        Self::new(measurement, true, move |state| all.iter().map(|o| o.expectation(state)).collect())
    }

    fn variance(all: &[Obs]) -> Self {
        let measurement = Measurement::variance(all.iter().map(Obs::observable));
        let all = all.to_vec();
        Self::new(measurement, false, move |state| all.iter().map(|o| o.variance(state)).collect())
    }

    fn probabilities_backwards(qubits: usize) -> Self {
        Self::new(Measurement::probabilities((0..qubits).rev()), true, move |state| {
            let reversed = |i: usize| (0..qubits).map(|k| (i >> k & 1) << (qubits - 1 - k)).sum::<usize>();
            (0..state.len()).map(|i| state[reversed(i)].norm_sqr()).collect()
        })
    }

    fn probabilities_of_qubit_0() -> Self {
        Self::new(Measurement::probabilities([0]), true, |state| {
            let one: f64 = state.iter().skip(1).step_by(2).map(|a| a.norm_sqr()).sum();
            vec![state.iter().map(|a| a.norm_sqr()).sum::<f64>() - one, one]
        })
    }

    fn state() -> Self {
        Self::new(Measurement::state(), false, |state| state.iter().flat_map(|a| [a.re, a.im]).collect())
    }

    /// Joins losses on one state.
    fn all(members: impl IntoIterator<Item = Self>) -> Self {
        let members: Vec<Self> = members.into_iter().collect();
        let quadratic = members.iter().all(|one| one.quadratic);
        let measurement = Measurement::all(members.iter().map(|one| one.measurement.clone()));
        let outputs = move |state: &[C], x: &[f64], w: &[f64]| {
            members.iter().flat_map(|one| (one.outputs)(state, x, w)).collect()
        };
        Self { measurement, outputs: Box::new(outputs), quadratic }
    }

    /// Expressions in features and weights as coefficients, beside constants; `w` are the weights of a random case.
    fn weighted(all: &[Obs; 3]) -> Self {
        let w = weights(RANDOM_WEIGHTS);
        let [a, b, c] = all.each_ref().map(Obs::observable);
        let measurement = Measurement::expectation([
            w.at(0) * &a + (0.5 * w.at(1) * input(0) - 0.3) * &b + 0.7 * &c,
            b,
            (input(0) * input(1) + w.at(2) * w.at(2)) * (a - 0.5 * &c) * 1.5 + w.at(4) * Observable::identity(),
            input(1) * c,
        ]);
        let all = all.clone();
        let outputs = move |state: &[C], x: &[f64], w: &[f64]| {
            let [a, b, c] = all.each_ref().map(|one| one.expectation(state));
            let third = 1.5 * (x[0] * x[1] + w[2] * w[2]) * (a - 0.5 * c) + w[4];
            vec![w[0] * a + (0.5 * w[1] * x[0] - 0.3) * b + 0.7 * c, b, third, x[1] * c]
        };
        Self { measurement, outputs: Box::new(outputs), quadratic: false }
    }

    /// Loss where a qubit has a value, then the probability of that.
    fn postselect(self, qubit: usize, value: bool) -> Self {
        let measurement = self.measurement.postselect([(qubit, value)]);
        let outputs = move |state: &[C], x: &[f64], w: &[f64]| {
            let kept = |index: usize| (index >> qubit & 1 == 1) == value;
            let left = |(index, amplitude): (usize, &C)| if kept(index) { *amplitude } else { C::default() };
            let projected: Vec<C> = state.iter().enumerate().map(left).collect();
            let probability: f64 = projected.iter().map(|amplitude| amplitude.norm_sqr()).sum();
            let normed: Vec<C> = projected.iter().map(|amplitude| amplitude / probability.sqrt()).collect();
            [(self.outputs)(&normed, x, w), vec![probability]].concat()
        };
        Self { measurement, outputs: Box::new(outputs), quadratic: false }
    }
}

/// Number of losses of a seed.
pub(crate) const LOSSES: usize = 12;

pub(crate) fn losses(seed: u64, qubits: usize) -> Vec<Loss> {
    let all = random_observables(seed, qubits);
    let (some, others) = (&all[..6], &all[all.len() - 5..]);
    let three = |from: &[Obs]| [from[0].clone(), from[1].clone(), from[2].clone()];
    let last = qubits - 1;
    let losses = vec![
        Loss::expectation(&all),
        Loss::variance(&all),
        Loss::probabilities_backwards(qubits),
        Loss::probabilities_of_qubit_0(),
        Loss::state(),
        // Several kinds, each of which an engine meets first, or after others; kinds that it reads together, and apart.
        Loss::all([
            Loss::variance(&some[..2]),
            Loss::expectation(some),
            Loss::probabilities_of_qubit_0(),
            Loss::expectation(&others[..2]),
            Loss::state(),
            Loss::variance(&others[2..]),
        ]),
        Loss::all([
            Loss::probabilities_of_qubit_0(),
            Loss::expectation(&some[..2]),
            Loss::expectation(others),
            Loss::probabilities_backwards(qubits),
        ]),
        Loss::all([Loss::state(), Loss::probabilities_of_qubit_0(), Loss::variance(&some[..1])]),
        // Outputs that derive from an engine's, alone and beside others.
        Loss::weighted(&three(&all[1..])),
        Loss::expectation(&all).postselect(last, true),
        Loss::all([Loss::weighted(&three(others)), Loss::probabilities_of_qubit_0()]).postselect(last, false),
        Loss::all([
            Loss::variance(&some[..1]),
            Loss::weighted(&three(some)),
            Loss::expectation(&some[..2]),
            Loss::probabilities_backwards(qubits).postselect(0, true),
            Loss::state(),
        ]),
    ];
    assert_eq!(losses.len(), LOSSES);
    losses
}
