//! Data sets, splits, scales and principal components.

mod csv;
mod prepared;

use crate::lab::close;
use candle_core::{DType, Device, Result, Tensor};
use candlewick::Error;
use candlewick::data::{
    BlobsConfig, CirclesConfig, Dataset, MoonsConfig, Pca, Scaler, SpiralsConfig, Split, blobs, circles, moons, spirals,
};
use candlewick::error::{DataError, MemoryError, TensorError};

fn rows(of: &Dataset) -> Result<Vec<(u32, Vec<f64>)>> {
    let x = of.x.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    Ok(of.y.to_vec1::<u32>()?.into_iter().zip(x).collect())
}

#[test]
fn points_without_noise_lie_on_their_curves() -> Result<()> {
    for (class, row) in rows(&circles(101, CirclesConfig { factor: 0.4, seed: 1, ..Default::default() })?)? {
        close("radius", &[row[0].hypot(row[1])], &[if class == 0 { 1.0 } else { 0.4 }], 1e-6);
    }
    for (class, row) in rows(&moons(100, MoonsConfig { seed: 1, ..Default::default() })?)? {
        let (x, y) = if class == 0 { (row[0], row[1]) } else { (1.0 - row[0], 0.5 - row[1]) };
        close("half circle", &[x.hypot(y)], &[1.0], 1e-6);
        assert!(y > -1e-6);
    }
    let arms = rows(&spirals(90, SpiralsConfig { arms: 3, seed: 1, ..Default::default() })?)?;
    for (index, (class, row)) in arms.iter().enumerate() {
        let t = (index / 3) as f64 / 30.0;
        let angle = 3.0 * std::f64::consts::PI * t + std::f64::consts::TAU * f64::from(*class) / 3.0;
        let radius = 0.1 + 0.9 * t;
        close("spiral", row, &[radius * angle.cos(), radius * angle.sin()], 1e-6);
        assert_eq!(*class as usize, index % 3);
    }
    Ok(())
}

#[test]
fn noise_has_its_deviation() -> Result<()> {
    let count = 20_000;
    let (quiet, loud) = (
        circles(count, CirclesConfig { factor: 0.5, seed: 3, ..Default::default() })?,
        circles(count, CirclesConfig { noise: 0.3, factor: 0.5, seed: 3, ..Default::default() })?,
    );
    let noise = (loud.x - &quiet.x)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let (mean, square) = (noise.iter().sum::<f64>(), noise.iter().map(|v| v * v).sum::<f64>());
    let entries = noise.len() as f64;
    // Five standard errors.
    assert!((mean / entries).abs() < 5.0 * 0.3 / entries.sqrt());
    assert!((square / entries - 0.09).abs() < 5.0 * 0.09 * (2.0 / entries).sqrt());
    // The new features are behind the old features, and of another stream.
    let more = quiet.x.dims2()?;
    let wide = circles(count, CirclesConfig { factor: 0.5, seed: 3, ..Default::default() })?.with_noise(2, 0.3, 3)?;
    assert_eq!(wide.x.dims2()?, (more.0, 4));
    let added = wide.x.narrow(1, 2, 2)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    assert!(added.iter().zip(&noise).filter(|(a, b)| (*a - *b).abs() < 1e-5).count() < 10);
    Ok(())
}

#[test]
fn blobs_are_clouds_around_centers() -> Result<()> {
    let (count, centers, features) = (6000, 3, 4);
    let cloud = rows(&blobs(count, BlobsConfig { centers, features, deviation: 0.2, seed: 9, ..Default::default() })?)?;
    for class in 0..centers {
        let members: Vec<&Vec<f64>> =
            cloud.iter().filter(|(of, _)| *of as usize == class).map(|(_, row)| row).collect();
        let size = members.len() as f64;
        assert_eq!(members.len(), count / centers);
        for feature in 0..features {
            let mean = members.iter().map(|row| row[feature]).sum::<f64>() / size;
            let variance = members.iter().map(|row| (row[feature] - mean).powi(2)).sum::<f64>() / size;
            assert!(mean.abs() < 1.0 + 5.0 * 0.2 / size.sqrt());
            assert!((variance - 0.04).abs() < 5.0 * 0.04 * (2.0 / size).sqrt(), "{variance}");
        }
    }
    Ok(())
}

