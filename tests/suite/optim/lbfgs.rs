//! L-BFGS on Rosenbrock's function, on a molecule beside Adam, and where there is nothing to find.

use super::*;
use candlewick::optim::{Lbfgs, LbfgsConfig, LbfgsStopReason};
use candlewick::variational::Molecule;
use std::cell::Cell;

fn start(dtype: DType, values: &[f64]) -> Result<(VarMap, Tensor)> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, dtype, &Device::Cpu);
    let x = vb.get_with_hints(values.len(), "x", Init::Const(0.0))?;
    variables(&varmap)?[0].1.set(&Tensor::new(values, &Device::Cpu)?.to_dtype(dtype)?)?;
    Ok((varmap, x))
}

/// `Σ 100 (x_{k+1} - x_k²)² + (1 - x_k)²`, with its minimum of 0 at 1.
fn rosenbrock(x: &Tensor) -> Result<Tensor> {
    let count = x.dim(0)?;
    let (left, right) = (x.narrow(0, 0, count - 1)?, x.narrow(0, 1, count - 1)?);
    ((right - left.sqr()?)?.sqr()? * 100.0)?.sum_all()? + (left.affine(-1.0, 1.0)?).sqr()?.sum_all()?
}

/// SciPy's L-BFGS-B (1.17.1; gtol 1e-8, ten corrections) takes 46 and 96 evaluations from these starts.
#[test]
fn rosenbrock_in_two_and_ten_dimensions() -> Result<()> {
    for (dimensions, most) in [(2, 60), (10, 120)] {
        let (varmap, x) = start(DType::F64, &[-1.2, 1.0].repeat(dimensions / 2))?;
        let calls = Cell::new(0);
        let config = LbfgsConfig { gradient_tolerance: 1e-8, ..Default::default() };
        let found = Lbfgs::from_varmap(&varmap, config)?.minimize(|| {
            calls.set(calls.get() + 1);
            rosenbrock(&x)
        })?;
        assert!(found.converged() && found.gradient_norm <= 1e-8, "{found:?}");
        assert_eq!(found.evaluations, calls.get());
        assert!(found.evaluations <= most, "{} evaluations", found.evaluations);
        close("minimum", &x.to_vec1::<f64>()?, &vec![1.0; dimensions], 1e-8);
        assert!(found.losses.windows(2).all(|pair| pair[1] < pair[0]));
        assert_eq!(found.losses.last(), Some(&found.loss));
    }
    Ok(())
}

/// A positive definite form in several variables of different shapes, with its minimum in closed form.
#[test]
fn several_variables() -> Result<()> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let (a, b) = (vb.get_with_hints((2, 2), "a", Init::Const(3.0))?, vb.get_with_hints((), "b", Init::Const(-1.0))?);
    vb.get_with_hints((0, 3), "empty", Init::Const(0.0))?;
    let idle = vb.get_with_hints(2, "idle", Init::Const(0.25))?;
    // (a - 1)² + 10 (b - 2)² + (Σ a - b)²: a = (1 + b') and b by the normal equations.
    let loss = || {
        let sum = (a.sum_all()? - &b)?;
        ((&a - 1.0)?.sqr()?.sum_all()? + (&b - 2.0)?.sqr()?.affine(10.0, 0.0)?)? + sum.sqr()?
    };
    let config = LbfgsConfig { gradient_tolerance: 1e-10, ..Default::default() };
    assert!(Lbfgs::from_varmap(&varmap, config)?.minimize(loss)?.converged());
    // With u = Σ a - b: a = 1 - u, b = 2 + u / 10, so u = 4 - 4 u - 2 - u / 10.
    let u = 2.0 / 5.1;
    close("a", &a.flatten_all()?.to_vec1::<f64>()?, &[1.0 - u; 4], 1e-10);
    close("b", &[b.to_scalar::<f64>()?], &[2.0 + u / 10.0], 1e-10);
    assert_eq!(idle.to_vec1::<f64>()?, [0.25; 2]);
    Ok(())
}

/// Energies of molecules to a microhartree above the energy that L-BFGS found: every evaluation counts, and Adam has
/// the best of three learning rates.
#[test]
fn fewer_evaluations_than_adam_on_molecules() -> Result<()> {
    for file in ["h2_0.7414.json", "lih_1.5949_cas6.json"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/hamiltonians/");
        let molecule = Molecule::read(format!("{folder}{file}"))?;
        let layer = |varmap: &VarMap| -> Result<QuantumLayer> {
            let mut circuit = Circuit::new(molecule.qubits());
            circuit.uccsd("w", molecule.electrons());
            let vb = SeededInit::new(0).var_builder(varmap, DType::F64, &Device::Cpu);
            Ok(QuantumLayer::new(circuit, Measurement::expectation([molecule.hamiltonian()]), vb)?)
        };
        let varmap = VarMap::new();
        let own = layer(&varmap)?;
        let found = Lbfgs::from_varmap(&varmap, LbfgsConfig::default())?.minimize(|| own.evaluate()?.sum_all())?;
        assert!(found.converged(), "{found:?}");
        let above = found.loss - molecule.ground_energy().expect("it is there");
        assert!((-1e-7..1e-4).contains(&above), "{file}: {above} above the ground energy");
        for rate in [0.02, 0.1, 0.5] {
            let varmap = VarMap::new();
            let layer = layer(&varmap)?;
            let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(rate))?;
            let mut evaluations = 1;
            while evaluations < 500 {
                let energy = layer.evaluate()?.sum_all()?;
                if energy.to_scalar::<f64>()? < found.loss + 1e-6 {
                    break;
                }
                adam.backward_step(&energy)?;
                evaluations += 1;
            }
            println!("{file}: {} evaluations, {evaluations} of Adam with {rate}", found.evaluations);
            assert!(found.evaluations < evaluations, "{file}: {} against {evaluations}", found.evaluations);
        }
    }
    Ok(())
}

