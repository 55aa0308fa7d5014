//! Several calls at a time, which share a layer's workspaces, weights and gradients; and work that is shared outside
//! of the engine.

use crate::lab::close;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{Optimizer, VarMap};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use candlewick::states;
use std::sync::mpsc::channel;

fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool")
}

/// A layer for which [`features`] are enough work for threads.
fn layer(measurement: Measurement, varmap: &VarMap, shots: Option<usize>) -> QuantumLayer {
    let mut circuit = Circuit::new(6);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..6).map(input));
    circuit.strongly_entangling_layers("w", 3);
    let vb = SeededInit::new(1).var_builder(varmap, DType::F32, &Device::Cpu);
    let config = QuantumLayerConfig { shots, ..Default::default() };
    QuantumLayer::with_config(circuit, measurement, config, vb).expect("a layer")
}

fn expectations() -> Measurement {
    Measurement::expectation((0..6).map(Z))
}

fn features() -> Var {
    let x = Tensor::arange(0f32, 1440.0, &Device::Cpu).and_then(|x| x.reshape((240, 6)));
    x.and_then(|x| Var::from_tensor(&x)).expect("features")
}

fn loss(layer: &QuantumLayer, x: &Var) -> Tensor {
    layer.forward(x).and_then(|y| y.sqr()?.sum_all()).expect("a loss")
}

fn gradient(loss: &Tensor, x: &Var) -> Vec<f32> {
    let of = |loss: &Tensor| loss.backward()?.get(x).expect("tracked").flatten_all()?.to_vec1();
    of(loss).expect("a gradient")
}

/// Three threads make graphs, each two at a time, and take one's gradient. The other graph goes to a fourth thread for
/// its gradient, with its saved states.
#[test]
fn calls_share_workspaces() {
    let layer = &layer(expectations(), &VarMap::new(), None);
    let x = features();
    let expected = &gradient(&loss(layer, &x), &x);
    let (graphs, made) = channel();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let graphs = graphs.clone();
            scope.spawn(move || {
                for _ in 0..4 {
                    let (x, x_of_other) = (features(), features());
                    let (own, other) = (loss(layer, &x), loss(layer, &x_of_other));
                    graphs.send((other, x_of_other)).expect("someone receives");
                    assert_eq!(&gradient(&own, &x), expected);
                }
            });
        }
        drop(graphs);
        scope.spawn(move || made.iter().for_each(|(loss, x)| assert_eq!(&gradient(&loss, &x), expected)));
    });
}

/// Tasks of a pool train a layer, set its weights and read it, all at the same time.
#[test]
fn tasks_of_a_pool_share_weights() {
    let varmap = VarMap::new();
    let layer = &layer(expectations(), &varmap, None);
    let weights = &varmap.data().lock().expect("nobody has panicked")["w"].clone();
    let train = |x: &Var| -> Result<()> {
        let loss = layer.forward(x)?.sqr()?.sum_all()?;
        Adam::from_varmap(&varmap, AdamConfig::default())?.try_step(&loss.backward()?)?;
        Ok(())
    };
    let x = &features();
    pool().scope(|scope| {
        for task in 0..24 {
            scope.spawn(move |_| match task % 3 {
                0 => train(x).expect("a step"),
                1 => weights.set(&weights.affine(0.999, 0.0).expect("a tensor")).expect("set"),
                _ => drop(layer.forward_detached(x).expect("outputs")),
            });
        }
    });
}

/// A variable that is shared out among threads, after a step of which every entry moves by the learning rate.
#[test]
fn threads_share_a_step_of_adam() -> Result<()> {
    let var = Var::zeros(140_000, DType::F64, &Device::Cpu)?;
    let mut adam = Adam::with_variables([("var".to_owned(), var.clone())], AdamConfig::with_learning_rate(0.1))?;
    pool().install(|| adam.backward_step(&var.sum_all()?))?;
    close("entries", &var.to_vec1()?, &[-0.1; 140_000], 1e-8);
    Ok(())
}

#[test]
fn threads_share_shots_and_entropies() {
    let x = &features();
    let sampled = layer(Measurement::expectation([Z(0), X(1) * Y(2)]), &VarMap::new(), Some(10));
    let state = layer(Measurement::state(), &VarMap::new(), None);
    let run = |threads| -> Result<[Vec<f32>; 2]> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            let entropies = states::entropy(&state.forward(x)?, [0, 1])?;
            let slopes = gradient(&entropies.sum_all()?, x);
            Ok([sampled.forward(x)?.flatten_all()?.to_vec1()?, slopes])
        })
    };
    let once = run(4).expect("results");
    assert!(once[0].iter().all(|y| y.abs() <= 1.0) && once[1].iter().all(|slope| slope.is_finite()));
}
