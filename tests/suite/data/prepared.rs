//! Imputers, saved preparation, splits in three, folds, sets for a regression.

use super::*;
use candlewick::data::{Imputer, Split3};
use std::collections::HashMap;

#[test]
fn gaps_are_filled() -> Result<()> {
    let nan = f64::NAN;
    let x = Tensor::new(&[[1.0, nan, -3.0], [nan, 2.5, 9.0], [5.0, 4.5, nan], [9.0, nan, nan]], &Device::Cpu)?;
    let fill = |imputer: Imputer| imputer.fill().to_vec1::<f64>();
    assert_eq!(fill(Imputer::median(&x)?)?, [5.0, 3.5, 3.0]);
    assert_eq!(fill(Imputer::mean(&x)?)?, [5.0, 3.5, 3.0]);
    assert_eq!(fill(Imputer::constant(&x, -1.0)?)?, [-1.0; 3]);
    // The smallest of equally frequent numbers, and NaN is none.
    let nan = f64::NAN;
    let rows = [[3.0, nan, 0.0], [1.0, nan, -0.0], [3.0, 7.0, 2.0], [1.0, nan, 2.0], [2.0, nan, 0.0]];
    let often = fill(Imputer::most_frequent(&Tensor::new(&rows, &Device::Cpu)?)?)?;
    assert_eq!(often, [1.0, 7.0, 0.0]);
    // A constant in a new set of another dtype, with more leading dimensions; numbers stay as they are, bit for bit.
    let other = x.to_dtype(DType::F32)?.reshape((2, 2, 3))?;
    let filled = Imputer::median(&x)?.apply(&other)?.flatten_all()?.to_vec1::<f32>()?;
    assert_eq!(filled, [1.0, 3.5, -3.0, 5.0, 2.5, 9.0, 5.0, 4.5, 3.0, 9.0, 3.5, 3.0]);
    for bad in [f64::NAN, f64::INFINITY, 1e300] {
        assert!(matches!(Imputer::constant(&x, bad), Err(Error::Setting { .. })));
    }
    let half = x.to_dtype(DType::F16)?;
    assert!(matches!(Imputer::constant(&half, 1e30), Err(Error::Setting { .. })));
    let infinite = Tensor::new(&[[1.0, 2.0], [f64::INFINITY, 3.0]], &Device::Cpu)?;
    assert!(matches!(
        Imputer::median(&infinite),
        Err(Error::Tensor(TensorError::FeatureNotFinite { feature: 0, sample: 1, .. }))
    ));
    let empty = Tensor::new(&[[1.0, nan], [2.0, nan]], &Device::Cpu)?;
    assert!(matches!(Imputer::mean(&empty), Err(Error::Data(DataError::EmptyFeature { feature: 1, name: None }))));
    assert!(matches!(Imputer::median(&x.narrow(0, 0, 0)?), Err(Error::Setting { setting: "samples", .. })));
    assert!(matches!(Imputer::median(&x)?.apply(&empty), Err(Error::Tensor(TensorError::Shape { .. }))));
    assert!(Imputer::new(Tensor::new(1f32, &Device::Cpu)?).is_err() && Imputer::new(x).is_err());
    Ok(())
}

/// What was learnt of a training set goes through a file, and gives the same bits.
#[test]
fn preparation_goes_through_a_file() -> Result<()> {
    let set = Dataset::from_csv(include_str!("../../../examples/data/iris.csv"))?;
    let path = std::env::temp_dir().join(format!("candlewick-preparation-{}.safetensors", std::process::id()));
    let through = |tensors: HashMap<String, Tensor>| -> Result<HashMap<String, Tensor>> {
        candle_core::safetensors::save(&tensors, &path)?;
        candle_core::safetensors::load(&path, &Device::Cpu)
    };
    let (scaler, pca, imputer) = (Scaler::standard(&set)?, Pca::new(&set, 2)?, Imputer::median(&set)?);
    let loaded = Scaler::from_tensors(&through(scaler.to_tensors())?)?;
    assert_eq!(loaded.apply(&set.x)?.to_vec2::<f32>()?, scaler.apply(&set.x)?.to_vec2::<f32>()?);
    let loaded = Pca::from_tensors(&through(pca.to_tensors()?)?)?;
    assert_eq!(loaded.apply(&set.x)?.to_vec2::<f32>()?, pca.apply(&set.x)?.to_vec2::<f32>()?);
    assert_eq!(loaded.explained(), pca.explained());
    let gap = (set.x.narrow(0, 0, 3)? * f64::NAN)?;
    let loaded = Imputer::from_tensors(&through(imputer.to_tensors())?)?;
    assert_eq!(loaded.apply(&gap)?.to_vec2::<f32>()?, imputer.apply(&gap)?.to_vec2::<f32>()?);
    std::fs::remove_file(path)?;

    let missing = |result: Option<Error>| matches!(result, Some(Error::Data(DataError::Saved { .. })));
    let mut tensors = pca.to_tensors()?;
    tensors.insert("mean".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu)?);
    assert!(missing(Pca::from_tensors(&tensors).err()) && missing(Pca::from_tensors(&HashMap::new()).err()));
    assert!(missing(Scaler::from_tensors(&imputer.to_tensors()).err()));
    assert!(missing(Imputer::from_tensors(&HashMap::new()).err()));
    assert!(matches!(pca.apply(&set.x.narrow(1, 0, 3)?), Err(Error::Tensor(TensorError::Shape { .. }))));
    Ok(())
}

