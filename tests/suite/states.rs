//! Functions of states against dense arithmetic, closed forms and singular values.

mod alignment;
mod kernels;
mod refused;
mod ridge;
mod shadows;

use crate::gradients::differences;
use crate::lab::{close, rows};
use crate::oracle::{dot, rng};
use candle_core::{DType, Device, Result, Tensor, Var};
use candlewick::prelude::*;
use candlewick::{functional, states};
use nalgebra::DMatrix;
use num_complex::Complex64 as C;
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::{LN_2, PI};

/// Random states, uniformly distributed.
fn haar(seed: u64, count: usize, qubits: usize) -> Vec<Vec<C>> {
    let mut rng = rng(seed);
    let mut normal = || rng.sample::<f64, _>(StandardNormal);
    let mut state = || {
        let any: Vec<C> = (0..1 << qubits).map(|_| C::new(normal(), normal())).collect();
        let norm = dot(&any, &any).re.sqrt();
        any.iter().map(|a| a / norm).collect()
    };
    (0..count).map(|_| state()).collect()
}

/// `[count, 2^n, 2]` in F64.
fn tensor(states: &[Vec<C>]) -> Tensor {
    let numbers: Vec<f64> = states.iter().flatten().flat_map(|a| [a.re, a.im]).collect();
    Tensor::from_vec(numbers, (states.len(), states[0].len(), 2), &Device::Cpu).expect("states")
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all()?.to_vec1()).expect("readable")
}

/// The index on the qubits that are chosen, the first of which is the low bit.
fn local(index: usize, chosen: &[usize]) -> usize {
    chosen.iter().enumerate().map(|(k, qubit)| (index >> qubit & 1) << k).sum()
}

/// The naive partial trace: every pair of amplitudes that agree on the other qubits.
fn partial_trace(state: &[C], chosen: &[usize]) -> Vec<Vec<C>> {
    let mask: usize = chosen.iter().map(|qubit| 1 << qubit).sum();
    let mut rho = vec![vec![C::default(); 1 << chosen.len()]; 1 << chosen.len()];
    for (i, a) in state.iter().enumerate() {
        for (j, b) in state.iter().enumerate() {
            if i & !mask == j & !mask {
                rho[local(i, chosen)][local(j, chosen)] += a * b.conj();
            }
        }
    }
    rho
}

fn naive_purity(state: &[C], chosen: &[usize]) -> f64 {
    partial_trace(state, chosen).concat().iter().map(|entry| entry.norm_sqr()).sum()
}

