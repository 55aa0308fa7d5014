//! Groups against dense arithmetic; the letters' matrices are written out here.

use super::basis::Basis;
use super::*;
use crate::error::{Error, Mistake};
use crate::measurement::Measurement;
use crate::observable::{Observable, PauliWord, X, Y, Z};
use crate::random::Generator;
use num_complex::Complex64 as C;
use rand::Rng;
use rand::seq::IndexedRandom;

/// Statistical errors beyond this many standard deviations are errors.
const SIGMAS: f64 = 5.0;

/// Number of shots whose counts are as good as probabilities.
const INFINITE: f64 = (1u64 << 52) as f64;

type Dense = Vec<Vec<C>>;

fn random_state(qubits: usize, rng: &mut Generator) -> Vec<C> {
    let mut uniform = || rng.random_range(-1.0..1.0);
    let state: Vec<C> = (0..1 << qubits).map(|_| C::new(uniform(), uniform())).collect();
    let norm = state.iter().map(C::norm_sqr).sum::<f64>().sqrt();
    state.into_iter().map(|a| a / norm).collect()
}

/// Extends a matrix on some qubits to all qubits.
fn spread(matrix: &[C], on: &[usize], qubits: usize) -> Dense {
    let local = |index: usize| on.iter().enumerate().map(|(k, q)| (index >> q & 1) << k).sum::<usize>();
    let mask: usize = on.iter().map(|q| 1 << q).sum();
    let entry = |r: usize, c: usize| {
        if (r ^ c) & !mask == 0 { matrix[local(r) << on.len() | local(c)] } else { C::default() }
    };
    (0..1 << qubits).map(|r| (0..1 << qubits).map(|c| entry(r, c)).collect()).collect()
}

fn letter(letter: char) -> [C; 4] {
    let (o, l, i) = (C::default(), C::from(1.0), C::i());
    match letter {
        'X' => [o, l, l, o],
        'Y' => [o, -i, i, o],
        _ => [l, o, o, -l],
    }
}

fn times(matrix: &Dense, state: &[C]) -> Vec<C> {
    matrix.iter().map(|row| row.iter().zip(state).map(|(a, b)| a * b).sum()).collect()
}

/// Returns `state` in a group's basis. The group's result has to equal the result of dense matrices.
fn after(group: &Group, state: &[C], qubits: usize) -> Vec<C> {
    let mut changed = pairs(state);
    group.changes().iter().for_each(|change| change.apply(&mut changed));
    let found: Vec<C> = changed.chunks(2).map(|pair| C::new(pair[0], pair[1])).collect();
    let dense = group
        .changes
        .iter()
        .fold(state.to_vec(), |state, change| times(&spread(&change.entries, &change.qubits, qubits), &state));
    assert!(found.iter().zip(dense).all(|(a, b)| (a - b).norm() < 1e-13));
    found
}

fn pairs(state: &[C]) -> Vec<f64> {
    state.iter().flat_map(|a| [a.re, a.im]).collect()
}

/// Returns counts that are probabilities, up to a common factor.
fn infinite(group: &Group, state: &[C]) -> Counts {
    let Outcomes::Some(weights) = Outcomes::new(&pairs(state), &group.qubits) else {
        return (0..).zip(state.iter().map(|a| (a.norm_sqr() * INFINITE).round() as u64)).collect();
    };
    (0..).zip(weights.iter().map(|weight| (weight * INFINITE).round() as u64)).collect()
}

/// Observable, and the same observable as an independent matrix.
struct Both {
    observable: Observable,
    dense: Dense,
    qubits: usize,
}

impl Both {
    fn zero(qubits: usize) -> Self {
        let dense = vec![vec![C::default(); 1 << qubits]; 1 << qubits];
        Self { observable: Observable::default(), dense, qubits }
    }

    fn add(&mut self, coefficient: f64, observable: Observable, states: impl Fn(&[C]) -> Vec<C>) {
        for column in 0..1 << self.qubits {
            let mut unit = vec![C::default(); 1 << self.qubits];
            unit[column] = C::from(1.0);
            for (row, entry) in states(&unit).into_iter().enumerate() {
                self.dense[row][column] += coefficient * entry;
            }
        }
        self.observable = self.observable.clone() + coefficient * observable;
    }

