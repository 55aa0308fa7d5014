//! Diagnostics against closed forms; sampled ones within four or five standard deviations, at fixed seeds.

mod fourier;
mod refused;

use crate::lab::tensor;
use crate::oracle::{random_case, rng, uniform};
use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use candlewick::diagnostics::{
    ExpressibilityConfig, entangling_capability, expressibility, gradient_variance, rounding_error,
};
use candlewick::prelude::*;
use std::f64::consts::PI;

/// RX of a weight on each qubit.
fn rotations(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", qubits);
    (0..qubits).for_each(|q| _ = circuit.rx(w.at([q]), q));
    circuit
}

fn variances(circuit: &Circuit, observable: &Observable, x: Option<&Tensor>, samples: usize, seed: u64) -> Vec<f64> {
    let all = gradient_variance(circuit, observable, x, samples, seed).expect("variances");
    all.iter().flat_map(|(_, tensor)| tensor.flatten_all().and_then(|t| t.to_vec1::<f64>()).expect("f64")).collect()
}

/// Within `z` standard deviations of a sample variance with the fourth moment `fourth`.
#[track_caller]
fn near(actual: f64, variance: f64, fourth: f64, samples: usize) {
    let deviation = ((fourth - variance * variance) / samples as f64).sqrt();
    assert!((actual - variance).abs() <= 4.5 * deviation, "{actual}, not {variance} ± {deviation}");
}

/// The warm-up of Cerezo et al., Nat. Commun. 12, 1791 (2021): 1 - |0..0><0..0|, and 1 less the mean of |0><0|.
#[test]
fn a_barren_plateau_and_none() {
    let samples = 10_000;
    for qubits in 1..=5 {
        let circuit = rotations(qubits);
        let global = Observable::identity() - Observable::projector(vec![false; qubits]);
        let others = qubits as i32 - 1;
        for actual in variances(&circuit, &global, None, samples, 1) {
            // -∂C = sin(θ)/2 times cos²(θ/2) of the others.
            let fourth = 3.0 / 128.0 * (35f64 / 128.0).powi(others);
            near(actual, 0.125 * 0.375f64.powi(others), fourth, samples);
        }
        let n = qubits as f64;
        let local = 0.5 * Observable::identity() - (0..qubits).map(|q| 0.5 / n * Z(q)).sum::<Observable>();
        for actual in variances(&circuit, &local, None, samples, 2) {
            near(actual, 1.0 / (8.0 * n * n), 3.0 / (128.0 * n.powi(4)), samples);
        }
    }
}

#[test]
fn variances_have_the_shapes_of_the_weights() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    let b = circuit.weights("b", (2, 2));
    let a = circuit.weights("a", ());
    circuit.weights("none", 0);
    let narrow = circuit.weights_with_init("narrow", 1, Init::Const(0.4));
    circuit.ry(b.at([0, 0]), 0).ry(b.at([0, 1]) + a.at([]), 1).ry(b.at([1, 0]), 0).rx(narrow.at([0]), 1);
    let all = gradient_variance(&circuit, &(Z(0) + Z(1)), None, 100, 3)?;
    let shapes: Vec<_> = all.iter().map(|(name, tensor)| (name.as_str(), tensor.dims())).collect();
    assert_eq!(shapes, [("a", &[][..]), ("b", &[2, 2]), ("narrow", &[1]), ("none", &[0])]);
    let b = all[1].1.to_vec2::<f64>()?;
    assert!(b[0][0] > 0.1 && b[0][1] > 0.1 && b[1][0] > 0.1 && b[1][1] == 0.0, "{b:?}");
    assert_eq!(all[0].1.to_scalar::<f64>()?, b[0][1]);
    // A constant start gives the same weights in every draw; only the other weights vary its gradient.
    let mut constant = Circuit::new(1);
    let w = constant.weights_with_init("w", 1, Init::Const(0.4));
    constant.ry(w.at([0]), 0);
    assert_eq!(variances(&constant, &Z(0), None, 10, 3), [0.0]);
    assert!(gradient_variance(&Circuit::new(1), &Z(0), None, 10, 3)?.is_empty());
    Ok(())
}