/// Entropy from the singular values of the state as a matrix.
fn svd_entropy(state: &[C], chosen: &[usize]) -> f64 {
    let others: Vec<usize> = (0..state.len().ilog2() as usize).filter(|qubit| !chosen.contains(qubit)).collect();
    let mut matrix = DMatrix::zeros(1 << chosen.len(), 1 << others.len());
    for (index, amplitude) in state.iter().enumerate() {
        matrix[(local(index, chosen), local(index, &others))] = *amplitude;
    }
    let values = matrix.singular_values();
    -values.iter().map(|s| s * s).filter(|p| *p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// Choices of qubits of every size, in and out of order.
fn choices(qubits: usize) -> Vec<Vec<usize>> {
    let mut rng = rng(9);
    let any = (1..=qubits).flat_map(|count| (0..4).map(move |_| count));
    let mut choices: Vec<_> = any.map(|count| crate::oracle::pick(&mut rng, qubits, count)).collect();
    choices.push((0..qubits).collect());
    choices
}

#[test]
fn random_states_against_dense_arithmetic() -> anyhow::Result<()> {
    for qubits in 1..=6 {
        let all = haar(qubits as u64, 3, qubits);
        let given = tensor(&all);
        for chosen in choices(qubits) {
            let what = format!("{qubits} qubits, {chosen:?}");
            let rho = states::reduced_density_matrix(&given, chosen.clone())?;
            let size = 1 << chosen.len();
            assert_eq!(rho.dims(), [3, size, size, 2]);
            let dense = |state: &Vec<C>| partial_trace(state, &chosen).concat();
            let expected: Vec<f64> = all.iter().flat_map(dense).flat_map(|entry| [entry.re, entry.im]).collect();
            close(&what, &flat(&rho), &expected, 1e-14);

            let purities: Vec<f64> = all.iter().map(|state| naive_purity(state, &chosen)).collect();
            close(&what, &flat(&states::purity(&given, chosen.clone())?), &purities, 1e-14);
            let renyi: Vec<f64> = purities.iter().map(|purity| -purity.ln()).collect();
            close(&what, &flat(&states::renyi2_entropy(&given, chosen.clone())?), &renyi, 1e-13);
            let entropies: Vec<f64> = all.iter().map(|state| svd_entropy(state, &chosen)).collect();
            close(&what, &flat(&states::entropy(&given, chosen)?), &entropies, 1e-13);
        }
        let single = |state: &Vec<C>| (0..qubits).map(|qubit| naive_purity(state, &[qubit])).sum::<f64>();
        let expected: Vec<f64> = all.iter().map(|state| 2.0 * (1.0 - single(state) / qubits as f64)).collect();
        close("Meyer-Wallach", &flat(&states::meyer_wallach(&given)?), &expected, 1e-14);
    }
    Ok(())
}

fn state(circuit: &Circuit, x: Option<&Tensor>) -> Tensor {
    functional::evaluate(circuit, &Measurement::state(), x, &[]).and_then(|s| Ok(s.to_dtype(DType::F64)?)).expect("it")
}

#[test]
fn ghz_and_product_states() -> anyhow::Result<()> {
    for qubits in 2..=6 {
        let mut ghz = Circuit::new(qubits);
        ghz.h(0);
        (1..qubits).for_each(|q| _ = ghz.cx(q - 1, q));
        let ghz = state(&ghz, None);
        for chosen in choices(qubits) {
            let whole = chosen.len() == qubits;
            let (entropy, purity) = if whole { (0.0, 1.0) } else { (LN_2, 0.5) };
            close("entropy", &flat(&states::entropy(&ghz, chosen.clone())?), &[entropy], 1e-6);
            close("order two", &flat(&states::renyi2_entropy(&ghz, chosen.clone())?), &[entropy], 1e-6);
            close("purity", &flat(&states::purity(&ghz, chosen)?), &[purity], 1e-6);
        }
        close("Meyer-Wallach", &flat(&states::meyer_wallach(&ghz)?), &[1.0], 1e-6);

        let mut product = Circuit::new(qubits);
        (0..qubits).for_each(|q| _ = product.u(0.3 + q as f64, 1.1 * q as f64, 0.7, q));
        let product = state(&product, None);
        for chosen in choices(qubits) {
            close("entropy", &flat(&states::entropy(&product, chosen.clone())?), &[0.0], 1e-5);
            close("purity", &flat(&states::purity(&product, chosen)?), &[1.0], 1e-6);
        }
        close("Meyer-Wallach", &flat(&states::meyer_wallach(&product)?), &[0.0], 1e-6);
    }
    Ok(())
}

/// A Werner state, p of a singlet in white noise, as one half of a pure state of four qubits.
#[test]
fn werner_states() -> anyhow::Result<()> {
    let half = 0.5f64.sqrt();
    let bell = [[half, 0.0, 0.0, half], [half, 0.0, 0.0, -half], [0.0, half, half, 0.0], [0.0, half, -half, 0.0]];
    for p in [0.0, 0.2, 1.0 / 3.0, 0.9, 1.0] {
        let noise: f64 = (1.0 - p) / 4.0;
        let values = [noise, noise, noise, noise + p];
        let amplitude = |index: usize| C::from(values[index / 4].sqrt() * bell[index / 4][index % 4]);
        let pure = tensor(&[(0..16).map(amplitude).collect()]);
        let entropy: f64 = -values.iter().filter(|v| **v > 0.0).map(|v| v * v.ln()).sum::<f64>();
        let purity: f64 = values.iter().map(|v| v * v).sum();
        for chosen in [[0, 1], [1, 0], [2, 3]] {
            close("entropy", &flat(&states::entropy(&pure, chosen)?), &[entropy], 1e-14);
            close("purity", &flat(&states::purity(&pure, chosen)?), &[purity], 1e-14);
        }
    }
    Ok(())
}

/// Q of a random state has the mean (2^n - 2) / (2^n + 1).
#[test]
fn meyer_wallach_of_random_states() -> anyhow::Result<()> {
    for qubits in 1..=6 {
        let count = 2000;
        let q = flat(&states::meyer_wallach(&tensor(&haar(40 + qubits as u64, count, qubits)))?);
        let mean = q.iter().sum::<f64>() / count as f64;
        let variance = q.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
        let size = f64::from(1 << qubits);
        let off = (mean - (size - 2.0) / (size + 1.0)).abs();
        assert!(off <= 4.0 * (variance / count as f64).sqrt() + 1e-14, "{qubits} qubits: {mean}");
    }
    Ok(())
}

/// Everything that is made of a circuit's states, as numbers that differ from each other.
fn losses(state: &Tensor) -> candlewick::Result<Vec<Tensor>> {
    let uneven = |tensor: Tensor| -> candlewick::Result<Tensor> {
        let c: Vec<f64> = (0..tensor.elem_count()).map(|k| (k as f64 * 0.7).cos()).collect();
        Ok((&tensor * Tensor::from_vec(c, tensor.shape(), &Device::Cpu)?)?.sum_all()?)
    };
    let target = tensor(&haar(5, 1, 4)).squeeze(0)?;
    [
        states::reduced_density_matrix(state, [2, 0])?,
        states::purity(state, [3, 1, 0])?,
        states::entropy(state, [1])?,
        states::entropy(state, [3, 0])?,
        states::entropy(state, [0, 1, 2])?,
        states::renyi2_entropy(state, [2])?,
        states::meyer_wallach(state)?,
        states::overlap(&target, state)?,
        states::overlap(state, &target)?,
        states::fidelity(state, state)?,
        states::fidelity(&target, state)?,
        states::kernel_matrix(state, state)?,
    ]
    .into_iter()
    .map(uneven)
    .collect()
}

#[test]
fn gradients_through_a_circuit() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(4);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..4).map(input));
    circuit.strongly_entangling_layers("w", 1);
    circuit.rzz(input(1) * input(2), 0, 3);
    let start = crate::oracle::uniform(&mut rng(3), 12);
    let w = crate::oracle::uniform(&mut rng(4), 12);
    let made = |x: &Tensor, w: &Tensor| functional::evaluate(&circuit, &Measurement::state(), Some(x), &[("w", w)]);
    let x = Var::from_slice(&start, (3, 4), &Device::Cpu)?;
    let weights = Var::from_slice(&w, (1, 4, 3), &Device::Cpu)?;
    for (k, loss) in losses(&made(&x, &weights)?)?.into_iter().enumerate() {
        let gradients = loss.backward()?;
        let value = |x: &[f64], w: &[f64]| -> anyhow::Result<f64> {
            let x = Tensor::from_slice(x, (3, 4), &Device::Cpu)?;
            let state = made(&x, &Tensor::from_slice(w, (1, 4, 3), &Device::Cpu)?)?;
            Ok(losses(&state)?[k].to_scalar()?)
        };
        let dx = differences(&start, |x| value(x, &w).expect("a value"));
        let dw = differences(&w, |w| value(&start, w).expect("a value"));
        close(&format!("dx of loss {k}"), &flat(gradients.get(&x).expect("dx")), &dx, 1e-8);
        close(&format!("dw of loss {k}"), &flat(gradients.get(&weights).expect("dw")), &dw, 1e-8);
    }
    Ok(())
}

