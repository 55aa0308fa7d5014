//! Metrics of a set against scikit-learn, whose numbers were computed by version 1.9.1 (numpy 2.4.6) from the same
//! predictions: `accuracy_score`, `balanced_accuracy_score`, `f1_score`, `precision_recall_fscore_support`,
//! `classification_report`, `roc_auc_score`, `roc_curve`, `r2_score`, `mean_absolute_error`, `mean_squared_error`.

use crate::lab::close;
use candle_core::{DType, Device, Result, Tensor};
use candlewick::Error;
use candlewick::error::{DataError, MemoryError, TensorError};

use candlewick::metrics::{
    ClassScores, Confusion, RocCurve, accuracy, balanced_accuracy, binary_accuracy, macro_f1, mean_absolute_error,
    mean_squared_error, predictions, r2, roc_auc, weighted_f1,
};

const LABELS: [u32; 12] = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 1];

fn logits() -> Result<Tensor> {
    let rows = [
        [2.0, 0.0, 1.0],
        [1.5, 1.0, 0.0],
        [0.0, 2.0, 1.0],
        [0.5, 0.5, 0.2],
        [3.0, -1.0, 0.0],
        [0.0, 1.0, 0.5],
        [1.0, 0.0, 2.0],
        [0.25, 2.0, 0.25],
        [0.0, 1.0, 3.0],
        [2.0, 1.5, 0.0],
        [-1.0, 0.0, 0.5],
        [1.0, 1.0, 0.0],
    ];
    Tensor::new(&rows, &Device::Cpu)
}