    fn add_word(&mut self, coefficient: f64, letters: &[(char, usize)]) {
        let text: Vec<String> = letters.iter().map(|(letter, qubit)| format!("{letter}{qubit}")).collect();
        let qubits = self.qubits;
        self.add(coefficient, Observable::pauli_sum([(1.0, text.join(" ").as_str())]), |state| {
            letters.iter().fold(state.to_vec(), |state, &(l, q)| times(&spread(&letter(l), &[q], qubits), &state))
        });
    }

    fn add_matrix(&mut self, coefficient: f64, matrix: &[C], on: &[usize]) {
        let full = spread(matrix, on, self.qubits);
        self.add(coefficient, Observable::hermitian(matrix, on.to_vec()), |state| times(&full, state));
    }

    fn add_diagonal(&mut self, coefficient: f64, values: &[f64]) {
        let value = |index: usize| values[index % values.len()];
        self.add(coefficient, Observable::diagonal(values.to_vec()), |state| {
            state.iter().enumerate().map(|(index, a)| a * value(index)).collect()
        });
    }

    /// Adds a diagonal and a projector on the same qubits, in any order.
    fn add_on(&mut self, coefficient: f64, values: &[f64], on: &[usize]) {
        let local = |index: usize| on.iter().enumerate().map(|(k, q)| (index >> q & 1) << k).sum::<usize>();
        self.add(coefficient, Observable::diagonal_on(values.to_vec(), on.to_vec()), |state| {
            state.iter().enumerate().map(|(index, a)| a * values[local(index)]).collect()
        });
        let hit = Observable::projector_on(on.iter().enumerate().map(|(k, q)| (*q, k % 2 == 0)));
        let bits = (0..on.len()).map(|k| usize::from(k % 2 == 0) << k).sum::<usize>();
        self.add(coefficient, hit, |state| {
            state.iter().enumerate().map(|(index, a)| if local(index) == bits { *a } else { C::default() }).collect()
        });
    }

    fn add_projector(&mut self, coefficient: f64, bits: &[bool]) {
        let hit = |index: usize| bits.iter().enumerate().all(|(q, &bit)| (index >> q & 1 == 1) == bit);
        self.add(coefficient, Observable::projector(bits.to_vec()), |state| {
            state.iter().enumerate().map(|(index, a)| if hit(index) { *a } else { C::default() }).collect()
        });
    }

    fn mean(&self, state: &[C]) -> f64 {
        state.iter().zip(times(&self.dense, state)).map(|(a, b)| (a.conj() * b).re).sum()
    }

    fn variance(&self, state: &[C]) -> f64 {
        times(&self.dense, state).iter().map(C::norm_sqr).sum::<f64>() - self.mean(state).powi(2)
    }
}

fn random_letters(qubits: usize, from: &str, rng: &mut Generator) -> Vec<(char, usize)> {
    let letters: Vec<char> = from.chars().collect();
    let any = |qubit| (letters.choose(rng).copied().unwrap_or('I'), qubit);
    (0..qubits).map(any).filter(|(letter, _)| *letter != 'I').collect()
}

fn random_hermitian(qubits: usize, rng: &mut Generator) -> Vec<C> {
    let size = 1 << qubits;
    let mut matrix = vec![C::default(); size * size];
    for r in 0..size {
        matrix[r * size + r] = C::from(rng.random_range(-1.0..1.0));
        for c in 0..r {
            matrix[r * size + c] = C::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
            matrix[c * size + r] = matrix[r * size + c].conj();
        }
    }
    matrix
}

/// Returns twice the projector on a random state: its eigenvalues are 2 and, many times, 0.
fn degenerate(qubits: usize, rng: &mut Generator) -> Vec<C> {
    let state = random_state(qubits, rng);
    state.iter().flat_map(|a| state.iter().map(move |b| 2.0 * a * b.conj())).collect()
}

/// Returns different qubits in random order.
fn some_qubits(count: usize, qubits: usize, rng: &mut Generator) -> Vec<usize> {
    rand::seq::index::sample(rng, qubits, count.min(qubits)).into_vec()
}