/// RX(θ) and CX give the eigenvalues cos²(θ/2), sin²(θ/2): dS/dθ = sin(θ) ln(cot(θ/2)), down to the product state at 0.
#[test]
fn slope_of_the_entropy_at_a_product_state() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.rx(input(0), 0).cx(0, 1);
    for theta in [0.0, 1e-12, 1e-8, 1e-5, 1e-3, 0.3, 1.0, PI / 2.0, 3.0] {
        let x = Var::from_slice(&[theta], 1, &Device::Cpu)?;
        let entropy = states::entropy(&state(&circuit, Some(&x)), [1])?;
        let slope = flat(entropy.backward()?.get(&x).expect("a slope"))[0];
        let (p, q) = ((theta / 2.0).cos().powi(2), (theta / 2.0).sin().powi(2));
        let expected = if theta == 0.0 { 0.0 } else { theta.sin() * (p / q).ln() / 2.0 };
        let value = [p, q].iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum::<f64>();
        close(&format!("S({theta})"), &flat(&entropy), &[value], 1e-14);
        assert!((slope - expected).abs() <= 1e-9 * expected.abs() + 1e-14, "{theta}: {slope} {expected}");
    }
    Ok(())
}

/// Slope of the entropy for a state that is a leaf, and for a density matrix without full rank.
#[test]
fn slope_of_the_entropy_without_full_rank() -> anyhow::Result<()> {
    let mut ghz = vec![C::default(); 16];
    (ghz[0], ghz[15]) = (C::from(0.6), C::new(0.0, 0.8));
    let leaf = Var::from_tensor(&tensor(&[ghz]))?;
    let gradients = states::entropy(&leaf, [0, 2])?.sum_all()?.backward()?;
    let slope = flat(gradients.get(&leaf).expect("a gradient"));
    let mut expected = vec![0.0; 32];
    // Slope of the entropy of ρ divided by its trace, so a factor in front of the state has no slope.
    let entropy = -0.36 * 0.36f64.ln() - 0.64 * 0.64f64.ln();
    expected[0] = -2.0 * (0.36f64.ln() + entropy) * 0.6;
    expected[31] = -2.0 * (0.64f64.ln() + entropy) * 0.8;
    close("slope", &slope, &expected, 1e-13);
    Ok(())
}