fn labels() -> Result<Tensor> {
    Tensor::new(&LABELS, &Device::Cpu)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn columns(scores: &[ClassScores]) -> [Vec<f64>; 3] {
    [|of: &ClassScores| of.precision, |of: &ClassScores| of.recall, |of: &ClassScores| of.f1]
        .map(|column| scores.iter().map(column).collect())
}

#[test]
fn classes_are_scored_as_scikit_learn_does() -> Result<()> {
    let confusion = Confusion::of_outputs(&names(&["well", "ill", "very ill"]), &logits()?, &labels()?)?;
    assert_eq!(confusion.rows().collect::<Vec<_>>(), [[4, 1, 0], [1, 2, 1], [1, 0, 2]]);
    assert_eq!((confusion.samples(), confusion.count(1, 2), confusion.count(3, 0)), (12, Some(1), None));
    let scores = confusion.class_scores();
    let [precision, recall, f1] = columns(&scores);
    close("precision", &precision, &[0.6666666666666666; 3], 1e-12);
    close("recall", &recall, &[0.8, 0.5, 0.6666666666666666], 1e-12);
    close("F1", &f1, &[0.7272727272727273, 0.5714285714285714, 0.6666666666666666], 1e-12);
    assert_eq!(scores.iter().map(|of| of.support).collect::<Vec<_>>(), [5, 4, 3]);
    let [precision, recall, f1] = columns(&[confusion.macro_average(), confusion.weighted_average()]);
    close("mean precision", &precision, &[0.6666666666666666; 2], 1e-12);
    close("mean recall", &recall, &[0.6555555555555556, 0.6666666666666666], 1e-12);
    close("mean F1", &f1, &[0.6551226551226551, 0.6601731601731602], 1e-12);
    close("accuracy", &[confusion.accuracy()], &[0.6666666666666666], 1e-12);
    close("balanced accuracy", &[confusion.balanced_accuracy()], &[0.6555555555555556], 1e-12);

    let (x, y) = (logits()?, labels()?);
    for (x, y) in [(x.clone(), y.clone()), (x.to_dtype(DType::F32)?, y.to_dtype(DType::I64)?)] {
        let both = [macro_f1(&x, &y)?, weighted_f1(&x, &y)?, balanced_accuracy(&x, &y)?];
        close("of outputs", &both, &[0.6551226551226551, 0.6601731601731602, 0.6555555555555556], 1e-12);
    }
    close("accuracy", &[accuracy(&x, &y)?], &[0.6666666666666666], 1e-12);
    Ok(())
}

#[test]
fn the_report_is_scikit_learns() -> Result<()> {
    let confusion = Confusion::of_outputs(&names(&["well", "ill", "very ill"]), &logits()?, &labels()?)?;
    let two = "              precision    recall  f1-score   support

        well       0.67      0.80      0.73         5
         ill       0.67      0.50      0.57         4
    very ill       0.67      0.67      0.67         3

    accuracy                           0.67        12
   macro avg       0.67      0.66      0.66        12
weighted avg       0.67      0.67      0.66        12
";
    assert_eq!(confusion.to_string(), two);
    let four = format!("{confusion:.4}");
    assert!(four.contains("\n        well     0.6667    0.8000    0.7273         5\n"), "{four}");
    assert!(four.contains("\n    accuracy                         0.6667        12\n"), "{four}");
    // Classes without samples, of which none was predicted either.
    let sparse = Confusion::new(&names(&["a", "b", "c", "d"]), &[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0])?;
    let report = sparse.to_string();
    assert!(report.contains("\n           c       0.00      0.00      0.00         0\n"), "{report}");
    assert!(report.contains("\n   macro avg       0.29      0.29      0.29         5\n"), "{report}");
    assert!(report.contains("\nweighted avg       0.60      0.60      0.60         5\n"), "{report}");
    close("balanced accuracy", &[sparse.balanced_accuracy()], &[0.5833333333333333], 1e-12);
    // A class that is never predicted.
    let unseen = Confusion::new(&names(&["a", "b", "c"]), &[0, 1, 2, 2], &[0, 0, 2, 2])?;
    let [precision, recall, f1] = columns(&unseen.class_scores());
    close("precision", &precision, &[0.5, 0.0, 1.0], 1e-12);
    close("recall", &recall, &[1.0, 0.0, 1.0], 1e-12);
    close("F1", &f1, &[0.6666666666666666, 0.0, 1.0], 1e-12);
    close("macro F1", &[unseen.macro_average().f1], &[0.5555555555555555], 1e-12);
    Ok(())
}

#[test]
fn areas_are_scikit_learns() -> Result<()> {
    close("one against the rest", &[roc_auc(&logits()?, &labels()?)?], &[0.7146329365079366], 1e-12);
    // Ties across the classes.
    let scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.4, 0.2, 0.65, 0.35];
    let targets = [0u32, 0, 1, 1, 1, 1, 0, 0, 0, 1];
    let curve = RocCurve::new(&scores, &targets.map(|target| target == 1))?;
    close("area", &[curve.auc()], &[0.68], 1e-12);
    let (false_rates, true_rates): (Vec<f64>, Vec<f64>) = curve.points().iter().copied().unzip();
    close("false positives", &false_rates, &[0.0, 0.0, 0.0, 0.2, 0.6, 0.6, 0.8, 1.0], 1e-12);
    close("true positives", &true_rates, &[0.0, 0.2, 0.4, 0.4, 0.6, 1.0, 1.0, 1.0], 1e-12);
    assert_eq!(curve.thresholds(), [f64::INFINITY, 0.9, 0.8, 0.65, 0.4, 0.35, 0.2, 0.1]);
    // Two columns, one column, no column.
    let one = Tensor::new(&scores, &Device::Cpu)?;
    let two = Tensor::stack(&[one.zeros_like()?, one.clone()], 1)?;
    let labels = Tensor::new(&targets, &Device::Cpu)?;
    let float = labels.to_dtype(DType::F64)?;
    let areas = [
        roc_auc(&two, &labels)?,
        roc_auc(&one, &labels)?,
        roc_auc(&one, &float)?,
        roc_auc(&one.unsqueeze(1)?, &float.unsqueeze(1)?)?,
    ];
    close("areas", &areas, &[0.68; 4], 1e-12);
    // The area is the fraction of pairs in order, by definition.
    let mut pairs = 0.0;
    for (a, _) in scores.iter().zip(&targets).filter(|(_, target)| **target == 1) {
        for (b, _) in scores.iter().zip(&targets).filter(|(_, target)| **target == 0) {
            pairs += if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            };
        }
    }
    close("pairs", &[pairs / 25.0], &[curve.auc()], 1e-15);
    // Logits far apart, whose probabilities are all 1 or 0 in F64.
    let far = Tensor::new(&[[0.0, 900.0], [0.0, 1000.0], [0.0, -1000.0], [0.0, 950.0]], &Device::Cpu)?;
    close("far", &[roc_auc(&far, &Tensor::new(&[0u32, 1, 0, 1], &Device::Cpu)?)?], &[1.0], 0.0);
    assert_eq!(RocCurve::new(&[0.0, -0.0], &[true, false])?.auc(), 0.5);
    assert_eq!(RocCurve::new(&[f64::INFINITY, f64::NEG_INFINITY], &[true, false])?.auc(), 1.0);
    Ok(())
}