/// Returns an observable with terms of every kind.
fn random_observable(qubits: usize, rng: &mut Generator) -> Both {
    let mut both = Both::zero(qubits);
    for _ in 0..12 {
        both.add_word(rng.random_range(-1.0..1.0), &random_letters(qubits, "IXYZ", rng));
        both.add_word(rng.random_range(-1.0..1.0), &random_letters(qubits, "IZ", rng));
    }
    both.add_word(rng.random_range(-1.0..1.0), &[]);
    for of in 1..=3.min(qubits) {
        let values: Vec<f64> = (0..1 << of).map(|_| rng.random_range(-1.0..1.0)).collect();
        both.add_diagonal(rng.random_range(-1.0..1.0), &values);
        both.add_on(rng.random_range(-1.0..1.0), &values, &some_qubits(of, qubits, rng));
        let bits: Vec<bool> = (0..of).map(|_| rng.random()).collect();
        both.add_projector(rng.random_range(-1.0..1.0), &bits);
        both.add_matrix(rng.random_range(-1.0..1.0), &random_hermitian(of, rng), &some_qubits(of, qubits, rng));
        both.add_matrix(rng.random_range(-1.0..1.0), &degenerate(of, rng), &some_qubits(of, qubits, rng));
    }
    both
}

fn estimate(measurement: &Measurement, state: &[C], qubits: usize) -> Vec<f64> {
    let mut outputs = vec![0.0; measurement.output_shape(qubits).iter().product()];
    for group in group_terms(measurement, qubits).expect("a valid measurement") {
        group.estimate(&infinite(&group, &after(&group, state, qubits)), &mut outputs);
    }
    outputs
}

fn assert_close(actual: &[f64], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() <= 1e-12 * (1.0 + e.abs()), "{what}: {a} instead of {e}");
    }
}

#[test]
fn infinite_shots_give_expectation_values() {
    for (run, qubits) in [1, 2, 3, 4, 4, 5].into_iter().enumerate() {
        let mut rng = shot_generator(20, run as u64, 0, 0);
        let observables: Vec<Both> = (0..3).map(|_| random_observable(qubits, &mut rng)).collect();
        let state = random_state(qubits, &mut rng);
        let measurement = Measurement::expectation(observables.iter().map(|both| both.observable.clone()));
        let expected: Vec<f64> = observables.iter().map(|both| both.mean(&state)).collect();
        assert_close(&estimate(&measurement, &state, qubits), &expected, "mean");
    }
}

/// Returns a letter, an eigenbasis or Z for each qubit, and an observable with terms in that basis only.
fn one_basis(qubits: usize, rng: &mut Generator) -> Both {
    let mut both = Both::zero(qubits);
    let low = 1 + qubits / 3;
    let letters: Vec<char> =
        (0..qubits).map(|q| if q < low { 'Z' } else { ['X', 'Y', 'Z'][rng.random_range(0..3)] }).collect();
    let taken = if qubits > 3 { vec![qubits - 1, qubits - 2] } else { vec![] };
    for _ in 0..20 {
        let read = (0..qubits).filter(|q| !taken.contains(q) && rng.random());
        let word: Vec<_> = read.map(|q| (letters[q], q)).collect();
        both.add_word(rng.random_range(-1.0..1.0), &word);
    }
    both.add_diagonal(0.7, &(0..1 << low).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<_>>());
    both.add_projector(-0.4, &vec![true; low]);
    if !taken.is_empty() {
        both.add_matrix(0.9, &random_hermitian(2, rng), &taken);
    }
    both
}

#[test]
fn infinite_shots_give_variances_and_moments() {
    for (run, qubits) in [1, 2, 3, 4, 5].into_iter().enumerate() {
        let mut rng = shot_generator(21, run as u64, 0, 0);
        let observables: Vec<Both> = (0..3).map(|_| one_basis(qubits, &mut rng)).collect();
        let state = random_state(qubits, &mut rng);
        let measurement = Measurement::variance(observables.iter().map(|both| both.observable.clone()));
        let expected: Vec<f64> = observables.iter().map(|both| both.variance(&state)).collect();
        assert_close(&estimate(&measurement, &state, qubits), &expected, "variance");
        for group in group_terms(&measurement, qubits).expect("one basis each") {
            let counts = infinite(&group, &after(&group, &state, qubits));
            for moments in group.moments(&counts) {
                let (mean, variance) = (observables[moments.output].mean(&state), expected[moments.output]);
                assert_close(&[moments.mean, moments.square], &[mean, variance + mean * mean], "moments");
            }
        }
    }
}

