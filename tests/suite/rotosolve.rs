//! Rotosolve against PennyLane's, against a search on a grid, and where it has to refuse.

use crate::lab::close;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::circuit::{Angle, Circuit};
use candlewick::error::{TensorError, TrainingError, WeightsError};
use candlewick::nn::{Rotosolve, SeededInit};
use candlewick::optim::variables;
use candlewick::prelude::*;
use candlewick::{Error, Mistake};
use std::f64::consts::TAU;

/// A layer over F64 weights of these values.
fn layer(circuit: Circuit, measurement: Measurement, values: &[f64]) -> Result<(VarMap, QuantumLayer)> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, measurement, vb)?;
    for (name, var) in variables(&varmap)?.into_iter().filter(|(name, _)| name == "w") {
        assert_eq!(name, "w");
        var.set(&Tensor::new(values, &Device::Cpu)?)?;
    }
    Ok((varmap, layer))
}

fn weights(layer: &QuantumLayer) -> Result<Vec<f64>> {
    layer.weights().next().expect("a tensor").1.to_vec1()
}

fn energy(layer: &QuantumLayer) -> Result<f64> {
    layer.evaluate()?.sum_all()?.to_scalar()
}

/// Circuit and observable for which PennyLane's figures were written down.
pub(crate) fn five_angles() -> (Circuit, Measurement, [f64; 5]) {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 5);
    circuit.ry(w.at(0), 0).ry(w.at(1), 1).cx(0, 1).rx(w.at(2), 0).rz(w.at(3), 1).ry(w.at(4), 1);
    let observable = Z(0) * Z(1) + 0.5 * X(0) + 0.3 * Y(1);
    (circuit, Measurement::expectation([observable]), [0.1, 0.7, -0.4, 1.2, 0.5])
}

/// `qml.RotosolveOptimizer().step_and_cost(cost, w, nums_frequency={"w": {(i,): 1 for i in range(5)}})` of PennyLane
/// 0.45.1 on `default.qubit`, four sweeps. Its minimum in a weight is numeric, good to some nine digits.
#[test]
fn sweeps_of_pennylane() -> Result<()> {
    let (circuit, measurement, start) = five_angles();
    let (_varmap, layer) = layer(circuit, measurement, &start)?;
    let mut rotosolve = Rotosolve::new(&layer)?;
    close("start", &[energy(&layer)?], &[0.7412358692681441], 1e-12);
    let expected = [
        (
            [-1.3480987908273885, 2.77746800225733, 0.4543747513442752, 1.1911863152758317, 0.44236745559346735],
            -1.003488942475535,
        ),
        (
            [-1.4230800435424336, 2.905496815715268, 0.4081853618275032, 1.4267264416607508, 0.40476193194507126],
            -1.0170619846675393,
        ),
        (
            [-1.5254266969251051, 2.939093224137989, 0.40043030566923254, 1.5340102325068918, 0.40010868254826515],
            -1.0195946684488948,
        ),
        (
            [-1.5601495713728257, 2.94387270352006, 0.3998337304483285, 1.5624343280479722, 0.3998160059071867],
            -1.0197929985733056,
        ),
    ];
    for (sweep, (angles, cost)) in expected.into_iter().enumerate() {
        let found = rotosolve.step()?;
        close("cost", &[found, energy(&layer)?], &[cost, cost], 1e-7);
        let difference: Vec<f64> =
            weights(&layer)?.iter().zip(angles).map(|(own, theirs)| (own - theirs) / TAU).collect();
        let turns: Vec<f64> = difference.iter().map(|by| by.round()).collect();
        close("angles", &difference, &turns, 1e-6);
        assert_eq!(rotosolve.evaluations(), (sweep + 1) * 16);
    }
    Ok(())
}