#[test]
fn errors_of_a_regression_are_scikit_learns() -> Result<()> {
    let outputs = Tensor::new(&[[3.1, -1.0], [0.2, 2.0], [5.5, 0.3], [-2.0, 4.4]], &Device::Cpu)?;
    let targets = Tensor::new(&[[3.0, -0.5], [-0.5, 2.0], [6.0, 0.0], [-1.5, 4.0]], &Device::Cpu)?;
    let first = |of: &Tensor| of.narrow(1, 0, 1)?.squeeze(1);
    let found = [
        r2(&outputs, &targets)?,
        r2(&first(&outputs)?, &first(&targets)?)?,
        mean_absolute_error(&outputs, &targets)?,
        mean_squared_error(&outputs, &targets)?,
    ];
    let expected = [0.9661111693393425, 0.9716312056737588, 0.37500000000000006, 0.18750000000000003];
    close("regression", &found, &expected, 1e-12);
    let tensor = |values: &[f64]| Tensor::new(values, &Device::Cpu);
    let constant = tensor(&[1.0, 1.0])?;
    assert_eq!([r2(&constant, &constant)?, r2(&tensor(&[1.0, 2.0])?, &constant)?], [1.0, 0.0]);
    assert!(mean_squared_error(&tensor(&[f64::NAN, 1.0])?, &constant)?.is_nan());
    assert!(r2(&tensor(&[f64::NAN, 1.0])?, &tensor(&[0.0, 1.0])?)?.is_nan());
    for metric in [r2, mean_absolute_error, mean_squared_error] {
        assert!(metric(&constant, &outputs).is_err() && metric(&tensor(&[])?, &tensor(&[])?).is_err());
    }
    assert!(r2(&outputs.reshape((2, 2, 2))?, &targets.reshape((2, 2, 2))?).is_err());
    Ok(())
}

#[test]
fn sets_that_have_no_score() -> Result<()> {
    let classes = names(&["a", "b", "c"]);
    let confusion = |labels: &[u32], predictions: &[u32]| Confusion::new(&classes, labels, predictions);
    assert!(matches!(confusion(&[], &[]), Err(Error::Setting { setting: "samples", .. })));
    assert!(matches!(confusion(&[0], &[0, 1]), Err(Error::Tensor(TensorError::Shape { .. }))));
    for (labels, predictions) in [([0, 3], [0, 0]), ([0, 0], [0, 3])] {
        assert!(matches!(
            confusion(&labels, &predictions),
            Err(Error::Data(DataError::Label { sample: 1, classes: 3 }))
        ));
    }
    let many = vec![String::new(); 1_000_000];
    assert!(matches!(Confusion::new(&many, &[0], &[0]), Err(Error::Memory(MemoryError::Numbers { .. }))));
    let (x, y) = (logits()?, labels()?);
    let poisoned = (&x / 0.0)?;
    assert!(matches!(
        Confusion::of_outputs(&classes, &poisoned, &y),
        Err(Error::Tensor(TensorError::OutputNotFinite { sample: 0, output: 0, .. }))
    ));
    // In a training, outputs that are no numbers have no score, and are no error.
    for metric in [accuracy, balanced_accuracy, macro_f1, weighted_f1, roc_auc] {
        assert!(metric(&poisoned, &y)?.is_nan());
        assert!(metric(&x, &y.narrow(0, 0, 3)?).is_err());
    }
    assert!(Confusion::of_outputs(&classes[..2], &x, &y).is_err());
    for metric in [balanced_accuracy, macro_f1, roc_auc] {
        let error = Error::from(metric(&x, &(&y + 1.0)?).unwrap_err());
        assert!(matches!(error, Error::Data(DataError::Label { classes: 3, .. })), "{error}");
        let error = Error::from(metric(&x, &y.to_dtype(DType::F32)?).unwrap_err());
        assert!(matches!(error, Error::Tensor(TensorError::UnsupportedDType { .. })), "{error}");
    }
    let error = Error::from(roc_auc(&x, &(&y * 2.0)?.clamp(0u32, 2u32)?).unwrap_err());
    assert!(matches!(error, Error::Data(DataError::EmptyClass { class: 1, classes: 3 })), "{error}");
    let refused = |scores: &[f64], flags: &[bool]| RocCurve::new(scores, flags).unwrap_err();
    assert!(matches!(refused(&[1.0], &[true, false]), Error::Tensor(TensorError::Shape { .. })));
    let error = refused(&[1.0, f64::NAN], &[true, false]);
    assert!(matches!(error, Error::Tensor(TensorError::EntryNotFinite { row: 1, column: 0, .. })), "{error}");
    assert!(matches!(refused(&[1.0], &[true]), Error::Data(DataError::EmptyClass { class: 0, classes: 2 })));
    assert!(matches!(refused(&[], &[]), Error::Data(DataError::EmptyClass { class: 1, classes: 2 })));
    Ok(())
}

