//! Molecules as sums of Pauli words, read from JSON.

use crate::error::{Error, FileError, Mistake, Result};
use crate::limits::MAX_QUBITS;
use crate::observable::Observable;
use crate::variational::word::parse_word;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Electrons of a molecule on qubits: the Hamiltonian and reference energies, in hartree, and further observables.
///
/// The format is an object with the fields
///
/// | field | | |
/// |---|---|---|
/// | `molecule` | a name | |
/// | `qubits` | 1 to 256 | spin orbitals |
/// | `electrons` | at most `qubits` | |
/// | `terms` | `[[0.17, "Z0"], [-0.04, "X0 X1 Y2 Y3"], ..]` | coefficients and Pauli words; `""` is the identity |
/// | `unit` | `"hartree"`, if it is there | |
/// | `hartree_fock_energy`, `ground_energy` | optional | in hartree |
/// | `distance` | optional | between neighbouring atoms, in ångström |
/// | `observables` | optional: `{"dipole_z": [[0.1, "Z0"], ..], ..}` | names and terms, in atomic units |
/// | `observables_unit` | `"atomic"`, if it is there | |
///
/// Further fields are ignored. The circuits of [`Circuit::uccsd`](crate::Circuit::uccsd) fit the Jordan-Wigner
/// transformation with even spin orbitals up and odd spin orbitals down.
///
/// `scripts/molecule.py` in the repository writes such a file from a geometry and a basis, by PySCF. Its observables
/// are `dipole_x`, `dipole_y` and `dipole_z` (electrons and nuclei, in e a₀, which is 2.541746 debye), `spin_squared`
/// (S², in ħ²), `spin_z` (in ħ) and `particle_number`.
///
/// ```
/// use candlewick::variational::Molecule;
/// let text = r#"{"molecule": "two spins", "qubits": 2, "electrons": 1,
///     "terms": [[0.5, "Z0"], [0.25, "X0 X1"]]}"#;
/// let molecule = Molecule::from_json(text)?;
/// assert_eq!(
///     (molecule.name(), molecule.qubits(), molecule.ground_energy()),
///     ("two spins", 2, None)
/// );
/// let hamiltonian = molecule.hamiltonian();
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Molecule {
    record: Record,
}

/// Fields of the file, before they are checked.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
struct Record {
    molecule: String,
    qubits: usize,
    electrons: usize,
    terms: Vec<(f64, String)>,
    unit: Option<String>,
    hartree_fock_energy: Option<f64>,
    ground_energy: Option<f64>,
    distance: Option<f64>,
    #[serde(default)]
    observables: Observables,
    observables_unit: Option<String>,
}

/// Terms of the further observables, by name.
#[derive(Debug, Clone, PartialEq, Default)]
struct Observables(BTreeMap<String, Vec<(f64, String)>>);

/// Refuses a name that is there twice. A map of serde would silently take the last one.
impl<'de> Deserialize<'de> for Observables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Observables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("observables by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Observables, A::Error> {
                let mut observables = BTreeMap::new();
                while let Some((name, terms)) = map.next_entry::<String, _>()? {
                    if observables.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("the observable `{name}` is there twice")));
                    }
                    observables.insert(name, terms);
                }
                Ok(Observables(observables))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

impl Molecule {
    /// Reads a molecule from JSON.
    ///
    /// # Errors
    /// A text that is no JSON, lacks a field or has a number beyond the range of `f64`; no qubits or more than 256; more
    /// electrons than qubits; another unit than the hartree, or than atomic units for observables; an observable that is
    /// there twice; words with a letter other than I, X, Y and Z, with a qubit twice or out of range.
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
        Observable::pauli_sum(self.terms())
    }

    /// Returns a further observable of the file, in atomic units.
    ///
    /// ```
    /// use candlewick::variational::Molecule;
    /// let text = r#"{"molecule": "two spins", "qubits": 2, "electrons": 1,
    ///     "terms": [[0.5, "Z0"]],
    ///     "observables": {"particle_number": [[1, ""], [-0.5, "Z0"], [-0.5, "Z1"]]}}"#;
    /// let molecule = Molecule::from_json(text)?;
    /// let number = molecule.observable("particle_number")?;
    /// let error = molecule.observable("dipole_z").unwrap_err();
    /// let reason = error.to_string();
    /// assert!(reason.ends_with("no observable `dipole_z`, only [\"particle_number\"]"));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name that the file does not have; the error lists the names that it has.
    pub fn observable(&self, name: &str) -> Result<Observable> {
        match self.record.observables.0.get(name) {
            Some(terms) => Ok(Observable::pauli_sum(borrowed(terms))),
            None => Err(Error::UnknownObservable {
                name: name.to_owned(),
                molecule: self.record.molecule.clone(),
                known: self.observable_names().map(str::to_owned).collect(),
            }),
        }
    }

    /// Returns the names of the further observables, sorted.
    pub fn observable_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.record.observables.0.keys().map(String::as_str)
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
        borrowed(&self.record.terms)
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
        let wrong = |mistake| Error::Molecule { index, term: None, mistake };
        let (qubits, electrons) = (self.qubits, self.electrons);
        if qubits == 0 {
            return Err(wrong(Mistake::NoQubits));
        }
        if qubits > MAX_QUBITS {
            return Err(wrong(Mistake::TooManyQubits { qubits, limit: MAX_QUBITS }));
        }
        if electrons > qubits {
            let expected = format!("at most {qubits}");
            return Err(wrong(Mistake::Length { what: "electron(s)", expected, actual: electrons }));
        }
        if let Some(unit) = self.unit.as_ref().filter(|unit| *unit != "hartree") {
            return Err(wrong(Mistake::EnergyUnit { unit: unit.clone() }));
        }
        if let Some(unit) = self.observables_unit.as_ref().filter(|unit| *unit != "atomic") {
            return Err(wrong(Mistake::ObservablesUnit { unit: unit.clone() }));
        }
        for (term, (_, word)) in self.terms.iter().enumerate() {
            parse_word(word, qubits).map_err(|mistake| Error::Molecule { index, term: Some(term), mistake })?;
        }
        for (name, terms) in &self.observables.0 {
            for (term, (_, word)) in terms.iter().enumerate() {
                parse_word(word, qubits).map_err(|mistake| {
                    let (observable, mistake) = (name.clone(), Box::new(mistake));
                    Error::MoleculeObservable { index, observable, term, mistake }
                })?;
            }
        }
        Ok(Molecule { record: self })
    }
}

fn borrowed(terms: &[(f64, String)]) -> impl ExactSizeIterator<Item = (f64, &str)> {
    terms.iter().map(|(coefficient, word)| (*coefficient, word.as_str()))
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::File(FileError::Json { what: "a molecule", source }))
}

fn text_of(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| {
        Error::File(FileError::Access { path: path.display().to_string(), action: "read", source: source.into() })
    })
}
