//! Bit-identical results for 1, 2 and 3 threads, run after run, and for a whole training run from a seed.
//!
//! The sizes reach every partition of the CPU engine (`engine/cpu/partition.rs`): one thread for little work, threads
//! that share blocks, threads that share the amplitudes of one block; 16 samples a block and 1.

use crate::lab::{close, tensor};
use crate::losses::random_observables;
use crate::oracle::{random_case, rng, uniform};
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarMap};
use candlewick::functional;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;

/// The bits of outputs, input gradient and weight gradient.
#[derive(Debug, PartialEq)]
struct Bits([Vec<u64>; 3]);

fn bits(tensor: &Tensor) -> Vec<u64> {
    let values = tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all()?.to_vec1::<f64>()).expect("readable");
    values.iter().map(|value| value.to_bits()).collect()
}

fn evaluate(circuit: &Circuit, measurement: &Measurement, x: &Var, w: &Var) -> Result<Bits> {
    let y = functional::evaluate(circuit, measurement, Some(x), &[("w", w)])?;
    let c: Vec<f64> = (0..y.elem_count()).map(|k| (k as f64 * 0.37).sin()).collect();
    let c = Tensor::from_vec(c, y.shape(), &Device::Cpu)?.to_dtype(y.dtype())?;
    let loss = (&y * c)?.sum_all()?;
    let gradients = || -> Result<[Vec<u64>; 2]> {
        let gradients = loss.backward()?;
        Ok([x, w].map(|var| bits(gradients.get(var).expect("a gradient"))))
    };
    let [dx, dw] = gradients()?;
    // The second gradient of a graph has no states left of the forward pass, and computes them again.
    assert!(gradients()? == [dx.clone(), dw.clone()], "a repeated backward pass");
    Ok(Bits([bits(&y), dx, dw]))
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool").install(work)
}

fn check(circuit: &Circuit, measurement: &Measurement, batch: usize) {
    let mut rng = rng(batch as u64);
    let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, circuit.inputs())).collect();
    let w = uniform(&mut rng, circuit.weight_tensors()[0].shape()[0]);
    for dtype in [DType::F32, DType::F64] {
        let x = Var::from_tensor(&tensor(&x, dtype)).expect("inputs");
        let w =
            Var::from_tensor(&tensor(std::slice::from_ref(&w), dtype).flatten_all().expect("a row")).expect("weights");
        let run = |threads| on_threads(threads, || evaluate(circuit, measurement, &x, &w).expect("the circuit runs"));
        let one = run(1);
        for threads in [1, 2, 3, 2] {
            assert!(run(threads) == one, "{} qubits, batch {batch}, {dtype:?}, {threads} threads", circuit.qubits());
        }
    }
}

#[test]
fn expectations_do_not_depend_on_threads() {
    for (qubits, batch, depth) in [
        (3, 5, 10),
        (6, 200, 10),
        (6, 2500, 10),
        (9, 33, 12),
        (12, 5, 10),
        (13, 16, 6),
        (14, 16, 4),
        (15, 1, 10),
        (16, 2, 5),
    ] {
        let case = random_case(qubits as u64, qubits, depth, false);
        let all = random_observables(1, qubits).iter().map(crate::oracle::Obs::observable).collect::<Vec<_>>();
        check(&case.circuit(), &Measurement::expectation(all), batch);
    }
}

/// Density matrices: sixteen samples a row, single samples, and states that threads share.
#[test]
fn noise_does_not_depend_on_threads() {
    for (qubits, batch) in [(2, 40), (6, 33), (7, 3), (8, 1), (9, 1)] {
        let mut circuit = Circuit::new(qubits);
        let w = circuit.weights("w", 3 * qubits);
        for l in 0..3 {
            for q in 0..qubits {
                circuit
                    .ry(w.at(l * qubits + q), q)
                    .rx(input(q % 3), q)
                    .depolarizing(0.01, q)
                    .amplitude_damping(0.02, q);
            }
            (1..qubits).for_each(|q| _ = circuit.cx(q - 1, q).depolarizing2(0.02, q - 1, q));
        }
        let all: Vec<_> = random_observables(1, qubits).iter().map(crate::oracle::Obs::observable).take(5).collect();
        check(&circuit, &Measurement::expectation(all), batch);
    }
}

