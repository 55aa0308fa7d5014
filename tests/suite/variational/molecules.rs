//! Molecules read from JSON.

use super::{dense, lowest};
use crate::lab::close;
use candlewick::error::FileError;
use candlewick::variational::Molecule;
use candlewick::{Error, Mistake, functional, prelude::*};
use nalgebra::DMatrix;

fn file(name: &str) -> String {
    format!("{}/examples/data/hamiltonians/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn hartree_fock(molecule: &Molecule) -> f64 {
    let mut circuit = Circuit::new(molecule.qubits());
    circuit.hartree_fock(molecule.electrons());
    let x = candle_core::Tensor::zeros((1, 0), candle_core::DType::F64, &candle_core::Device::Cpu).expect("nothing");
    let energy = functional::evaluate(&circuit, &Measurement::expectation([molecule.hamiltonian()]), Some(&x), &[]);
    energy.expect("a sound circuit").to_vec2::<f64>().expect("a row")[0][0]
}

/// Their reference energies follow from their terms; those of the files have seven digits.
#[test]
fn energies_of_the_files_are_those_of_their_terms() {
    for (name, qubits, electrons) in [
        ("h2_0.7414.json", 4, 2),
        ("h2_0.7414_observables.json", 4, 2),
        ("lih_1.5949_cas6.json", 6, 2),
        ("h4_chain_1.0.json", 8, 4),
    ] {
        let molecule = Molecule::read(file(name)).expect("a sound file");
        assert_eq!((molecule.qubits(), molecule.electrons()), (qubits, electrons));
        let ground = lowest(dense(qubits, molecule.terms()));
        assert!((ground - molecule.ground_energy().expect("it is there")).abs() < 1e-7, "{name}: {ground}");
        let reference = molecule.hartree_fock_energy().expect("it is there");
        assert!((hartree_fock(&molecule) - reference).abs() < 1e-7, "{name}");
    }
    let large = Molecule::read(file("lih_1.5949.json")).expect("a sound file");
    assert!((hartree_fock(&large) + 7.862027).abs() < 1e-7);
    assert_eq!((large.qubits(), large.terms().len(), large.distance()), (12, 631, None));
    assert!(large.name().starts_with("LiH"), "{}", large.name());
}

#[test]
fn the_curve_of_hydrogen_is_a_list_of_molecules() {
    let curve = Molecule::read_list(file("h2_curve.json")).expect("a sound file");
    assert_eq!(curve.len(), 16);
    let distances: Vec<f64> = curve.iter().filter_map(Molecule::distance).collect();
    assert!(distances.len() == 16 && distances.is_sorted() && distances[0] == 0.3 && distances[15] == 2.5);
    for molecule in &curve {
        let ground = lowest(dense(4, molecule.terms()));
        assert!((ground - molecule.ground_energy().expect("it is there")).abs() < 1e-7, "{}", molecule.name());
        let reference = molecule.hartree_fock_energy().expect("it is there");
        assert!((hartree_fock(molecule) - reference).abs() < 1e-7, "{}", molecule.name());
    }
    // The same distance as the single file, so the same numbers.
    let one = Molecule::read(file("h2_0.7414.json")).expect("a sound file");
    let same = curve.iter().find(|molecule| molecule.distance() == Some(0.7414)).expect("it is there");
    let coefficient = |of: &Molecule, word: &str| of.terms().find(|term| term.1 == word).expect("the word").0;
    for (value, word) in one.terms() {
        assert!((coefficient(same, word) - value).abs() < 1e-13, "{word}");
    }
}

fn text(qubits: &str, electrons: &str, rest: &str, terms: &str) -> String {
    format!(r#"{{"molecule":"m","qubits":{qubits},"electrons":{electrons}{rest},"terms":{terms}}}"#)
}

fn mistake(text: &str) -> (Option<usize>, Mistake) {
    match Molecule::from_json(text) {
        Err(Error::Molecule { index: 0, term, mistake }) => (term, mistake),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_molecule_is_said() {
    let sound = r#"[[1.0,"Z0"],[0.5," X0  Y1 "],[2,""]]"#;
    assert_eq!(Molecule::from_json(&text("2", "2", "", sound)).expect("sound").terms().len(), 3);
    assert_eq!(mistake(&text("0", "0", "", "[]")), (None, Mistake::NoQubits));
    assert_eq!(mistake(&text("257", "0", "", "[]")), (None, Mistake::TooManyQubits { qubits: 257, limit: 256 }));
    let expected = "at most 2".to_owned();
    let electrons = Mistake::Length { what: "electron(s)", expected, actual: 3 };
    assert_eq!(mistake(&text("2", "3", "", sound)), (None, electrons));
    let unit = Mistake::EnergyUnit { unit: "eV".to_owned() };
    assert_eq!(mistake(&text("2", "1", r#","unit":"eV""#, sound)), (None, unit));
    let words = [
        ("W0", Mistake::PauliLetter { letter: 'W' }),
        ("x0", Mistake::PauliLetter { letter: 'x' }),
        ("é0", Mistake::PauliLetter { letter: 'é' }),
        ("Z0 Y0", Mistake::RepeatedQubit { qubit: 0 }),
        ("Z0 Z00", Mistake::RepeatedQubit { qubit: 0 }),
        ("Z2", Mistake::QubitOutOfRange { qubit: 2, qubits: 2 }),
        ("Z64", Mistake::QubitOutOfRange { qubit: 64, qubits: 2 }),
        ("Z", Mistake::PauliWord { text: "Z".to_owned() }),
        ("Z+1", Mistake::PauliWord { text: "Z+1".to_owned() }),
        ("Z0Z1", Mistake::PauliWord { text: "Z0Z1".to_owned() }),
        ("Z99999999999999999999", Mistake::PauliWord { text: "Z99999999999999999999".to_owned() }),
    ];
    for (word, expected) in words {
        let terms = format!(r#"[[1.0,""],[1.0,"{word}"]]"#);
        assert_eq!(mistake(&text("2", "1", "", &terms)), (Some(1), expected), "{word}");
    }
    let second = format!("[{},{}]", text("2", "1", "", sound), text("2", "1", "", r#"[[1.0,"Q0"]]"#));
    let error = Molecule::list_from_json(&second).expect_err("the second one is wrong").to_string();
    assert_eq!(error, "molecule 1, term 0: `Q` is no Pauli letter (I, X, Y, Z)");
}

#[test]
fn what_is_no_molecule_is_an_error() {
    let terms = r#"[[1.0,"Z0"]]"#;
    for wrong in [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        text("-1", "0", "", terms),
        text("1.5", "0", "", terms),
        text("1", "0", "", r#"[["Z0",1.0]]"#),
        text("1", "0", "", r#"[[1e999,"Z0"]]"#),
        text("1", "0", "", r#"[[null,"Z0"]]"#),
        text("1", "0", r#","ground_energy":"low""#, terms),
        text("1", "0", "", terms) + "}",
    ] {
        let error = Molecule::from_json(&wrong).expect_err(&wrong);
        assert!(matches!(error, Error::File(FileError::Json { what: "a molecule", .. })), "{wrong}: {error}");
    }
    let error = Molecule::read("no/such/file.json").expect_err("there is none");
    assert!(matches!(&error, Error::File(FileError::Access { path, .. }) if path == "no/such/file.json"), "{error}");
}

/// Expectations in the ground state, of the states with `electrons` electrons, against PySCF's: its dipole moment of
/// the one-particle density matrix, and its `spin_square`, at full configuration interaction in the active space.
#[test]
fn observables_of_the_files_are_those_of_pyscf() -> anyhow::Result<()> {
    for (name, energy, dipole_z) in
        [("h2_0.7414_observables.json", -1.1372701747, 0.0), ("lih_1.5949_cas10.json", -7.8821759908, -1.8183503)]
    {
        let molecule = Molecule::read(file(name))?;
        let (qubits, electrons) = (molecule.qubits(), molecule.electrons());
        assert_eq!(molecule.ground_energy(), Some(energy));
        assert!((hartree_fock(&molecule) - molecule.hartree_fock_energy().expect("it is there")).abs() < 1e-9);
        let full = dense(qubits, molecule.terms());
        let states: Vec<usize> =
            (0..1usize << qubits).filter(|state| state.count_ones() as usize == electrons).collect();
        let eigen = DMatrix::from_fn(states.len(), states.len(), |i, j| full[(states[i], states[j])]).symmetric_eigen();
        let lowest = eigen.eigenvalues.imin();
        assert!((eigen.eigenvalues[lowest] - energy).abs() < 1e-9, "{}", eigen.eigenvalues[lowest]);
        // A real matrix has a real eigenvector, up to a phase.
        let vector = eigen.eigenvectors.column(lowest);
        let phase = vector[vector.icamax()].conj() / vector[vector.icamax()].norm();
        let mut amplitudes = vec![0.0; 1 << qubits];
        states.iter().zip(vector.iter()).for_each(|(&state, entry)| amplitudes[state] = (entry * phase).re);

        let mut circuit = Circuit::new(qubits);
        circuit.amplitude_embedding(0..1 << qubits);
        let names = ["dipole_x", "dipole_y", "dipole_z", "spin_squared", "spin_z", "particle_number"];
        assert!(molecule.observable_names().eq([
            "dipole_x",
            "dipole_y",
            "dipole_z",
            "particle_number",
            "spin_squared",
            "spin_z"
        ]));
        let observables = names.iter().map(|name| molecule.observable(name)).collect::<candlewick::Result<Vec<_>>>()?;
        let x = candle_core::Tensor::new(amplitudes, &candle_core::Device::Cpu)?.unsqueeze(0)?;
        let found = functional::evaluate(&circuit, &Measurement::expectation(observables), Some(&x), &[])?;
        let expected = [0.0, 0.0, dipole_z, 0.0, 0.0, electrons as f64];
        close(name, &found.to_vec2::<f64>()?[0], &expected, 1e-7);
    }
    Ok(())
}

#[test]
fn an_observable_that_a_molecule_does_not_have() {
    let sound = r#"[[1.0,"Z0"]]"#;
    let further = r#","observables_unit":"atomic","observables":{"b":[[0.5,"Z0"],[1,""]],"a":[]}"#;
    let molecule = Molecule::from_json(&text("2", "1", further, sound)).expect("sound");
    assert_eq!(molecule.observable("b").expect("it is there"), 0.5 * Z(0) + Observable::identity());
    let error = molecule.observable("c").expect_err("it is not there");
    assert!(
        matches!(&error, Error::UnknownObservable { name, molecule, known } if name == "c" && molecule == "m" && known == &["a", "b"]),
        "{error}"
    );
    // An old file has none.
    let old = Molecule::from_json(&text("2", "1", "", sound)).expect("sound");
    assert!(old.observable_names().len() == 0 && old.observable("a").is_err());
}

#[test]
fn observables_are_checked_as_terms_are() {
    let of = |further: &str| Molecule::from_json(&text("2", "1", further, r#"[[1.0,"Z0"]]"#)).expect_err(further);
    let error = of(r#","observables":{"a":[[1,"Z0"]],"b":[[1,""],[1,"Z2"]]}"#);
    assert!(matches!(&error, Error::MoleculeObservable { index: 0, observable, term: 1, .. } if observable == "b"));
    assert_eq!(error.to_string(), "molecule 0, observable `b`, term 1: qubit 2 is out of range for 2 qubit(s)");
    let unit = Mistake::ObservablesUnit { unit: "debye".to_owned() };
    assert_eq!(mistake(&text("2", "1", r#","observables_unit":"debye""#, "[]")), (None, unit));
    for wrong in [
        r#","observables":[]"#,
        r#","observables":{"a":[["Z0",1]]}"#,
        r#","observables":{"a":[[1e999,"Z0"]]}"#,
        r#","observables":{"a":[],"b":[],"a":[[1,"Z0"]]}"#,
    ] {
        let error = of(wrong);
        assert!(matches!(error, Error::File(FileError::Json { what: "a molecule", .. })), "{wrong}: {error}");
    }
}
