//! Spans and events of a run for the crate tracing, with the feature `tracing`.

/// Enters a span until the end of the block.
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)*) => {
        #[cfg(feature = "tracing")]
        let _span = tracing::span!(tracing::Level::$level, $name $(, $field = $value)*).entered();
    };
}

pub(super) use span;

use super::History;

/// Reports the last epoch.
#[cfg(feature = "tracing")]
pub(super) fn report_epoch(history: &History) {
    let Some(epoch) = history.last() else { return };
    tracing::info!(
        epoch = history.epochs.len(),
        train_loss = epoch.train.loss,
        train_metrics = ?epoch.train.metrics,
        validation_loss = epoch.validation.as_ref().map(|score| score.loss),
        validation_metrics = epoch.validation.as_ref().map(|score| tracing::field::debug(&score.metrics)),
        learning_rate = epoch.learning_rate,
        seconds = epoch.seconds,
        "epoch"
    );
}

#[cfg(not(feature = "tracing"))]
pub(super) fn report_epoch(_: &History) {}