#[test]
fn the_seed_decides() -> Result<()> {
    let make: [fn(u64) -> candlewick::Result<Dataset>; 4] = [
        |seed| circles(50, CirclesConfig { noise: 0.1, factor: 0.5, seed, ..Default::default() }),
        |seed| moons(50, MoonsConfig { noise: 0.1, seed, ..Default::default() }),
        |seed| spirals(50, SpiralsConfig { noise: 0.1, seed, ..Default::default() }),
        |seed| blobs(50, BlobsConfig { centers: 2, seed, ..Default::default() }),
    ];
    for make in make {
        assert_eq!(rows(&make(5)?)?, rows(&make(5)?)?);
        assert_ne!(rows(&make(5)?)?, rows(&make(6)?)?);
        assert_eq!(make(0)?.len(), 50);
    }
    Ok(())
}

#[test]
fn points_that_cannot_be_made() {
    let refused = |result: candlewick::Result<Dataset>| matches!(result, Err(Error::Setting { .. }));
    for noise in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(
            refused(circles(10, CirclesConfig { noise, factor: 0.5, ..Default::default() }))
                && refused(moons(10, MoonsConfig { noise, ..Default::default() }))
                && refused(blobs(10, BlobsConfig { centers: 2, deviation: noise, ..Default::default() }))
        );
    }
    assert!(
        refused(circles(10, CirclesConfig { noise: 0.1, factor: 1.5, ..Default::default() }))
            && refused(circles(10, CirclesConfig { noise: 0.1, factor: f64::NAN, ..Default::default() }))
    );
    assert!(
        refused(spirals(10, SpiralsConfig { arms: 0, noise: 0.1, ..Default::default() }))
            && refused(blobs(10, BlobsConfig { centers: 0, ..Default::default() }))
            && refused(blobs(10, BlobsConfig { centers: 5000, ..Default::default() }))
    );
    assert!(matches!(
        circles(usize::MAX / 2, CirclesConfig { noise: 0.1, factor: 0.5, ..Default::default() }),
        Err(Error::Memory(MemoryError::Numbers { .. }))
    ));
    assert!(matches!(
        circles(1 << 40, CirclesConfig { noise: 0.1, factor: 0.5, ..Default::default() }),
        Err(Error::Memory(MemoryError::Numbers { .. }))
    ));
    assert!(matches!(
        blobs(0, BlobsConfig { features: usize::MAX, ..Default::default() }),
        Err(Error::Memory(MemoryError::Numbers { .. }))
    ));
    assert!(matches!(
        blobs(1, BlobsConfig { centers: 1000, features: 20_000_000_000, ..Default::default() }),
        Err(Error::Memory(MemoryError::Numbers { .. }))
    ));
    for few in 0..4 {
        assert_eq!(
            spirals(few, SpiralsConfig { arms: 3, noise: 0.1, ..Default::default() }).map(|set| set.len()).ok(),
            Some(few)
        );
        assert_eq!(blobs(few, BlobsConfig { ..Default::default() }).map(|set| set.len()).ok(), Some(few));
        assert_eq!(blobs(few, BlobsConfig { features: 0, ..Default::default() }).map(|set| set.len()).ok(), Some(few));
    }
}

