//! Models as files: what is saved comes back, and any other bytes are a typed error.

mod golden;
mod mutated;
mod refused;
mod round_trip;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarMap;
use candlewick::model::{Model, ModelBuilder};
use candlewick::nn::SeededInit;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Makes a model with seeded weights.
fn built(builder: ModelBuilder, dtype: DType) -> Model {
    builder.build(SeededInit::new(3).var_builder(&VarMap::new(), dtype, &Device::Cpu)).expect("it fits")
}

/// Bits of the entries of a tensor.
fn bits(tensor: &Tensor) -> Vec<u64> {
    let numbers = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all()?.to_vec1::<f64>());
    numbers.expect("numbers").into_iter().map(f64::to_bits).collect()
}

/// Random samples in [-1, 1].
fn samples(shape: &[usize], dtype: DType) -> Tensor {
    let count = shape.iter().product();
    let numbers = crate::oracle::uniform(&mut crate::oracle::rng(11), count);
    Tensor::from_vec(numbers, shape, &Device::Cpu).and_then(|x| x.to_dtype(dtype)).expect("samples")
}

/// Tensor of a file: its dtype, its shape, its bytes.
type Entry = (safetensors::Dtype, Vec<usize>, Vec<u8>);

/// Parts of a file, to be changed.
#[derive(Clone)]
struct Parts {
    text: String,
    tensors: BTreeMap<String, Entry>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let (_, metadata) = SafeTensors::read_metadata(bytes).expect("a header");
        let text =
            metadata.metadata().as_ref().and_then(|texts| texts.get("candlewick")).expect("a description").clone();
        let file = SafeTensors::deserialize(bytes).expect("a file");
        let entry = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
            (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        };
        Self { text, tensors: file.tensors().into_iter().map(entry).collect() }
    }

    /// Writes the file with the digest of its contents, computed here from the documented rule.
    fn bytes(&self) -> Vec<u8> {
        let key = "\"digest\":\"sha256:";
        let mut text = self.text.clone();
        if let Some(place) = text.find(key).map(|place| place + key.len())
            && text.get(place..place + 64).is_some()
        {
            text.replace_range(place..place + 64, &"0".repeat(64));
            let mut hash = Sha256::new();
            let mut part = |bytes: &[u8]| {
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(bytes);
            };
            for (name, (dtype, shape, data)) in &self.tensors {
                part(name.as_bytes());
                part(format!("{dtype:?}").to_lowercase().as_bytes());
                part(&shape.iter().flat_map(|side| (*side as u64).to_le_bytes()).collect::<Vec<u8>>());
                part(data);
            }
            part(text.as_bytes());
            let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            text.replace_range(place..place + 64, &digits);
        }
        let views = self.tensors.iter().map(|(name, (dtype, shape, data))| {
            (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).expect("a view"))
        });
        let metadata = HashMap::from([("candlewick".to_owned(), text)]);
        safetensors::serialize(views, Some(metadata)).expect("a file")
    }

    /// Replaces a part of the description, which has to be there.
    fn with(&self, from: &str, to: &str) -> Self {
        assert!(self.text.contains(from), "{from} is not in {}", self.text);
        Self { text: self.text.replacen(from, to, 1), ..self.clone() }
    }
}

fn load(bytes: &[u8]) -> candlewick::error::Result<Model> {
    Model::from_bytes(bytes, &Device::Cpu)
}