/// Samples whose only feature is their number.
fn numbered(y: &[u32], classes: usize) -> Result<Dataset> {
    let x = Tensor::arange(0f32, y.len() as f32, &Device::Cpu)?.reshape((y.len(), 1))?;
    let names = (0..classes).map(|class| class.to_string()).collect();
    Ok(Dataset::new(x, Tensor::new(y, &Device::Cpu)?, names)?)
}

fn numbers(set: &Dataset) -> Result<Vec<usize>> {
    Ok(set.x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(|number| number as usize).collect())
}

#[test]
fn splits_in_three() -> Result<()> {
    let y: Vec<u32> = (0..200).map(|k| u32::from(k % 10 == 0) + 2 * u32::from(k % 10 == 1)).collect();
    let all = numbered(&y, 4)?;
    let Split3 { train, validation, test, .. } = all.split3(0.1, 0.2, 5)?;
    let mut seen = [numbers(&train)?, numbers(&validation)?, numbers(&test)?].concat();
    seen.sort_unstable();
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    let members = |set: &Dataset| -> Result<[usize; 3]> {
        let labels = set.y.to_vec1::<u32>()?;
        Ok([0, 1, 2].map(|class| labels.iter().filter(|&&label| label == class).count()))
    };
    assert_eq!((members(&validation)?, members(&test)?), ([16, 2, 2], [32, 4, 4]));
    for set in [&train, &validation, &test] {
        let labels = set.y.to_vec1::<u32>()?;
        assert!(numbers(set)?.iter().zip(labels).all(|(&number, label)| y[number] == label));
    }
    // The test set is that of a split in two.
    assert_eq!(numbers(&test)?, numbers(&all.split(0.2, 5)?.test)?);
    assert_ne!(numbers(&test)?, numbers(&all.split3(0.1, 0.2, 6)?.test)?);
    assert_eq!(all.split3(0.5, 0.5, 0)?.train.len(), 0);
    for (validation, test) in [(0.6, 0.6), (-0.1, 0.5), (0.5, f64::NAN), (1.1, -0.1)] {
        assert!(matches!(all.split3(validation, test, 0), Err(Error::Setting { .. })));
    }
    Ok(())
}

/// Rare classes: a member of each class in each part, or an error that names the class.
#[test]
fn rare_classes_are_in_every_part() -> Result<()> {
    let names = ["often", "rare", "never"].map(str::to_owned).to_vec();
    let set = |rare: usize| -> Result<Dataset> {
        let y: Vec<u32> = (0..40 + rare).map(|k| u32::from(k >= 40)).collect();
        let mut set = numbered(&y, 3)?;
        set.classes = names.clone();
        Ok(set)
    };
    let members = |of: &Dataset| -> Result<[usize; 2]> {
        let y = of.y.to_vec1::<u32>()?;
        Ok([0, 1].map(|class| y.iter().filter(|&&label| label == class).count()))
    };
    for (rare, validation, test, expected) in [
        (3, 0.2, 0.2, [[24, 1], [8, 1], [8, 1]]),
        (4, 0.1, 0.1, [[32, 2], [4, 1], [4, 1]]),
        (4, 0.1, 0.8, [[4, 1], [4, 1], [32, 2]]), // shares of 3 and 1 leave one to train on
        (2, 0.5, 0.5, [[0, 0], [20, 1], [20, 1]]),
        (3, 0.5, 0.5, [[0, 0], [20, 2], [20, 1]]),
        (2, 0.0, 0.2, [[32, 1], [0, 0], [8, 1]]),
    ] {
        let Split3 { train, validation, test, .. } = set(rare)?.split3(validation, test, 3)?;
        assert_eq!([members(&train)?, members(&validation)?, members(&test)?], expected);
    }
    let Split { train, test, .. } = set(2)?.split(0.1, 3)?;
    assert_eq!([members(&train)?, members(&test)?], [[36, 1], [4, 1]]);
    let few = |error: Option<Error>| match error {
        Some(Error::Data(DataError::FewMembers { class, count, parts })) => (class, count, parts),
        other => panic!("{other:?}"),
    };
    let rare = Some("rare".to_owned());
    assert_eq!(few(set(2)?.split3(0.2, 0.2, 3).err()), (rare.clone(), 2, 3));
    assert_eq!(few(set(1)?.split(0.2, 3).err()), (rare.clone(), 1, 2));
    assert_eq!(few(set(1)?.folds(2, 3).err()), (rare, 1, 2));
    let error = set(2)?.split3(0.2, 0.2, 3).unwrap_err();
    assert_eq!(error.to_string(), "class `rare` has 2 sample(s), and 3 parts need one each");
    assert_eq!(members(&set(1)?.split(1.0, 3)?.test)?, [40, 1]);
    let one = Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?;
    assert_eq!(few(Dataset::regression(one.clone(), one)?.split(0.5, 1).err()), (None, 1, 2));
    Ok(())
}