/// Nothing but rotations, phases and CX, which blocks of 16 samples do in fused layers.
fn layered(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", 4 * qubits);
    for layer in 0..2 {
        for q in 0..qubits {
            circuit.ry(input(q), q).rz(w.at([2 * layer * qubits + q]), q).rx(w.at([(2 * layer + 1) * qubits + q]), q);
        }
        for q in 0..qubits {
            circuit.cx(q, (q + 1 + layer) % qubits).rzz(input(0) * w.at([q]), q, (q + 1) % qubits);
        }
    }
    circuit
}

#[test]
fn fused_layers_do_not_depend_on_threads() {
    for (qubits, batch) in [(3, 1), (4, 17), (6, 700), (8, 100), (10, 40), (12, 5), (12, 40), (13, 4), (16, 1), (17, 2)]
    {
        check(&layered(qubits), &Measurement::expectation((0..qubits).map(Z)), batch);
        check(&layered(qubits), &Measurement::expectation([X(0) * Y(1), Z(2)]), batch);
    }
}

#[test]
fn other_measurements_do_not_depend_on_threads() {
    for (qubits, batch) in [(4, 300), (12, 4), (15, 1)] {
        let case = random_case(40 + qubits as u64, qubits, 6, false);
        let all = random_observables(2, qubits).iter().map(crate::oracle::Obs::observable).collect::<Vec<_>>();
        check(&case.circuit(), &Measurement::variance(all.into_iter().take(4)), batch);
        check(&case.circuit(), &Measurement::probabilities([1, 3, 0]), batch);
        check(&case.circuit(), &Measurement::state(), batch);
    }
    let embedded = random_case(50, 9, 10, true);
    check(&embedded.circuit(), &Measurement::expectation([Z(0), X(8)]), 160);
}

/// The bits of all losses, and of each final weight tensor by name.
type Training = (Vec<u64>, Vec<(String, Vec<u64>)>);

/// Linear, quantum, linear on a toy task; returns all losses and the final weights by name.
fn train(seed: u64) -> Result<Training> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(3);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..3).map(input));
    circuit.strongly_entangling_layers("theta", 2);
    let net = candle_nn::seq()
        .add(candle_nn::linear(4, 3, vb.pp("in"))?)
        .add(QuantumLayer::new(circuit, Measurement::expectation((0..3).map(Z)), vb.pp("quantum"))?)
        .add(candle_nn::linear(3, 1, vb.pp("out"))?);
    let mut rng = rng(9);
    let x: Vec<Vec<f64>> = (0..24).map(|_| uniform(&mut rng, 4)).collect();
    let x = tensor(&x, DType::F32);
    let target = x.sum_keepdim(1)?.sin()?;
    let mut optimizer = AdamW::new(varmap.all_vars(), ParamsAdamW { lr: 0.05, ..ParamsAdamW::default() })?;
    let mut losses = Vec::new();
    for _ in 0..15 {
        let loss = (net.forward(&x)? - &target)?.sqr()?.mean_all()?;
        optimizer.backward_step(&loss)?;
        losses.extend(bits(&loss));
    }
    let data = varmap.data().lock().expect("no thread has panicked");
    let mut weights: Vec<_> = data.iter().map(|(name, var)| (name.clone(), bits(var))).collect();
    weights.sort();
    Ok((losses, weights))
}

#[test]
fn a_seed_fixes_a_training_run() -> Result<()> {
    let first = train(7)?;
    assert!(f64::from_bits(first.0[14]) < f64::from_bits(first.0[0]), "it learns something");
    assert_eq!(train(7)?, first);
    for threads in 1..=3 {
        assert_eq!(on_threads(threads, || train(7))?, first, "{threads} threads");
    }
    assert_ne!(train(8)?.0, first.0);
    Ok(())
}

