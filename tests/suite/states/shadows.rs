//! Classical shadows against dense arithmetic, the variance of their estimates, and PennyLane.

use super::*;
use candlewick::error::{MemoryError, StatesError, TensorError};
use candlewick::states::shadows::{self, ClassicalShadow};
use candlewick::{Error, Mistake};

/// Largest deviation of a result, in standard deviations: with fixed seeds the test always passes or always fails.
const SIGMAS: f64 = 5.0;

fn number(tensor: &Tensor) -> f64 {
    tensor.to_scalar().expect("a number")
}

/// Eigenvectors of a letter: row `outcome` is the bra of the eigenvalue 1 or -1.
fn bras(letter: u8) -> [[C; 2]; 2] {
    let (root, i) = (C::from(0.5f64.sqrt()), C::new(0.0, 0.5f64.sqrt()));
    match letter {
        0 => [[root, root], [root, -root]],
        1 => [[root, -i], [root, i]],
        _ => [[C::from(1.0), C::default()], [C::default(), C::from(1.0)]],
    }
}

/// Probability of outcomes of all qubits in a product basis, from the inner product with the product state.
fn probability(state: &[C], letters: &[u8], outcomes: &[u8]) -> f64 {
    let factor = |index: usize, q: usize| bras(letters[q])[outcomes[q] as usize][index >> q & 1];
    let product = |index: usize| (0..letters.len()).map(|q| factor(index, q)).product::<C>();
    state.iter().enumerate().map(|(index, amplitude)| product(index) * amplitude).sum::<C>().norm_sqr()
}

/// All lists of `count` digits below `base`.
fn digits(count: usize, base: usize) -> Vec<Vec<u8>> {
    let digit = |number: usize, place: usize| (number / base.pow(place as u32) % base) as u8;
    (0..base.pow(count as u32)).map(|number| (0..count).map(|place| digit(number, place)).collect()).collect()
}

/// A word with a letter (0 to 2 for X to Z, 3 for none) on each qubit, and its expectation value.
fn word(state: &[C], letters: &[u8]) -> (Observable, f64) {
    let text: Vec<String> = letters
        .iter()
        .enumerate()
        .filter(|(_, letter)| **letter < 3)
        .map(|(q, letter)| format!("{}{q}", ['X', 'Y', 'Z'][usize::from(*letter)]))
        .collect();
    let sign = |outcomes: &[u8]| -> f64 {
        letters
            .iter()
            .zip(outcomes)
            .map(|(letter, outcome)| if *letter < 3 && *outcome == 1 { -1.0 } else { 1.0 })
            .product()
    };
    let exact = digits(letters.len(), 2).iter().map(|all| sign(all) * probability(state, letters, all)).sum();
    (Observable::pauli_sum([(1.0, text.join(" ").as_str())]), exact)
}

/// Every basis is drawn as often as every other, and its outcomes as often as they are probable.
#[test]
fn snapshots_are_distributed_as_measurements() -> anyhow::Result<()> {
    for (qubits, snapshots) in [(1, 20_000), (2, 60_000), (3, 200_000)] {
        let state = haar(50 + qubits as u64, 1, qubits);
        for dtype in [DType::F64, DType::F32] {
            let given = tensor(&state).squeeze(0)?.to_dtype(dtype)?;
            let shadow = ClassicalShadow::from_states(&given, snapshots, 3)?;
            let (bases, outcomes) = (shadow.bases()?, shadow.outcomes()?);
            assert_eq!((bases.dims(), bases.dtype()), (&[snapshots, qubits][..], DType::U8));
            assert_eq!((outcomes.dims(), outcomes.dtype()), (&[snapshots, qubits][..], DType::U8));
            let drawn: Vec<(Vec<u8>, Vec<u8>)> = bases.to_vec2()?.into_iter().zip(outcomes.to_vec2()?).collect();
            let mut counts = std::collections::HashMap::new();
            drawn.into_iter().for_each(|kind| *counts.entry(kind).or_insert(0.0) += 1.0);
            for letters in digits(qubits, 3) {
                for outcome in digits(qubits, 2) {
                    let p = probability(&state[0], &letters, &outcome) / 3f64.powi(qubits as i32);
                    let count = counts.remove(&(letters.clone(), outcome)).unwrap_or(0.0);
                    let (expected, deviation) = (snapshots as f64 * p, (snapshots as f64 * p * (1.0 - p)).sqrt());
                    assert!(
                        (count - expected).abs() <= SIGMAS * deviation,
                        "{letters:?}: {count} {expected} ± {deviation}"
                    );
                }
            }
            assert!(counts.is_empty());
        }
    }
    Ok(())
}

