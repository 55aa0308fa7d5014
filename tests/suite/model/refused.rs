//! Errors of models: parts that do not fit each other, and files that are none.

use super::{Parts, built, load, samples};
use candle_core::{DType, Device};
use candle_nn::VarMap;
use candlewick::data::Scaler;
use candlewick::error::{Error, ModelProblem};
use candlewick::model::{Activation, Layer, Model, ModelBuilder};
use candlewick::nn::{QuantizedLinearConfig, QuantumLayerConfig, SeededInit};
use candlewick::prelude::*;

fn refused(builder: ModelBuilder) -> String {
    let vb = SeededInit::new(3).var_builder(&VarMap::new(), DType::F32, &Device::Cpu);
    builder.build(vb).expect_err("it does not fit").to_string()
}

fn circuit() -> Circuit {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 2);
    circuit.ry(input(0), 0).controlled([0], |c| c.rx(w.at(0) * input(1) + 0.5, 1));
    circuit.when(input(0).gt(0.25), |c| c.rz(w.at(1), 0));
    circuit
}

#[test]
fn parts_that_do_not_fit() {
    let model = |input: usize| Model::builder(input);
    let scaler = Scaler::uniform(3, 2.0).expect("a scaler");
    let quantum = |circuit| Layer::quantum(circuit, Measurement::expectation([Z(0)]));
    let deep = (0..9).fold(Layer::Flatten, |inner, _| Layer::Residual(vec![inner]));
    let mut wrong = Circuit::new(2);
    wrong.h(2);
    for (builder, expected) in [
        (model(3).layer(Layer::linear(4, 2)), "layers[0]: takes samples of shape [.., 4], not [3]"),
        (model(3).layer(Layer::linear(3, 2)).layer(quantum(circuit())), ""),
        (model(3).layer(quantum(circuit())), "layers[0]: takes samples of shape [.., 2], not [3]"),
        (model(3).layer(Layer::linear(0, 2)), "layers[0]: inputs is 0; it must be 1 or more"),
        (
            model(3).layer(Layer::Dropout(1.0)),
            "layers[0]: the probability of a dropout is 1; it must be from 0 to below 1",
        ),
        (
            model(3).layer(Layer::Dropout(f32::NAN)),
            "layers[0]: the probability of a dropout is NaN; it must be from 0 to below 1",
        ),
        (model(3).layer(Layer::LayerNorm { size: 3, eps: 0.0 }), "layers[0]: eps is 0; it must be finite and above 0"),
        (
            model(3).layer(Layer::MaxPool2d { kernel: 2, stride: 2 }),
            "layers[0]: takes samples of shape [channels, height, width], not [3]",
        ),
        (
            Model::builder((1, 2, 2)).layer(Layer::AveragePool2d { kernel: 3, stride: 1 }),
            "layers[0]: takes samples of shape images that are as large as the kernel, not [1, 2, 2]",
        ),
        (
            // Half a terabyte of padding, of which no weight reads a number.
            Model::builder((1, 2, 2)).layer(Layer::Conv2d {
                inputs: 1,
                outputs: 1,
                kernel: 1,
                config: candle_nn::Conv2dConfig { padding: 1 << 18, ..Default::default() },
                bias: false,
            }),
            "layers[0]: padding is 262144; it must be narrower than the kernel",
        ),
        (
            model(3).layer(Layer::linear(3, 2)).layer(Layer::quantum(
                {
                    let mut circuit = Circuit::new(40);
                    circuit.ry(input(0), 0).ry(input(1), 1);
                    circuit
                },
                Measurement::probabilities(0..40),
            )),
            "layers[1]: numbers of a sample: 1099511627776 is beyond the limit of 2147483648",
        ),
        (
            model(3).layer(Layer::Reshape(vec![2, 2])),
            "layers[0]: takes samples of shape any with the numbers of [2, 2], not [3]",
        ),
        (
            model(3).layer(Layer::Residual(vec![Layer::linear(3, 2)])),
            "layers[0]: takes samples of shape [2], which its layers give, not [3]",
        ),
        (
            model(3).layer(Layer::Residual(vec![Layer::Flatten, Layer::linear(2, 2)])),
            "layers[0].layers[1]: takes samples of shape [.., 2], not [3]",
        ),
        (model(3).layer(deep), "layers: depth of residual blocks: 9 is beyond the limit of 8"),
        (model(3).layers(vec![Layer::Flatten; 1025]), "layers: layers: 1025 is beyond the limit of 1024"),
        (model(3).layer(quantum(wrong)), "layers[0]: operation 0 (`h`): qubit 2 is out of range for 2 qubit(s)"),
        (model(2).scale(scaler), "prepare[0]: takes samples of shape [.., 3], not [2]"),
        (model(3).classes("kind", ["a", "b"]), "output: takes samples of shape [2], one for each class, not [3]"),
        (model(3).classes("kind", [""; 0]), "output: the number of classes is 0; it must be 1 or more"),
        (model(3).values(["u"], None), "output: takes samples of shape [1], one for each value, not [3]"),
        (model(3).classes("a\nb", ["a", "b", "c"]), "output: a name is a\\nb; it must be without control characters"),
        (model(1 << 21), "input: numbers of a sample: 2097152 is beyond the limit of 1048576"),
        (
            model(3).layer(Layer::QuantizedLinear(QuantizedLinearConfig::new(3, 2))),
            "layers.0: tensor `layers.0.blocks` is missing",
        ),
        (
            model(3).layer(Layer::Activation(Activation::LeakyRelu(f64::INFINITY))),
            "layers[0]: slope is inf; it must be finite",
        ),
    ] {
        if expected.is_empty() {
            built(builder, DType::F32);
        } else {
            assert_eq!(refused(builder), expected);
        }
    }
    let model = built(model(3).layer(Layer::linear(3, 2)), DType::F32);
    let error = model.predict(&samples(&[5, 4], DType::F32)).expect_err("four features");
    assert!(matches!(error, Error::Tensor(candlewick::error::TensorError::Shape { .. })), "{error}");
    #[derive(Debug)]
    struct Outside;
    impl candlewick::executor::Executor for Outside {
        fn run(&self, _: &str, _: usize, _: u64) -> candlewick::error::Result<candlewick::executor::Counts> {
            unreachable!("nothing runs")
        }
    }
    let config = QuantumLayerConfig {
        shots: Some(10),
        simulation: candlewick::Simulation::External(std::sync::Arc::new(Outside)),
        ..Default::default()
    };
    let mut circuit = Circuit::new(1);
    circuit.ry(input(0), 0);
    let layer = Layer::Quantum { circuit, measurement: Measurement::expectation([Z(0)]), config };
    let error = built(Model::builder(1).layer(layer), DType::F32).to_bytes().expect_err("a program outside");
    assert_eq!(error.to_string(), "layers[0]: a program outside cannot be saved");
}