/// Parts are in an order of their own: the first samples of each are of all classes.
#[test]
fn parts_are_shuffled() -> Result<()> {
    let all = numbered(&(0..300).map(|k| k / 100).collect::<Vec<u32>>(), 3)?;
    let Split3 { train, validation, test, .. } = all.split3(0.2, 0.2, 7)?;
    let fold = all.folds(3, 7)?.remove(1);
    for part in [&train, &validation, &test, &fold.train, &fold.test] {
        let mut y = part.take(30)?.y.to_vec1::<u32>()?;
        y.sort_unstable();
        y.dedup();
        assert_eq!(y, [0, 1, 2]);
    }
    assert_eq!(numbers(&train)?, numbers(&all.split3(0.2, 0.2, 7)?.train)?);
    assert_ne!(numbers(&train)?, numbers(&all.split3(0.2, 0.2, 8)?.train)?);
    Ok(())
}

#[test]
fn folds_are_stratified() -> Result<()> {
    let y: Vec<u32> = (0..103).map(|k| u32::from(k % 9 == 0)).collect(); // 12 of 103
    let all = numbered(&y, 3)?;
    let folds = all.folds(5, 3)?;
    let mut tested = Vec::new();
    for Split { train, test, .. } in &folds {
        assert!((20..=21).contains(&test.len()) && train.len() + test.len() == 103);
        let ones = test.y.to_vec1::<u32>()?.iter().filter(|&&label| label == 1).count();
        assert!((2..=3).contains(&ones), "{ones}");
        let mut both = [numbers(train)?, numbers(test)?].concat();
        both.sort_unstable();
        assert_eq!(both, (0..103).collect::<Vec<_>>());
        tested.extend(numbers(test)?);
    }
    tested.sort_unstable();
    assert_eq!(tested, (0..103).collect::<Vec<_>>());
    assert_eq!(numbers(&folds[1].test)?, numbers(&all.folds(5, 3)?[1].test)?);
    assert_ne!(numbers(&folds[1].test)?, numbers(&all.folds(5, 4)?[1].test)?);
    for count in [0, 1, 104] {
        assert!(matches!(all.folds(count, 0), Err(Error::Setting { setting: "count", .. })));
    }
    assert!(all.folds(103, 0)?.iter().all(|fold| fold.test.len() == 1));
    Ok(())
}

#[test]
fn sets_for_a_regression() -> Result<()> {
    let x = Tensor::arange(0f32, 20.0, &Device::Cpu)?.reshape((10, 2))?;
    let set = Dataset::regression(x.clone(), x.narrow(1, 0, 1)?)?;
    let Split3 { train, validation, test, .. } = set.split3(0.2, 0.3, 1)?;
    assert_eq!([train.len(), validation.len(), test.len()], [5, 2, 3]);
    for part in [&train, &validation, &test] {
        assert_eq!(part.y.to_vec2::<f32>()?, part.x.narrow(1, 0, 1)?.to_vec2::<f32>()?);
    }
    assert_eq!(set.folds(5, 1)?[0].test.len(), 2);
    assert_eq!(set.clone().with_x(x.narrow(1, 0, 1)?)?.shuffled(1)?.take(4)?.len(), 4);
    let shape = |result: candlewick::Result<Dataset>| matches!(result, Err(Error::Tensor(TensorError::Shape { .. })));
    assert!(shape(Dataset::regression(x.clone(), x.narrow(0, 0, 9)?)));
    assert!(shape(Dataset::regression(x.clone(), x.narrow(1, 0, 1)?.squeeze(1)?)));
    assert!(matches!(
        Dataset::regression(x.clone(), x.to_dtype(DType::U32)?),
        Err(Error::Tensor(TensorError::UnsupportedDType { .. }))
    ));
    Ok(())
}

