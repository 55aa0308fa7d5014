//! Alignment of kernels with labels, and kernels from shots.

use super::*;
use candle_nn::Optimizer;
use candlewick::error::TensorError;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::{Error, Mistake};

/// Labels of two classes of the same or of different sizes, and of three.
const LABELS: [[f64; 6]; 3] =
    [[1.0, -1.0, 1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0], [0.0, 2.0, 1.0, 2.0, 0.0, 2.0]];

fn kernel_of(seed: u64, size: usize) -> Tensor {
    let states = tensor(&haar(seed, size, 3));
    states::kernel_matrix(&states, &states).expect("a kernel")
}

/// The matrix of the labels as the products of the corners of a simplex, whose centre is 0: unit vectors that add up to
/// 0. With two classes they are 1 and -1.
fn simplex(labels: &[f64], rescaled: bool) -> Vec<Vec<f64>> {
    let mut classes = labels.to_vec();
    classes.sort_by(f64::total_cmp);
    classes.dedup();
    let count = classes.len() as f64;
    let corner = |label: f64| -> Vec<f64> {
        let unit = |class: &f64| f64::from(u8::from(*class == label)) - 1.0 / count;
        let length = (1.0 - 1.0 / count).sqrt();
        let members = labels.iter().filter(|other| **other == label).count() as f64;
        let scale = if rescaled { length * members } else { length };
        classes.iter().map(|class| unit(class) / scale).collect()
    };
    let corners: Vec<Vec<f64>> = labels.iter().map(|label| corner(*label)).collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    corners.iter().map(|a| corners.iter().map(|b| product(a, b)).collect()).collect()
}

fn direct(kernel: &[Vec<f64>], labels: &[f64], rescaled: bool) -> f64 {
    let (kernel, target) = (kernel.concat(), simplex(labels, rescaled).concat());
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(&kernel, &target) / (product(&kernel, &kernel) * product(&target, &target)).sqrt()
}

#[test]
fn alignments_against_direct_arithmetic() -> anyhow::Result<()> {
    let kernel = kernel_of(90, 6);
    type Alignment = fn(&Tensor, &Tensor) -> candlewick::Result<Tensor>;
    let both: [(Alignment, bool); 2] = [(states::kernel_alignment, false), (states::rescaled_kernel_alignment, true)];
    for labels in LABELS {
        for (alignment, rescaled) in both {
            let expected = direct(&rows(&kernel), &labels, rescaled);
            let given = Tensor::new(&labels, &Device::Cpu)?;
            let actual = alignment(&kernel, &given)?;
            assert_eq!(actual.dims(), [0; 0]);
            close("alignment", &flat(&actual), &[expected], 1e-14);
            // Only which labels are equal matters.
            for dtype in [DType::F32, DType::I64, DType::F16] {
                let given = (given.affine(1.0, 3.0)?).to_dtype(dtype)?;
                close("alignment", &flat(&alignment(&kernel, &given)?), &[expected], 1e-14);
            }
            for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F16, 1e-3), (DType::BF16, 1e-2)] {
                let actual = alignment(&kernel.to_dtype(dtype)?, &given)?;
                assert_eq!(actual.dtype(), dtype);
                close("alignment", &flat(&actual), &[expected], tolerance);
            }
            let leaf = Var::from_tensor(&kernel)?;
            let gradient = alignment(&leaf, &given)?.backward()?;
            let value = |point: &[f64]| {
                let point: Vec<Vec<f64>> = point.chunks(6).map(<[f64]>::to_vec).collect();
                direct(&point, &labels, rescaled)
            };
            close("slopes", &flat(gradient.get(&leaf).expect("slopes")), &differences(&flat(&kernel), value), 1e-8);
        }
    }
    // The kernel of the labels themselves is aligned with them.
    let labels = Tensor::new(&LABELS[2], &Device::Cpu)?;
    let ideal = Tensor::new(simplex(&LABELS[2], false), &Device::Cpu)?;
    close("ideal", &flat(&states::kernel_alignment(&ideal, &labels)?), &[1.0], 1e-14);
    Ok(())
}

