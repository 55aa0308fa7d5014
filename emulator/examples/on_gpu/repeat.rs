//! Runs what was wrong on a GPU once more, on the emulator.

use crate::cases::{self, Part, Ready};
use crate::engines;
use crate::lab::deviation;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Prints each case of a file of failures: how far the GPU was off, and how far the emulator is.
pub(crate) fn run(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("the file {}", file.display()))?;
    let records: Vec<Value> = serde_json::from_str(&text).with_context(|| format!("the file {}", file.display()))?;
    let trials = cases::all();
    println!("{} failures in {}", records.len(), file.display());
    for record in &records {
        let [name, engine] = ["case", "engine"].map(|key| record[key].as_str().unwrap_or_default());
        println!("\n{name}, {engine}");
        let Some(trial) = trials.iter().find(|trial| trial.name == name) else {
            println!("  this build has no such case");
            continue;
        };
        let [double, single] = engines::of_emulator();
        let emulated = if engine.ends_with("f64") { double } else { single };
        for part in Ready::new(trial).compare(trial, emulated) {
            println!("  {}", beside(record, &part));
        }
        if let Some(error) = record["error"].as_str() {
            println!("  on the GPU: {error}");
        }
    }
    Ok(())
}

/// Describes a quantity on the emulator and on the GPU, and where they differ the most.
fn beside(record: &Value, part: &Part) -> String {
    let there = record["parts"].as_array().into_iter().flatten().find(|there| there["part"] == part.name);
    let numbers: Vec<f64> = there
        .and_then(|there| there["got"].as_array())
        .into_iter()
        .flatten()
        .map(|v| v.as_f64().unwrap_or(f64::NAN))
        .collect();
    let emulated = format!("{}: the emulator is off by {:.1e}, allowed {:.1e}", part.name, part.off, part.allowed);
    if numbers.len() != part.wanted.len() {
        return emulated;
    }
    let off = |k: usize| (numbers[k] - part.wanted[k]).abs();
    let key = |k: usize| if off(k).is_nan() { f64::INFINITY } else { off(k) };
    let worst = (0..numbers.len()).max_by(|a, b| key(*a).total_cmp(&key(*b)));
    let worst = worst
        .map(|k| format!("; entry {k}: GPU {:e}, emulator {:e}, wanted {:e}", numbers[k], part.got[k], part.wanted[k]));
    format!("{emulated}; the GPU was off by {:.1e}{}", deviation(&numbers, &part.wanted), worst.unwrap_or_default())
}
