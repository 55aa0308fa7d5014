//! Scores of runs as a picture.

use super::history::LOSS;
use super::{Epoch, History, Score};
use crate::plot::{Color, Figure, Panel};
use std::ops::Range;

impl History {
    /// Makes a picture of runs: their losses, and each of their metrics beside them. Solid lines are the validation set,
    /// dashed lines the training set; a diamond is at the best epoch if there is a validation set. The loss has a logarithmic scale if it is positive
    /// and spans more than a decade. [`Figure::note`] adds a line about data and results, [`Figure::save`] writes the
    /// picture.
    #[cfg_attr(docsrs, doc(cfg(feature = "plot")))]
    pub fn figure(title: &str, runs: &[(&str, &History)]) -> Figure {
        let mut names = vec![LOSS];
        for name in runs.iter().flat_map(|(_, history)| &history.metrics) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.into_iter().fold(Figure::new(title), |figure, name| figure.panel(panel(name, runs)))
    }

    /// Returns the index of a metric, `None` for the loss; `None` around it if there is no such score.
    fn index(&self, name: &str) -> Option<Option<usize>> {
        match name {
            LOSS => Some(None),
            _ => self.metrics.iter().position(|metric| metric == name).map(Some),
        }
    }
}

fn panel(name: &str, runs: &[(&str, &History)]) -> Panel {
    let mut panel = Panel::new("").axes("epoch", name).counting();
    let (mut values, mut has_best) = (Vec::new(), false);
    for (run, (label, history)) in runs.iter().enumerate() {
        let Some(index) = history.index(name) else { continue };
        // Violet and teal come first, as in the other pictures that compare networks.
        let color = Color::nth(if run < 4 { 3 - run } else { run });
        let points = |score: fn(&Epoch) -> Option<&Score>| -> Vec<(f64, f64)> {
            let point = |(k, epoch)| Some(((k + 1) as f64, score(epoch)?.value(index)));
            history.epochs.iter().enumerate().filter_map(point).collect()
        };
        let (train, validation) = (points(|epoch| Some(&epoch.train)), points(|epoch| epoch.validation.as_ref()));
        values.extend(train.iter().chain(&validation).map(|point| point.1));
        panel = panel.dashes(format!("{label}, training"), color, &train);
        if !validation.is_empty() {
            panel = panel.line(format!("{label}, validation"), color, &validation);
        }
        // A training set chooses no epoch.
        if let Some(best) = history.best.and_then(|best| validation.get(best)) {
            panel = panel.diamonds("", color, &[*best]);
            has_best = true;
        }
    }
    if has_best {
        // One entry of the legend for all colours.
        panel = panel.diamonds("best epoch", Color::GRAY, &[]);
    }
    let range = range(&values);
    if name == LOSS {
        // An energy may be below 0, which a logarithmic scale cannot show.
        return if range.start > 0.0 && range.end > 10.0 * range.start { panel.logarithmic() } else { panel };
    }
    match (0.0..=1.0).contains(&range.start) && range.end <= 1.0 && range.start < range.end {
        // Fractions are not above 1.
        true => {
            let margin = 0.06 * (range.end - range.start);
            panel.y_range((range.start - margin).max(0.0)..(range.end + margin).min(1.0))
        }
        false => panel,
    }
}

/// Returns the range of the finite values; an empty range at NaN if there are none.
fn range(values: &[f64]) -> Range<f64> {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold(f64::NAN..f64::NAN, |range, &value| range.start.min(value)..range.end.max(value))
}
