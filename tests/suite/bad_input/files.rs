//! Weight files that lack tensors, have other tensors, or are no weight files.

use super::{says, written};
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::Error;
use candlewick::prelude::*;
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::PathBuf;

fn circuit() -> Circuit {
    written(1, |c| {
        let w = c.weights("theta", (2, 3));
        c.u(w.at([0, 0]), w.at([0, 1]), w.at([1, 2]), 0);
    })
}

fn layer(vb: VarBuilder<'_>) -> candlewick::Result<QuantumLayer> {
    QuantumLayer::new(circuit(), Measurement::expectation([Z(0)]), vb.pp("quantum"))
}

/// A path for one test's file.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bad_{name}.safetensors"))
}

/// The bytes of a file with these tensors.
fn file(name: &str, tensors: &[(&str, &[usize])]) -> anyhow::Result<Vec<u8>> {
    let make =
        |(name, shape): &(&str, &[usize])| Ok(((*name).to_owned(), Tensor::ones(*shape, DType::F32, &Device::Cpu)?));
    let tensors = tensors.iter().map(make).collect::<candle_core::Result<HashMap<_, _>>>()?;
    let path = path(name);
    candle_core::safetensors::save(&tensors, &path)?;
    Ok(std::fs::read(path)?)
}

fn load(bytes: Vec<u8>) -> candlewick::Result<QuantumLayer> {
    layer(VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)?)
}

#[test]
fn tensors_missing_or_of_another_shape() -> anyhow::Result<()> {
    let sound: (&str, &[usize]) = ("quantum.theta", &[2, 3]);
    load(file("sound", &[sound, ("other", &[7])])?).expect("tensors that nobody asks for are no error");
    type Entry<'a> = (&'a str, &'a [usize]);
    let wrong: [(&str, &[Entry<'_>]); 3] =
        [("empty", &[]), ("prefix", &[("theta", &[2, 3])]), ("name", &[("quantum.Theta", &[2, 3])])];
    for (name, tensors) in wrong {
        let error = load(file(name, tensors)?).expect_err("theta is missing");
        assert!(matches!(error, Error::Candle(_)), "{error:?}");
        says(&error.to_string(), &["quantum.theta"]);
    }
    let shapes: [&[usize]; 4] = [&[3, 2], &[6], &[2, 3, 1], &[]];
    for shape in shapes {
        let error = load(file("shape", &[("quantum.theta", shape)])?).expect_err("another shape");
        assert!(matches!(error, Error::Candle(_)), "{error:?}");
        says(&error.to_string(), &["quantum.theta", "[2, 3]", &format!("{shape:?}")]);
    }
    Ok(())
}

#[test]
fn variables_of_another_shape() -> anyhow::Result<()> {
    let mut varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    vb.pp("quantum").get((3, 2), "theta")?;
    says(&layer(vb).expect_err("another shape").to_string(), &["quantum.theta", "[2, 3]", "[3, 2]"]);
    file("varmap", &[("quantum.theta", &[2, 3])])?;
    says(&varmap.load(path("varmap")).expect_err("another shape").to_string(), &["quantum.theta"]);
    Ok(())
}

#[test]
fn truncated_files() -> anyhow::Result<()> {
    let whole = file("whole", &[("quantum.theta", &[2, 3])])?;
    load(whole.clone()).expect("the whole file");
    for length in 0..whole.len() {
        assert!(load(whole[..length].to_vec()).is_err(), "{length} of {} bytes", whole.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(load(bytes).is_err());
    }

    /// Bytes of a sound file changed: an error, or a file that still has the tensor.
    #[test]
    fn damaged_files(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        static WHOLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = WHOLE.get_or_init(|| file("damaged", &[("quantum.theta", &[2, 3])]).expect("a file")).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(layer) = load(bytes) {
            let y = layer.evaluate().expect("a layer with weights runs");
            prop_assert_eq!(y.dims(), &[1]);
        }
    }
}