/// Gates whose outputs have more than one frequency, or another one than 1; weights in several gates, with factors and
/// products; variances. After one minimisation, no value on a fine grid is lower.
#[test]
fn one_weight_on_a_grid() -> Result<()> {
    type Gates = fn(&mut Circuit, Angle);
    let gates: [(&str, Gates, usize); 6] = [
        ("a rotation", |c, w| _ = c.ry(w, 0), 3),
        ("a rotation under control", |c, w| _ = c.crx(w, 1, 0), 5),
        ("two rotations", |c, w| _ = c.ry(w.clone(), 0).rz(0.3, 0).rx(w, 1), 5),
        ("a factor", |c, w| _ = c.ry(0.37 * w, 0), 3),
        ("factors", |c, w| _ = c.ry(0.5 * w.clone(), 0).cx(0, 1).rx(1.5 * w + 0.2, 1), 9),
        ("an excitation", |c, w| _ = c.single_excitation(w, 0, 1), 5),
    ];
    for (name, gate, points) in gates {
        for variance in [false, true] {
            let mut circuit = Circuit::new(2);
            circuit.ry(0.7, 0).rx(1.1, 1).cx(1, 0).rz(0.4, 0);
            let w = circuit.weights("w", 1);
            gate(&mut circuit, w.at(0));
            circuit.rx(0.5, 1).cx(0, 1).ry(-0.8, 0);
            let observables = [Z(0) * X(1) + 0.4 * Y(0)];
            let measurement =
                if variance { Measurement::variance(observables) } else { Measurement::expectation(observables) };
            let (varmap, layer) = layer(circuit, measurement, &[2.2])?;
            let before = energy(&layer)?;
            let mut rotosolve = Rotosolve::new(&layer)?;
            let found = rotosolve.step()?;
            assert!(found < before, "{name}");
            if !variance {
                assert_eq!(rotosolve.evaluations(), points + 1, "{name}");
            }
            let at = weights(&layer)?[0];
            let var = &variables(&varmap)?.into_iter().find(|(name, _)| name == "w").expect("it is there").1;
            for k in 0..4000 {
                // The longest period is that of the factor 0.37.
                var.set(&Tensor::new(&[TAU / 0.37 * f64::from(k) / 4000.0], &Device::Cpu)?)?;
                assert!(energy(&layer)? > found - 1e-10, "{name}: lower at {k}");
            }
            // A minimum stays where it is.
            var.set(&Tensor::new(&[at], &Device::Cpu)?)?;
            rotosolve.step()?;
            close(name, &weights(&layer)?, &[at], 1e-6);
        }
    }
    Ok(())
}

/// Products of weights are linear in each of them; sweeps never go up; in F32 they end at the lowest eigenvalue of a
/// chain of spins, too.
#[test]
fn sweeps_go_down() -> Result<()> {
    let chain = || Z(0) * Z(1) + Z(1) * Z(2) + 0.5 * X(0) + 0.5 * X(1) + 0.5 * X(2);
    let lowest = nalgebra::DMatrix::from_fn(8, 8, |row: usize, column: usize| {
        let sign = |a: usize, b: usize| if row >> a & 1 == row >> b & 1 { 1.0 } else { -1.0 };
        match row ^ column {
            0 => sign(0, 1) + sign(1, 2),
            1 | 2 | 4 => 0.5,
            _ => 0.0,
        }
    })
    .symmetric_eigenvalues()
    .min();
    for dtype in [DType::F64, DType::F32] {
        let mut circuit = Circuit::new(3);
        circuit.strongly_entangling_layers("w", 3);
        let v = circuit.weights("v", 2);
        circuit.rx(v.at(0) * v.at(1), 0);
        let varmap = VarMap::new();
        let vb = SeededInit::new(5).var_builder(&varmap, dtype, &Device::Cpu);
        let layer = QuantumLayer::new(circuit, Measurement::expectation([chain()]), vb)?;
        let mut rotosolve = Rotosolve::new(&layer)?;
        let energies = (0..60).map(|_| rotosolve.step()).collect::<candlewick::Result<Vec<_>>>()?;
        let rounding = if dtype == DType::F64 { 1e-13 } else { 2e-6 };
        assert!(energies.windows(2).all(|pair| pair[1] <= pair[0] + rounding), "{energies:?}");
        close("ground energy", &energies[59..], &[lowest], 1e-3);
    }
    Ok(())
}

