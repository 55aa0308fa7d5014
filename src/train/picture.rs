//! Scores of runs as a picture.

use super::history::LOSS;
use super::{Epoch, History, Score};
use crate::plot::{Color, Figure, Panel};
use std::ops::Range;

impl History {
    /// Makes a picture of runs: their losses, and each of their metrics beside them. Solid lines are the validation set,
    /// dashed lines the training set; a diamond is at the best epoch if there is a validation set. The loss has a logarithmic scale if it is positive
    /// and spans more than a decade. Metrics from 0 to 1 are seen from the least value behind the first tenth of the epochs, so that the ends
    /// of the curves can be told apart. A learning rate that changes has a panel, too. The note tells the best epochs;
    /// [`Figure::note`] replaces it by a line about data, seed and results.
    #[cfg_attr(docsrs, doc(cfg(feature = "plot")))]
    pub fn figure(title: &str, runs: &[(&str, &History)]) -> Figure {
        let mut names = vec![LOSS];
        for name in runs.iter().flat_map(|(_, history)| &history.metrics) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let figure = Figure::new(title).note(note(runs));
        let figure = names.into_iter().fold(figure, |figure, name| figure.panel(panel(name, runs)));
        match rates(runs) {
            Some(rates) => figure.panel(rates),
            None => figure,
        }
    }

    /// Returns the index of a metric, `None` for the loss; `None` around it if there is no such score.
    fn index(&self, name: &str) -> Option<Option<usize>> {
        match name {
            LOSS => Some(None),
            _ => self.metrics.iter().position(|metric| metric == name).map(Some),
        }
    }
}

/// Returns the best epochs in words.
fn note(runs: &[(&str, &History)]) -> String {
    let best = |(label, history): &(&str, &History)| {
        let (epoch, score) = (history.best?, history.monitored(history.best_epoch()?));
        Some(format!("{label} {} ({} {score:.4})", epoch + 1, history.monitor.name))
    };
    match runs.iter().filter_map(best).collect::<Vec<_>>() {
        best if best.is_empty() => String::new(),
        best => format!("best epoch: {}", best.join(", ")),
    }
}

/// Draws the learning rates, if one of them changes.
fn rates(runs: &[(&str, &History)]) -> Option<Panel> {
    let rates = |history: &History| history.epochs.iter().map(|epoch| epoch.learning_rate).collect::<Vec<_>>();
    let changes = |(_, history): &(&str, &History)| rates(history).windows(2).any(|pair| pair[0] != pair[1]);
    if !runs.iter().any(changes) {
        return None;
    }
    let mut panel = Panel::new("").axes("epoch", "learning rate").counting();
    let mut values = Vec::new();
    for (run, (label, history)) in runs.iter().enumerate() {
        let rates = rates(history);
        let points: Vec<(f64, f64)> = (1..).map(f64::from).zip(rates.iter().copied()).collect();
        values.extend(rates);
        panel = panel.line(label.to_string(), color(run), &points);
    }
    Some(if spans_a_decade(&range(&values)) { panel.logarithmic() } else { panel })
}

/// Returns the colour of a run. Violet and teal come first, as in the other pictures that compare networks.
fn color(run: usize) -> Color {
    Color::nth(if run < 4 { 3 - run } else { run })
}

fn spans_a_decade(range: &Range<f64>) -> bool {
    range.start > 0.0 && range.end > 10.0 * range.start
}

fn panel(name: &str, runs: &[(&str, &History)]) -> Panel {
    let mut panel = Panel::new("").axes("epoch", name).counting();
    let (mut values, mut late, mut has_best) = (Vec::new(), Vec::new(), false);
    for (run, (label, history)) in runs.iter().enumerate() {
        let Some(index) = history.index(name) else { continue };
        let color = color(run);
        let points = |score: fn(&Epoch) -> Option<&Score>| -> Vec<(f64, f64)> {
            let point = |(k, epoch)| Some(((k + 1) as f64, score(epoch)?.value(index)));
            history.epochs.iter().enumerate().filter_map(point).collect()
        };
        let (train, validation) = (points(|epoch| Some(&epoch.train)), points(|epoch| epoch.validation.as_ref()));
        let early = history.epochs.len() / 10;
        values.extend(train.iter().chain(&validation).map(|point| point.1));
        late.extend(train.iter().skip(early).chain(validation.iter().skip(early)).map(|point| point.1));
        panel = panel.dashes(format!("{label}, training"), color, &train);
        if !validation.is_empty() {
            panel = panel.line(format!("{label}, validation"), color, &validation);
        }
        // A training set chooses no epoch.
        if let Some(best) = history.best.and_then(|best| validation.get(best)) {
            late.push(best.1);
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
        return if spans_a_decade(&range) { panel.logarithmic() } else { panel };
    }
    match (0.0..=1.0).contains(&range.start) && range.end <= 1.0 && self::range(&late).start < range.end {
        // Fractions are not above 1.
        true => {
            let start = self::range(&late).start;
            let margin = 0.06 * (range.end - start);
            panel.y_range((start - margin).max(0.0)..(range.end + margin).min(1.0))
        }
        false => panel,
    }
}

/// Returns the range of the finite values; an empty range at NaN if there are none.
fn range(values: &[f64]) -> Range<f64> {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold(f64::NAN..f64::NAN, |range, &value| range.start.min(value)..range.end.max(value))
}