#[test]
fn leading_dimensions_and_dtypes() -> anyhow::Result<()> {
    let all = tensor(&haar(8, 6, 3));
    let each: [fn(&Tensor) -> candlewick::Result<Tensor>; 7] = [
        |s| states::reduced_density_matrix(s, [2, 0]),
        |s| states::purity(s, [1]),
        |s| states::entropy(s, [0, 2]),
        |s| states::renyi2_entropy(s, [1]),
        |s| states::meyer_wallach(s),
        |s| states::overlap(s, s),
        |s| states::fidelity(s, s),
    ];
    for f in each {
        let expected = f(&all)?;
        for leading in [vec![6], vec![2, 3], vec![1, 6, 1], vec![0], vec![3, 0]] {
            let count: usize = leading.iter().product();
            let given = all.narrow(0, 0, count)?.reshape([&leading[..], &[8, 2]].concat())?;
            let result = f(&given)?;
            assert_eq!(result.dims(), [&leading[..], &expected.dims()[1..]].concat());
            assert!(count == 0 || flat(&result) == flat(&expected));
        }
        assert_eq!(f(&all.get(0)?)?.dims(), &expected.dims()[1..]);
        let strided = f(&all.transpose(0, 1)?.contiguous()?.transpose(0, 1)?)?;
        assert_eq!(flat(&strided), flat(&expected));
        for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F16, 5e-3), (DType::BF16, 4e-2)] {
            let result = f(&all.to_dtype(dtype)?)?;
            assert_eq!(result.dtype(), dtype);
            close(&format!("{dtype:?}"), &flat(&result), &flat(&expected), tolerance);
        }
    }
    Ok(())
}

#[test]
fn a_nan_stays_in_its_row() -> Result<()> {
    let mut all = haar(8, 3, 3);
    all[1][5].im = f64::NAN;
    let given = Var::from_tensor(&tensor(&all))?;
    let target = tensor(&haar(7, 1, 3)).squeeze(0)?;
    for result in [
        states::reduced_density_matrix(&given, [0, 1])?,
        states::purity(&given, [1])?,
        states::entropy(&given, [0])?,
        states::renyi2_entropy(&given, [2])?,
        states::meyer_wallach(&given)?,
        states::overlap(&given, &target)?,
        states::fidelity(&target, &given)?,
    ] {
        let gradients = result.sum_all()?.backward()?;
        for tensor in [&result, gradients.get(&given).expect("a gradient")] {
            let finite: Vec<bool> = rows(tensor).iter().map(|row| row.iter().all(|v| v.is_finite())).collect();
            // The inner product is linear: its gradient does not see the state.
            assert!(finite[0] && finite[2], "{tensor}");
        }
        assert!(rows(&result)[1].iter().any(|v| v.is_nan()));
    }
    Ok(())
}