/// A word of weight w has estimates of mean <P> and variance 3^w - <P>².
#[test]
fn words_of_random_states() -> anyhow::Result<()> {
    let snapshots = 50_000;
    for qubits in [2, 4, 5] {
        let state = haar(60 + qubits as u64, 1, qubits);
        let shadow = ClassicalShadow::from_states(&tensor(&state).squeeze(0)?, snapshots, 9)?;
        let all = digits(qubits, 4);
        for letters in all.iter().step_by(all.len().div_ceil(100)) {
            let (observable, exact) = word(&state[0], letters);
            let weight = letters.iter().filter(|letter| **letter < 3).count() as i32;
            let deviation = ((3f64.powi(weight) - exact * exact).max(0.0) / snapshots as f64).sqrt();
            let mean = number(&shadow.expectation(&observable, 1)?);
            assert!((mean - exact).abs() <= SIGMAS * deviation + 1e-12, "{observable:?}: {mean} {exact} ± {deviation}");
            // The median of a few means has about the deviation of the mean.
            let median = number(&shadow.expectation(&observable, 10)?);
            assert!((median - exact).abs() <= 2.0 * SIGMAS * deviation + 1e-12, "{observable:?}: {median} {exact}");
        }
    }
    Ok(())
}

/// Single snapshots of many copies of a product state: the variance is 3^w - <P>², and the fourth moment 27^w.
#[test]
fn variance_of_a_snapshot() -> anyhow::Result<()> {
    let copies = 40_000;
    let mut product = Circuit::new(4);
    product.ry(0.4, 0).rx(1.1, 1).h(2).ry(2.0, 3);
    let one = state(&product, None);
    let shadow = ClassicalShadow::from_states(&one.broadcast_as((copies, 16, 2))?, 1, 4)?;
    let one = rows(&one.unsqueeze(0)?)[0].chunks(2).map(|pair| C::new(pair[0], pair[1])).collect::<Vec<_>>();
    for letters in [[2, 3, 3, 3], [2, 1, 3, 3], [3, 3, 0, 1], [2, 2, 0, 3], [0, 1, 0, 2]] {
        let (observable, exact) = word(&one, &letters);
        let weight = letters.iter().filter(|letter| **letter < 3).count() as i32;
        let values = shadow.expectation(&observable, 1)?.to_vec1::<f64>()?;
        let square = values.iter().map(|value| value * value).sum::<f64>() / copies as f64;
        let deviation = ((27f64.powi(weight) - 9f64.powi(weight)) / copies as f64).sqrt();
        let expected = 3f64.powi(weight);
        assert!((square - expected).abs() <= SIGMAS * deviation, "{letters:?}: {square} {expected} ± {deviation}");
        let mean = values.iter().sum::<f64>() / copies as f64;
        let deviation = ((expected - exact * exact) / copies as f64).sqrt();
        assert!((mean - exact).abs() <= SIGMAS * deviation, "{letters:?}: {mean} {exact} ± {deviation}");
    }
    Ok(())
}

