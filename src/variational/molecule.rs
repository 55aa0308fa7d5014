//! Molecules as sums of Pauli words, read from JSON.

use crate::error::{Error, FileError, Mistake, Result};
use crate::limits::MAX_QUBITS;
use crate::observable::Observable;
use serde::Deserialize;
use std::path::Path;

/// Electrons of a molecule on qubits: the Hamiltonian and reference energies, in hartree.
///
/// The format is an object with the fields
///
/// | field | | |
/// |---|---|---|
/// | `molecule` | a name | |
/// | `qubits` | 1 to 58 | spin orbitals |
/// | `electrons` | at most `qubits` | |
/// | `terms` | `[[0.17, "Z0"], [-0.04, "X0 X1 Y2 Y3"], ..]` | coefficients and Pauli words; `""` is the identity |
/// | `unit` | `"hartree"`, if it is there | |
/// | `hartree_fock_energy`, `ground_energy` | optional | in hartree |
/// | `distance` | optional | between neighbouring atoms, in ångström |
///
/// Further fields are ignored. The circuits of [`Circuit::uccsd`](crate::Circuit::uccsd) fit the Jordan-Wigner
/// transformation with even spin orbitals up and odd spin orbitals down.
///
/// ```
/// use candlewick::variational::Molecule;
/// let text = r#"{"molecule": "two spins", "qubits": 2, "electrons": 1, "terms": [[0.5, "Z0"], [0.25, "X0 X1"]]}"#;
/// let molecule = Molecule::from_json(text)?;
/// assert_eq!((molecule.name(), molecule.qubits(), molecule.ground_energy()), ("two spins", 2, None));
/// let hamiltonian = molecule.hamiltonian();
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Molecule {
    record: Record,
}

/// Fields of the file, before they are checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Record {
    molecule: String,
    qubits: usize,
    electrons: usize,
    terms: Vec<(f64, String)>,
    unit: Option<String>,
    hartree_fock_energy: Option<f64>,
    ground_energy: Option<f64>,
    distance: Option<f64>,
}

impl Molecule {
    /// Reads a molecule from JSON.
    ///
    /// # Errors
    /// A text that is no JSON, lacks a field or has a number beyond the range of `f64`; no qubits or more than 58; more
    /// electrons than qubits; another unit than the hartree; words with a letter other than I, X, Y and Z, with a qubit
    /// twice or out of range.
    pub fn from_json(text: &str) -> Result<Self> {
        parsed::<Record>(text)?.checked(0)
    }

    /// Reads a list of molecules from JSON, for instance one molecule at several distances of its atoms.
    ///
    /// # Errors
    /// The errors of [`from_json`](Self::from_json).
    pub fn list_from_json(text: &str) -> Result<Vec<Self>> {
        parsed::<Vec<Record>>(text)?.into_iter().enumerate().map(|(index, record)| record.checked(index)).collect()
    }

    /// Reads a file with a molecule.
    ///
    /// # Errors
    /// A file that cannot be read; the errors of [`from_json`](Self::from_json).
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_json(&text_of(path.as_ref())?)
    }

    /// Reads a file with a list of molecules.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn read_list(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        Self::list_from_json(&text_of(path.as_ref())?)
    }

    /// Returns the Hamiltonian: the energy of the electrons and the repulsion of the nuclei, in hartree.
    pub fn hamiltonian(&self) -> Observable {
        Observable::pauli_sum(self.record.terms.iter().map(|(coefficient, word)| (*coefficient, word.as_str())))
    }

    /// Returns the name of the molecule.
    pub fn name(&self) -> &str {
        &self.record.molecule
    }

    /// Returns the number of qubits of the Hamiltonian, which are the spin orbitals.
    pub fn qubits(&self) -> usize {
        self.record.qubits
    }

    /// Returns the number of electrons in these spin orbitals.
    pub fn electrons(&self) -> usize {
        self.record.electrons
    }

    /// Returns coefficients and Pauli words, in the order of the file.
    pub fn terms(&self) -> impl ExactSizeIterator<Item = (f64, &str)> {
        self.record.terms.iter().map(|(coefficient, word)| (*coefficient, word.as_str()))
    }

    /// Returns the energy of the Hartree-Fock state in hartree, if the file has it.
    pub fn hartree_fock_energy(&self) -> Option<f64> {
        self.record.hartree_fock_energy
    }

    /// Returns the exact ground energy in hartree, if the file has it.
    pub fn ground_energy(&self) -> Option<f64> {
        self.record.ground_energy
    }

    /// Returns the distance of neighbouring atoms in ångström, if the file has it.
    pub fn distance(&self) -> Option<f64> {
        self.record.distance
    }
}

impl Record {
    /// Checks the molecule, number `index` of its text.
    fn checked(self, index: usize) -> Result<Molecule> {
        let wrong = |term, mistake| Error::Molecule { index, term, mistake };
        let (qubits, electrons) = (self.qubits, self.electrons);
        if qubits == 0 {
            return Err(wrong(None, Mistake::NoQubits));
        }
        if qubits > MAX_QUBITS {
            return Err(wrong(None, Mistake::TooManyQubits { qubits, limit: MAX_QUBITS }));
        }
        if electrons > qubits {
            let expected = format!("at most {qubits}");
            return Err(wrong(None, Mistake::Length { what: "electron(s)", expected, actual: electrons }));
        }
        if let Some(unit) = self.unit.as_ref().filter(|unit| *unit != "hartree") {
            return Err(wrong(None, Mistake::EnergyUnit { unit: unit.clone() }));
        }
        for (term, (_, word)) in self.terms.iter().enumerate() {
            check_word(word, qubits).map_err(|mistake| wrong(Some(term), mistake))?;
        }
        Ok(Molecule { record: self })
    }
}

fn check_word(word: &str, qubits: usize) -> Result<(), Mistake> {
    let mut seen = 0u64;
    for token in word.split_whitespace() {
        let mut letters = token.chars();
        let letter = letters.next().unwrap_or(' ');
        let digits = letters.as_str();
        if !"IXYZ".contains(letter) {
            return Err(Mistake::PauliLetter { letter });
        }
        // `parse` alone would accept "X+0".
        let number = digits.parse::<usize>().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match number {
            None => return Err(Mistake::PauliWord { text: word.to_owned() }),
            Some(qubit) if qubit >= qubits => return Err(Mistake::QubitOutOfRange { qubit, qubits }),
            Some(qubit) if seen >> qubit & 1 == 1 => return Err(Mistake::RepeatedQubit { qubit }),
            Some(qubit) => seen |= 1 << qubit,
        }
    }
    Ok(())
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::File(FileError::Json { what: "a molecule", source }))
}

fn text_of(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| {
        Error::File(FileError::Access { path: path.display().to_string(), action: "read", source: source.into() })
    })
}