#[test]
fn infinite_shots_give_probabilities() {
    let mut rng = shot_generator(22, 0, 0, 0);
    let state = random_state(4, &mut rng);
    for measured in [vec![0, 1, 2, 3], vec![2, 0], vec![3], vec![1, 3, 0, 2]] {
        let mut expected = vec![0.0; 1 << measured.len()];
        for (index, amplitude) in state.iter().enumerate() {
            let outcome: usize = measured.iter().enumerate().map(|(k, q)| (index >> q & 1) << k).sum();
            expected[outcome] += amplitude.norm_sqr();
        }
        assert_close(&estimate(&Measurement::probabilities(measured), &state, 4), &expected, "probabilities");
    }
}

/// Words share a basis if on every qubit their letters are equal, or a letter is the identity.
#[test]
fn words_share_a_basis_if_they_commute_qubit_by_qubit() {
    let mut rng = shot_generator(23, 0, 0, 0);
    let read = |letters: &[(char, usize)]| PauliWord::from_letters(letters.iter().copied()).expect("letters");
    let agree =
        |a: &[(char, usize)], b: &[(char, usize)]| a.iter().all(|(l, q)| b.iter().all(|(m, r)| q != r || l == m));
    let (mut joined, mut refused) = (0, 0);
    for _ in 0..2000 {
        let [a, b, c] = std::array::from_fn(|_| random_letters(4, "IIXYZ", &mut rng));
        let mut basis = Basis::word(read(&a));
        let fits = basis.join(&Basis::word(read(&b)));
        assert_eq!(fits, agree(&a, &b), "{a:?} {b:?}");
        let both: Vec<_> = if fits { a.iter().chain(&b).copied().collect() } else { a.clone() };
        assert_eq!(basis.join(&Basis::word(read(&c))), agree(&both, &c), "{both:?} {c:?}");
        if fits { joined += 1 } else { refused += 1 }
    }
    assert!(joined > 100 && refused > 100);
}

#[test]
fn every_word_is_in_one_group() {
    let mut rng = shot_generator(24, 0, 0, 0);
    let mut sum = Both::zero(5);
    (0..200).for_each(|_| sum.add_word(rng.random_range(0.1..1.0), &random_letters(5, "IXYZ", &mut rng)));
    let words = sum.observable.words().filter(|(word, _)| !word.is_identity()).count();
    let groups = group_terms(&Measurement::expectation([sum.observable]), 5).expect("words");
    let parities = |group: &Group| match &group.estimates {
        estimate::Estimates::Means(observed) => observed.iter().map(|one| one.parities.len()).sum::<usize>(),
        other => panic!("{other:?} of words"),
    };
    assert_eq!(groups.iter().map(parities).sum::<usize>(), words);
    assert!(groups.len() < words);
    // A word on all qubits goes into the first group, together with any word that fits.
    assert_eq!(groups[0].support(), 0b11111);
}

#[test]
fn how_many_groups() {
    let count =
        |observables: Vec<Observable>| group_terms(&Measurement::expectation(observables), 6).map(|all| all.len());
    assert_eq!(count((0..6).map(Z).collect()).ok(), Some(1));
    assert_eq!(count((0..6).flat_map(|q| [Z(q), X(q)]).collect()).ok(), Some(2));
    // Matrices on different qubits are measured together, and equal matrices once.
    let matrix = random_hermitian(1, &mut shot_generator(25, 0, 0, 0));
    let matrices: Vec<_> = (0..6).map(|q| Observable::hermitian(&matrix, [q])).collect();
    assert_eq!(count(matrices.clone()).ok(), Some(1));
    assert_eq!(count(matrices.into_iter().chain([Z(0), Z(1) * Z(0)]).collect()).ok(), Some(2));
    // Constants alone still read the state once, to see whether it is NaN.
    assert_eq!(count(vec![3.0 * Observable::identity(), 0.0 * Y(1)]).ok(), Some(1));
    let hydrogen = "Z0|Z1|Z2|Z3|Z0 Z1|Z0 Z2|Z0 Z3|Z1 Z2|Z1 Z3|Z2 Z3|Y0 X1 X2 Y3|Y0 Y1 X2 X3|X0 X1 Y2 Y3|X0 Y1 Y2 X3";
    assert_eq!(count(vec![Observable::pauli_sum(hydrogen.split('|').map(|word| (0.1, word)))]).ok(), Some(5));
}

