//! Weights and inputs that differ from their declarations.

use super::{refuses, says, written};
use candle_core::{DType, Device, Tensor};
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::{Init, VarMap};
use candlewick::circuit::MAX_WEIGHTS;
use candlewick::error::{MemoryError, TensorError};
use candlewick::gate::Gate;
use candlewick::nn::{Affine, AffineConfig, QuantizedLinear, QuantizedLinearConfig, SeededInit};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};

#[test]
fn indices_outside_a_tensor() {
    let indices: [&[usize]; 6] = [&[2, 0], &[0, 3], &[0], &[0, 0, 0], &[], &[usize::MAX, usize::MAX]];
    for index in indices {
        let circuit = written(1, |c| {
            let w = c.weights("w", (2, 3));
            c.h(0).ry(0.5 * w.at(index) + 1.0, 0);
        });
        let mistake = Mistake::WeightIndex { name: "w".to_owned(), index: index.to_vec(), shape: vec![2, 3] };
        refuses(&circuit, 1, "ry", &mistake, &["`w`", &format!("{index:?}"), "[2, 3]"]);
    }
}

#[test]
fn handles_of_another_circuit() {
    let unknown = Mistake::UnknownWeights { name: "w".to_owned() };
    let other = Circuit::new(1).weights("w", 2);
    refuses(&written(1, |c| _ = c.ry(other.at([0]), 0)), 0, "ry", &unknown, &["`w`", "not declared"]);
    // A tensor of the same name, but of another shape.
    let circuit = written(1, |c| {
        c.weights("w", 3);
        c.ry(other.at([0]), 0);
    });
    refuses(&circuit, 0, "ry", &unknown, &["`w`", "not declared"]);
    // A tensor of the same name and shape is still another tensor.
    let circuit = written(1, |c| {
        c.weights("w", 2);
        c.ry(other.at([0]), 0);
    });
    refuses(&circuit, 0, "ry", &unknown, &["`Circuit::share`"]);
    let circuit = written(1, |c| drop(c.basic_entangler_layers(&other, 2, Gate::rx)));
    refuses(&circuit, 0, "weights", &unknown, &[]);
    written(1, |c| _ = c.share(&other).share(&other).ry(other.at([0]), 0)).check().expect("it is declared here, too");
}

/// A name is not enough to share weights: equal shapes may be chance.
#[test]
fn names_declared_twice() {
    let mistake = |shape: &[usize]| Mistake::WeightRedeclared {
        name: "w".to_owned(),
        declared: vec![2, 3],
        shape: shape.to_vec(),
    };
    for shape in [&[6][..], &[2, 3]] {
        let words = ["`w`", "[2, 3]", &format!("{shape:?}"), "the handle to share it"];
        let circuit = written(1, |c| {
            c.weights("w", (2, 3));
            c.h(0).weights("w", shape);
        });
        refuses(&circuit, 1, "weights", &mistake(shape), &words);
        let part = written(1, |c| _ = c.weights("w", shape));
        let circuit = written(1, |c| {
            c.weights("w", (2, 3));
            c.append(&part);
        });
        refuses(&circuit, 0, "weights", &mistake(shape), &words);
        let nested = written(1, |c| {
            c.weights("w", (2, 3));
            c.when(input(0).gt(0.0), |c| {
                c.weights("w", shape);
                c
            });
        });
        refuses(&nested, 0, "weights", &mistake(shape), &words);
    }
    // A template that is called in a loop, and parts that each begin with a tensor of their own.
    let looped = written(2, |c| {
        for _ in 0..3 {
            c.strongly_entangling_layers("w", 1);
        }
    });
    let again = Mistake::WeightRedeclared { name: "w".to_owned(), declared: vec![1, 2, 3], shape: vec![1, 2, 3] };
    refuses(&looped, 8, "weights", &again, &["`w`"]);
    let part = |start| {
        written(1, |c| {
            let w = c.weights_with_init("w", 1, Init::Const(start));
            c.ry(w.at([0]), 0);
        })
    };
    let again = Mistake::WeightRedeclared { name: "w".to_owned(), declared: vec![1], shape: vec![1] };
    refuses(&written(1, |c| _ = c.append(&part(0.1)).append(&part(0.9))), 1, "weights", &again, &["`w`"]);
    let small = written(2, |c| {
        let w = c.weights("w", (2, 2));
        c.strongly_entangling_layers(&w, 1);
    });
    let shapes = Mistake::WeightRedeclared { name: "w".to_owned(), declared: vec![2, 2], shape: vec![1, 2, 3] };
    refuses(&small, 0, "weights", &shapes, &["[2, 2]", "[1, 2, 3]"]);
}

