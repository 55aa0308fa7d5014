//! Memory of a training: it returns all memory to the system, and allocates no more often than it must.

use crate::oracle::random_case;
use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, VarMap};
use candlewick::__private::bench::{step, width};
use candlewick::error::MemoryError;
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use candlewick::program::{Program, Rewrite, Rewrites};
use candlewick::{Error, PauliPropagation, QuantumLayerConfig, Simulation};

#[test]
fn ten_thousand_steps_leave_nothing_behind() -> Result<()> {
    for simulation in [Simulation::StateVector, Simulation::Pauli(PauliPropagation::default())] {
        leaves_nothing_behind(simulation)?;
    }
    Ok(())
}

fn leaves_nothing_behind(simulation: Simulation) -> Result<()> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let mut circuit = Circuit::new(3);
    circuit.angle_embedding(candlewick::gate::Gate::ry, (0..3).map(input));
    circuit.strongly_entangling_layers("theta", 2);
    let layer = QuantumLayer::with_config(
        circuit,
        Measurement::expectation((0..3).map(Z)),
        QuantumLayerConfig { simulation, ..Default::default() },
        vb,
    )?;
    let x = Tensor::arange(0f32, 24., &Device::Cpu)?.reshape((8, 3))?;
    let mut optimizer = AdamW::new_lr(varmap.all_vars(), 0.01)?;
    // Little work stays on this thread, whose allocations are counted.
    let mut train = |steps: usize| -> Result<()> {
        (0..steps).try_for_each(|_| optimizer.backward_step(&layer.forward(&x)?.sqr()?.mean_all()?))
    };
    train(100)?;
    let mut outcome = Ok(());
    let counted = allocation_counter::measure(|| outcome = train(10_000));
    outcome?;
    assert_eq!(counted.bytes_current, 0, "{counted:?}");
    Ok(())
}

/// Runs on one thread, whose allocations are counted: each further thread costs rayon one for each piece of work.
fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread pool").install(work)
}

/// Allocations of a call in its steady state.
fn allocations(mut call: impl FnMut()) -> u64 {
    (0..3).for_each(|_| call());
    allocation_counter::measure(call).count_total
}

/// Two layers that read inputs and weights, with or without a phase that differs from sample to sample.
fn circuit(qubits: usize, varying: bool) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", (2, qubits, 2));
    for layer in 0..2 {
        for q in 0..qubits {
            circuit.ry(input(q), q).rx(w.at([layer, q, 0]), q).rz(w.at([layer, q, 1]), q);
        }
        for q in 0..qubits {
            circuit.cx(q, (q + 1) % qubits);
        }
        if varying {
            circuit.rzz(input(0) * w.at([0, 0, 0]), 0, 1);
        }
    }
    circuit
}

/// Allocations of a forward pass, and of one with its gradient, by the engine alone.
fn of_engine(circuit: &Circuit, measurement: &Measurement, batch: usize, rewrites: Rewrites) -> [u64; 2] {
    let program = Program::with_rewrites(circuit, measurement, rewrites).expect("a valid circuit");
    let numbers = |count: usize| -> Vec<f32> { (0..count).map(|k| (k as f32 * 0.37).sin()).collect() };
    let (inputs, weights) = (numbers(batch * width(&program)), numbers(program.weights()));
    let cotangent = numbers(batch * program.outputs());
    [None, Some(&cotangent[..])].map(|cotangent| {
        allocations(|| {
            step(&program, &inputs, &weights, cotangent).expect("a step");
        })
    })
}

/// Outputs; outputs, the box of the saved states, and two gradients.
const WHAT_IS_RETURNED: [u64; 2] = [1, 4];

#[test]
fn the_engine_takes_memory_for_what_it_returns_alone() {
    alone(|| {
        let no_layers = Rewrites::ALL.without(Rewrite::Layers);
        // Blocks of samples, single states, single states of several sizes of tiles.
        for (qubits, batch) in [(4, 32), (4, 1100), (6, 5), (9, 1), (13, 3)] {
            let measurements = [
                Measurement::expectation((0..qubits).map(Z)),
                Measurement::expectation([X(0) * Y(1), Z(2) * 0.5 + X(3)]),
                Measurement::variance([Z(0), X(1)]),
                Measurement::probabilities([1, 0]),
            ];
            for measurement in measurements {
                for (varying, rewrites) in [(false, Rewrites::ALL), (true, Rewrites::ALL), (true, no_layers)] {
                    let counted = of_engine(&circuit(qubits, varying), &measurement, batch, rewrites);
                    assert_eq!(counted, WHAT_IS_RETURNED, "{qubits} qubits, batch {batch}, {varying}, {measurement:?}");
                }
            }
        }
    });
}