/// `[snapshots, qubits]` of numbers below `below`, from a linear congruential generator.
fn congruential(snapshots: usize, qubits: usize, below: u64, seed: u64) -> Tensor {
    let mut state = seed;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        ((state >> 16) % below) as u8
    };
    let entries = (0..snapshots * qubits).map(|_| next()).collect();
    Tensor::from_vec(entries, (snapshots, qubits), &Device::Cpu).expect("entries")
}

/// Figures of PennyLane 0.45.1: `qml.ClassicalShadow(bits, recipes).expval(word, k)` for k of 1, 3 and 4, and the mean of
/// `trace(a @ b)` over all pairs of its `global_snapshots(wires)`.
#[test]
fn figures_of_pennylane() -> anyhow::Result<()> {
    let (bases, outcomes) = (congruential(60, 3, 3, 1), congruential(60, 3, 2, 2));
    let shadow = ClassicalShadow::new(&bases, &outcomes)?;
    assert_eq!(rows(&shadow.bases()?), rows(&bases));
    assert_eq!(rows(&shadow.outcomes()?), rows(&outcomes));
    let figures = [
        (Z(0), [-0.1, -0.15, -0.1]),
        (X(1), [-0.05, 0.15, 0.0]),
        (Y(2), [0.1, 0.0, 0.1]),
        (X(0) * Y(1), [-0.15, 0.0, 0.0]),
        (Z(1) * Z(2), [-0.75, -0.9, -0.9]),
        (Y(0) * Z(1) * X(2), [-1.35, -1.35, -0.9]),
    ];
    for (observable, expected) in figures {
        let actual: Vec<f64> =
            [1, 3, 4].iter().map(|&k| Ok(number(&shadow.expectation(&observable, k)?))).collect::<Result<_>>()?;
        close(&format!("{observable:?}"), &actual, &expected, 1e-12);
    }
    let sum = 0.5 * Z(0) - 1.25 * X(1) * X(2);
    close("a sum", &[number(&shadow.expectation(&sum, 1)?)], &[0.325], 1e-12);
    let purities = [number(&shadow.purity([0, 1])?), number(&shadow.purity([2])?)];
    close("purities", &purities, &[0.244_915_254_237_288_13, 0.515_254_237_288_135_6], 1e-12);
    Ok(())
}

/// The groups of a sum are means of the whole sum, over runs of snapshots that differ in length by at most one.
#[test]
fn medians_of_means_of_a_sum() -> anyhow::Result<()> {
    let (bases, outcomes) = (congruential(47, 2, 3, 5), congruential(47, 2, 2, 6));
    let shadow = ClassicalShadow::new(&bases, &outcomes)?;
    let sum = 0.5 * Z(0) - 1.25 * X(0) * Y(1) + 0.75 * Observable::identity();
    let each: Vec<f64> = bases
        .to_vec2::<u8>()?
        .iter()
        .zip(outcomes.to_vec2::<u8>()?)
        .map(|(basis, bits)| {
            let sign = |q: usize| 1.0 - 2.0 * f64::from(bits[q]);
            let z = if basis[0] == 2 { 3.0 * sign(0) } else { 0.0 };
            let xy = if basis[..] == [0, 1] { 9.0 * sign(0) * sign(1) } else { 0.0 };
            0.5 * z - 1.25 * xy + 0.75
        })
        .collect();
    for groups in [1, 2, 3, 10, 46, 47] {
        let cut = |group: usize| group * 47 / groups;
        let mean =
            |group: usize| each[cut(group)..cut(group + 1)].iter().sum::<f64>() / (cut(group + 1) - cut(group)) as f64;
        let mut means: Vec<f64> = (0..groups).map(mean).collect();
        means.sort_by(f64::total_cmp);
        let median =
            if groups % 2 == 1 { means[groups / 2] } else { 0.5 * (means[groups / 2 - 1] + means[groups / 2]) };
        close(&format!("{groups} groups"), &[number(&shadow.expectation(&sum, groups)?)], &[median], 1e-12);
    }
    assert_eq!(number(&shadow.expectation(&(2.5 * Observable::identity()), 3)?), 2.5);
    Ok(())
}