/// Shared on purpose: through the handle, by clones, inverses and repetitions, and across circuits.
#[test]
fn weights_that_are_shared_by_their_handle() {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights_with_init("w", (1, 2, 3), Init::Const(0.25));
    for _ in 0..2 {
        circuit.angle_embedding(Gate::ry, (0..2).map(input));
        circuit.strongly_entangling_layers(&w, 1);
    }
    let (inverse, copy) = (circuit.inverse(), circuit.clone());
    circuit.append(&inverse).append(&copy).append(&copy.repeat(2));
    let mut other = Circuit::new(2);
    other.share(&w).strongly_entangling_layers(&w, 1);
    circuit.append(&other).controlled([0], |c| c.ry(w.at([0, 0, 0]), 1));
    circuit.check().expect("one tensor");
    let vb = candle_nn::VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb).expect("a layer");
    let all: Vec<_> = layer.weights().collect();
    assert_eq!((all.len(), all[0].0, all[0].1.dims()), (1, "w", &[1, 2, 3][..]));
    assert_eq!(all[0].1.flatten_all().and_then(|w| w.to_vec1::<f64>()).expect("weights"), [0.25; 6]);
    // A tensor that comes along with its circuit keeps its start.
    let mut whole = Circuit::new(2);
    whole.append(&other);
    let vb = candle_nn::VarBuilder::from_varmap(&VarMap::new(), DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(whole, Measurement::expectation([Z(0)]), vb).expect("a layer");
    let start = layer.weights().next().expect("one tensor").1.flatten_all().and_then(|w| w.to_vec1::<f64>());
    assert_eq!(start.expect("weights"), [0.25; 6]);
}

#[test]
fn names_that_are_no_path_segment() {
    for name in ["", ".", "a.b", "quantum.theta", "a."] {
        let circuit = written(1, |c| _ = c.weights(name, 2));
        let mistake = Mistake::WeightName { name: name.to_owned() };
        refuses(&circuit, 0, "weights", &mistake, &[&format!("`{name}`"), "no `.`"]);
    }
    written(1, |c| _ = c.weights("θ 1/é", 2)).check().expect("any other name will do");
}

#[test]
fn shapes_that_overflow() {
    let shapes: [&[usize]; 6] = [
        &[usize::MAX, 2],
        &[usize::MAX],
        &[1 << 32, 1 << 32],
        &[1 << 40, 1 << 40, 0],
        &[MAX_WEIGHTS + 1],
        &[2, MAX_WEIGHTS / 2, 2],
    ];
    for shape in shapes {
        let circuit = written(1, |c| {
            let w = c.weights("w", shape);
            let last: Vec<usize> = shape.iter().map(|n| n.saturating_sub(1)).collect();
            c.ry(w.at(last), 0).ry(w.at(vec![0; shape.len()]), 0);
        });
        let mistake = Mistake::TooManyWeights { name: "w".to_owned(), shape: shape.to_vec(), limit: MAX_WEIGHTS };
        refuses(&circuit, 0, "weights", &mistake, &["`w`", &format!("{shape:?}"), &MAX_WEIGHTS.to_string()]);
    }
    // Together they may not have more, either.
    let circuit = written(1, |c| {
        c.weights("a", MAX_WEIGHTS);
        c.weights("b", 1);
    });
    let mistake = Mistake::TooManyWeights { name: "b".to_owned(), shape: vec![1], limit: MAX_WEIGHTS };
    refuses(&circuit, 0, "weights", &mistake, &["`b`"]);
}

