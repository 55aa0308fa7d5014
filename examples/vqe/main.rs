//! The variational quantum eigensolver on molecules.
//!
//! ```text
//! cargo run --release --example vqe -- --molecule lih12
//! cargo run --release --example vqe -- --molecule lih12 --ansatz adapt
//! cargo run --release --example vqe -- --molecule h2 --ansatz hardware-efficient
//! cargo run --release --example vqe -- --curve
//! ```
//!
//! Processes share the state of a molecule:
//!
//! ```text
//! cargo build --release --features mpi --example vqe
//! mpirun -n 2 target/release/examples/vqe --molecule lih12 --cluster
//! ```

mod args;
#[path = "../common/ending.rs"]
mod ending;
mod pictures;
#[path = "../common/processes.rs"]
mod processes;
mod solve;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result};
use args::{Ansatz, Args};
use candlewick::cluster::Cluster;
use candlewick::variational::{AdaptVqeRound, Molecule};
use clap::Parser;
use processes::on_processes;
use solve::Found;
use std::process::ExitCode;

/// Accuracy that chemistry needs of an energy, in hartree: about 1 kcal/mol.
const CHEMICAL_ACCURACY: f64 = 1.6e-3;

fn main() -> ExitCode {
    let args = Args::parse();
    on_processes(args.cluster, |cluster| if args.curve { curve(&args, cluster) } else { single(&args, cluster) })
}

fn single(args: &Args, cluster: &Cluster) -> Result<String> {
    let molecule = match &args.file {
        Some(file) => Molecule::read(file)?,
        None => Molecule::from_json(args.molecule.text())?,
    };
    describe(args, &molecule, cluster);
    let found = solve::lowest(args, &molecule, cluster, "energy")?;
    if cluster.is_first() {
        show(args, &molecule, &found)?;
    }
    Ok(match molecule.ground_energy() {
        None => format!("energy: {:.7} Ha", found.energy),
        Some(ground) => format!(
            "energy: {:.7} Ha (reference: exact {ground:.7}), error {:.4} mHa, chemical accuracy: {}",
            found.energy,
            1e3 * (found.energy - ground),
            yes_or_no(found.energy - ground)
        ),
    })
}

/// Prints how the energy was found, and draws it.
fn show(args: &Args, molecule: &Molecule, found: &Found) -> Result<()> {
    for (k, round) in found.rounds.iter().enumerate() {
        let AdaptVqeRound { operator, gradient, energy, steps, .. } = round;
        let operator = operator.to_string();
        println!("{:>4}. {operator:<14} gradient {gradient:>8.5}  energy {energy:.7} Ha  {steps} steps", k + 1);
    }
    println!("{}", found.ending);
    let path = args.output.join("run.png");
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
    pictures::run(&path, molecule, found, args.shots.is_some())?;
    println!("wrote {}", path.display());
    if let Some(reference) = molecule.hartree_fock_energy() {
        println!("Hartree-Fock: {reference:.7} Ha");
    }
    Ok(())
}

/// Computes the energies of hydrogen from 0.3 to 2.5 Å.
fn curve(args: &Args, cluster: &Cluster) -> Result<String> {
    let molecules = Molecule::list_from_json(include_str!("../data/hamiltonians/h2_curve.json"))?;
    let first = molecules.first().context("the file has molecules")?;
    describe(args, first, cluster);
    let mut rows = Vec::new();
    for molecule in &molecules {
        let distance = molecule.distance().context("the file has distances")?;
        let found = solve::lowest(args, molecule, cluster, &format!("{distance} Å"))?;
        let reference = molecule.hartree_fock_energy().context("the file has Hartree-Fock energies")?;
        rows.push([distance, reference, found.energy, molecule.ground_energy().context("the file has energies")?]);
    }
    if cluster.is_first() {
        println!("distance  Hartree-Fock         VQE       exact  error (mHa)");
        for [distance, reference, energy, ground] in &rows {
            println!("{distance:>6.4} Å  {reference:.7}  {energy:.7}  {ground:.7}  {:>11.4}", 1e3 * (energy - ground));
        }
        let path = args.output.join("curve.png");
        std::fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
        pictures::curve(&path, &rows)?;
        println!("wrote {}", path.display());
    }
    let worst = rows.iter().map(|row| (row[2] - row[3]).abs()).fold(0.0, f64::max);
    Ok(format!(
        "largest error on the curve: {:.4} mHa (reference: exact), chemical accuracy: {}",
        1e3 * worst,
        yes_or_no(worst)
    ))
}

fn describe(args: &Args, molecule: &Molecule, cluster: &Cluster) {
    if !cluster.is_first() {
        return;
    }
    let circuit = solve::circuit(args, molecule);
    let size = || format!("{} angles, {} operations", solve::angles(&circuit), circuit.operations().len());
    let (qubits, electrons, terms) = (molecule.qubits(), molecule.electrons(), molecule.terms().len());
    println!("{}", molecule.name());
    println!("{qubits} qubits, {electrons} electrons, {terms} Pauli words");
    match args.ansatz {
        Ansatz::Uccsd => println!("UCCSD: {}\n", size()),
        Ansatz::Adapt => println!("ADAPT-VQE: {} excitations to choose from\n", circuit.excitations(electrons).len()),
        Ansatz::HardwareEfficient => {
            println!("{} hardware-efficient layers, seed {}: {}\n", args.layers, args.seed, size());
        }
    }
}

fn yes_or_no(error: f64) -> &'static str {
    if error.abs() < CHEMICAL_ACCURACY { "yes" } else { "no" }
}