#[test]
fn matrices_of_all_kinds_have_eigenbases() {
    let mut rng = shot_generator(26, 0, 0, 0);
    let mut check = |matrix: Vec<C>, qubits: usize| {
        let scale = matrix.iter().map(|entry| entry.norm()).fold(f64::MIN_POSITIVE, f64::max);
        let state = random_state(qubits, &mut rng);
        let on: Vec<usize> = (0..qubits).rev().collect();
        let dense = spread(&matrix, &on, qubits);
        let scaled: Vec<C> = times(&dense.iter().map(|row| row.iter().map(|e| e / scale).collect()).collect(), &state);
        let expected: f64 = state.iter().zip(scaled).map(|(a, b)| (a.conj() * b).re).sum();
        let measurement = Measurement::expectation([Observable::hermitian(&matrix, on)]);
        let actual = estimate(&measurement, &state, qubits);
        assert!((actual[0] / scale - expected).abs() <= 1e-11, "{} instead of {expected}", actual[0] / scale);
    };
    let mut rng = shot_generator(27, 0, 0, 0);
    for qubits in 1..=6 {
        let size: usize = 1 << qubits;
        let unit = |r: usize, c: usize| C::from(f64::from(u8::from(r == c)));
        let by = |entry: &dyn Fn(usize, usize) -> C| (0..size * size).map(|k| entry(k / size, k % size)).collect();
        check(random_hermitian(qubits, &mut rng), qubits);
        check(degenerate(qubits, &mut rng), qubits);
        check(vec![C::default(); size * size], qubits);
        check(by(&unit), qubits);
        check(by(&|r, c| unit(r, size - 1 - c)), qubits);
        check(by(&|r, c| unit(r, c) * (r as f64)), qubits);
        check(by(&|_, _| C::from(1.0)), qubits);
        for scale in [1e-290, 1e-100, 1e100, 1e300] {
            check(random_hermitian(qubits, &mut rng).into_iter().map(|entry| entry * scale).collect(), qubits);
        }
        // Nearly degenerate, and nearly diagonal.
        for small in [1e-8, 1e-15, 1e-100] {
            let noise = random_hermitian(qubits, &mut rng);
            check(by(&|r, c| unit(r, c) + small * noise[r * size + c]), qubits);
        }
    }
}

/// All terms of such an observable are measured together, so its variance is the variance of the estimates.
#[test]
fn estimates_scatter_as_they_should() {
    let mut rng = shot_generator(28, 0, 0, 0);
    let (qubits, shots, runs) = (4, 500, 2000);
    for _ in 0..3 {
        let both = one_basis(qubits, &mut rng);
        let state = random_state(qubits, &mut rng);
        let groups = group_terms(&Measurement::expectation([both.observable.clone()]), qubits).expect("valid");
        assert_eq!(groups.len(), 1);
        let amplitudes = pairs(&after(&groups[0], &state, qubits));
        let (exact, variance) = (both.mean(&state), both.variance(&state) / f64::from(shots));
        let (mut bias, mut scatter) = (0.0, 0.0);
        for run in 0..runs {
            let mut output = [0.0];
            groups[0].read(&amplitudes, shots, &mut shot_generator(29, run, 0, 0), &mut output);
            bias += (output[0] - exact) / runs as f64;
            scatter += (output[0] - exact).powi(2) / runs as f64;
        }
        assert!(
            bias.abs() <= SIGMAS * (variance / runs as f64).sqrt(),
            "{bias} for a deviation of {}",
            variance.sqrt()
        );
        assert!((scatter / variance - 1.0).abs() <= SIGMAS * (2.0 / runs as f64).sqrt(), "{scatter} for {variance}");
    }
}