#[test]
fn purities_are_unbiased() -> anyhow::Result<()> {
    let copies = 2000;
    let given = haar(71, 1, 3);
    let shadow = ClassicalShadow::from_states(&tensor(&given).broadcast_as((copies, 8, 2))?, 40, 4)?;
    for chosen in [vec![1], vec![2, 0], vec![0, 1, 2]] {
        let exact = naive_purity(&given[0], &chosen);
        let values = shadow.purity(chosen.clone())?.to_vec1::<f64>()?;
        let mean = values.iter().sum::<f64>() / copies as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (copies - 1) as f64;
        let deviation = (variance / copies as f64).sqrt();
        assert!((mean - exact).abs() <= SIGMAS * deviation, "{chosen:?}: {mean} {exact} ± {deviation}");
    }
    Ok(())
}

/// A seed gives the same snapshots for any number of threads; another seed and another sample give other ones.
#[test]
fn seeds_and_threads() -> anyhow::Result<()> {
    let given = tensor(&haar(81, 1, 5)).broadcast_as((3, 32, 2))?;
    let draw = |threads: usize, seed: u64| -> anyhow::Result<(ClassicalShadow, Vec<f64>)> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| {
            let shadow = ClassicalShadow::from_states(&given, 500, seed)?;
            let estimates = shadow.expectation(&(Z(0) * X(3) + 0.3 * Y(1)), 7)?.to_vec1()?;
            Ok((shadow, estimates))
        })
    };
    let one = draw(1, 1)?;
    assert_eq!(one, draw(2, 1)?);
    assert_eq!(one, draw(3, 1)?);
    assert_ne!(one.0, draw(1, 2)?.0);
    let bases = one.0.bases()?.flatten_from(1)?.to_vec2::<u8>()?;
    assert!(bases[0] != bases[1] && bases[1] != bases[2]);
    Ok(())
}

/// A seed means the same snapshots in every version.
#[test]
fn snapshots_of_a_seed() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    circuit.ry(0.7, 0).cx(0, 1).rx(0.4, 2);
    let shadow = ClassicalShadow::collect(&circuit, None, &[], 6, 7)?;
    assert_eq!(shadow.bases()?.to_vec2::<u8>()?, BASES);
    assert_eq!(shadow.outcomes()?.to_vec2::<u8>()?, OUTCOMES);
    Ok(())
}

const BASES: [[u8; 3]; 6] = [[2, 1, 0], [2, 0, 2], [1, 0, 2], [2, 0, 0], [2, 2, 0], [2, 2, 2]];
const OUTCOMES: [[u8; 3]; 6] = [[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]];