/// PennyLane 0.45.1: `qml.kernels.target_alignment(x, y, kernel, rescale_class_labels=..)`, of a kernel with
/// AngleEmbedding (Y), CNOT, RY(0.7) and AngleEmbedding (Y).
#[test]
fn alignments_of_pennylane() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..2).map(input)).cx(0, 1).ry(0.7, 0);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..2).map(input));
    let x = Tensor::new(&[[0.1f64, 0.9], [0.4, -0.3], [1.2, -0.5], [-0.7, 0.6], [0.3, 1.5]], &Device::Cpu)?;
    let y = Tensor::new(&[1i64, 1, -1, 1, -1], &Device::Cpu)?;
    let kernel = states::kernel(&circuit, &x, None, &[])?;
    close("plain", &flat(&states::kernel_alignment(&kernel, &y)?), &[0.287_743_807_812_008_2], 1e-12);
    close("rescaled", &flat(&states::rescaled_kernel_alignment(&kernel, &y)?), &[0.268_238_896_613_036_46], 1e-12);
    Ok(())
}

/// Training by gradient raises the alignment of a kernel with two weights.
#[test]
fn a_trained_kernel_is_aligned() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 2);
    circuit.ry(w.at([0]) * input(0), 0).ry(w.at([1]) * input(1), 1);
    let mut rng = rng(5);
    let rows: Vec<Vec<f64>> = (0..16).map(|_| crate::oracle::uniform(&mut rng, 2)).collect();
    let labels: Vec<f64> = rows.iter().map(|row| if row[0] > 0.0 { 1.0 } else { -1.0 }).collect();
    let (x, y) = (crate::lab::tensor(&rows, DType::F64), Tensor::new(labels, &Device::Cpu)?);
    let w = Var::new(&[0.5f64, 0.5], &Device::Cpu)?;
    let mut adam = Adam::new(vec![w.clone()], AdamConfig::with_learning_rate(0.05))?;
    let alignment = || states::kernel_alignment(&states::kernel(&circuit, &x, None, &[("w", &w)])?, &y);
    let before = flat(&alignment()?)[0];
    for _ in 0..60 {
        adam.backward_step(&alignment()?.neg()?)?;
    }
    let after = flat(&alignment()?)[0];
    assert!(after > before + 0.1, "{before} {after}");
    Ok(())
}

#[test]
fn kernels_and_labels_that_do_not_fit() -> anyhow::Result<()> {
    let kernel = kernel_of(91, 4);
    let labels = |labels: &[f64]| Tensor::new(labels, &Device::Cpu).expect("labels");
    let fit = labels(&[1.0, -1.0, 1.0, -1.0]);
    for (kernel, labels) in [
        (kernel.narrow(0, 0, 3)?, fit.clone()),
        (kernel.flatten_all()?, fit.clone()),
        (kernel.clone(), labels(&[1.0, -1.0, 1.0])),
        (kernel.clone(), fit.unsqueeze(1)?),
        (kernel.narrow(0, 0, 0)?.narrow(1, 0, 0)?, labels(&[])),
    ] {
        let error = states::kernel_alignment(&kernel, &labels).unwrap_err();
        assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    }
    let error = states::kernel_alignment(&kernel, &labels(&[1.0, f64::NAN, 1.0, -1.0])).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::EntryNotFinite { row: 1, .. })), "{error}");
    let error = states::kernel_alignment(&kernel.to_dtype(DType::U32)?, &fit).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::UnsupportedDType { .. })), "{error}");
    // One class: the matrix of ones.
    close(
        "one class",
        &flat(&states::kernel_alignment(&kernel, &fit.zeros_like()?)?),
        &[flat(&kernel).iter().sum::<f64>() / 4.0 / flat(&kernel.sqr()?).iter().sum::<f64>().sqrt()],
        1e-14,
    );
    Ok(())
}

fn embedding() -> Circuit {
    let mut circuit = Circuit::new(2);
    circuit.iqp_embedding((0..2).map(input), 2);
    circuit
}

fn samples(seed: u64, count: usize) -> Tensor {
    let rows: Vec<Vec<f64>> = {
        let mut rng = rng(seed);
        (0..count).map(|_| crate::oracle::uniform(&mut rng, 2)).collect()
    };
    crate::lab::tensor(&rows, DType::F64)
}