#[test]
fn templates_of_absurd_size() {
    let n = usize::MAX;
    let all: [(&str, Circuit, Vec<usize>); 4] = [
        ("basic", written(2, |c| _ = c.basic_entangler_layers("w", n, Gate::rx)), vec![n, 2]),
        ("strong", written(2, |c| _ = c.strongly_entangling_layers("w", n)), vec![n, 2, 3]),
        ("real", written(2, |c| _ = c.real_amplitudes("w", n, Entanglement::Full)), vec![n, 1, 2]),
        ("again", written(2, |c| _ = c.data_reuploading("w", n, &[input(0)])), vec![n, 2, 1, 3]),
    ];
    for (template, circuit, shape) in all {
        let mistake = Mistake::TooManyWeights { name: "w".to_owned(), shape, limit: MAX_WEIGHTS };
        refuses(&circuit, 0, "weights", &mistake, &[]);
        assert_eq!(circuit.operations(), [], "{template}");
    }
    assert_eq!(Circuit::new(2).repeat(n).operations(), []);
}

#[test]
fn initializations_that_are_not_finite() {
    for (init, value) in [
        (Init::Const(f64::NAN), f64::NAN),
        (Init::Uniform { lo: 0.0, up: f64::INFINITY }, f64::INFINITY),
        (Init::Uniform { lo: f64::MIN, up: f64::MAX }, f64::INFINITY),
        (Init::Randn { mean: 0.0, stdev: f64::NAN }, f64::NAN),
    ] {
        let circuit = written(1, |c| _ = c.weights_with_init("w", 2, init));
        let mistake = Mistake::NotFinite { what: "the initialisation", value };
        refuses(&circuit, 0, "weights", &mistake, &["the initialisation", &value.to_string()]);
        // The seeded initialiser also serves layers that are not ours.
        let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
        let error = vb.pp("layer").get_with_hints(2, "bias", init).expect_err("no weight can be drawn from it");
        says(&error.to_string(), &["`layer.bias`", "not finite"]);
    }
}

/// A range from above to below, or a negative standard deviation, would have been a constant.
#[test]
fn initializations_the_wrong_way_round() {
    for (init, what, value) in [
        (Init::Uniform { lo: 0.5, up: -0.5 }, "the range of the initialisation", -1.0),
        (Init::Randn { mean: 0.0, stdev: -0.25 }, "the deviation of the initialisation", -0.25),
    ] {
        let circuit = written(1, |c| _ = c.weights_with_init("w", 2, init));
        refuses(&circuit, 0, "weights", &Mistake::NotPositive { what, value }, &[what, &value.to_string()]);
    }
    for init in [Init::Uniform { lo: 0.5, up: 0.5 }, Init::Randn { mean: 0.5, stdev: 0.0 }] {
        let circuit = written(1, |c| _ = c.weights_with_init("w", 2, init));
        circuit.check().expect("a constant that is meant");
    }
}

/// Kaiming's gain may be any number: 0 or less gives no range, and too large a gain gives an infinite range.
#[test]
fn gains_that_no_weight_can_be_drawn_with() {
    let kaiming =
        |dist, gain| Init::Kaiming { dist, fan: FanInOut::FanIn, non_linearity: NonLinearity::ExplicitGain(gain) };
    for dist in [NormalOrUniform::Normal, NormalOrUniform::Uniform] {
        for gain in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308] {
            let init = kaiming(dist, gain);
            let mistake = match gain {
                gain if gain <= 0.0 => Mistake::NotPositive { what: "the gain of the initialisation", value: gain },
                gain if gain.is_finite() => Mistake::NotFinite { what: "the initialisation", value: f64::INFINITY },
                gain => Mistake::NotFinite { what: "the initialisation", value: gain },
            };
            let circuit = written(1, |c| _ = c.weights_with_init("w", 2, init));
            refuses(&circuit, 0, "weights", &mistake, &[]);
            let vb = SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
            says(&vb.get_with_hints(2, "bias", init).expect_err("no weight").to_string(), &["`bias`"]);
            assert!(candlewick::diagnostics::gradient_variance(&circuit, &Z(0), None, 4, 1).is_err());
        }
        let circuit = written(1, |c| _ = c.weights_with_init("w", 2, kaiming(dist, 0.5)));
        circuit.check().expect("any other gain");
    }
}

