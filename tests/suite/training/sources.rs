//! Samples that are loaded batch by batch, against the same samples in memory.

use super::*;
use candlewick::train::BatchSource;

/// A file of rows, of which a batch's rows alone are in memory.
struct Rows {
    file: PathBuf,
    samples: usize,
    most: Cell<usize>,
}

impl Rows {
    const WIDTH: usize = 12;

    /// Writes features and labels, three numbers of four bytes a row.
    fn write(name: &str, set: &Dataset) -> Result<Self> {
        let file = folder(name)?.join("rows");
        let (x, y) = (set.x.to_vec2::<f32>()?, set.y.to_vec1::<u32>()?);
        let row = |(x, y): (&Vec<f32>, &u32)| [x[0].to_le_bytes(), x[1].to_le_bytes(), y.to_le_bytes()].concat();
        std::fs::write(&file, x.iter().zip(&y).flat_map(row).collect::<Vec<u8>>())?;
        Ok(Self { file, samples: y.len(), most: Cell::new(0) })
    }
}

impl BatchSource for Rows {
    fn samples(&self) -> usize {
        self.samples
    }

    fn batch(&self, samples: &[u32]) -> Result<(Tensor, Tensor)> {
        use std::io::{Read, Seek, SeekFrom};
        self.most.set(self.most.get().max(samples.len()));
        let mut file = std::fs::File::open(&self.file)?;
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for &sample in samples {
            let mut row = [[0; 4]; 3];
            file.seek(SeekFrom::Start(u64::from(sample) * Self::WIDTH as u64))?;
            row.iter_mut().try_for_each(|number| file.read_exact(number))?;
            x.extend([f32::from_le_bytes(row[0]), f32::from_le_bytes(row[1])]);
            y.push(u32::from_le_bytes(row[2]));
        }
        Ok((Tensor::from_vec(x, (samples.len(), 2), &Device::Cpu)?, Tensor::new(y, &Device::Cpu)?))
    }
}

/// A run on a file is the run in memory, bit for bit, and so is a run that was stopped and continued.
#[test]
fn a_file_of_samples_is_the_samples_in_memory() -> Result<()> {
    let (train, test) = data(DType::F32)?;
    let (train_rows, test_rows) = (Rows::write("rows-train", &train)?, Rows::write("rows-test", &test)?);
    let kept = folder("rows-run")?;
    let config = |resume, folder: Option<&PathBuf>| TrainConfig {
        epochs: 4,
        batch_size: 7,
        seed: 9,
        resume,
        folder: folder.cloned(),
        ..Default::default()
    };
    let run = |config: TrainConfig, from_file: bool, stop_after: usize| -> Result<(Vec<Epoch>, Vec<Vec<f64>>)> {
        let (network, flag, steps) = (network(DType::F32)?, AtomicBool::new(false), Cell::new(0));
        let mut optimizer = adam(&network)?;
        let training = Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config);
        let training = training.metric("accuracy", accuracy).stop_when(&flag).on_step(|_, _| {
            steps.set(steps.get() + 1);
            flag.store(steps.get() >= stop_after, Ordering::Relaxed);
            Ok(())
        });
        let history = match from_file {
            true => training.run_on(&train_rows, Some(&test_rows))?,
            false => training.run((&train.x, &train.y), Some((&test.x, &test.y)))?,
        };
        Ok((scores(&history), weights(&network)?))
    };
    let expected = run(config(false, None), false, usize::MAX)?;
    assert_eq!(run(config(false, None), true, usize::MAX)?, expected);
    run(config(false, Some(&kept)), true, 13)?;
    assert_eq!(run(config(true, Some(&kept)), true, usize::MAX)?, expected);
    assert_eq!((train_rows.most.get(), test_rows.most.get()), (7, 7));
    for name in ["rows-train", "rows-test", "rows-run"] {
        std::fs::remove_dir_all(folder(name)?)?;
    }
    Ok(())
}

/// Sources that cannot be trained on: none or too many samples, batches of another size, a failure of their own.
#[test]
fn sources_that_are_refused() -> Result<()> {
    struct Wrong(usize, usize);
    impl BatchSource for Wrong {
        fn samples(&self) -> usize {
            self.0
        }
        fn batch(&self, samples: &[u32]) -> Result<(Tensor, Tensor)> {
            if self.1 == 0 {
                candle_core::bail!("the disk is gone")
            }
            let rows = samples.len();
            Ok((Tensor::zeros((rows, 2), DType::F32, &Device::Cpu)?, Tensor::zeros(self.1, DType::U32, &Device::Cpu)?))
        }
    }
    let run = |source: Wrong| {
        let network = network(DType::F32)?;
        let mut optimizer = adam(&network)?;
        let config = TrainConfig { epochs: 1, batch_size: 4, ..Default::default() };
        Training::new(&network, &network.varmap, &mut optimizer, cross_entropy, config).run_on(&source, None)
    };
    for samples in [0, usize::MAX, 1 << 32] {
        let error = run(Wrong(samples, 4)).unwrap_err();
        assert!(matches!(error, Error::Setting { setting: "samples", .. }), "{error}");
    }
    let error = run(Wrong(12, 5)).unwrap_err();
    assert!(matches!(error, Error::Tensor(TensorError::Shape { what: "the targets of a batch", .. })), "{error}");
    let error = run(Wrong(12, 0)).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    Ok(())
}