#[test]
fn shapes_dtypes_and_arguments() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 1);
    circuit.ry(input(0), 0).ry(w.at([0]), 1);
    let (x, w) = (Tensor::new(&[[[0.0f64], [3.1]]], &Device::Cpu)?, Tensor::new(&[3.0f64], &Device::Cpu)?);
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let (x, w) = (x.to_dtype(dtype)?, w.to_dtype(dtype)?);
        let shadow = ClassicalShadow::collect(&circuit, Some(&x), &[("w", &w)], 2000, 0)?;
        assert_eq!(shadow.bases()?.dims(), [1, 2, 2000, 2]);
        let z = shadow.expectation(&Z(0), 1)?;
        assert_eq!((z.dims(), z.dtype()), (&[1, 2][..], DType::F64));
        assert!(z.to_vec2::<f64>()?[0].iter().zip([1.0, -1.0]).all(|(a, b)| (a - b).abs() < 0.2), "{z}");
        let members = Tensor::stack(&[&w, &w, &w], 0)?;
        let shadow = ClassicalShadow::collect(&circuit, Some(&x), &[("w", &members)], 10, 0)?;
        assert_eq!(shadow.outcomes()?.dims(), [3, 1, 2, 10, 2]);
        let none = ClassicalShadow::collect(&circuit, Some(&x.narrow(0, 0, 0)?), &[("w", &w)], 10, 0)?;
        assert_eq!((none.bases()?.dims(), none.expectation(&Z(1), 2)?.dims()), (&[0, 2, 10, 2][..], &[0, 2][..]));
        assert_eq!(none.purity([0])?.dims(), [0, 2]);
    }
    // The probability in F16 would be off by up to 5e-4, which so many snapshots show.
    let mut fine = Circuit::new(1);
    fine.ry(input(0), 0);
    let x = Tensor::new(&[1.25f32], &Device::Cpu)?.to_dtype(DType::F16)?;
    let full = x.to_dtype(DType::F32)?;
    let of = |x: &Tensor| ClassicalShadow::collect(&fine, Some(x), &[], 100_000, 5);
    assert_eq!(of(&x)?, of(&full)?);
    let mixed = ClassicalShadow::collect(&circuit, Some(&x), &[("w", &w)], 10, 0);
    assert!(matches!(mixed, Err(Error::Tensor(TensorError::DTypeMismatch { .. }))));
    Ok(())
}

#[test]
fn what_is_refused() -> anyhow::Result<()> {
    let zero = Tensor::new(&[[1f64, 0.], [0., 0.], [0., 0.], [0., 0.]], &Device::Cpu)?;
    let length = |error: Error, of: &str, found: usize| {
        let named = matches!(&error, Error::Measurement(Mistake::Length { what, actual, .. }) if *what == of && *actual == found);
        assert!(named, "{error}");
    };
    length(ClassicalShadow::from_states(&zero, 0, 0).unwrap_err(), "snapshots", 0);
    length(ClassicalShadow::collect(&Circuit::new(58), None, &[], 0, 0).unwrap_err(), "snapshots", 0);
    let shadow = ClassicalShadow::from_states(&zero, 5, 0)?;
    length(shadow.expectation(&Z(0), 0).unwrap_err(), "groups", 0);
    length(shadow.expectation(&Z(0), 6).unwrap_err(), "groups", 6);
    length(ClassicalShadow::from_states(&zero, 1, 0)?.purity([0]).unwrap_err(), "snapshots", 1);
    let mistakes = [
        (Z(2), Mistake::QubitOutOfRange { qubit: 2, qubits: 2 }),
        (Observable::projector([true]), Mistake::NotPauliWords),
        (Z(0) + Observable::diagonal([0.0, 1.0]), Mistake::NotPauliWords),
    ];
    for (observable, expected) in mistakes {
        let error = shadow.expectation(&observable, 1).unwrap_err();
        assert!(matches!(&error, Error::Observable { index: 0, mistake } if *mistake == expected), "{error}");
    }
    assert!(matches!(shadow.expectation(&(X(0) * Y(0)), 1), Err(Error::Observable { .. })));
    let qubits = [(vec![], "1 or more"), (vec![2], "out of range"), (vec![0, 0], "twice")];
    for (chosen, text) in qubits {
        assert!(shadow.purity(chosen).unwrap_err().to_string().contains(text));
    }
    let large = ClassicalShadow::from_states(&Tensor::ones((128, 2), DType::F64, &Device::Cpu)?, 2, 0)?;
    assert!(matches!(
        large.purity(0..7),
        Err(Error::States(StatesError::Qubits(Mistake::QubitCount { actual: 7, .. })))
    ));

    let mut bad = zero.unsqueeze(0)?;
    for value in [f64::NAN, 0.0, f64::INFINITY] {
        bad = Tensor::cat(&[&zero.unsqueeze(0)?, &zero.affine(value, 0.0)?.unsqueeze(0)?], 0)?;
        let error = ClassicalShadow::from_states(&bad, 5, 0).unwrap_err();
        assert!(matches!(error, Error::States(StatesError::NoOutcomes { sample: 1 })), "{error}");
    }
    assert!(matches!(ClassicalShadow::from_states(&bad, 1 << 60, 0), Err(Error::Memory(MemoryError::Numbers { .. }))));
    let mut recorded = Circuit::new(2);
    recorded.h(0).measure(0, 1);
    let error = ClassicalShadow::collect(&recorded, None, &[], 5, 0).unwrap_err();
    assert!(matches!(error, Error::Measurement(Mistake::RecordRead { qubit: 1 })), "{error}");
    let error = ClassicalShadow::collect(Circuit::new(1).h(3), None, &[], 5, 0).unwrap_err();
    assert!(matches!(error, Error::Circuit { .. }), "{error}");
    Ok(())
}