/// Memory grows with the results, not with the settings.
#[test]
fn bins_without_number() -> anyhow::Result<()> {
    let idle = expressibility(
        &Circuit::new(1),
        None,
        ExpressibilityConfig { pairs: 3, bins: usize::MAX, seed: 1, ..Default::default() },
    )?;
    assert!((idle - 64.0 * std::f64::consts::LN_2).abs() < 1e-9, "{idle}");
    Ok(())
}

#[test]
fn a_seed_fixes_everything() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    circuit.strongly_entangling_layers("w", 2);
    let all = |seed| -> anyhow::Result<_> {
        let variances = variances(&circuit, &Z(0), None, 300, seed);
        Ok((
            variances,
            expressibility(&circuit, None, ExpressibilityConfig { pairs: 300, bins: 10, seed, ..Default::default() })?,
            entangling_capability(&circuit, None, 50, seed)?,
        ))
    };
    let (one, other) = (all(1)?, all(2)?);
    assert_eq!(one, all(1)?);
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2);
    Ok(())
}

/// The cost is the mean over the inputs: two of them half a turn apart cancel.
#[test]
fn the_cost_is_the_mean_over_inputs() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(w.at([0]) + input(0), 0);
    let one = Tensor::new(&[0.3f32], &Device::Cpu)?;
    near(variances(&circuit, &Z(0), Some(&one), 4000, 5)[0], 0.5, 3.0 / 8.0, 4000);
    let two = Tensor::new(&[[0.3f64], [0.3 + PI]], &Device::Cpu)?;
    assert!(variances(&circuit, &Z(0), Some(&two), 100, 5)[0] < 1e-30);
    Ok(())
}

#[test]
fn an_idle_circuit_expresses_nothing() -> anyhow::Result<()> {
    for (qubits, bins) in [(1, 75), (1, 1), (2, 75), (4, 10), (10, 75)] {
        let expected = ((1 << qubits) - 1) as f64 * (bins as f64).ln();
        let mut global = Circuit::new(qubits);
        let w = global.weights("w", 1);
        global.h(0).global_phase(w.at([0]));
        for circuit in [&Circuit::new(qubits), &global] {
            let actual =
                expressibility(circuit, None, ExpressibilityConfig { pairs: 40, bins, seed: 1, ..Default::default() })?;
            assert!((actual - expected).abs() <= 1e-12 * expected, "{qubits} {bins}: {actual} {expected}");
        }
    }
    Ok(())
}

/// 2 pairs D of uniform states follows χ² with bins - 1 degrees of freedom.
#[test]
fn a_deep_circuit_expresses_everything() -> anyhow::Result<()> {
    let (bins, pairs) = (20, 20_000);
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", (12, 2));
    (0..12).for_each(|l| _ = circuit.rz(w.at([l, 0]), 0).rx(w.at([l, 1]), 0));
    let chi = 2.0
        * pairs as f64
        * expressibility(&circuit, None, ExpressibilityConfig { pairs, bins, seed: 3, ..Default::default() })?;
    let freedom = (bins - 1) as f64;
    assert!((chi - freedom).abs() <= 4.5 * (2.0 * freedom).sqrt(), "{chi}");
    Ok(())
}

/// States on a great circle of the sphere: F = cos²(Δ/2) with uniform Δ has the share 2/π asin(√F) below F.
#[test]
fn a_circle_of_states_is_in_between() -> anyhow::Result<()> {
    let (bins, pairs) = (75, 20_000);
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.h(0).rz(w.at([0]), 0);
    let below = |bin: usize| 2.0 / PI * (bin as f64 / bins as f64).sqrt().asin();
    let shares: Vec<f64> = (0..bins).map(|bin| below(bin + 1) - below(bin)).collect();
    let moment = |power| shares.iter().map(|p| p * (p * bins as f64).ln().powi(power)).sum::<f64>();
    let expected = moment(1);
    let deviation = ((moment(2) - expected * expected) / pairs as f64).sqrt();
    let bias = (bins - 1) as f64 / (2 * pairs) as f64;
    let actual = expressibility(&circuit, None, ExpressibilityConfig { pairs, bins, seed: 4, ..Default::default() })?;
    assert!((actual - expected - bias).abs() <= 4.5 * deviation, "{actual}, not {expected} ± {deviation}");
    Ok(())
}

