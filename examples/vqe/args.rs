//! The command line.

use crate::whole::whole;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Finds the ground state energy of a molecule with a variational circuit.
///
/// Starts from the Hartree-Fock state and compares with the exact ground energy of the same basis. A given seed repeats
/// bit for bit.
#[derive(Debug, Parser)]
#[command(name = "vqe")]
pub(crate) struct Args {
    /// The molecule, in the STO-3G basis.
    #[arg(long, value_enum, default_value_t = Kind::Lih6)]
    pub(crate) molecule: Kind,

    /// A file with another molecule; see `candlewick::variational::Molecule` for the format.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["molecule", "curve"])]
    pub(crate) file: Option<PathBuf>,

    /// The circuit: unitary coupled cluster, excitations chosen one by one, or rotations and CX that know nothing of
    /// electrons.
    #[arg(long, value_enum, default_value_t = Ansatz::Uccsd)]
    pub(crate) ansatz: Ansatz,

    /// Layers of the hardware-efficient circuit.
    #[arg(long, default_value = "4", value_name = "N", value_parser = whole(1, 1000))]
    pub(crate) layers: usize,

    /// What moves the angles.
    #[arg(long, value_enum, default_value_t = Optimizer::Adam)]
    pub(crate) optimizer: Optimizer,

    /// Its step size, not with L-BFGS [default: 0.05; natural gradient 0.2; SPSA 0.2].
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,

    /// The most steps, of each optimisation [default: 300, hardware-efficient 1000].
    #[arg(long, value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) steps: Option<usize>,

    /// Runs from further seeds; the lowest energy counts [default: 1, hardware-efficient 8].
    #[arg(long, value_name = "N", value_parser = whole(1, 1000))]
    pub(crate) runs: Option<usize>,

    /// Train on energies estimated from so many shots for each group of terms; the final state is judged by its exact
    /// energy; not with chosen excitations [default: exact].
    #[arg(long, value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    pub(crate) shots: Option<usize>,

    /// Seed of the angles to start from, of shots and of SPSA; further runs take the next ones.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(crate) seed: u64,

    /// Hydrogen at 16 distances instead: the curve of dissociation.
    #[arg(long, conflicts_with = "molecule")]
    pub(crate) curve: bool,

    /// At most 20 steps and three chosen excitations, to see it run.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Share the state among the processes that `mpirun` or `srun` has started; needs the feature `mpi`.
    #[arg(long)]
    pub(crate) cluster: bool,

    /// Folder for pictures.
    #[arg(long, default_value = "target/vqe", value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// A molecule of `examples/data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// H2, 4 qubits.
    H2,
    /// LiH with its core frozen and three active orbitals, 6 qubits.
    Lih6,
    /// LiH, 12 qubits.
    Lih12,
    /// Four hydrogen atoms in a row, 8 qubits.
    H4,
}

/// A circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ansatz {
    /// Unitary coupled cluster with singles and doubles.
    Uccsd,
    /// The excitations of UCCSD with the largest gradients, one after another: ADAPT-VQE.
    Adapt,
    /// Layers of RY, RZ and a ladder of CX.
    HardwareEfficient,
}

/// What moves the angles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Optimizer {
    /// Adam.
    Adam,
    /// The natural gradient.
    Natural,
    /// L-BFGS, a quasi-Newton method; its line searches choose the step size.
    Lbfgs,
    /// Simultaneous perturbation, without gradients.
    Spsa,
}

impl Kind {
    /// File of the molecule.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::H2 => include_str!("../data/hamiltonians/h2_0.7414.json"),
            Self::Lih6 => include_str!("../data/hamiltonians/lih_1.5949_cas6.json"),
            Self::Lih12 => include_str!("../data/hamiltonians/lih_1.5949.json"),
            Self::H4 => include_str!("../data/hamiltonians/h4_chain_1.0.json"),
        }
    }
}