/// Numbers of weights that no memory holds, for layers that are not ours as well.
#[test]
fn more_weights_than_memory() {
    let vb = || SeededInit::new(1).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
    for shape in [vec![usize::MAX], vec![1 << 40], vec![1 << 40, 1 << 40]] {
        let error = Error::from(vb().get_with_hints(shape, "w", Init::Const(1.0)).expect_err("too many"));
        assert!(matches!(error, Error::Memory(MemoryError::Numbers { .. })), "{error}");
    }
    for outputs in [usize::MAX, 1 << 40] {
        let plain = candle_nn::VarBuilder::from_varmap(&VarMap::new(), DType::F32, &Device::Cpu);
        for vb in [vb(), plain] {
            let error = Affine::new(outputs, AffineConfig::default(), vb).expect_err("too many");
            assert!(matches!(error, Error::Memory(MemoryError::Numbers { .. })), "{error}");
        }
        let zeros = candle_nn::VarBuilder::zeros(DType::F32, &Device::Cpu);
        for (inputs, outputs) in [(outputs, 4), (4, outputs)] {
            let error = QuantizedLinear::load(QuantizedLinearConfig::new(inputs, outputs), zeros.clone())
                .expect_err("too many");
            assert!(
                matches!(
                    error,
                    Error::Memory(MemoryError::Numbers { .. }) | Error::Tensor(TensorError::LinearShape { .. })
                ),
                "{error}"
            );
        }
    }
}

#[test]
fn inputs_beyond_the_declared_width() {
    for (index, circuit) in [
        (3, Circuit::new(1).with_inputs(3)),
        (0, Circuit::new(1).with_inputs(0)),
        (usize::MAX - 1, Circuit::new(1).with_inputs(3)),
    ] {
        let width = circuit.inputs();
        let mut circuit = circuit;
        circuit.h(0).ry(2.0 * input(index), 0);
        let words = [&*format!("input({index})"), &format!("{width} input")];
        refuses(&circuit, 1, "ry", &Mistake::InputOutOfRange { index, width }, &words);
    }
    let circuit = written(1, |c| _ = c.ry(input(4), 0)).with_inputs(2);
    refuses(&circuit, 1, "with_inputs", &Mistake::InputOutOfRange { index: 4, width: 2 }, &["input(4)", "2 input"]);
    let mut circuit = Circuit::new(2).with_inputs(3);
    circuit.amplitude_embedding(1..4);
    refuses(&circuit, 0, "amplitude_embedding", &Mistake::InputOutOfRange { index: 3, width: 3 }, &["input(3)"]);
}

/// Feature numbers that no tensor can have are an error of the input's width, and drawn without a panic.
#[test]
fn inputs_of_absurd_index() -> anyhow::Result<()> {
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    for index in [usize::MAX, usize::MAX - 1, 1 << 63] {
        let mut circuit = Circuit::new(2);
        circuit.amplitude_embedding(index - 1..index).ry(input(index), 0).rx(input(index) * input(0), 1);
        let expected = index.saturating_add(1);
        assert_eq!(circuit.inputs(), expected);
        says(&circuit.to_string(), &[&format!("RY(x{index})")]);
        let program = candlewick::program::Program::new(&circuit, &Measurement::state())?;
        says(&program.to_string(), &[&format!("x{index}")]);
        match functional::evaluate(&circuit, &Measurement::state(), Some(&x), &[]) {
            Err(Error::Tensor(TensorError::InputWidth { expected: width, shape })) => {
                assert_eq!((width, shape.dims()), (expected, &[2, 3][..]))
            }
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}
