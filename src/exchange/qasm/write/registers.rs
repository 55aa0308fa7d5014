//! Classical registers at the end of a text: what an imported circuit has measured.

use crate::circuit::{Circuit, Kind};
use crate::exchange::qasm::{Bit, BitRegister};
use std::collections::BTreeSet;

/// Bits of registers that are still to be measured.
#[derive(Debug, Default)]
pub(super) struct Registers {
    /// Name and size of each register.
    pub(super) declared: Vec<(String, usize)>,
    /// Bits that are 1 whatever is measured, as `name[index]`, with the register's own name and index.
    pub(super) ones: Vec<(String, String, usize)>,
    /// Qubit of the circuit, and the bit that it is.
    homes: Vec<(usize, String)>,
}

impl Registers {
    /// Takes the registers, each under a name that `free` makes of its own.
    pub(super) fn of(registers: &[BitRegister], mut free: impl FnMut(String) -> String) -> Self {
        let mut all = Self::default();
        for register in registers.iter().filter(|register| !register.bits.is_empty()) {
            let name = free(plain(&register.name));
            for (index, bit) in register.bits.iter().enumerate() {
                let own = format!("{name}[{index}]");
                match bit {
                    // A bit begins as 0.
                    Bit::Constant(false) => {}
                    Bit::Constant(true) => all.ones.push((own, register.name.clone(), index)),
                    Bit::Qubit(qubit) => all.homes.push((*qubit, own)),
                }
            }
            all.declared.push((name, register.bits.len()));
        }
        all
    }

    /// Returns whether a record of a circuit is a bit of no register.
    pub(super) fn lack(registers: &[BitRegister], circuit: &Circuit) -> bool {
        let homes: BTreeSet<usize> = registers
            .iter()
            .flat_map(|register| &register.bits)
            .filter_map(|bit| if let Bit::Qubit(qubit) = bit { Some(*qubit) } else { None })
            .collect();
        let measured = circuit.operations().iter().filter(|operation| operation.kind == Kind::Measure);
        measured.filter_map(|operation| operation.qubits().get(1)).any(|record| !homes.contains(record))
    }

    /// Takes the first bit that is a qubit of the circuit.
    pub(super) fn take_one(&mut self, qubit: usize) -> Option<String> {
        let place = self.homes.iter().position(|(home, _)| *home == qubit)?;
        Some(self.homes.remove(place).1)
    }

    /// Takes the bits that are a qubit of the circuit.
    pub(super) fn take(&mut self, qubit: usize) -> Vec<String> {
        self.homes.extract_if(.., |(home, _)| *home == qubit).map(|(_, bit)| bit).collect()
    }

    /// Takes all bits that are left, each with its qubit of the circuit.
    pub(super) fn rest(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.homes)
    }
}

/// Makes a name that both versions of the language allow: letters, digits and `_`, a small letter first.
fn plain(name: &str) -> String {
    let mut plain: String = name.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect();
    if !plain.starts_with(|first: char| first.is_ascii_lowercase()) {
        plain.insert_str(0, "bits_");
    }
    plain
}
