//! Ensembles against single calls of their members.

use crate::lab::{close, engines};
use crate::oracle::{Obs, random_case, rng, uniform, weights};
use candle_core::{DType, Device, Result, Tensor, Var};
use candlewick::error::WeightsError;
use candlewick::prelude::*;
use candlewick::{Error, functional};

/// Values and gradients against the oracle's states and against calls of their own, below and above the size at which
/// a member gets a call of its own.
#[test]
fn members_one_by_one() -> Result<()> {
    for engine in engines() {
        (engine.enter)(&mut || {
            for (members, batch) in [(1, 1), (3, 1), (5, 3), (2, 16), (3, 17)] {
                compare(members, batch, engine).unwrap();
            }
        });
    }
    Ok(())
}

fn compare(members: usize, batch: usize, engine: crate::lab::Engine) -> Result<()> {
    let case = random_case(members as u64, 3, 12, false);
    let mut rng = rng(batch as u64);
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
    let w: Vec<Vec<f64>> = (0..members).map(|_| uniform(&mut rng, case.weights)).collect();
    let on = |rows: &[Vec<f64>]| {
        let flat: Vec<f64> = rows.concat();
        Tensor::from_vec(flat, (rows.len(), rows[0].len()), &Device::Cpu)?
            .to_dtype(engine.dtype)?
            .to_device(&(engine.device)())
    };
    let (xs, ws) = (Var::from_tensor(&on(&x)?)?, Var::from_tensor(&on(&w)?)?);
    let circuit = case.circuit();
    // A coefficient of each member's own, and one of each sample's own.
    let coefficient = weights(case.weights).at(1) * input(0);
    let measurement = Measurement::expectation([Z(0), Observable::pauli_sum([(1.0, "X0 Y1")]), coefficient * Z(1)]);
    let y = functional::evaluate(&circuit, &measurement, Some(&xs), &[("w", &ws)])?;
    assert_eq!(y.dims(), [members, batch, 3]);
    let loss = |y: &Tensor| y.sin()?.sum_all();
    let gradients = loss(&y)?.backward()?;
    let flat = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let dw = gradients.get(&ws).expect("a gradient");
    assert_eq!(dw.dims(), [members, case.weights]);

    let tolerance = engine.gradients(case.ops.len());
    let mut dx = vec![0.0; batch * case.inputs];
    for (member, w) in w.iter().enumerate() {
        let values: Vec<f64> = x
            .iter()
            .flat_map(|x| {
                let state = case.state(x, w);
                let words = [(1.0, "ZII"), (1.0, "XYI"), (w[1] * x[0], "IZI")];
                words.map(|(c, word)| Obs::Words(vec![(c, word.into())]).expectation(&state))
            })
            .collect();
        close(engine.name, &flat(&y.get(member)?)?, &values, tolerance);
        let one = Var::from_tensor(&ws.get(member)?.detach().copy()?)?;
        let alone = functional::evaluate(&circuit, &measurement, Some(&xs), &[("w", &one)])?;
        let gradients = loss(&alone)?.backward()?;
        close("dw", &flat(&dw.get(member)?)?, &flat(gradients.get(&one).expect("a gradient"))?, tolerance);
        dx.iter_mut().zip(flat(gradients.get(&xs).expect("a gradient"))?).for_each(|(sum, d)| *sum += d);
    }
    close("dx", &flat(gradients.get(&xs).expect("a gradient"))?, &dx, tolerance);
    Ok(())
}

#[test]
fn shared_tensors_and_leading_dimensions() -> Result<()> {
    let mut circuit = Circuit::new(2);
    let (a, b) = (circuit.weights("a", ()), circuit.weights("b", 2));
    circuit.ry(input(0) + a.at([]), 0).ry(b.at([0]), 1).cx(0, 1).rx(b.at([1]), 1);
    let measurement = Measurement::probabilities([0, 1]);
    let x = Tensor::rand(-1f64, 1., (2, 3, 1), &Device::Cpu)?;
    let (one, many) = (Tensor::new(0.3f64, &Device::Cpu)?, Tensor::rand(-1f64, 1., (4, 2), &Device::Cpu)?);
    let y = functional::evaluate(&circuit, &measurement, Some(&x), &[("a", &one), ("b", &many)])?;
    assert_eq!(y.dims(), [4, 2, 3, 4]);
    let alone = functional::evaluate(&circuit, &measurement, Some(&x), &[("a", &one), ("b", &many.get(2)?)])?;
    let difference = (y.get(2)? - alone)?.abs()?.max_all()?.to_scalar::<f64>()?;
    assert!(difference < 1e-14, "{difference:e}");
    Ok(())
}

#[test]
fn none_of_something_and_errors() -> Result<()> {
    let mut circuit = Circuit::new(1);
    let (a, b) = (circuit.weights("a", 1), circuit.weights("b", 1));
    circuit.rx(a.at([0]), 0).ry(b.at([0]), 0);
    let measurement = Measurement::expectation([Z(0)]);
    let of = |n: usize| Tensor::zeros((n, 1), DType::F32, &Device::Cpu);
    let (two, three, none) = (of(2)?, of(3)?, of(0)?);
    let evaluate = |a: &Tensor, b: &Tensor| functional::evaluate(&circuit, &measurement, None, &[("a", a), ("b", b)]);
    assert_eq!(evaluate(&two, &two)?.to_vec2::<f32>()?, [[1.0], [1.0]]);
    assert_eq!(evaluate(&none, &none)?.dims(), [0, 1]);
    let error = evaluate(&two, &three).unwrap_err();
    assert!(matches!(error, Error::Weights(WeightsError::Members { members: 3, others: 2, .. })), "{error}");
    let error = evaluate(&two.unsqueeze(0)?, &two).unwrap_err();
    assert!(matches!(error, Error::Weights(WeightsError::Shape { .. })), "{error}");
    Ok(())
}