/// Outputs that belong to no class have no prediction, and labels that they cannot meet are errors.
#[test]
fn outputs_without_a_class() -> Result<()> {
    let cpu = &Device::Cpu;
    assert_eq!(predictions(&logits()?)?[..3], [0, 0, 1]);
    let spoiled = Tensor::new(&[[1.0f32, 2.0], [0.0, f32::NAN], [f32::INFINITY, 0.0]], cpu)?;
    let error = predictions(&spoiled).expect_err("a NaN");
    let Error::Tensor(TensorError::OutputNotFinite { sample: 1, output: 1, .. }) = error else { panic!("{error}") };
    let labels = Tensor::new(&[0u32, 1, 0], cpu)?;
    assert!(accuracy(&spoiled, &labels)?.is_nan());

    let column = Tensor::new(&[[0.3f32], [2.0], [-1.0]], cpu)?;
    let single = Error::from(accuracy(&column, &labels).expect_err("one class"));
    assert!(matches!(single, Error::Tensor(TensorError::Shape { what: "the outputs", .. })), "{single}");
    assert!(predictions(&column).is_err() && macro_f1(&column, &labels).is_err());
    let outputs = Tensor::new(&[[1.0f32, 2.0], [0.0, 1.0], [1.0, 0.0]], cpu)?;
    let beyond = Error::from(accuracy(&outputs, &Tensor::new(&[0u32, 7, 0], cpu)?).expect_err("label 7"));
    assert!(matches!(beyond, Error::Data(DataError::Label { sample: 1, classes: 2 })), "{beyond}");
    assert_eq!(accuracy(&outputs, &Tensor::new(&[1i64, 1, 1], cpu)?)?, 2.0 / 3.0);

    let targets = Tensor::new(&[1.0f32, f32::NAN, 0.0], cpu)?;
    assert!(binary_accuracy(&column.flatten_all()?, &targets)?.is_nan());
    let error = Error::from(roc_auc(&column, &targets).expect_err("a NaN as target"));
    assert!(matches!(error, Error::Data(DataError::Label { sample: 1, .. })), "{error}");
    Ok(())
}

/// Logits far apart are ranked as near ones are: the softmax of both is rounded to 1.
#[test]
fn areas_of_distant_logits() -> Result<()> {
    let near = Tensor::new(
        &[[9.5, 0.0, 1.0], [9.0, 0.5, 0.0], [0.0, 9.0, 1.0], [8.0, 9.4, 0.0], [0.0, 1.0, 9.0]],
        &Device::Cpu,
    )?;
    let labels = Tensor::new(&[0u32, 1, 1, 0, 2], &Device::Cpu)?;
    // Far apart, the logarithm of the odds is the difference from the largest of the other logits.
    let (rows, classes) = (near.to_vec2::<f64>()?, labels.to_vec1::<u32>()?);
    let odds = |row: &[f64], class: usize| {
        let others = row.iter().enumerate().filter(|(other, _)| *other != class);
        row[class] - others.map(|(_, logit)| *logit).fold(f64::NEG_INFINITY, f64::max)
    };
    let area = |class: usize| {
        let scores: Vec<f64> = rows.iter().map(|row| odds(row, class)).collect();
        let of = |is: bool| (0..5).filter(|k| (classes[*k] == class as u32) == is).collect::<Vec<_>>();
        let (members, others) = (of(true), of(false));
        let wins = members.iter().flat_map(|m| others.iter().map(move |o| (*m, *o)));
        let wins: f64 = wins.map(|(m, o)| 0.5 + 0.5 * scores[m].total_cmp(&scores[o]) as i8 as f64).sum();
        wins / (members.len() * others.len()) as f64
    };
    let expected = (0..3).map(area).sum::<f64>() / 3.0;
    close("area", &[roc_auc(&(&near * 100.0)?, &labels)?], &[expected], 1e-14);
    Ok(())
}

#[test]
fn determination_of_what_does_not_vary() -> Result<()> {
    let tensor = |values: &[f64]| Tensor::new(values, &Device::Cpu);
    assert!(r2(&tensor(&[f64::NAN, 1.0])?, &tensor(&[1.0, 1.0])?)?.is_nan());
    assert_eq!(r2(&tensor(&[0.2; 3])?, &tensor(&[0.1; 3])?)?, 0.0);
    assert_eq!(r2(&tensor(&[0.1; 3])?, &tensor(&[0.1; 3])?)?, 1.0);
    assert!(r2(&tensor(&[0.1])?, &tensor(&[0.1])?)?.is_nan());
    Ok(())
}