#[test]
fn tables() -> Result<()> {
    let shipped = [
        (include_str!("../../examples/data/iris.csv"), 150, 4, vec![50, 50, 50]),
        (include_str!("../../examples/data/wine.csv"), 178, 13, vec![59, 71, 48]),
        (include_str!("../../examples/data/breast_cancer.csv"), 569, 30, vec![212, 357]),
        (
            include_str!("../../examples/data/digits.csv"),
            1797,
            64,
            vec![178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
        ),
    ];
    for (text, samples, features, members) in shipped {
        let table = Dataset::from_csv(text)?;
        assert_eq!(table.x.dims(), [samples, features]);
        let labels = table.y.to_vec1::<u32>()?;
        let count = |class| labels.iter().filter(|&&label| label == class).count();
        assert_eq!((0..table.classes.len() as u32).map(count).collect::<Vec<_>>(), members);
    }
    let place = |text: &str| match Dataset::from_csv(text) {
        Err(error @ Error::Data(DataError::Table { line, field: Some(field), .. })) => {
            assert!(error.to_string().contains(&format!("line {line} of the table, field {field}: ")), "{error}");
            (line, field)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(place("2,2,a,b\n0.5,1,0\n1,x,1\n"), (3, 2));
    assert_eq!(place("1,3,a,b\n5,6,NaN,0\n"), (2, 3));
    assert_eq!(place("1,2,a,b\n5,6,2\n"), (2, 3));
    assert_eq!(place("1,2,a,b\n5,6,a\n"), (2, 3));
    let line = |text: &str| match Dataset::from_csv(text) {
        Err(Error::Data(DataError::Table { line, .. })) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(""), 1);
    assert_eq!(line("two,3,a,b\n"), 1);
    assert_eq!(line("2,1,a,b\n0.5,0\n"), 1); // a sample is missing
    assert_eq!(line("2,1,a,b\n0.5,0\n0.5,2\n"), 3); // there is no class 2
    assert_eq!(line("2,1,a,b\n0.5,0\nx,1\n"), 3);
    assert_eq!(line("2,1,a,b\n0.5,0\n\n1,2,1\n"), 4); // a feature too many
    assert_eq!(line("1,1,a,b\n5\n"), 2);
    assert_eq!(line("1,1,a,b\nNaN,0\n"), 2);
    assert_eq!(line("1,1,a,b\n1e60,0\n"), 2);
    assert_eq!(line("1,1,a,b\n5,-1\n"), 2);
    Ok(())
}

#[test]
fn splits_keep_every_sample_once() -> Result<()> {
    let count = 103;
    let x = Tensor::arange(0f32, count as f32, &Device::Cpu)?.reshape((count, 1))?;
    let y: Vec<u32> = (0..count as u32).map(|k| u32::from(k % 10 == 0) + 2 * u32::from(k % 10 == 1)).collect();
    let names = ["a", "b", "c", "nobody"].map(str::to_owned).to_vec();
    let all = Dataset::new(x, Tensor::new(y.as_slice(), &Device::Cpu)?, names)?;
    let mut held = Vec::new();
    for seed in 0..3 {
        let Split { train: kept, test: out, .. } = all.split(0.2, seed)?;
        let mut seen: Vec<f64> = rows(&kept)?.iter().chain(&rows(&out)?).map(|(_, row)| row[0]).collect();
        for (label, row) in rows(&kept)?.iter().chain(&rows(&out)?) {
            assert_eq!(*label, y[row[0] as usize]);
        }
        seen.sort_by(f64::total_cmp);
        assert_eq!(seen, (0..count).map(|k| k as f64).collect::<Vec<_>>());
        // 81, 11 and 11 samples: a fifth of each, rounded.
        let of = |class| rows(&out).map(|rows| rows.iter().filter(|(label, _)| *label == class).count());
        assert_eq!([of(0)?, of(1)?, of(2)?, of(3)?], [16, 2, 2, 0]);
        held.push(rows(&out)?);
    }
    assert!(held[0] != held[1] && held[1] != held[2]);
    assert_eq!((all.split(0.0, 1)?.test.len(), all.split(1.0, 1)?.train.len()), (0, 0));
    for fraction in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(all.split(fraction, 0), Err(Error::Setting { .. })));
    }
    assert_eq!((all.take(7)?.len(), all.take(1000)?.len()), (7, count));
    let two = Tensor::new(&[0u32, 5], &Device::Cpu)?;
    assert!(matches!(
        Dataset::new(two.clone(), two.clone(), vec!["a".into()]),
        Err(Error::Data(DataError::Label { sample: 1, .. }))
    ));
    let three = Tensor::zeros((3, 2), DType::F32, &Device::Cpu)?;
    assert!(matches!(
        Dataset::new(three.clone(), two.clone(), vec!["a".into()]),
        Err(Error::Tensor(TensorError::Shape { .. }))
    ));
    assert!(matches!(
        Dataset::new(three.clone(), three, vec!["a".into()]),
        Err(Error::Tensor(TensorError::DTypeMismatch { .. }))
    ));
    Ok(())
}

#[test]
fn scales() -> Result<()> {
    let x = Tensor::new(&[[1.0, -4.0, 7.0], [3.0, 0.0, 7.0], [8.0, 1.0, 7.0]], &Device::Cpu)?;
    let scaled = Scaler::standard(&x)?.apply(&x)?.t()?.to_vec2::<f64>()?;
    for column in &scaled[..2] {
        close("mean", &[column.iter().sum::<f64>()], &[0.0], 1e-14);
        close("variance", &[column.iter().map(|v| v * v).sum::<f64>() / 3.0], &[1.0], 1e-14);
    }
    assert_eq!(scaled[2], [0.0; 3]);
    let range = Scaler::range(&x, 0.0, std::f64::consts::PI)?;
    let scaled = range.apply(&x)?.t()?.to_vec2::<f64>()?;
    close("range", &scaled[0], &[0.0, std::f64::consts::PI * 2.0 / 7.0, std::f64::consts::PI], 1e-14);
    close("range", &scaled[1], &[0.0, std::f64::consts::PI * 0.8, std::f64::consts::PI], 1e-14);
    close("range", &scaled[2], &[0.0; 3], 1e-14);
    close("and back", &range.invert(&range.apply(&x)?)?.flatten_all()?.to_vec1()?, &x.flatten_all()?.to_vec1()?, 1e-14);
    let shifted = Scaler::range(&x, -1.0, 1.0)?.apply(&x)?.t()?.to_vec2::<f64>()?;
    close("from -1 to 1", &shifted[0], &[-1.0, -3.0 / 7.0, 1.0], 1e-14);
    close("constant", &shifted[2], &[-1.0; 3], 1e-14);

    // The mean of equal numbers is rounded: none of them may look like a deviation.
    for count in 1..40 {
        let same = Tensor::full(0.1f64, (count, 1), &Device::Cpu)?;
        for scaler in [Scaler::standard(&same)?, Scaler::range(&same, 0.0, 1.0)?] {
            assert_eq!(scaler.apply(&same)?.sum_all()?.to_scalar::<f64>()?, 0.0, "{count}");
            close("scale", &scaler.scale.to_vec1()?, &[1.0], 0.0);
        }
    }
    // Units that are 0 or infinite in the samples' dtype.
    let halves = Tensor::new(&[[0f32], [1e-6]], &Device::Cpu)?.to_dtype(DType::F16)?;
    let unscaled = |scaler: candlewick::Result<Scaler>| {
        matches!(scaler, Err(Error::Data(DataError::FeatureNumber { what: "scale", feature: 0, .. })))
    };
    assert!(unscaled(Scaler::range(&halves, 0.0, 1e4)));
    let wide = Tensor::new(&[[-1e200f64], [1e200]], &Device::Cpu)?;
    assert!(unscaled(Scaler::standard(&wide)));
    for (row, column, value) in [(1, 2, f64::NAN), (0, 0, f64::INFINITY)] {
        let mut values = vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]];
        values[row][column] = value;
        let bad = Tensor::new(values, &Device::Cpu)?;
        for scaler in [Scaler::standard(&bad), Scaler::range(&bad, 0.0, 1.0)] {
            let error = scaler.expect_err("not finite");
            assert!(
                matches!(error, Error::Tensor(TensorError::FeatureNotFinite { feature, sample, .. }) if (sample, feature) == (row, column))
            );
        }
    }
    assert!(matches!(Scaler::uniform(3, 1e-60), Err(Error::Setting { .. })));
    assert!(matches!(Scaler::uniform(1 << 60, 1.0), Err(Error::Memory(MemoryError::Numbers { .. }))));
    // One made in F32 scales samples of another dtype.
    assert_eq!(Scaler::uniform(3, 2.0)?.apply(&x)?.to_vec2::<f64>()?[0], [0.5, -2.0, 3.5]);

    assert!(matches!(range.apply(&x.narrow(1, 0, 2)?), Err(Error::Tensor(TensorError::Shape { .. }))));
    assert!(matches!(Scaler::standard(&x.narrow(0, 0, 0)?), Err(Error::Setting { .. })));
    assert!(matches!(Scaler::standard(&(&x / 0.0)?), Err(Error::Tensor(TensorError::FeatureNotFinite { .. }))));
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        assert!(matches!(Scaler::range(&x, low, high), Err(Error::Setting { .. })));
    }
    for unit in [0.0, f64::NAN] {
        assert!(matches!(Scaler::uniform(3, unit), Err(Error::Setting { .. })));
    }
    Ok(())
}