/// A model whose description has every part that the tests below change.
fn model() -> Parts {
    let builder = Model::builder(2)
        .scale(Scaler::uniform(2, 2.0).expect("a scaler"))
        .layer(Layer::quantum(
            circuit(),
            Measurement::expectation([Z(0) * X(1), Observable::diagonal([0.0, 1.0, 2.0, -1.0])]),
        ))
        .layer(Layer::linear(2, 2))
        .classes("kind", ["a", "b"]);
    Parts::of(&built(builder, DType::F32).to_bytes().expect("a file"))
}

#[track_caller]
fn error_of(parts: &Parts) -> String {
    load(&parts.bytes()).map(|model| format!("{model:?}")).expect_err("it is no model").to_string()
}

#[test]
fn changed_descriptions() {
    let model = model();
    assert!(load(&model.bytes()).is_ok(), "the digest of the tests is the one of the crate");
    let quantum = "layers[0].circuit";
    for (from, to, expected) in [
        (
            "\"format\":1",
            "\"format\":2",
            "the description: the file has format 2; 1 is the newest that this version of candlewick reads",
        ),
        ("\"format\":1", "\"format\":0", "the description: the format is 0; it must be 1 or more"),
        ("\"dtype\":\"f32\"", "\"dtype\":\"u8\"", "the description: dtype is u8; it must be f16, bf16, f32 or f64"),
        (
            "\"dtype\":\"f32\"",
            "\"dtype\":\"f64\"",
            "the file: tensor `layers.0.circuit_fingerprint` is f32 instead of f64",
        ),
        ("\"input\":[2]", "\"input\":[3]", "prepare[0]: takes samples of shape [.., 2], not [3]"),
        ("\"prepare\":[\"scale\"]", "\"prepare\":[]", "the file: tensor `prepare.0.offset` belongs to nothing"),
        (
            "\"prepare\":[\"scale\"]",
            "\"prepare\":[\"scale\",\"impute\"]",
            "prepare[1]: the saved tensor `fill` is missing, expected [features]",
        ),
        ("\"qubits\":2", "\"qubits\":1", &format!("{quantum}.operations[1]: qubit 1 is out of range for 1 qubit(s)")),
        ("\"qubits\":2", "\"qubits\":257", &format!("{quantum}: qubits: 257 is beyond the limit of 256")),
        (
            "\"features\":2",
            "\"features\":1",
            &format!(
                "{quantum}.operations[1]: input(1) is out of range: the circuit was declared with 1 input feature(s)"
            ),
        ),
        (
            "\"features\":2",
            "\"features\":99999999",
            &format!("{quantum}: features: 99999999 is beyond the limit of 1048576"),
        ),
        ("\"g\":\"ry\"", "\"g\":\"rx\"", ""),
        (
            "\"g\":\"ry\"",
            "\"g\":\"measure\"",
            &format!(
                "{quantum}.operations[0]: the operation is measure; it must be one whose angles, qubits and controls fit"
            ),
        ),
        (
            "\"g\":\"ry\"",
            "\"g\":\"nothing\"",
            &format!(
                "{quantum}.operations[0]: the operation is nothing; it must be one whose angles, qubits and controls fit"
            ),
        ),
        (
            "[0,0],1]",
            "[1,0],1]",
            &format!("{quantum}.operations[1]: the number of a weight tensor, from 0: 1 is beyond the limit of 1"),
        ),
        (
            "[0,0],1]",
            "[0,2],1]",
            &format!("{quantum}.operations[1]: the index of a weight, from 0: 2 is beyond the limit of 2"),
        ),
        (
            "\"w\":[0]",
            "\"w\":[1]",
            &format!("{quantum}.operations[2]: the number of a condition, from 0: 1 is beyond the limit of 1"),
        ),
        (
            "[[{\"gt\":",
            "[[\"not\",{\"gt\":",
            &format!(
                "{quantum}.conditions[0]: a condition is 2 tokens; it must be one expression, with operators behind their operands"
            ),
        ),
        ("\"Z0 X1\"", "\"X1 Z0\"", "layers[0].measure[0]: `X1 Z0` is no Pauli word such as \"X0 Y2 Z3\""),
        ("\"Z0 X1\"", "\"Z0 X256\"", "layers[0].measure[0]: `Z0 X256` is no Pauli word such as \"X0 Y2 Z3\""),
        (
            "{\"diagonal\":[0,[0,1]]}",
            "{\"diagonal\":[0,[1,0]]}",
            "layers[0].measure[1]: a list of qubits is 1, 0; it must be ascending, each below 256",
        ),
        (
            "{\"diagonal\":[0,[0,1]]}",
            "{\"diagonal\":[0,[0]]}",
            "layers[0].measure[1]: tensor `layers.0.numbers.0` has shape [4] instead of [2]",
        ),
        (
            "{\"diagonal\":[0,[0,1]]}",
            "{\"diagonal\":[1,[0,1]]}",
            "layers[0].measure[1]: the number of a tensor is 1; it must be the number of the next tensor",
        ),
        ("{\"diagonal\":[0,[0,1]]}", "{\"projector\":[]}", ""),
        (
            "{\"linear\":{\"inputs\":2",
            "{\"linear\":{\"inputs\":3",
            "layers[1]: takes samples of shape [.., 3], not [2]",
        ),
        (
            "\"names\":[\"a\",\"b\"]",
            "\"names\":[\"a\"]",
            "output: takes samples of shape [1], one for each class, not [2]",
        ),
        ("\"seed\":0", "\"seed\":0,\"speed\":1", ""),
        ("\"seed\":0", "\"seed\":-1", ""),
        ("0.5", "1e999", ""),
        ("\"shape\":[2]", "\"shape\":[3]", ""),
        ("\"shape\":[2]", "\"shape\":[4294967296,4294967296]", ""),
    ] {
        let error = error_of(&model.with(from, to));
        assert!(error == expected || expected.is_empty(), "{from} -> {to}\n gives    {error}\n expected {expected}");
    }
    let damaged = |error: Error| matches!(error, Error::Model { problem: ModelProblem::Digest { .. }, .. });
    // A changed weight and a changed angle are damage, as long as the digest is the old one.
    let mut bytes = model.bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(damaged(load(&bytes).expect_err("damage")));
    let text = String::from_utf8_lossy(&model.bytes()).replacen("\\\"k\\\":0.5", "\\\"k\\\":0.6", 1);
    assert!(text.contains("0.6"));
    let mut bytes = model.bytes();
    let place = bytes.windows(9).position(|window| window == b"\\\"k\\\":0.5").expect("an angle") + 8;
    bytes[place] = b'6';
    assert!(damaged(load(&bytes).expect_err("damage")));
}

