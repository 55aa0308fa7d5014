//! Diagnoses without a result.

use super::*;
use candlewick::diagnostics::{FourierConfig, Frequencies, fourier_spectrum, frequencies};
use candlewick::error::{TensorError, WeightsError};
use candlewick::{Error, Mistake};

/// Asserts that an error is this mistake, and says so.
#[track_caller]
fn mistaken<T: std::fmt::Debug>(result: candlewick::Result<T>, mistake: &Mistake) {
    let error = result.expect_err("an error");
    assert!(matches!(&error, Error::Diagnostics(found) if found == mistake), "{error:?}");
    assert_eq!(error.to_string(), format!("diagnostics: {mistake}"));
}

fn fed() -> Circuit {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(input(0) + w.at([0]), 0);
    circuit
}

#[test]
fn too_few_of_anything() -> anyhow::Result<()> {
    let circuit = rotations(1);
    let few = |what, expected: &str, actual| Mistake::Length { what, expected: expected.to_owned(), actual };
    mistaken(gradient_variance(&circuit, &Z(0), None, 1, 0), &few("samples", "2 or more", 1));
    mistaken(entangling_capability(&circuit, None, 0, 0), &few("samples", "1 or more", 0));
    mistaken(
        expressibility(&circuit, None, ExpressibilityConfig { pairs: 0, bins: 5, ..Default::default() }),
        &few("pairs", "1 or more", 0),
    );
    mistaken(
        expressibility(&circuit, None, ExpressibilityConfig { pairs: 5, bins: 0, ..Default::default() }),
        &few("bins", "1 or more", 0),
    );
    let nothing = Tensor::zeros((3, 0, 1), DType::F64, &Device::Cpu)?;
    let no_samples = few("input sample(s)", "1 or more", 0);
    mistaken(gradient_variance(&fed(), &Z(0), Some(&nothing), 5, 0), &no_samples);
    mistaken(
        expressibility(&fed(), Some(&nothing), ExpressibilityConfig { pairs: 5, bins: 5, ..Default::default() }),
        &no_samples,
    );
    mistaken(entangling_capability(&fed(), Some(&nothing), 5, 0), &no_samples);
    Ok(())
}

/// Mistakes of the circuit, its inputs and its weights give the same errors as in any other call.
#[test]
fn circuits_and_tensors_that_do_not_fit() -> anyhow::Result<()> {
    let mut broken = Circuit::new(1);
    broken.x(3);
    let w = Tensor::zeros(1, DType::F64, &Device::Cpu)?;
    let weights: &[(&str, &Tensor)] = &[("w", &w)];
    let wide = Tensor::zeros((2, 3), DType::F64, &Device::Cpu)?;
    let integers = Tensor::zeros((2, 1), DType::U32, &Device::Cpu)?;
    let all = |circuit: &Circuit, x: Option<&Tensor>| {
        [
            gradient_variance(circuit, &Z(0), x, 2, 0).map(drop).expect_err("an error"),
            expressibility(circuit, x, ExpressibilityConfig { pairs: 2, bins: 2, ..Default::default() })
                .map(drop)
                .expect_err("an error"),
            entangling_capability(circuit, x, 2, 0).map(drop).expect_err("an error"),
            rounding_error(circuit, x, if circuit.weight_tensors().is_empty() { &[] } else { weights })
                .map(drop)
                .expect_err("an error"),
        ]
    };
    assert!(all(&broken, None).iter().all(|error| matches!(error, Error::Circuit { .. })));
    assert!(
        all(&fed(), None)
            .iter()
            .all(|error| matches!(error, Error::Tensor(TensorError::MissingInputs { expected: 1 })))
    );
    assert!(
        all(&fed(), Some(&wide))
            .iter()
            .all(|error| matches!(error, Error::Tensor(TensorError::InputWidth { expected: 1, .. })))
    );
    assert!(
        all(&fed(), Some(&integers))
            .iter()
            .all(|error| matches!(error, Error::Tensor(TensorError::UnsupportedDType { .. })))
    );
    assert!(matches!(gradient_variance(&fed(), &Z(1), Some(&w), 2, 0), Err(Error::Observable { index: 0, .. })));

    let x = Tensor::zeros(1, DType::F64, &Device::Cpu)?;
    let ensemble = Tensor::zeros((4, 1), DType::F64, &Device::Cpu)?;
    let half = x.to_dtype(DType::F16)?;
    assert!(matches!(rounding_error(&fed(), Some(&x), &[]), Err(Error::Weights(WeightsError::Missing { .. }))));
    assert!(matches!(
        rounding_error(&fed(), Some(&x), &[("w", &ensemble)]),
        Err(Error::Weights(WeightsError::Shape { .. }))
    ));
    assert!(matches!(
        rounding_error(&fed(), Some(&x), &[("v", &w)]),
        Err(Error::Weights(WeightsError::Unexpected { .. }))
    ));
    assert!(matches!(
        rounding_error(&fed(), Some(&half), weights),
        Err(Error::Tensor(TensorError::DTypeMismatch { .. }))
    ));
    assert!(rounding_error(&fed(), Some(&half), &[("w", &half)])? < 1e-6);
    let mut measured = Circuit::new(2);
    measured.h(0).measure(0, 1);
    let mistake = Mistake::MeasurementNotUnitary;
    let error = rounding_error(&measured, None, &[]).expect_err("a measurement");
    assert!(matches!(&error, Error::Circuit { mistake: found, .. } if *found == mistake), "{error:?}");
    Ok(())
}

