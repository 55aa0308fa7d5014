//! Prints what the check in Node compares with: predictions of a file, and the losses of a training, as JSON.
//!
//!     native MODEL.safetensors

use candlewick_web::{Loaded, Training};
use serde_json::json;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("a file of a model is needed")?;
    let text = |_| "an error of candlewick";
    let loaded = Loaded::new(&std::fs::read(path)?).map_err(text)?;
    let rows: Vec<f64> = (0..12).map(|k| 0.25 * f64::from(k) - 1.0).collect();
    let predicted = loaded.predict(&rows).map_err(text)?;
    let settings = json!({ "data": "moons", "qubits": 4, "layers": 3, "rate": 0.05, "seed": 1 }).to_string();
    let mut training = Training::new(&settings).map_err(text)?;
    let start = Instant::now();
    let losses = (0..100).map(|_| Ok(training.steps(1).map_err(text)?[0])).collect::<Result<Vec<f64>, &str>>()?;
    let step = start.elapsed().as_secs_f64() * 10.0;
    let answer = json!({ "rows": rows, "predicted": predicted, "settings": settings, "losses": losses, "step": step });
    println!("{answer}");
    Ok(())
}