#[test]
fn layers_that_are_refused() -> Result<()> {
    let z = || Measurement::expectation([Z(0)]);
    let refused = |circuit: Circuit, measurement: Measurement, config: QuantumLayerConfig, dtype: DType| {
        let vb = SeededInit::new(1).var_builder(&VarMap::new(), dtype, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit, measurement, config, vb).expect("a layer");
        Rotosolve::new(&layer).and_then(|mut rotosolve| rotosolve.step()).expect_err("refused")
    };
    let of = |gates: fn(&mut Circuit, Weights)| {
        let mut circuit = Circuit::new(2);
        let w = circuit.weights("w", 2);
        gates(&mut circuit, w);
        circuit
    };
    let rotation = || of(|c, w| _ = c.ry(w.at(0), 0));
    let exact = QuantumLayerConfig::default;
    let error = refused(of(|c, w| _ = c.ry(w.at(0) + input(0), 0)), z(), exact(), DType::F64);
    assert!(matches!(error, Error::Tensor(TensorError::MissingInputs { expected: 1 })), "{error}");
    let error = refused(rotation(), z(), QuantumLayerConfig { shots: Some(10), ..exact() }, DType::F64);
    assert!(matches!(error, Error::Setting { setting: "shots", .. }), "{error}");
    let conditioned = z().postselect([(1, false)]);
    let two = Measurement::expectation([Z(0), Z(1)]);
    for measurement in [two, Measurement::probabilities([0]), Measurement::state(), conditioned] {
        let error = refused(rotation(), measurement, exact(), DType::F64);
        assert!(matches!(error, Error::Setting { setting: "number of outputs", .. }), "{error}");
    }
    let mut weighted = rotation();
    let c = weighted.weights("c", 1);
    let error = refused(weighted, Measurement::expectation([c.at(0) * Z(0)]), exact(), DType::F64);
    assert!(matches!(error, Error::Observable { mistake: Mistake::VariableCoefficient { .. }, .. }), "{error}");
    let error = refused(rotation(), z(), exact(), DType::F16);
    assert!(matches!(error, Error::Tensor(TensorError::UnsupportedDType { dtype: DType::F16, .. })), "{error}");
    let spectra: [fn(&mut Circuit, Weights); 6] = [
        |c, w| _ = c.ry(w.at(0), 0).depolarizing(0.1 * w.at(0), 0),
        |c, w| _ = c.ry(w.at(0), 0).phase_damping(0.1 * w.at(0), 0),
        |c, w| _ = c.ry(0.3, 0).thermal_relaxation(0.1 * w.at(0), 1.0, 1.0, 0.0, 0),
        |c, w| _ = c.ry(w.at(0) * w.at(0), 0),
        |c, w| _ = c.ry(w.at(0), 0).rx(2f64.sqrt() * w.at(0), 0),
        |c, w| _ = c.ry(w.at(0), 0).rx(70.0 * w.at(0), 0),
    ];
    for gates in spectra {
        let error = refused(of(gates), z(), exact(), DType::F64);
        assert!(
            matches!(&error, Error::Training(TrainingError::Spectrum { name, entry: 0, .. }) if name == "w"),
            "{error}"
        );
    }
    let (_varmap, almost) = layer(of(|c, w| _ = c.ry(w.at(0) * w.at(1), 0)), z(), &[1e-8, 1e-8])?;
    let error = Rotosolve::new(&almost)?.step().expect_err("a minimum far away");
    assert!(error.to_string().contains("1000 turns"), "{error}");
    let fixed = QuantumLayer::new(rotation(), z(), VarBuilder::zeros(DType::F64, &Device::Cpu))?;
    assert!(matches!(Rotosolve::new(&fixed), Err(Error::Weights(WeightsError::NotTrainable { .. }))));
    let (_varmap, spoiled) = layer(rotation(), z(), &[f64::NAN, 0.0])?;
    let error = Rotosolve::new(&spoiled)?.step().unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::WeightNotFinite { entry: 0, .. })), "{error}");
    Ok(())
}
