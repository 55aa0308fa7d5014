//! Fermions on qubits: excitations under the Jordan-Wigner transformation, and circuits of quantum chemistry.
//!
//! Qubit `p` is spin orbital `p`, 1 if the orbital is occupied. `a_p = Z_0 .. Z_(p-1) (X_p + iY_p)/2` removes its
//! electron. Spin orbitals are interleaved: even orbitals have spin up, odd orbitals spin down.

use crate::circuit::{Angle, Circuit, TemplateWeights, Weights};
use crate::error::Mistake;
use crate::gf2;
use candle_nn::Init;

/// Move of one or two electrons to other spin orbitals; see [`Circuit::excitations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Excitation {
    /// Excitation of one electron, [`Circuit::single_excitation`].
    Single {
        /// Spin orbital that the electron leaves.
        from: usize,
        /// Spin orbital that the electron enters.
        to: usize,
    },
    /// Excitation of two electrons, [`Circuit::double_excitation`].
    Double {
        /// Spin orbitals that the electrons leave.
        from: [usize; 2],
        /// Spin orbitals that the electrons enter.
        to: [usize; 2],
    },
}

impl Circuit {
    /// Prepares the determinant with `electrons` electrons in the lowest spin orbitals: `x` on the first `electrons`
    /// qubits.
    ///
    /// More electrons than qubits are a mistake. Electrons on qubits that have been used before are a mistake too: `x`
    /// would remove electrons there.
    pub fn hartree_fock(&mut self, electrons: usize) -> &mut Self {
        if self.electrons_fit("hartree_fock", electrons) && self.prepares("hartree_fock", electrons) {
            for qubit in 0..electrons {
                self.x(qubit);
            }
        }
        self
    }