#[test]
fn features_without_a_series() -> anyhow::Result<()> {
    let w = Tensor::zeros(1, DType::F64, &Device::Cpu)?;
    let weights: &[(&str, &Tensor)] = &[("w", &w)];
    let of = |circuit: &Circuit| {
        frequencies(
            circuit,
            &Z(0),
            &[],
            FourierConfig { point: Some(vec![0.5; circuit.inputs()]), ..Default::default() },
        )
    };
    mistaken(
        frequencies(&fed(), &Z(0), weights, FourierConfig { feature: 1, ..Default::default() }),
        &Mistake::InputOutOfRange { index: 1, width: 1 },
    );
    let error =
        frequencies(&fed(), &Z(0), weights, FourierConfig { point: Some(vec![0.0, 0.0]), ..Default::default() })
            .expect_err("two values");
    assert!(matches!(error, Error::Tensor(TensorError::InputWidth { expected: 1, .. })), "{error:?}");
    let ensemble = Tensor::zeros((4, 1), DType::F64, &Device::Cpu)?;
    let error = frequencies(&fed(), &Z(0), &[("w", &ensemble)], FourierConfig::default()).expect_err("four members");
    assert!(matches!(error, Error::Weights(WeightsError::Shape { .. })), "{error:?}");
    let error = frequencies(&fed(), &Z(0), &[], FourierConfig::default()).expect_err("no weights");
    assert!(matches!(error, Error::Weights(WeightsError::Missing { .. })), "{error:?}");

    let mut squared = Circuit::new(1);
    squared.ry(input(0) * input(0), 0);
    mistaken(of(&squared), &Mistake::NotLinear { feature: 0 });
    let mut embedded = Circuit::new(1);
    embedded.amplitude_embedding(0..2);
    mistaken(of(&embedded), &Mistake::NotLinear { feature: 0 });
    let mut decided = Circuit::new(1);
    decided.when(input(0).gt(0.5), |c| c.x(0));
    mistaken(of(&decided), &Mistake::NotLinear { feature: 0 });
    let mut apart = Circuit::new(1);
    apart.rx(input(0), 0).ry(PI * input(0), 0);
    let error = of(&apart).expect_err("1 and π");
    let Error::Diagnostics(Mistake::NoCommonFrequency { feature: 0, largest, .. }) = error else { panic!("{error:?}") };
    assert!((largest - PI).abs() < 1e-15);
    let mut product = Circuit::new(1);
    product.ry(input(0) * input(1), 0);
    let error = frequencies(
        &product,
        &Z(0),
        &[],
        FourierConfig { point: Some(vec![0.0, f64::INFINITY]), ..Default::default() },
    )
    .expect_err("infinite");
    assert!(matches!(error, Error::Diagnostics(Mistake::NotFinite { .. })), "{error:?}");
    Ok(())
}

#[test]
fn frequencies_that_are_none() {
    let given = |unit, degree| {
        let mut circuit = Circuit::new(1);
        circuit.rx(input(0), 0);
        let frequencies = Some(Frequencies::new(unit, degree));
        fourier_spectrum(&circuit, &Z(0), &[], FourierConfig { frequencies, ..Default::default() })
    };
    for value in [0.0, -1.0, f64::INFINITY] {
        mistaken(given(value, 1), &Mistake::NotPositive { what: "the unit of the frequencies", value });
    }
    assert!(given(f64::NAN, 1).is_err());
    let expected = "at most 4096".to_owned();
    mistaken(given(1.0, 4097), &Mistake::Length { what: "frequencies", expected, actual: 4097 });
    mistaken(
        given(1.0, usize::MAX),
        &Mistake::Length { what: "frequencies", expected: "at most 4096".to_owned(), actual: usize::MAX },
    );
}
