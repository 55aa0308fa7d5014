//! Pictures of a run and of a curve.

use crate::solve::Found;
use anyhow::Result;
use candlewick::plot::{Color, Figure, Panel};
use candlewick::variational::Molecule;
use std::path::Path;

/// Draws energy and error against steps or operators. Estimates from shots lie on both sides of the exact energy, so they have only
/// the first panel.
pub(crate) fn run(path: &Path, molecule: &Molecule, found: &Found, is_noisy: bool) -> Result<()> {
    let last = found.energies.len().saturating_sub(1) as f64;
    let level = |energy: f64| [(0.0, energy), (last, energy)];
    let points: Vec<(f64, f64)> = (0..).map(f64::from).zip(found.energies.iter().copied()).collect();
    let mut energies =
        Panel::new("Energy").axes(found.axis, "energy (Ha)").counting().line("VQE", Color::VIOLET, &points);
    if let Some(reference) = molecule.hartree_fock_energy() {
        energies = energies.dashes("Hartree-Fock", Color::GRAY, &level(reference));
    }
    let mut figure = Figure::new(molecule.name());
    if let Some(ground) = molecule.ground_energy() {
        figure = figure.panel(energies.dashes("exact", Color::TEAL, &level(ground)));
        if is_noisy {
            let last = found.energies.last().copied().unwrap_or(f64::NAN);
            let note = format!("last estimate {last:.4} Ha, exact energy {ground:.4} Ha").replace('-', "−");
            return Ok(figure.note(note).save(path)?);
        }
        let errors: Vec<(f64, f64)> = points.iter().map(|(step, energy)| (*step, energy - ground)).collect();
        let errors = Panel::new("Error")
            .axes(found.axis, "energy above the exact one (Ha)")
            .counting()
            .logarithmic()
            .line("VQE", Color::VIOLET, &errors)
            .dashes("chemical accuracy", Color::ORANGE, &level(crate::CHEMICAL_ACCURACY));
        if let Some(energy) = found.energies.last() {
            let note = format!("{energy:.7} Ha, {} above the exact energy", in_microhartree(energy - ground));
            figure = figure.note(note.replace('-', "−"));
        }
        figure = figure.panel(errors);
    } else {
        figure = figure.panel(energies);
    }
    Ok(figure.save(path)?)
}

/// Draws energies against the distance; a row has the distance and the Hartree-Fock, the computed and the exact energy.
pub(crate) fn curve(path: &Path, rows: &[[f64; 4]]) -> Result<()> {
    let column = |k: usize| rows.iter().map(|row| (row[0], row[k])).collect::<Vec<_>>();
    let panel = Panel::new("Energy")
        .axes("distance of the nuclei (Å)", "energy (Ha)")
        .line("Hartree-Fock", Color::GRAY, &column(1))
        .line("exact", Color::TEAL, &column(3))
        .diamonds("VQE", Color::VIOLET, &column(2));
    let errors: Vec<(f64, f64)> = rows.iter().map(|row| (row[0], (row[2] - row[3]).abs())).collect();
    let largest = errors.iter().map(|(_, error)| *error).fold(0.0, f64::max);
    let level: Vec<(f64, f64)> = errors.iter().map(|(distance, _)| (*distance, crate::CHEMICAL_ACCURACY)).collect();
    let errors = Panel::new("Error")
        .axes("distance of the nuclei (Å)", "distance from the exact energy (Ha)")
        .logarithmic()
        .diamonds("VQE", Color::VIOLET, &errors)
        .dashes("chemical accuracy", Color::ORANGE, &level);
    let note = format!("{} distances; largest error {}", rows.len(), in_microhartree(largest));
    Ok(Figure::new("Hydrogen, H₂, STO-3G").note(note).panel(panel).panel(errors).save(path)?)
}

/// Writes an energy in hartree as one in millionths of it.
fn in_microhartree(energy: f64) -> String {
    format!("{:.2} µHa", 1e6 * energy)
}