    /// Appends `exp(theta/2 (T - T†))` with `T = a†_to a_from`: the electron at `from` goes to `to` with amplitude
    /// `sin(theta/2)`.
    ///
    /// The operation is exact: two commuting rotations about Pauli words with a string of Z between the qubits. States
    /// in which both spin orbitals are empty, or both occupied, do not change. On neighbouring qubits it is PennyLane's
    /// `SingleExcitation` on `[to, from]`. PennyLane's `FermionicSingleExcitation` on the wires `from..=to` takes the
    /// same angle.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// let mut circuit = Circuit::new(3);
    /// circuit.hartree_fock(1).single_excitation(0.6, 0, 2);
    /// let p = functional::evaluate(&circuit, &Measurement::probabilities([2]), None, &[])?
    ///     .to_vec1::<f32>()?;
    /// assert!((p[1] - 0.3f32.sin().powi(2)).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn single_excitation(&mut self, theta: impl Into<Angle>, from: usize, to: usize) -> &mut Self {
        self.excite("single_excitation", &theta.into(), &[from], &[to])
    }

    /// Appends `exp(theta/2 (T - T†))` with `T = a†_to[0] a†_to[1] a_from[1] a_from[0]`, the product of the moves
    /// `from[0]` to `to[0]` and `from[1]` to `to[1]`. Two electrons move together, with amplitude `sin(theta/2)`.
    ///
    /// The operation is exact: eight commuting rotations about Pauli words. PennyLane's `FermionicDoubleExcitation`
    /// takes the same angle with the other sign; its `wires1` are the wires between `from`, its `wires2` the wires
    /// between `to`.
    pub fn double_excitation(&mut self, theta: impl Into<Angle>, from: [usize; 2], to: [usize; 2]) -> &mut Self {
        self.excite("double_excitation", &theta.into(), &from, &to)
    }

    /// Appends either excitation, for programs that choose among them at run time.
    pub fn excitation(&mut self, theta: impl Into<Angle>, excitation: Excitation) -> &mut Self {
        match excitation {
            Excitation::Single { from, to } => self.single_excitation(theta, from, to),
            Excitation::Double { from, to } => self.double_excitation(theta, from, to),
        }
    }

    /// Returns the excitations from the lowest `electrons` spin orbitals of this circuit's qubits to the others that do
    /// not change the numbers of electrons with spin up and with spin down. The list has doubles `[i, j]` to `[a, b]`
    /// with `i < j` and `a < b`, then singles, both in lexical order. It is empty if there are more electrons than
    /// qubits.
    ///
    /// ```
    /// use candlewick::{circuit::Excitation, prelude::*};
    /// let hydrogen = Circuit::new(4).excitations(2);
    /// assert_eq!(hydrogen[0], Excitation::Double { from: [0, 1], to: [2, 3] });
    /// assert_eq!(
    ///     hydrogen[1..],
    ///     [Excitation::Single { from: 0, to: 2 }, Excitation::Single { from: 1, to: 3 }]
    /// );
    /// ```
    pub fn excitations(&self, electrons: usize) -> Vec<Excitation> {
        let (occupied, all) = (electrons.min(self.qubits()), self.qubits());
        let mut excitations = Vec::new();
        for (i, j) in (0..occupied).flat_map(|i| (i + 1..occupied).map(move |j| (i, j))) {
            for (a, b) in (occupied..all).flat_map(|a| (a + 1..all).map(move |b| (a, b))) {
                // If the sum is odd, one electron has spin up and one spin down. Otherwise all four spins have to
                // agree.
                if (i + j) % 2 == (a + b) % 2 && ((i + j) % 2 == 1 || i % 2 == a % 2) {
                    excitations.push(Excitation::Double { from: [i, j], to: [a, b] });
                }
            }
        }
        for from in 0..occupied {
            let singles = (occupied..all).filter(|to| to % 2 == from % 2);
            excitations.extend(singles.map(|to| Excitation::Single { from, to }));
        }
        excitations
    }

    /// Appends unitary coupled cluster with singles and doubles (Peruzzo et al., Nature Communications 5, 4213, 2014),
    /// to first order in Trotter's formula: [`hartree_fock`](Self::hartree_fock), then each of
    /// [`excitations`](Self::excitations) in that order, doubles first. Weights: `[excitations]`, all starting at 0,
    /// the Hartree-Fock state.
    ///
    /// The number of electrons of either spin is the same as in the Hartree-Fock state, whatever the weights. A circuit
    /// has this template once, in front of all other operations: qubits that have been used are a mistake.
    /// [`uccsd_layers`](Self::uccsd_layers) repeats the excitations.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(4);
    /// assert_eq!(circuit.uccsd("theta", 2).shape(), [3]);
    /// ```
    pub fn uccsd<'a>(&mut self, weights: impl Into<TemplateWeights<'a>>, electrons: usize) -> Weights {
        let excitations = self.uccsd_excitations("uccsd", electrons);
        let weights = self.of_template(weights.into(), excitations.len(), Init::Const(0.0));
        self.uccsd_of("uccsd", electrons, &excitations, 1, |_, k| weights.at([k]));
        weights
    }

    /// Appends [`uccsd`](Self::uccsd) in `layers` steps of Trotter's formula, each with weights of its own: the
    /// Hartree-Fock state once, then all excitations `layers` times. Weights: `[layers, excitations]`; all of them
    /// start at 0.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(4);
    /// assert_eq!(circuit.uccsd_layers("theta", 2, 3).shape(), [3, 3]);
    /// ```
    pub fn uccsd_layers<'a>(
        &mut self,
        weights: impl Into<TemplateWeights<'a>>,
        electrons: usize,
        layers: usize,
    ) -> Weights {
        let excitations = self.uccsd_excitations("uccsd_layers", electrons);
        let weights = self.of_template(weights.into(), (layers, excitations.len()), Init::Const(0.0));
        let layers = if excitations.is_empty() { 0 } else { layers };
        self.uccsd_of("uccsd_layers", electrons, &excitations, layers, |layer, k| weights.at([layer, k]));
        weights
    }

    /// Returns the excitations, or none if there are more electrons than qubits.
    fn uccsd_excitations(&mut self, name: &str, electrons: usize) -> Vec<Excitation> {
        if self.electrons_fit(name, electrons) { self.excitations(electrons) } else { Vec::new() }
    }

    /// Appends the Hartree-Fock state, then its excitations `layers` times. The angles are given by layer and
    /// excitation.
    fn uccsd_of(
        &mut self,
        name: &str,
        electrons: usize,
        excitations: &[Excitation],
        layers: usize,
        angle: impl Fn(usize, usize) -> Angle,
    ) {
        // Excitations move electrons to all qubits.
        if !self.prepares(name, self.qubits()) {
            return;
        }
        self.hartree_fock(electrons);
        self.rounds(layers, |circuit, layer| {
            circuit.rounds(excitations.len(), |circuit, k| _ = circuit.excitation(angle(layer, k), excitations[k]));
        });
    }

    fn electrons_fit(&mut self, name: &str, electrons: usize) -> bool {
        let limit = self.qubits();
        if electrons > limit {
            let expected = format!("at most {limit}");
            self.fail(name, Mistake::Length { what: "electron(s)", expected, actual: electrons });
        }
        electrons <= limit
    }

    /// Appends `exp(theta/2 (T - T†))`, where `T` is the product of the moves `from[k]` to `to[k]`.
    fn excite(&mut self, name: &str, theta: &Angle, from: &[usize], to: &[usize]) -> &mut Self {
        let qubits = self.qubits();
        let mut ladder = Vec::new();
        for (&from, &to) in from.iter().zip(to) {
            ladder.extend([Ladder { qubit: to, creates: true }, Ladder { qubit: from, creates: false }]);
        }
        for (k, operator) in ladder.iter().enumerate() {
            let qubit = operator.qubit;
            if qubit >= qubits {
                self.fail(name, Mistake::QubitOutOfRange { qubit, qubits });
            } else if ladder[..k].iter().any(|earlier| earlier.qubit == qubit) {
                self.fail(name, Mistake::RepeatedQubit { qubit });
            } else {
                continue;
            }
            return self;
        }
        let (words, support) = words_of(ladder);
        let share = words.len() as f64;
        for (sign, word) in words {
            self.pauli_rot((-sign / share) * theta.clone(), &word, support.iter().copied());
        }
        self
    }
}