#[test]
fn centers_are_spread() -> Result<()> {
    let cloud =
        rows(&blobs(500, BlobsConfig { centers: 500, features: 4, deviation: 0.0, seed: 3, ..Default::default() })?)?;
    let all: Vec<f64> = cloud.into_iter().flat_map(|(_, row)| row).collect();
    let (mean, square) = (all.iter().sum::<f64>() / 2000.0, all.iter().map(|v| v * v).sum::<f64>() / 2000.0);
    // Uniform in [-1, 1]: mean 0, mean square 1/3; five standard errors.
    assert!(mean.abs() < 5.0 * (1.0f64 / 3.0 / 2000.0).sqrt(), "{mean}");
    assert!((square - 1.0 / 3.0).abs() < 5.0 * (4.0f64 / 45.0 / 2000.0).sqrt(), "{square}");
    Ok(())
}

#[test]
fn shuffled_sets_and_strided_tensors() -> Result<()> {
    let all = Dataset::from_csv(include_str!("../../examples/data/iris.csv"))?;
    assert_eq!(all.take(30)?.y.to_vec1::<u32>()?, [0; 30]);
    let kept = all.split(0.2, 1)?.train;
    let shuffled = kept.shuffled(4)?;
    let counts = |set: &Dataset, class| set.y.to_vec1::<u32>().map(|y| y.iter().filter(|&&of| of == class).count());
    for class in 0..3 {
        assert_eq!(counts(&shuffled, class)?, 40);
        assert!(counts(&shuffled.take(60)?, class)? > 8);
    }
    assert_eq!(rows(&kept.shuffled(4)?)?, rows(&shuffled)?);
    assert_ne!(rows(&kept.shuffled(5)?)?, rows(&shuffled)?);
    let two = all.clone().with_x(all.x.narrow(1, 1, 2)?)?;
    assert_eq!(two.split(0.2, 1)?.train.x.to_vec2::<f32>()?, kept.x.narrow(1, 1, 2)?.to_vec2::<f32>()?);
    let mut strange = all;
    strange.y = (&strange.y + 7.0)?;
    assert!(matches!(strange.split(0.2, 1), Err(Error::Data(DataError::Label { .. }))));
    Ok(())
}