/// A batch is its samples, one by one: blocks of 16 and blocks of 1 compute the same.
#[test]
fn a_batch_is_a_loop_over_its_samples() -> Result<()> {
    for (qubits, batch) in [(3, 21), (7, 18), (13, 3)] {
        let case = random_case(60 + qubits as u64, qubits, 12, false);
        let circuit = case.circuit();
        let measurement = Measurement::expectation((0..qubits).map(Z));
        let mut rng = rng(3);
        let x: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = Var::from_tensor(&tensor(&[uniform(&mut rng, case.weights)], DType::F64).flatten_all()?)?;
        let run = |x: &[Vec<f64>]| -> Result<[Vec<f64>; 3]> {
            let x = Var::from_tensor(&tensor(x, DType::F64))?;
            let y = functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &w)])?;
            let gradients = y.sum_all()?.backward()?;
            let flat = |t: &Tensor| t.flatten_all()?.to_vec1::<f64>();
            let of = |var: &Var| flat(gradients.get(var).expect("a gradient"));
            Ok([flat(&y)?, of(&x)?, of(&w)?])
        };
        let [y, dx, dw] = run(&x)?;
        let (mut ys, mut dxs, mut dws) = (vec![], vec![], vec![0.0; w.elem_count()]);
        for row in &x {
            let [y, dx, dw] = run(std::slice::from_ref(row))?;
            ys.extend(y);
            dxs.extend(dx);
            dws.iter_mut().zip(dw).for_each(|(sum, one)| *sum += one);
        }
        close("y", &y, &ys, 1e-13);
        close("dx", &dx, &dxs, 1e-13);
        close("dw", &dw, &dws, 1e-12);
    }
    Ok(())
}

/// A sample that is not finite makes NaN of its own row, in values and gradients, and changes no bit of another.
#[test]
fn a_bad_sample_spoils_its_own_row_only() -> Result<()> {
    for (qubits, batch) in [(2, 5), (5, 40), (9, 6), (9, 2), (13, 3)] {
        let case = random_case(80 + qubits as u64, qubits, 10, false);
        let mut circuit = case.circuit();
        // Whatever else reads it, feature 0 acts on a qubit that is measured.
        circuit.ry(input(0), 0);
        let mut rng = rng(4);
        let sound: Vec<Vec<f64>> = (0..batch).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = Var::from_tensor(&tensor(&[uniform(&mut rng, case.weights)], DType::F64).flatten_all()?)?;
        for measurement in [
            Measurement::expectation([Z(0), X(0) * Y(1)]),
            Measurement::variance([X(0)]),
            Measurement::probabilities([0]),
            Measurement::state(),
        ] {
            let run = |x: &[Vec<f64>]| -> Result<[Vec<Vec<f64>>; 2]> {
                let x = Var::from_tensor(&tensor(x, DType::F64))?;
                let y = functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &w)])?;
                let dx = y.sum_all()?.backward()?.get(&x).cloned().expect("a gradient");
                Ok([crate::lab::rows(&y), crate::lab::rows(&dx)])
            };
            let expected = run(&sound)?;
            for (spoilt, value) in [(0, f64::NAN), (batch - 1, f64::INFINITY), (batch / 2, f64::NEG_INFINITY)] {
                let mut x = sound.clone();
                x[spoilt][0] = value;
                for (actual, expected) in run(&x)?.iter().zip(&expected) {
                    for (k, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                        if k == spoilt {
                            assert!(actual[0].is_nan(), "{qubits} qubits, {measurement:?}, {value}: {actual:?}");
                        } else {
                            assert_eq!(actual, expected, "{qubits} qubits, {measurement:?}, {value}, row {k}");
                        }
                    }
                }
            }
        }
    }
    Ok(())
}