/// Samples that no memory holds are refused before anything is taken, also where the set itself is small.
#[test]
fn choices_that_no_memory_holds() -> Result<()> {
    let too_large = |error: Option<Error>| matches!(error, Some(Error::Memory(MemoryError::Numbers { .. })));
    let wide = Tensor::zeros((1, 1 << 20), DType::F32, &Device::Cpu)?;
    let wide = Dataset::new(wide, Tensor::zeros(1, DType::U32, &Device::Cpu)?, vec!["all".to_owned()])?;
    assert!(too_large(wide.select(&vec![0; 1 << 24]).err()));
    let empty = Tensor::zeros((0, 1 << 40), DType::F32, &Device::Cpu)?;
    assert!(too_large(Imputer::constant(&empty, 1.0).err()));
    let flat = Tensor::zeros(1, DType::F32, &Device::Cpu)?.broadcast_as(1 << 40)?;
    assert!(too_large(Imputer::new(flat).err()));
    let column = Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?.broadcast_as((1 << 40, 1))?;
    let column = Dataset::regression(column, Tensor::zeros((1 << 40, 0), DType::F32, &Device::Cpu)?)?;
    assert!(too_large(column.with_noise(0, 0.1, 1).err()));
    // More samples than indices.
    let hollow = Tensor::zeros((1 << 40, 0), DType::F32, &Device::Cpu)?;
    let hollow = Dataset::regression(hollow.clone(), hollow)?;
    let many = |error: Option<Error>| match error {
        Some(Error::Setting { setting: "samples", value, .. }) => value == (1u64 << 40) as f64,
        _ => false,
    };
    assert!(many(hollow.folds(2, 0).err()) && many(hollow.shuffled(1).err()));
    assert!(many(hollow.split(0.5, 1).err()) && many(hollow.split3(0.2, 0.2, 1).err()));
    Ok(())
}

#[test]
fn samples_that_are_not_floats() -> Result<()> {
    let dtype = |error: Option<Error>| matches!(error, Some(Error::Tensor(TensorError::UnsupportedDType { .. })));
    let (scaler, imputer) = (Scaler::uniform(1, 0.5)?, Imputer::new(Tensor::new(&[0.5f32], &Device::Cpu)?)?);
    for kind in [DType::U8, DType::U32, DType::I64] {
        let x = Tensor::full(10u32, (2, 1), &Device::Cpu)?.to_dtype(kind)?;
        assert!(dtype(scaler.apply(&x).err()) && dtype(scaler.invert(&x).err()));
        assert!(dtype(imputer.apply(&x).err()) && dtype(Imputer::constant(&x, 1.0).err()));
        let set = Dataset::new(x, Tensor::zeros(2, DType::U32, &Device::Cpu)?, vec!["all".to_owned()])?;
        assert!(dtype(set.with_noise(1, 0.1, 1).err()));
    }
    Ok(())
}

/// Numbers that a narrow dtype does not hold scale its samples all the same, if the results fit.
#[test]
fn narrow_samples() -> Result<()> {
    let x = Tensor::new(&[[60000f32], [-60000.0]], &Device::Cpu)?;
    let half = x.to_dtype(DType::F16)?;
    let one = |of: f32| Tensor::new(&[of], &Device::Cpu);
    let exact = half.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let scaler = Scaler::new(one(1e6)?, one(1e6)?)?; // neither is finite in F16
    let scaled = scaler.apply(&half)?;
    assert_eq!(scaled.dtype(), DType::F16);
    let expected: Vec<f64> = exact.iter().map(|x| (x - 1e6) / 1e6).collect();
    close("scaled", &scaled.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?, &expected, 1e-3);
    let learnt = |error: Option<Error>, of: &str| match error {
        Some(Error::Data(
            DataError::FeatureNumber { what, feature: 0, .. } | DataError::SampleNumber { what, feature: 0, .. },
        )) => what == of,
        _ => false,
    };
    assert!(learnt(Scaler::new(one(0.0)?, one(1e-6)?)?.apply(&half).err(), "scaled number"));
    assert!(learnt(Scaler::new(one(0.0)?, one(1e6)?)?.invert(&half).err(), "unscaled number"));
    let wide = Scaler::new(Tensor::new(&[0f64], &Device::Cpu)?, Tensor::new(&[1e-100], &Device::Cpu)?)?;
    assert!(learnt(wide.apply(&x).err(), "scaled number"));
    for fill in [1e6, 1e-9] {
        assert!(learnt(Imputer::new(one(fill)?)?.apply(&half).err(), "fill"));
    }
    assert!(learnt(Imputer::new(one(1e6)?.to_dtype(DType::BF16)?)?.apply(&half).err(), "fill"));
    let gap = Tensor::new(&[[f32::NAN]], &Device::Cpu)?.to_dtype(DType::F16)?;
    let filled = Imputer::new(one(0.5)?)?.apply(&gap)?.to_dtype(DType::F32)?;
    assert_eq!(filled.to_vec2::<f32>()?, [[0.5]]);
    Ok(())
}