/// A run that has not converged says so: too few steps, a kink, a slope that is not the loss's, F32 at its end.
#[test]
fn runs_that_do_not_converge() -> Result<()> {
    let (varmap, x) = start(DType::F64, &[-1.2, 1.0])?;
    let few = Lbfgs::from_varmap(&varmap, LbfgsConfig { steps: 3, ..Default::default() })?;
    let found = few.minimize(|| rosenbrock(&x))?;
    assert_eq!((found.stop_reason, found.converged(), found.losses.len()), (LbfgsStopReason::Steps, false, 4));
    close("the variables are at the loss", &[rosenbrock(&x)?.to_scalar()?], &[found.loss], 0.0);

    let (varmap, x) = start(DType::F64, &[0.7, -0.3])?;
    let exact = Lbfgs::from_varmap(&varmap, LbfgsConfig::default())?;
    let found = exact.minimize(|| x.abs()?.sum_all())?;
    assert_eq!(found.stop_reason, LbfgsStopReason::LineSearch);
    let uphill = exact.minimize(|| (&x - (&x.detach() * 2.0)?)?.sum_all())?;
    assert_eq!((uphill.stop_reason, uphill.losses.len()), (LbfgsStopReason::LineSearch, 1));

    let (varmap, x) = start(DType::F32, &[-1.2, 1.0])?;
    let found = Lbfgs::from_varmap(&varmap, LbfgsConfig { gradient_tolerance: 0.0, ..Default::default() })?
        .minimize(|| rosenbrock(&x)? + 1.0)?;
    assert!(found.stop_reason == LbfgsStopReason::LineSearch || found.gradient_norm == 0.0, "{found:?}");
    assert!(found.loss < 1.0 + 1e-5);

    // At a maximum the gradient is 0: `converged` says no more than that.
    let (varmap, x) = start(DType::F64, &[0.0])?;
    let found = Lbfgs::from_varmap(&varmap, LbfgsConfig::default())?.minimize(|| x.cos()?.sum_all())?;
    assert_eq!((found.stop_reason, found.evaluations, found.loss), (LbfgsStopReason::Gradient, 1, 1.0));
    Ok(())
}

/// Steps that lead over a barrier, behind which the loss is no number, are shortened.
#[test]
fn barriers() -> Result<()> {
    for start_at in [5.0, 30.0, 1e-3] {
        let (varmap, x) = start(DType::F64, &[start_at])?;
        let lbfgs = Lbfgs::from_varmap(&varmap, LbfgsConfig::default())?;
        let found = lbfgs.minimize(|| (&x - x.log()?)?.sum_all())?;
        assert_eq!(found.stop_reason, LbfgsStopReason::Gradient, "{found:?}");
        close("minimum", &x.to_vec1::<f64>()?, &[1.0], 1e-4);
    }
    Ok(())
}

/// Errors are typed, and leave the variables at the last step.
#[test]
fn losses_that_cannot_be_minimised() -> Result<()> {
    let (varmap, x) = start(DType::F64, &[4.0, 2.0])?;
    let lbfgs = Lbfgs::from_varmap(&varmap, LbfgsConfig::default())?;
    let before = weights(&varmap)?;
    let minimize = |loss: &dyn Fn() -> Result<Tensor>| lbfgs.minimize(loss).map(drop).unwrap_err();
    let error = minimize(&|| (&x / 0.0)?.sum_all());
    assert!(
        matches!(error, Error::Training(TrainingError::LossNotFinite { of: "L-BFGS", evaluation: 1, .. })),
        "{error}"
    );
    assert!(matches!(minimize(&|| x.sqr()), Error::Tensor(TensorError::Shape { what: "the loss of L-BFGS", .. })));
    assert!(matches!(
        minimize(&|| x.detach().sum_all()),
        Error::Training(TrainingError::NoVariableGradient { of: "L-BFGS", .. })
    ));
    let (poisoned, z) = start(DType::F64, &[1.0, f64::NAN])?;
    let error = Lbfgs::from_varmap(&poisoned, LbfgsConfig::default())?.minimize(|| z.sqr()?.sum_all()).unwrap_err();
    assert!(matches!(error, Error::Training(TrainingError::WeightNotFinite { entry: 1, .. })), "{error}");
    // √x has an infinite slope at 0.
    let (at_zero, y) = start(DType::F64, &[0.0])?;
    let steep = Lbfgs::from_varmap(&at_zero, LbfgsConfig::default())?.minimize(|| y.sqrt()?.sum_all());
    assert!(matches!(steep, Err(Error::Training(TrainingError::GradientNotFinite { name })) if name == "x"));
    assert_eq!(weights(&varmap)?, before);
    for config in [
        LbfgsConfig { gradient_tolerance: f64::NAN, ..Default::default() },
        LbfgsConfig { history_size: 0, ..Default::default() },
        LbfgsConfig { line_search_evaluations: 0, ..Default::default() },
        LbfgsConfig { sufficient_decrease: 0.95, ..Default::default() },
        LbfgsConfig { curvature: 1.0, ..Default::default() },
    ] {
        assert!(matches!(Lbfgs::from_varmap(&varmap, config), Err(Error::Setting { of: "L-BFGS", .. })), "{config:?}");
    }
    assert!(matches!(
        Lbfgs::from_varmap(&network(DType::BF16)?.0, LbfgsConfig::default()),
        Err(Error::Tensor(TensorError::UnsupportedDType { .. }))
    ));
    Ok(())
}
