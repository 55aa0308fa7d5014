//! Calls from many threads at the same time, in tasks of a thread pool and outside of it.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Fails if the work does not end: two minutes are a hundred times its usual duration.
fn ends(what: &'static str, work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let worker = std::thread::spawn(move || {
        work();
        done.send(()).expect("someone waits");
    });
    match is_done.recv_timeout(Duration::from_secs(120)) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => panic!("{what}: threads wait for each other"),
        Err(RecvTimeoutError::Disconnected) => worker.join().expect("the work ends without a panic"),
    }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

fn layer(qubits: usize, varmap: &VarMap) -> QuantumLayer {
    let mut circuit = Circuit::new(qubits);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..qubits).map(input));
    circuit.strongly_entangling_layers("w", 3);
    let vb = SeededInit::new(1).var_builder(varmap, DType::F32, &Device::Cpu);
    QuantumLayer::new(circuit, Measurement::expectation((0..qubits).map(Z)), vb).expect("a layer")
}

/// Candle holds the lock of a tensor around each op. A thread of a pool that waits for others inside an op must not
/// start a task that writes that tensor. It takes a few hundred tasks until two such tasks meet.
#[test]
fn a_layer_runs_in_tasks_of_a_pool_that_also_write_its_weights() {
    for (threads, tasks) in [(4, 1500), (8, 1500)] {
        ends("a layer in a pool", move || {
            let varmap = VarMap::new();
            let layer = layer(10, &varmap);
            let x = Tensor::zeros((256, 10), DType::F32, &Device::Cpu).expect("features");
            let weights = varmap.data().lock().expect("nobody has panicked")["w"].clone();
            pool(threads).scope(|scope| {
                for task in 0..tasks {
                    let (layer, x, weights) = (&layer, &x, &weights);
                    scope.spawn(move |_| match task % 4 {
                        0 => weights.set(&weights.affine(0.999, 0.0).expect("a tensor")).expect("set"),
                        _ => drop(layer.forward_detached(x).expect("outputs")),
                    });
                }
            });
        });
    }
}

/// The same by training steps, each on a thread of its own pool's choice.
#[test]
fn training_steps_run_in_tasks_of_a_pool() {
    ends("training in a pool", || {
        let varmap = VarMap::new();
        let layer = layer(10, &varmap);
        let x = Tensor::zeros((128, 10), DType::F32, &Device::Cpu).expect("features");
        pool(4).scope(|scope| {
            for _ in 0..300 {
                let (layer, x, varmap) = (&layer, &x, &varmap);
                scope.spawn(move |_| {
                    let y = layer.try_forward(x).and_then(|y| Ok(y.sum_all()?)).expect("outputs");
                    let mut adam = Adam::from_varmap(varmap, AdamConfig::default()).expect("an optimizer");
                    adam.try_step(&y.backward().expect("gradients")).expect("a step");
                });
            }
        });
    });
}

/// Adam holds the lock of a variable while it moves it.
#[test]
fn adam_steps_in_tasks_of_a_pool_that_also_read_its_variable() {
    ends("Adam in a pool", || {
        let var = Var::zeros(1 << 18, DType::F32, &Device::Cpu).expect("a variable");
        let gradients = || var.sqr().and_then(|y| y.sum_all()).and_then(|loss| loss.backward()).expect("gradients");
        pool(4).scope(|scope| {
            for task in 0..400 {
                let (var, gradients) = (&var, &gradients);
                scope.spawn(move |_| match task % 2 {
                    0 => {
                        let mut adam = Adam::with_variables([("var".to_owned(), var.clone())], AdamConfig::default())
                            .expect("an optimizer");
                        adam.try_step(&gradients()).expect("a step");
                    }
                    _ => drop(var.affine(2.0, 0.0).expect("a tensor")),
                });
            }
        });
    });
}

/// The same bits from any thread, in any pool.
#[test]
fn results_do_not_depend_on_who_calls() {
    let varmap = VarMap::new();
    let layer = layer(9, &varmap);
    let x = Tensor::arange(0f32, 9.0 * 64.0, &Device::Cpu).and_then(|x| x.reshape((64, 9))).expect("features");
    let run = || layer.forward_detached(&x).and_then(|y| Ok(y.to_vec2::<f32>()?)).expect("outputs");
    let expected = run();
    for threads in [1, 2, 5] {
        assert_eq!(pool(threads).install(run), expected);
        pool(threads).scope(|scope| (0..8).for_each(|_| scope.spawn(|_| assert_eq!(run(), expected))));
    }
}