#[test]
fn any_circuit_takes_memory_for_what_it_returns_alone() {
    alone(|| {
        for seed in 0..20 {
            for (qubits, batch) in [(4, 20), (9, 1)] {
                let case = random_case(seed, qubits, 20, seed % 3 == 0);
                let measurement = Measurement::expectation([Z(0), X(1) * Y(2)]);
                let counted = of_engine(&case.circuit(), &measurement, batch, Rewrites::ALL);
                assert_eq!(counted, WHAT_IS_RETURNED, "seed {seed}, {qubits} qubits");
            }
        }
    });
}

/// The memory of a layer's step does not depend on its circuit: candle and the tensors need it.
#[test]
fn a_layer_takes_as_little_for_a_large_circuit() -> Result<()> {
    let of_layer = |qubits: usize| -> Result<[u64; 2]> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
        let measurement = Measurement::expectation((0..qubits).map(Z));
        let layer = QuantumLayer::new(circuit(qubits, false), measurement, vb)?;
        let x = Var::from_tensor(&Tensor::ones((8, qubits), DType::F32, &Device::Cpu)?)?;
        let mut last = Ok(());
        let detached = allocations(|| last = layer.forward_detached(&x).map(drop));
        last?;
        let mut last = Ok(());
        let gradient = allocations(|| last = layer.forward(&x).and_then(|y| y.sum_all()?.backward()).map(drop));
        last?;
        Ok([detached, gradient])
    };
    alone(|| {
        let small = of_layer(2)?;
        assert_eq!(small[0], 5, "the outputs, and candle's for a tensor");
        assert_eq!(of_layer(7)?, small);
        assert_eq!(of_layer(9)?, small);
        Ok(())
    })
}

/// Workspaces of forward passes that wait for their gradients are each call's own, and used again by later ones.
#[test]
fn forward_passes_may_wait_for_their_gradients() -> Result<()> {
    alone(|| {
        let varmap = VarMap::new();
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::new(circuit(3, true), Measurement::expectation([Z(0), X(1)]), vb)?;
        let xs: Vec<Var> = (0..5)
            .map(|k| {
                Var::from_tensor(&(Tensor::arange(0f64, 9., &Device::Cpu)?.reshape((3, 3))? * (0.1 * f64::from(k)))?)
            })
            .collect::<Result<_>>()?;
        let gradient = |y: &Tensor, x: &Var| -> Result<Vec<f64>> {
            y.sqr()?.sum_all()?.backward()?.get(x).expect("a gradient").flatten_all()?.to_vec1()
        };
        let one_by_one = xs.iter().map(|x| gradient(&layer.forward(x)?, x)).collect::<Result<Vec<_>>>()?;
        for _ in 0..3 {
            let ys = xs.iter().map(|x| layer.forward(x)).collect::<Result<Vec<_>>>()?;
            let together = ys.iter().zip(&xs).map(|(y, x)| gradient(y, x)).collect::<Result<Vec<_>>>()?;
            assert_eq!(together, one_by_one);
        }
        Ok(())
    })
}

/// A layer may be called from many threads at once, and computes what it does on one.
#[test]
fn calls_at_the_same_time_do_not_meet() -> Result<()> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu);
    let layer = &QuantumLayer::new(circuit(5, true), Measurement::expectation([Z(0), X(1)]), vb)?;
    let step = |k: u32| -> Result<(Vec<f32>, Vec<f32>)> {
        let x = Tensor::arange(0f32, 100., &Device::Cpu)?.reshape((20, 5))? * f64::from(k);
        let x = Var::from_tensor(&x?)?;
        let y = layer.forward(&x)?;
        let dx = y.sqr()?.sum_all()?.backward()?.get(&x).expect("a gradient").flatten_all()?.to_vec1()?;
        Ok((y.flatten_all()?.to_vec1()?, dx))
    };
    let alone = (0..4).map(step).collect::<Result<Vec<_>>>()?;
    std::thread::scope(|scope| {
        for (k, expected) in (0..4).zip(&alone) {
            scope.spawn(move || (0..50).for_each(|_| assert_eq!(&step(k).expect("a step"), expected)));
        }
    });
    Ok(())
}