#[test]
fn changed_tensors() {
    let model = model();
    let change = |change: fn(&mut Parts)| {
        let mut parts = model.clone();
        change(&mut parts);
        error_of(&parts)
    };
    assert_eq!(
        change(|parts| _ = parts.tensors.remove("layers.1.bias")),
        "layers[1]: tensor `layers.1.bias` is missing"
    );
    assert_eq!(
        change(|parts| _ = parts.tensors.insert("more".to_owned(), (safetensors::Dtype::U8, vec![1], vec![0]))),
        "the file: tensor `more` belongs to nothing"
    );
    let shape = change(|parts| {
        if let Some((_, shape, _)) = parts.tensors.get_mut("layers.1.weight") {
            *shape = vec![4];
        }
    });
    assert_eq!(shape, "layers[1]: tensor `layers.1.weight` has shape [4] instead of [2, 2]");
    let not_finite = change(|parts| {
        if let Some((.., data)) = parts.tensors.get_mut("layers.1.weight") {
            data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
    });
    assert_eq!(not_finite, "the file: tensor `layers.1.weight` has an entry that is not finite");
    let dtype = change(|parts| {
        if let Some(entry) = parts.tensors.get_mut("layers.1.bias") {
            *entry = (safetensors::Dtype::F64, vec![2], vec![0; 16]);
        }
    });
    assert_eq!(dtype, "the file: tensor `layers.1.bias` is f64 instead of f32");
}

#[test]
fn no_models() {
    for (bytes, expected) in [
        (&b""[..], "the file: this is no safetensors file: it ends after 0 byte(s)"),
        (b"0123456", "the file: this is no safetensors file: it ends after 7 byte(s)"),
        (&[255; 40], "the file: bytes of the header: 18446744073709551615 is beyond the limit of 16777216"),
        (
            b"\x02\0\0\0\0\0\0\0{}",
            "the file: the file holds tensors without a model: its metadata has no key `candlewick`",
        ),
    ] {
        assert_eq!(load(bytes).expect_err("no model").to_string(), expected);
    }
    for length in [0u64, 7, 1 << 24, (1 << 24) + 1, 1 << 32, 1 << 63] {
        let bytes = [&length.to_le_bytes()[..], b"{}"].concat();
        assert!(matches!(load(&bytes).expect_err("no model"), Error::Model { .. }), "{length}");
    }
    let error = Model::load("no/such/file.safetensors", &Device::Cpu).expect_err("no file");
    assert!(error.to_string().starts_with("`no/such/file.safetensors` cannot be read"), "{error}");
    let error = Model::read_info("no/such/file.safetensors").expect_err("no file");
    assert!(error.to_string().starts_with("`no/such/file.safetensors` cannot be read"), "{error}");
}