/// Checks the mean of many estimates from few shots.
#[test]
fn variances_are_unbiased() {
    let mut rng = shot_generator(30, 0, 0, 0);
    let (qubits, runs) = (3, 40_000);
    let both = one_basis(qubits, &mut rng);
    let state = random_state(qubits, &mut rng);
    let groups = group_terms(&Measurement::variance([both.observable.clone()]), qubits).expect("one basis");
    let amplitudes = pairs(&after(&groups[0], &state, qubits));
    for shots in [2, 3, 10] {
        let one = |run| {
            let mut output = [0.0];
            groups[0].read(&amplitudes, shots, &mut shot_generator(31, run, u64::from(shots), 0), &mut output);
            output[0]
        };
        let estimates: Vec<f64> = (0..runs).map(one).collect();
        let mean = estimates.iter().sum::<f64>() / runs as f64;
        let spread = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / runs as f64;
        let error = (mean - both.variance(&state)).abs();
        assert!(
            error <= SIGMAS * (spread / runs as f64).sqrt(),
            "{shots} shots: {mean} instead of {}",
            both.variance(&state)
        );
    }
}

#[test]
fn a_nan_state_makes_all_outputs_nan() {
    let state = [f64::NAN, 0.0, 0.0, 0.0];
    let observables = || [Z(0) + Observable::identity(), 2.0 * Observable::identity()];
    let cases = [
        Measurement::expectation(observables()),
        Measurement::expectation([Observable::identity()]),
        Measurement::variance(observables()),
        Measurement::probabilities([0]),
    ];
    for measurement in cases {
        let mut outputs = vec![0.0; measurement.output_shape(1).iter().product()];
        for group in group_terms(&measurement, 1).expect("valid") {
            group.read(&state, 10, &mut shot_generator(0, 0, 0, 0), &mut outputs);
        }
        assert!(outputs.iter().all(|output| output.is_nan()), "{measurement:?}: {outputs:?}");
    }
}

#[test]
fn constants_are_exact() {
    let measurement = Measurement::expectation([2.5 * Observable::identity() + Z(1), Observable::identity() * -1.5]);
    let mut outputs = [0.0; 2];
    for group in group_terms(&measurement, 2).expect("valid") {
        group.read(&[1.0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 3, &mut shot_generator(0, 0, 0, 0), &mut outputs);
    }
    assert_eq!(outputs, [3.5, -1.5]);
}

#[test]
fn what_shots_cannot_give_is_an_error() {
    let mistake = |measurement: Measurement| match group_terms(&measurement, 2) {
        Err(Error::Measurement(mistake) | Error::Observable { mistake, .. }) => Some(mistake),
        _ => None,
    };
    assert_eq!(mistake(Measurement::state()), Some(Mistake::StateFromShots));
    assert_eq!(mistake(Measurement::variance([Z(0), Z(0) + X(0)])), Some(Mistake::VarianceBases));
    assert_eq!(mistake(Measurement::variance([Z(0) + Y(1), X(0)])), None);
    assert_eq!(mistake(Measurement::expectation([Z(2)])), Some(Mistake::QubitOutOfRange { qubit: 2, qubits: 2 }));
    assert!(matches!(mistake(Measurement::expectation([X(0) * Y(0)])), Some(Mistake::NotHermitian { .. })));
}

#[test]
fn numbers_of_shots() {
    let (mean, variance) = (Measurement::expectation([Z(0)]), Measurement::variance([Z(0)]));
    assert_eq!(check_shots(&mean, 1).ok(), Some(1));
    assert_eq!(check_shots(&variance, u32::MAX as usize).ok(), Some(u32::MAX));
    for (measurement, shots) in [(&mean, 0), (&variance, 1), (&mean, u32::MAX as usize + 1), (&mean, usize::MAX)] {
        let error = check_shots(measurement, shots).expect_err("too few or too many");
        let named =
            matches!(error, Error::Measurement(Mistake::Length { what: "shots", actual, .. }) if actual == shots);
        assert!(named, "{error}");
    }
}