#[test]
fn entanglement_of_circuits() -> anyhow::Result<()> {
    assert!(entangling_capability(&rotations(3), None, 50, 1)?.abs() < 1e-12);
    let mut ghz = Circuit::new(3);
    ghz.h(0).cx(0, 1).cx(1, 2);
    assert!((entangling_capability(&ghz, None, 5, 1)? - 1.0).abs() < 1e-12);

    // cos(a/2)|00> + sin(a/2)|11> has Q = sin²(a): mean 1/2, variance 1/8.
    let mut pair = Circuit::new(2);
    let w = pair.weights("w", 1);
    pair.ry(w.at([0]), 0).cx(0, 1);
    let samples = 5000;
    let off = entangling_capability(&pair, None, samples, 2)? - 0.5;
    assert!(off.abs() <= 4.5 * (0.125 / samples as f64).sqrt(), "{off}");

    let mut of_inputs = Circuit::new(2);
    of_inputs.ry(input(0), 0).cx(0, 1);
    let x = Tensor::new(&[[0.5f64], [1.2]], &Device::Cpu)?;
    let expected = (0.5f64.sin().powi(2) + 1.2f64.sin().powi(2)) / 2.0;
    assert!((entangling_capability(&of_inputs, Some(&x), 3, 1)? - expected).abs() < 1e-12);
    Ok(())
}

#[test]
fn a_nan_is_not_counted_as_a_number() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(input(0) + w.at([0]), 0);
    let x = Tensor::new(&[[0.5f64], [f64::NAN]], &Device::Cpu)?;
    assert!(
        expressibility(&circuit, Some(&x), ExpressibilityConfig { pairs: 10, bins: 5, seed: 1, ..Default::default() })?
            .is_nan()
    );
    assert!(entangling_capability(&circuit, Some(&x), 10, 1)?.is_nan());
    assert!(variances(&circuit, &Z(0), Some(&x), 10, 1)[0].is_nan());
    let w = Tensor::zeros(1, DType::F64, &Device::Cpu)?;
    assert!(rounding_error(&circuit, Some(&x), &[("w", &w)])?.is_nan());
    Ok(())
}

/// Every kind of operation is undone; nothing is cancelled before it happens, or nothing would be left to see.
#[test]
fn rounding_is_all_that_is_left() -> anyhow::Result<()> {
    for (seed, embed) in [(1, false), (2, true), (3, false)] {
        for (qubits, depth) in [(2, 40), (5, 100), (10, 60)] {
            let case = random_case(seed, qubits, depth, embed);
            let circuit = case.circuit();
            let mut rng = rng(seed);
            let x: Vec<Vec<f64>> = (0..3).map(|_| uniform(&mut rng, case.inputs)).collect();
            let w = uniform(&mut rng, case.weights);
            for (dtype, least, most) in [(DType::F32, 1e-8, 1e-5), (DType::F64, 1e-17, 2e-14)] {
                let w = tensor(std::slice::from_ref(&w), dtype).squeeze(0)?;
                let rounding_error = rounding_error(&circuit, Some(&tensor(&x, dtype)), &[("w", &w)])?;
                assert!(
                    rounding_error > least && rounding_error < most,
                    "{qubits} qubits, {depth} operations, {dtype:?}: {rounding_error:e}"
                );
            }
        }
    }
    let mut conditional = Circuit::new(2);
    conditional.h(0).when(input(0).gt(0.0), |c| c.ecr(0, 1).ry(input(0), 1).iswap(1, 0));
    let x = Tensor::new(&[[0.7f64], [-0.7]], &Device::Cpu)?;
    assert!(rounding_error(&conditional, Some(&x), &[])? < 1e-14);
    let mut bare = Circuit::new(2);
    bare.h(0).cx(0, 1).rx(0.3, 1);
    assert!(rounding_error(&bare, None, &[])? < 1e-6);
    assert_eq!(rounding_error(&Circuit::new(2), None, &[])?, 0.0);
    let mut fed = Circuit::new(1);
    fed.ry(input(0), 0);
    assert_eq!(rounding_error(&fed, Some(&Tensor::zeros((0, 1), DType::F32, &Device::Cpu)?), &[])?, 0.0);
    Ok(())
}