/// Most bytes that lowering a circuit holds at a time, the circuit not counted.
fn lowered(circuit: &Circuit) -> u64 {
    let counted = allocation_counter::measure(|| {
        Program::new(circuit, &Measurement::expectation([Z(0)])).expect("a valid circuit");
    });
    counted.bytes_max
}

/// Rotations about one word in a row, each with a variable of its own, become one whose angle has them all.
#[test]
fn lowering_takes_memory_in_proportion_to_neighbors() {
    let rows: [fn(&mut Circuit, Angle); 5] = [
        |c, angle| _ = c.rx(angle, 0),
        |c, angle| _ = c.p(angle, 1),
        |c, angle| _ = c.rzz(angle, 0, 1),
        |c, angle| _ = c.crx(angle, 1, 0),
        |c, angle| _ = c.crz(angle, 1, 0),
    ];
    for (row, add) in rows.into_iter().enumerate() {
        let [small, large] = [1_000, 16_000].map(|count| {
            let mut circuit = Circuit::new(2);
            let w = circuit.weights("w", count);
            (0..count).for_each(|k| add(&mut circuit, w.at([k]) * input(k % 7) + k as f64));
            lowered(&circuit)
        });
        assert!(large < 20 * small, "row {row}: {small} bytes for 1000 rotations, {large} for 16000");
    }
}

#[test]
fn a_hundred_thousand_neighbors_are_lowered() {
    let count = 100_000;
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", count);
    (0..count).for_each(|k| _ = circuit.rx(w.at([k]) * input(k), 0));
    let bytes = lowered(&circuit);
    assert!(bytes < 100 << 20, "{bytes} bytes");
}

/// Each of these would take minutes or a number of bytes with the square of its length.
#[test]
fn long_expressions_are_written_in_proportion_to_their_length() {
    let count = 100_000;
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", count);
    let mut angle = Angle::from(0.5);
    for k in (0..count).chain(0..count) {
        angle += w.at([k]);
    }
    assert!(angle.to_string().ends_with("2*w[99999] + 0.5"));

    let sum = |from: usize| (0..300).map(|k| input(from + k)).fold(Angle::default(), |sum, x| sum + x);
    let product = sum(0) * sum(1000) + sum(0) * sum(1000);
    assert_eq!(product.to_string().matches(" + ").count(), 300 * 300 - 1);

    let negated = (0..count).fold(input(0).gt(0.5), |condition, _| !condition);
    assert_eq!(negated.to_string().len(), 4 * count + "x0 > 0.5".len());

    let word = |k: usize| (0..17).filter(|q| k >> q & 1 == 1).map(Z).fold(Observable::identity(), |word, z| word * z);
    let terms = || (0..20_000).map(word);
    let (forth, back) = (
        terms().fold(Observable::default(), |h, term| h + term),
        terms().fold(Observable::default(), |h, term| term + h),
    );
    assert_eq!(forth, back);
}

/// Blocks see the weights of the circuit around them without copying them.
#[test]
fn blocks_take_memory_for_what_they_add_alone() {
    let counted = |tensors: usize| {
        let mut circuit = Circuit::new(2);
        let weights: Vec<_> = (0..tensors).map(|k| circuit.weights(&format!("w{k}"), 1)).collect();
        let mut block = Circuit::new(2);
        block.h(0);
        let counted = allocation_counter::measure(|| {
            for k in 0..100 {
                circuit.controlled([0], |c| c.rx(weights[k % tensors].at([0]), 1));
                circuit.when(input(0).gt(0.5), |c| {
                    let own = c.weights(&format!("own{k}"), 1);
                    c.rx(own.at([0]), 1);
                    c
                });
                circuit.append(&block);
            }
        });
        circuit.check().expect("a valid circuit");
        assert_eq!(circuit.weight_tensors().len(), tensors + 100);
        counted.count_total
    };
    let (few, many) = (counted(1), counted(1000));
    assert!(many < few + few / 4, "{few} allocations beside 1 tensor, {many} beside 1000");
}