#[test]
fn snapshots_from_elsewhere_are_checked() -> anyhow::Result<()> {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::U8, &Device::Cpu);
    for shape in [&[][..], &[3], &[3, 0], &[2, 59]] {
        let error = ClassicalShadow::new(&zeros(shape)?, &zeros(shape)?).unwrap_err();
        assert!(matches!(error, Error::States(StatesError::Snapshots { limit: 58, .. })), "{error}");
    }
    let error = ClassicalShadow::new(&zeros(&[0, 2])?, &zeros(&[0, 2])?).unwrap_err();
    assert!(matches!(error, Error::Measurement(Mistake::Length { what: "snapshots", .. })), "{error}");
    let error = ClassicalShadow::new(&zeros(&[3, 2])?, &zeros(&[2, 3])?).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    let error = ClassicalShadow::new(&zeros(&[3, 2])?, &zeros(&[3, 2])?.to_dtype(DType::U32)?).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::DTypeMismatch { .. })), "{error}");
    let (ones, threes) = (zeros(&[3, 2])?.ones_like()?, zeros(&[3, 2])?.affine(1.0, 3.0)?);
    let error = ClassicalShadow::new(&threes, &ones).unwrap_err();
    assert!(matches!(error, Error::States(StatesError::SnapshotEntry { value: 3, limit: 2, .. })), "{error}");
    let error = ClassicalShadow::new(&ones, &threes).unwrap_err();
    assert!(matches!(error, Error::States(StatesError::SnapshotEntry { value: 3, limit: 1, .. })), "{error}");
    assert_eq!(ClassicalShadow::new(&zeros(&[2, 0, 3, 4])?, &zeros(&[2, 0, 3, 4])?)?.bases()?.dims(), [2, 0, 3, 4]);
    Ok(())
}

/// N = 34 · 3^w / ε² in each of K = 2 ln(2 M / δ) groups (Huang, Kueng and Preskill, theorem 1 and lemma 3).
#[test]
fn bounds() -> anyhow::Result<()> {
    let bound = |weight, observables, accuracy, rate| {
        shadows::bound(weight, observables, accuracy, rate).map(|bound| (bound.snapshots, bound.groups))
    };
    assert_eq!(bound(1, 1, 1.0, 0.5)?, (3 * 102, 3));
    assert_eq!(bound(3, 1000, 0.1, 0.01)?, (25 * 91_800, 25));
    assert_eq!(bound(0, 1, 10.0, 0.9)?, (2, 2));
    let settings = [
        bound(1, 0, 0.1, 0.1),
        bound(1, 1, 0.0, 0.1),
        bound(1, 1, f64::NAN, 0.1),
        bound(1, 1, 0.1, 1.0),
        bound(1, 1, 0.1, 0.0),
        bound(58, 1, 0.1, 0.1),
        bound(usize::MAX, 1, 0.1, 0.1),
        bound(1, 1, 1e-200, 0.1),
    ];
    for refused in settings {
        assert!(matches!(refused, Err(Error::Setting { .. })), "{refused:?}");
    }
    Ok(())
}
