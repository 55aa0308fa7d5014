//! Scores of runs as a picture.

use super::{Epoch, History, Score};
use crate::plot::{Color, Figure, Panel};

impl History {
    /// Makes a picture of runs: their losses, and their metrics beside them. Solid lines are the validation set, dashed
    /// lines the training set. [`Figure::save`] writes the picture.
    #[cfg_attr(docsrs, doc(cfg(feature = "plot")))]
    pub fn figure(title: &str, runs: &[(&str, &History)]) -> Figure {
        let losses = runs.iter().flat_map(|(_, history)| &history.epochs);
        let positive = losses.flat_map(|epoch| [Some(epoch.train), epoch.validation]).flatten().all(|s| s.loss > 0.0);
        let loss = panel("loss", runs, |score| Some(score.loss));
        // An energy may be below 0, which a logarithmic scale cannot show.
        let mut figure = Figure::new(title).panel(if positive { loss.logarithmic() } else { loss });
        if let Some(metric) = runs.iter().find_map(|(_, history)| history.metric.as_deref()) {
            figure = figure.panel(panel(metric, runs, |score| score.metric));
        }
        figure
    }
}

fn panel(name: &str, runs: &[(&str, &History)], value: fn(&Score) -> Option<f64>) -> Panel {
    let mut panel = Panel::new("").axes("epoch", name).counting();
    for (index, (run, history)) in runs.iter().enumerate() {
        // Violet and teal come first, as in the other pictures that compare networks.
        let color = Color::nth(if index < 4 { 3 - index } else { index });
        let points = |score: &dyn Fn(&Epoch) -> Option<Score>| -> Vec<(f64, f64)> {
            let point = |(k, epoch)| Some(((k + 1) as f64, value(&score(epoch)?)?));
            history.epochs.iter().enumerate().filter_map(point).collect()
        };
        let (train, validation) = (points(&|epoch| Some(epoch.train)), points(&|epoch| epoch.validation));
        panel = panel.dashes(format!("{run}, training"), color, &train);
        if !validation.is_empty() {
            panel = panel.line(format!("{run}, validation"), color, &validation);
        }
    }
    panel
}