/// Operations under one long condition, or under many, are lowered without lowering the conditions for each of them.
#[test]
fn conditions_are_lowered_once_for_a_block() {
    let allocations = |operations: usize, conditions: usize, nested: bool| {
        let mut circuit = Circuit::new(2);
        let mut block = Circuit::new(2);
        (0..operations).for_each(|k| _ = block.ry(0.1, k % 2).cz(0, 1));
        let condition = |k: usize| input(k).gt(0.25);
        if nested {
            for k in 0..conditions {
                let inner = std::mem::replace(&mut block, Circuit::new(2));
                block.when(condition(k), |c| c.append(&inner));
            }
            circuit.append(&block);
        } else {
            let all = (1..conditions).map(condition).fold(condition(0), |all, next| all & next);
            circuit.when(all, |c| c.append(&block));
        }
        let counted = allocation_counter::measure(|| {
            Program::new(&circuit, &Measurement::expectation([Z(0)])).expect("a valid circuit");
        });
        counted.count_total
    };
    for nested in [false, true] {
        let [few, many] = [1, 100].map(|conditions| allocations(200, conditions, nested));
        assert!(many < few + 50 * 100, "{few} allocations under one condition, {many} under 100; nested: {nested}");
    }
}

/// Switches of one form are made together.
#[test]
fn conditions_of_one_form_take_as_many_allocations_as_one() -> Result<()> {
    let of = |count: usize| -> Result<u64> {
        let mut circuit = Circuit::new(2);
        for k in 0..count {
            circuit.when(input(k).abs().gt(0.1) & !input(k).lt(0.3), |c| c.ry(input(k), k % 2));
        }
        let vb = candle_nn::VarBuilder::zeros(DType::F32, &Device::Cpu);
        let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
        let x = Tensor::ones((4, count), DType::F32, &Device::Cpu)?;
        let mut last = Ok(());
        let counted = allocations(|| last = layer.forward_detached(&x).map(drop));
        last?;
        Ok(counted)
    };
    alone(|| {
        let (few, many) = (of(2)?, of(200)?);
        assert!(many < few + 2 * 200, "{few} allocations for 2 conditions, {many} for 200");
        Ok(())
    })
}

/// A layer of `layers` times rotations of all 12 qubits by weights and a ring of CZ.
fn deep(layers: usize, memory_limit: Option<u64>) -> Result<QuantumLayer> {
    let qubits = 12;
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", (layers, qubits, 2));
    circuit.ry(input(0), 0);
    for l in 0..layers {
        for q in 0..qubits {
            circuit.ry(w.at([l, q, 0]), q).rz(w.at([l, q, 1]), q);
        }
        for q in 1..qubits {
            circuit.cz(q - 1, q);
        }
    }
    let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
    let config = QuantumLayerConfig { memory_limit, ..Default::default() };
    Ok(QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb)?)
}

/// Bytes of tensors that do not belong to the engine.
const TENSORS: u64 = 1 << 16;

/// Tables that do not fit the limit are made when they are needed, to the same bits.
#[test]
fn tables_keep_to_the_limit() -> Result<()> {
    let run = |layers: usize, batch: usize, limit: Option<u64>| -> Result<(u64, Vec<f32>, Vec<f32>)> {
        let layer = deep(layers, limit)?;
        let x = Var::from_tensor(&Tensor::arange(0f32, batch as f32, &Device::Cpu)?.reshape((batch, 1))?)?;
        let mut found = Ok((Vec::new(), Vec::new()));
        let counted = allocation_counter::measure(|| {
            found = layer.forward(&x).and_then(|y| {
                let gradients = y.sum_all()?.backward()?;
                Ok((y.flatten_all()?.to_vec1()?, gradients.get(&x).expect("a gradient").flatten_all()?.to_vec1()?))
            });
        });
        let (y, dx) = found?;
        Ok((counted.bytes_max, y, dx))
    };
    alone(|| {
        for (layers, batch, limit) in [(100, 4, 4 << 20), (400, 4, 11 << 20), (100, 40, 5 << 20)] {
            let (without, y, dx) = run(layers, batch, None)?;
            let (within, limited_y, limited_dx) = run(layers, batch, Some(limit))?;
            assert!(without > limit, "{layers} layers without a limit: {without} bytes");
            assert!(within < limit + TENSORS, "{layers} layers, limit {limit}: {within} bytes");
            assert_eq!((limited_y, limited_dx), (y, dx));
        }
        let error = run(400, 4, Some(2 << 20)).expect_err("sums of gradients alone take more").to_string();
        assert!(error.contains("memory budget is 2097152 bytes"), "{error}");
        Ok(())
    })
}

