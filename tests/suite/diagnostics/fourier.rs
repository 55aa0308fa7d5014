//! Fourier series of circuits.

use super::*;
use candlewick::diagnostics::{FourierConfig, FourierSpectrum, Frequencies, fourier_spectrum, frequencies};
use candlewick::{Error, Mistake, functional};
use num_complex::Complex64 as C;

fn spectrum(circuit: &Circuit, observable: &Observable) -> FourierSpectrum {
    fourier_spectrum(circuit, observable, &[], FourierConfig::default()).expect("a spectrum")
}

#[track_caller]
fn close(actual: C, expected: impl Into<C>) {
    let expected = expected.into();
    assert!((actual - expected).norm() < 1e-14, "{actual} {expected}");
}

#[test]
fn one_rotation_is_one_frequency() {
    let mut circuit = Circuit::new(1);
    circuit.rx(input(0), 0);
    let cosine = spectrum(&circuit, &Z(0));
    assert_eq!(cosine.frequencies(), Frequencies::new(1.0, 1));
    [-1, 1].into_iter().for_each(|k| close(cosine.coefficient(k), 0.5));
    [-2, 0, 2, isize::MIN, isize::MAX].into_iter().for_each(|k| close(cosine.coefficient(k), 0.0));
    // <Y> = -sin(x)
    let sine = spectrum(&circuit, &Y(0));
    close(sine.coefficient(1), C::new(0.0, 0.5));
    close(sine.coefficient(-1), C::new(0.0, -0.5));
    let frequencies: Vec<f64> = sine.iter().map(|(frequency, _)| frequency).collect();
    assert_eq!(frequencies, [-1.0, 0.0, 1.0]);
    let mut by_reference = 0;
    for (frequency, coefficient) in &sine {
        assert_eq!(coefficient, sine.coefficient(frequency as isize));
        by_reference += 1;
    }
    assert_eq!((by_reference, sine.clone().into_iter().collect::<Vec<_>>()), (3, sine.iter().collect()));
}

/// L uploads reach the frequency L and none above it.
#[test]
fn uploads_add_up() -> anyhow::Result<()> {
    for uploads in 1..=5 {
        let mut circuit = Circuit::new(2);
        let w = circuit.weights("w", (uploads + 1, 2, 3));
        for l in 0..=uploads {
            (0..2).for_each(|q| _ = circuit.u(w.at([l, q, 0]), w.at([l, q, 1]), w.at([l, q, 2]), q));
            circuit.cx(0, 1);
            if l < uploads {
                circuit.rz(input(0) + 0.3, 0);
            }
        }
        let numbers = uniform(&mut rng(uploads as u64), 6 * (uploads + 1));
        let w = Tensor::from_vec(numbers, (uploads + 1, 2, 3), &Device::Cpu)?;
        let weights: &[(&str, &Tensor)] = &[("w", &w)];
        let (observable, point) = (Z(0) * X(1) + Y(0), vec![f64::NAN]);
        let degree = uploads as isize;
        let wide = Frequencies::new(1.0, uploads + 3);
        assert!(
            fourier_spectrum(
                &circuit,
                &observable,
                weights,
                FourierConfig { point: Some(point.clone()), ..Default::default() }
            )
            .is_ok(),
            "its own value is not read"
        );
        let spectrum = fourier_spectrum(
            &circuit,
            &observable,
            weights,
            FourierConfig { frequencies: Some(wide), ..Default::default() },
        )?;
        for k in 1..=degree + 3 {
            close(spectrum.coefficient(-k), spectrum.coefficient(k).conj());
            let size = spectrum.coefficient(k).norm();
            assert!(if k <= degree { size > 1e-6 } else { size < 1e-14 }, "{uploads} uploads, {k}: {size:e}");
        }
        let found = fourier_spectrum(&circuit, &observable, weights, FourierConfig::default())?;
        assert_eq!(found.frequencies(), Frequencies::new(1.0, uploads));
        found.iter().zip(-degree..).for_each(|((_, c), k)| close(c, spectrum.coefficient(k)));
    }
    Ok(())
}

/// The series is the circuit: at any other point, and for every kind of generator.
#[test]
fn the_series_is_the_circuit() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 2);
    circuit.h(0).h(1).h(2);
    circuit.crx(input(0), 0, 1).p(2.0 * input(0) + 0.2, 2).controlled([0], |c| c.rzz(input(0), 1, 2));
    circuit.rx(w.at([0]) * input(0), 0).ry(input(0) * input(1), 1).cp(input(0), 1, 2).rz(-input(0), 2);
    circuit.ry(0.4, 0).ry(0.7, 1).ry(1.1, 2).cx(0, 1).cx(1, 2).global_phase(0.1234 * input(0));
    let w = Tensor::new(&[1.5f64, 0.3], &Device::Cpu)?;
    let weights: &[(&str, &Tensor)] = &[("w", &w)];
    let observable = Z(0) * Z(1) + X(2) + 0.3 * Y(1);
    let point = vec![0.0, -2.5];
    let spectrum =
        fourier_spectrum(&circuit, &observable, weights, FourierConfig { point: Some(point), ..Default::default() })?;
    // 1 + 2 + 1 + 1.5 + 2.5 + 1 + 1 in halves.
    assert_eq!(spectrum.frequencies(), Frequencies::new(0.5, 20));
    for x in [-1.0, 0.3, 2.0, 10.0] {
        let inputs = Tensor::new(&[[x, -2.5]], &Device::Cpu)?;
        let measured = Measurement::expectation([observable.clone()]);
        let expected = functional::evaluate(&circuit, &measured, Some(&inputs), weights)?.to_vec2::<f64>()?[0][0];
        let series: C = spectrum.iter().map(|(frequency, c)| c * C::cis(frequency * x)).sum();
        assert!((series - expected).norm() < 1e-13, "f({x}) = {expected}, not {series}");
    }
    Ok(())
}