/// The mean over many seeds is the exact kernel, within the deviation of so many shots, and so is the variance.
#[test]
fn kernels_from_shots_are_unbiased() -> anyhow::Result<()> {
    let (circuit, x, y) = (embedding(), samples(1, 4), samples(2, 3));
    let (runs, shots) = (3000, 20);
    for y in [Some(&y), None] {
        let exact = flat(&states::kernel(&circuit, &x, y, &[])?);
        let (mut sum, mut squares) = (vec![0.0; exact.len()], vec![0.0; exact.len()]);
        for seed in 0..runs {
            let drawn = states::kernel_from_shots(&circuit, &x, y, &[], shots, seed)?;
            assert!(y.is_some() || rows(&drawn) == rows(&drawn.t()?));
            for ((sum, squares), (drawn, exact)) in
                sum.iter_mut().zip(&mut squares).zip(flat(&drawn).into_iter().zip(&exact))
            {
                *sum += drawn;
                *squares += (drawn - exact).powi(2);
                let hits = drawn * shots as f64;
                assert!((hits - hits.round()).abs() < 1e-9);
            }
        }
        for (k, p) in exact.iter().enumerate() {
            let (mean, variance) = (sum[k] / runs as f64, p * (1.0 - p) / shots as f64);
            assert!((mean - p).abs() <= 5.0 * (variance / runs as f64).sqrt() + 1e-12, "{mean} {p}");
            // Variance of a squared deviation of a binomial: at most about twice the square, and rare hits add to it.
            let allowed = 5.0 * ((2.0 * variance * variance + variance / (shots as f64).powi(2)) / runs as f64).sqrt();
            assert!((squares[k] / runs as f64 - variance).abs() <= allowed + 1e-12, "entry {k}");
        }
    }
    Ok(())
}

#[test]
fn seeds_dtypes_and_mistakes_of_kernels_from_shots() -> anyhow::Result<()> {
    let (circuit, x, y) = (embedding(), samples(3, 7), samples(4, 5));
    let of = |threads: usize, y: Option<&Tensor>, seed: u64| -> anyhow::Result<Vec<f64>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(flat(&pool.install(|| states::kernel_from_shots(&circuit, &x, y, &[], 100, seed))?))
    };
    for y in [Some(&y), None] {
        assert_eq!(of(1, y, 3)?, of(3, y, 3)?);
        assert_ne!(of(1, y, 3)?, of(1, y, 4)?);
    }
    // Inputs in F16 are the same numbers in F32, and so are the probabilities.
    let half = x.to_dtype(DType::F16)?;
    let drawn = states::kernel_from_shots(&circuit, &half, None, &[], 64, 5)?;
    assert_eq!(drawn.dtype(), DType::F16);
    let full = states::kernel_from_shots(&circuit, &half.to_dtype(DType::F32)?, None, &[], 64, 5)?;
    assert_eq!(flat(&drawn), flat(&full));
    let nan = Tensor::new(&[[0.1f64, 0.2], [f64::NAN, 0.0], [0.5, 0.1]], &Device::Cpu)?;
    let drawn = rows(&states::kernel_from_shots(&circuit, &nan, Some(&y), &[], 100, 0)?);
    assert!(drawn[1].iter().all(|entry| entry.is_nan()));
    assert!(drawn[0].iter().chain(&drawn[2]).all(|entry| entry.is_finite()));
    let none = samples(1, 1).narrow(0, 0, 0)?;
    assert_eq!(states::kernel_from_shots(&circuit, &none, Some(&y), &[], 100, 0)?.dims(), [0, 5]);
    assert_eq!(states::kernel_from_shots(&circuit, &none, None, &[], 100, 0)?.dims(), [0, 0]);
    for shots in [0, 1 << 32] {
        let error = states::kernel_from_shots(&circuit, &x, None, &[], shots, 0).unwrap_err();
        let named =
            matches!(error, Error::Measurement(Mistake::Length { what: "shots", actual, .. }) if actual == shots);
        assert!(named, "{error}");
    }
    let error = states::kernel_from_shots(&circuit, &x.narrow(1, 0, 1)?, None, &[], 10, 0).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::InputWidth { .. })), "{error}");
    Ok(())
}