/// Tables that are made of a program once count against the limit, and are not made beyond it: batch passes of 8 KB a
/// layer at 12 qubits.
#[test]
fn schedules_count_against_the_limit() -> Result<()> {
    alone(|| {
        let (layers, limit) = (1000, 4 << 20);
        let layer = deep(layers, Some(limit))?;
        let x = Tensor::ones((16, 1), DType::F32, &Device::Cpu)?;
        let mut outcome = Ok(());
        let counted = allocation_counter::measure(|| outcome = layer.try_forward(&x).map(drop));
        let error = outcome.expect_err("a schedule beyond the limit");
        let Error::Memory(MemoryError::States { needed: Some(needed), budget, .. }) = error else { panic!("{error}") };
        assert_eq!(budget, limit);
        assert!(needed > layers as u64 * (1 << 13), "{needed} bytes");
        // The outline alone, in which a layer takes no more than its rotations and phases.
        assert!(counted.bytes_max < needed / 2, "{} bytes", counted.bytes_max);
        // The bytes that the error asks for are enough.
        deep(layers, Some(needed))?.try_forward(&x).map(drop)?;
        Ok(())
    })
}

/// Memory saved for gradients counts, over all calls of a graph.
#[test]
fn calls_of_one_graph_keep_to_the_limit() -> Result<()> {
    let layer = |memory_limit: Option<u64>| -> Result<QuantumLayer> {
        let mut circuit = Circuit::new(10);
        (0..10).for_each(|q| _ = circuit.ry(input(q % 4), q));
        circuit.real_amplitudes("w", 1, Entanglement::Linear);
        let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
        let config = QuantumLayerConfig { memory_limit, ..Default::default() };
        Ok(QuantumLayer::with_config(circuit, Measurement::expectation((0..4).map(Z)), config, vb)?)
    };
    let x = Var::from_tensor(&Tensor::arange(0f32, 256., &Device::Cpu)?.reshape((64, 4))?)?;
    let calls = |layer: &QuantumLayer| -> Result<Vec<Vec<f32>>> {
        let mut y = x.as_tensor().clone();
        for _ in 0..40 {
            y = layer.forward(&y)?;
        }
        y.sum_all()?.backward()?.get(&x).expect("a gradient").to_vec2()
    };
    alone(|| {
        let limit = 4 << 20;
        let (unlimited, limited) = (layer(None)?, layer(Some(limit))?);
        let expected = calls(&unlimited)?;
        let mut found = Ok(Vec::new());
        let counted = allocation_counter::measure(|| found = calls(&limited));
        assert_eq!(found?, expected);
        assert!(counted.bytes_max < limit + 4 * TENSORS, "{} bytes", counted.bytes_max);
        // Forward passes without a gradient return their saved memory to the next pass.
        let dropped = allocation_counter::measure(|| (0..100).for_each(|_| _ = limited.forward(&x)));
        assert!(dropped.bytes_max < limit + TENSORS, "{} bytes", dropped.bytes_max);
        // Saved and pooled memory has a bound without a limit, too.
        let graphs = allocation_counter::measure(|| {
            let ys: Vec<_> = (0..400).map(|_| unlimited.forward(&x)).collect();
            drop(ys);
        });
        assert!(graphs.bytes_max < 200 << 20 && graphs.bytes_current < 64 << 20, "{graphs:?}");
        Ok(())
    })
}

/// Points of parameter shifts come in as many portions as the limit asks for.
#[test]
fn shifts_keep_to_the_limit() -> Result<()> {
    let run = |memory_limit: Option<u64>| -> Result<(u64, Vec<f64>)> {
        let mut circuit = Circuit::new(4);
        circuit.angle_embedding(candlewick::gate::Gate::ry, (0..4).map(input));
        circuit.strongly_entangling_layers("w", 5);
        let varmap = VarMap::new();
        let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
        let config =
            QuantumLayerConfig { memory_limit, gradient: GradientMethod::ParameterShift, ..Default::default() };
        let layer = QuantumLayer::with_config(circuit, Measurement::expectation([Z(0)]), config, vb)?;
        let (_, w) = layer.weights().next().expect("one tensor");
        let x = Tensor::arange(0f64, 800., &Device::Cpu)?.reshape((200, 4))?;
        let mut found = Ok(Vec::new());
        let counted = allocation_counter::measure(|| {
            found = layer.forward(&x).and_then(|y| {
                let gradients = y.sqr()?.sum_all()?.backward()?;
                gradients.get(w).expect("a gradient").flatten_all()?.to_vec1()
            });
        });
        Ok((counted.bytes_max, found?))
    };
    alone(|| {
        let limit = 1 << 20;
        let ((without, expected), (within, found)) = (run(None)?, run(Some(limit))?);
        assert!(without > 8 * limit, "{without} bytes without a limit");
        assert!(within < limit + 4 * TENSORS, "{within} bytes");
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-12, "off by {worst}");
        Ok(())
    })
}
