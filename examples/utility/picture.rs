//! Picture of the magnetization.

use crate::{Args, Curve, distance};
use anyhow::Result;
use candlewick::plot::{Color, Figure, Panel};
use std::path::Path;

/// Draws the magnetization against the angle for each limit, and how much a limit differs from the highest.
pub(crate) fn draw(path: &Path, args: &Args, angles: &[f64], curves: &[Curve], exact: Option<&[f64]>) -> Result<()> {
    let points = |values: &[f64]| angles.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>();
    let mut magnetization =
        Panel::new(format!("magnetization of qubit {}", args.qubit)).axes("angle θ of the kicks", "⟨Z⟩");
    for (index, curve) in curves.iter().enumerate() {
        let name = format!("weight {}{}", curve.weight, if curve.is_exact { ", exact" } else { "" });
        magnetization = magnetization.line(name, Color::nth(index), &points(&curve.values));
    }
    if let Some(exact) = exact {
        magnetization = magnetization.dots("state vector of the light cone", Color::GRAY, &points(exact));
    }
    let mut figure = Figure::new(format!("Kicked Ising model, 127 qubits, {} steps", args.steps)).panel(magnetization);
    let reference = exact.or(curves.last().map(|curve| &curve.values[..]));
    if let Some(reference) = reference {
        let of = |curve: &Curve| (curve.weight as f64, distance(&curve.values, reference).max(1e-16));
        let errors: Vec<(f64, f64)> = curves.iter().map(of).filter(|(_, error)| *error > 1e-16).collect();
        let against = if exact.is_some() { "the state vector" } else { "the highest limit" };
        let panel = Panel::new(format!("largest difference from {against}"))
            .axes("limit of the weight", "difference")
            .logarithmic()
            .line("", Color::nth(0), &errors)
            .dots("", Color::nth(0), &errors);
        figure = figure.panel(panel);
    }
    Ok(figure.columns(2).save(path)?)
}