/// Product states after many rotations in F32 have norms other than 1. A result at the end of its range must not be
/// beyond it, or its root is NaN.
#[test]
fn results_in_f32_stay_in_their_ranges() -> anyhow::Result<()> {
    let qubits = 6;
    let mut circuit = Circuit::new(qubits);
    for q in 0..qubits {
        for l in 0..8 {
            circuit.rz(input(2 * (8 * q + l)), q).ry(input(2 * (8 * q + l) + 1), q);
        }
    }
    let numbers = crate::oracle::uniform(&mut rng(21), 200 * 96);
    let x = Tensor::from_vec(numbers, (200, 96), &Device::Cpu)?.to_dtype(DType::F32)?;
    let state = functional::evaluate(&circuit, &Measurement::state(), Some(&x), &[])?;
    let inside = |what: &str, values: Tensor, lowest: f64, highest: f64| -> anyhow::Result<()> {
        let values = flat(&values.to_dtype(DType::F64)?);
        assert!(values.iter().all(|value| (lowest..=highest).contains(value)), "{what}: {values:?}");
        Ok(())
    };
    for chosen in [vec![0], vec![1, 3], vec![0, 1, 2, 3, 4]] {
        let nats = chosen.len() as f64 * LN_2;
        inside("purity", states::purity(&state, chosen.clone())?, (-(chosen.len() as f64)).exp2(), 1.0)?;
        inside("entropy", states::entropy(&state, chosen.clone())?, 0.0, nats)?;
        inside("order two", states::renyi2_entropy(&state, chosen)?, 0.0, nats)?;
    }
    inside("Meyer-Wallach", states::meyer_wallach(&state)?, 0.0, 1.0)?;
    let fidelity = states::fidelity(&state, &state)?;
    inside("fidelity", fidelity.clone(), 0.0, 1.0)?;
    inside("distance", fidelity.affine(-1.0, 1.0)?.sqrt()?, 0.0, 1.0)?;
    inside("kernels", states::kernel_matrix(&state, &state)?, 0.0, 1.0)?;
    let kernel = states::kernel(&circuit, &x, None, &[])?;
    inside("kernel", kernel.clone(), 0.0, 1.0)?;
    let diagonal: Vec<f32> =
        (0..200).map(|k| kernel.get(k)?.get(k)?.to_scalar()).collect::<candle_core::Result<_>>()?;
    assert_eq!(diagonal, [1.0; 200]);
    Ok(())
}

/// A value inside its range is unchanged, with its slope, and a factor in front of a state changes nothing.
#[test]
fn norms_of_states_do_not_matter() -> anyhow::Result<()> {
    let all = haar(31, 4, 3);
    let given = Var::from_tensor(&tensor(&all))?;
    let other = tensor(&haar(32, 4, 3));
    type Function<'a> = &'a dyn Fn(&Tensor) -> candlewick::Result<Tensor>;
    let functions: [(&str, Function<'_>); 5] = [
        ("purity", &|s| states::purity(s, [0, 2])),
        ("entropy", &|s| states::entropy(s, [1])),
        ("order two", &|s| states::renyi2_entropy(s, [1])),
        ("Meyer-Wallach", &|s| states::meyer_wallach(s)),
        ("fidelity", &|s| states::fidelity(s, &other)),
    ];
    for (what, f) in functions {
        let plain = f(&given)?;
        close(what, &flat(&f(&given.affine(3.0, 0.0)?)?), &flat(&plain), 1e-14);
        let value = |point: &[f64]| {
            let point = Tensor::from_slice(point, given.shape(), &Device::Cpu).expect("states");
            f(&point).and_then(|y| Ok(y.sum_all()?.to_scalar::<f64>()?)).expect("a value")
        };
        let gradients = plain.sum_all()?.backward()?;
        let slopes = flat(gradients.get(&given).expect("a gradient"));
        close(what, &slopes, &differences(&flat(&given), value), 1e-8);
    }
    Ok(())
}