/// Ladder operator `a†` or `a` of a spin orbital.
#[derive(Debug, Clone, Copy)]
struct Ladder {
    qubit: usize,
    creates: bool,
}

/// Returns `T - T†` as `i/m` times `m` Pauli words with signs, and the qubits of their letters. `T` is the product of
/// an even number of ladder operators on different qubits.
fn words_of(mut product: Vec<Ladder>) -> (Vec<(f64, String)>, Vec<usize>) {
    // Sorts the operators in falling order of the qubits, with a sign for each exchange of two of them.
    let exchanges: usize = (0..product.len())
        .map(|k| product[..k].iter().filter(|earlier| earlier.qubit < product[k].qubit).count())
        .sum();
    product.sort_by_key(|operator| operator.qubit);
    // The two strings of a pair cancel below the lower qubit. Z stays between the qubits and meets the lower operator:
    // Z a† = -a†.
    let lower = product.iter().step_by(2).filter(|operator| operator.creates).count();
    let sign = if (exchanges + lower).is_multiple_of(2) { 1.0 } else { -1.0 };
    let between = product.chunks_exact(2).flat_map(|pair| pair[0].qubit + 1..pair[1].qubit);
    let support: Vec<usize> = product.iter().map(|operator| operator.qubit).chain(between).collect();
    let strings = "Z".repeat(support.len() - product.len());
    // a is (X + iY)/2 and a† is (X - iY)/2. Words that T† does not cancel have an odd number of Y, and i to an odd
    // power is i or -i.
    let mut words = Vec::new();
    for which in (0u64..1 << product.len()).filter(|which| gf2::parity(*which)) {
        let chosen = |k: usize| which >> k & 1 == 1;
        let minus = product.iter().enumerate().filter(|(k, operator)| chosen(*k) && operator.creates).count();
        let turns = which.count_ones() as usize / 2;
        let letters: String = (0..product.len()).map(|k| if chosen(k) { 'Y' } else { 'X' }).collect();
        words.push((if (minus + turns).is_multiple_of(2) { sign } else { -sign }, letters + &strings));
    }
    (words, support)
}