/// A cloud with known axes: three directions at right angles with deviations 5, 2 and 0.1.
#[test]
fn principal_components() -> Result<()> {
    let axes =
        [[2.0 / 3.0, -1.0 / 3.0, 2.0 / 3.0], [2.0 / 3.0, 2.0 / 3.0, -1.0 / 3.0], [-1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]];
    let deviations = [5.0, 2.0, 0.1];
    let raw = blobs(4000, BlobsConfig { centers: 1, features: 3, deviation: 1.0, seed: 2, ..Default::default() })?
        .x
        .to_dtype(DType::F64)?;
    // Whitened, so that the covariances are exactly those of the construction.
    let centerd = raw.broadcast_sub(&raw.mean(0)?)?.to_vec2::<f64>()?;
    let mut columns: Vec<Vec<f64>> = (0..3).map(|k| centerd.iter().map(|row| row[k]).collect()).collect();
    for k in 0..3 {
        for before in 0..k {
            let (done, rest) = columns.split_at_mut(k);
            let overlap: f64 = done[before].iter().zip(&rest[0]).map(|(a, b)| a * b).sum();
            rest[0].iter_mut().zip(&done[before]).for_each(|(b, a)| *b -= overlap * a);
        }
        let norm = columns[k].iter().map(|v| v * v).sum::<f64>().sqrt();
        columns[k].iter_mut().for_each(|v| *v /= norm);
    }
    let entry = |sample: usize, feature: usize| -> f64 {
        10.0 + (0..3).map(|k| deviations[k] * columns[k][sample] * axes[k][feature]).sum::<f64>()
    };
    let x: Vec<f64> =
        (0..4000).flat_map(|sample| (0..3).map(move |feature| (sample, feature))).map(|(s, f)| entry(s, f)).collect();
    let x = Tensor::from_vec(x, (4000, 3), &Device::Cpu)?;
    let pca = Pca::new(&x, 2)?;
    let total = 25.0 + 4.0 + 0.01;
    close("explained", pca.explained(), &[25.0 / total, 4.0 / total], 1e-12);
    let directions = pca.directions().t()?.to_vec2::<f64>()?;
    for (direction, axis) in directions.iter().zip(&axes) {
        // The largest entry is positive; two of the same size are told apart by rounding alone.
        let sign = direction.iter().zip(axis).map(|(a, b)| a * b).sum::<f64>();
        close("along the axis", &[sign.abs()], &[1.0], 1e-12);
        let largest = direction.iter().fold(0.0f64, |m, v| if v.abs() > m.abs() + 1e-9 { *v } else { m });
        assert!(largest > 0.0);
    }
    let coordinates = pca.apply(&x)?.t()?.to_vec2::<f64>()?;
    for k in 0..2 {
        let sign = if directions[k].iter().zip(&axes[k]).map(|(a, b)| a * b).sum::<f64>() > 0.0 { 1.0 } else { -1.0 };
        let expected: Vec<f64> = columns[k].iter().map(|v| sign * deviations[k] * v).collect();
        close("coordinates", &coordinates[k], &expected, 1e-11);
    }

    let refused = |result: candlewick::Result<Pca>| matches!(result, Err(Error::Setting { .. }));
    assert!(refused(Pca::new(&x, 0)) && refused(Pca::new(&x, 4)) && refused(Pca::new(&x.narrow(0, 0, 0)?, 1)));
    let tall: Vec<f64> = (0..2 * 1500).map(|at| if at == 2 * 1234 + 1 { f64::NAN } else { at as f64 }).collect();
    let error = Pca::new(&Tensor::from_vec(tall, (1500, 2), &Device::Cpu)?, 1).expect_err("not finite");
    assert!(matches!(error, Error::Tensor(TensorError::FeatureNotFinite { sample: 1234, feature: 1, .. })), "{error}");
    assert!(matches!(Pca::new(&(&x / 0.0)?, 1), Err(Error::Tensor(TensorError::FeatureNotFinite { .. }))));
    assert_eq!(Pca::new(&(&x * 0.0)?, 1)?.explained(), [0.0]);
    Ok(())
}

/// Numbers that no memory holds, or that no features are counted for, are refused before anything is taken.
#[test]
fn absurd_numbers_of_samples() -> Result<()> {
    for (samples, features) in [(usize::MAX, 0), (1 << 40, 0), (1 << 40, 2), (usize::MAX, usize::MAX)] {
        assert!(matches!(
            blobs(samples, BlobsConfig { features, seed: 1, ..Default::default() }),
            Err(Error::Memory(MemoryError::Numbers { .. }))
        ));
    }
    let (count, names) = (1usize << 40, vec!["all".to_owned()]);
    let x = Tensor::zeros((1, 1), DType::F32, &Device::Cpu)?.broadcast_as((count, 1))?;
    let y = Tensor::zeros(1, DType::U32, &Device::Cpu)?.broadcast_as(count)?;
    assert!(matches!(Dataset::new(x, y, names), Err(Error::Memory(MemoryError::Numbers { .. }))));
    Ok(())
}