#[test]
fn what_is_not_seen_does_not_count() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2).with_inputs(2);
    circuit.rx(input(0), 0).rx(0.25 * input(0), 1);
    let of = |observable: &Observable, feature: usize| {
        frequencies(
            &circuit,
            observable,
            &[],
            FourierConfig { feature, point: Some(vec![0.0; 2]), ..Default::default() },
        )
    };
    assert_eq!(of(&Z(0), 0)?, Frequencies::new(1.0, 1));
    assert_eq!(of(&Z(1), 0)?, Frequencies::new(0.25, 1));
    assert_eq!(of(&(Z(0) + Z(1)), 0)?, Frequencies::new(0.25, 5));
    assert_eq!(of(&Z(0), 1)?, Frequencies::new(1.0, 0));
    let constant = fourier_spectrum(
        &circuit,
        &Z(0),
        &[],
        FourierConfig { feature: 1, point: Some(vec![0.4, 0.0]), ..Default::default() },
    )?;
    close(constant.coefficient(0), 0.4f64.cos());
    Ok(())
}

/// Gates that other features switch off do not count; gates that they switch on count, products included.
#[test]
fn conditions_on_other_features() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.rx(input(0), 0);
    circuit.when(input(1).gt(0.5), |c| c.ry(0.7, 0).rx(w.at([0]) * input(0), 0).ry(0.2, 0).rx(input(0) * input(1), 0));
    let w = Tensor::new(&[2.0f64], &Device::Cpu)?;
    let weights: &[(&str, &Tensor)] = &[("w", &w)];
    for (other, unit, degree) in [(0.4, 1.0, 1), (1.5, 0.5, 9)] {
        let spectrum = fourier_spectrum(
            &circuit,
            &Z(0),
            weights,
            FourierConfig { point: Some(vec![0.0, other]), ..Default::default() },
        )?;
        assert_eq!(spectrum.frequencies(), Frequencies::new(unit, degree));
        let inputs = Tensor::new(&[[1.3, other]], &Device::Cpu)?;
        let measured = Measurement::expectation([Z(0)]);
        let expected = functional::evaluate(&circuit, &measured, Some(&inputs), weights)?.to_vec2::<f64>()?[0][0];
        close(spectrum.iter().map(|(frequency, c)| c * C::cis(frequency * 1.3)).sum(), expected);
    }
    Ok(())
}

/// Weights of any dtype; a unit that is no round number.
#[test]
fn a_learned_frequency() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(w.at([0]) * input(0), 0).ry(w.at([0]) * input(0) * 2.0, 0);
    let w = Tensor::new(&[0.7316f32], &Device::Cpu)?;
    let found = fourier_spectrum(&circuit, &Z(0), &[("w", &w)], FourierConfig::default())?;
    let Frequencies { unit, degree, .. } = found.frequencies();
    assert!((unit - f64::from(0.7316f32)).abs() < 1e-15 && degree == 3);
    close(found.coefficient(3), 0.5);
    Ok(())
}

/// Conditions on other features choose which gates there are; one on the feature itself is no Fourier series.
#[test]
fn under_conditions() {
    let mut circuit = Circuit::new(1);
    circuit.rx(input(0), 0).when(input(1).gt(0.5), |c| c.rx(2.0 * input(0) * input(1), 0));
    for (other, unit, degree) in [(0.4, 1.0, 1), (0.75, 0.5, 5)] {
        let spectrum = fourier_spectrum(
            &circuit,
            &Z(0),
            &[],
            FourierConfig { point: Some(vec![0.0, other]), ..Default::default() },
        )
        .unwrap();
        assert_eq!(spectrum.frequencies(), Frequencies::new(unit, degree));
        for (frequency, coefficient) in spectrum.iter() {
            let expected = if (frequency.abs() - unit * degree as f64).abs() < 1e-12 { 0.5 } else { 0.0 };
            assert!((coefficient - expected).norm() < 1e-12, "{frequency}: {coefficient}");
        }
    }
    circuit.when(input(0).lt(0.1), |c| c.x(0));
    let refused =
        fourier_spectrum(&circuit, &Z(0), &[], FourierConfig { point: Some(vec![0.0, 0.0]), ..Default::default() });
    assert!(matches!(refused, Err(Error::Diagnostics(Mistake::NotLinear { feature: 0 }))));
}
