//! A program as text, a line a step, so that a reader sees what lowering did.

use super::{Kernel, Program, Slot, Variable};
use std::fmt;

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(index) => write!(f, "x{index}"),
            Self::Weight(index) => write!(f, "w{index}"),
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        for (coefficient, first, second) in &self.terms {
            let second = second.map_or_else(String::new, |variable| format!("*{variable}"));
            parts.push(format!("{coefficient}*{first}{second}"));
        }
        if self.constant != 0.0 || parts.is_empty() {
            parts.push(self.constant.to_string());
        }
        f.write_str(&parts.join(" + "))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (qubits, inputs, weights) = (self.qubits, self.inputs, self.weights);
        writeln!(f, "{qubits} qubits, {inputs} inputs, {weights} weights, {} outputs", self.outputs())?;
        for (index, slot) in self.slots.iter().enumerate() {
            writeln!(f, "  a{index} = {slot}")?;
        }
        if let Some(embedding) = &self.embedding {
            writeln!(f, "  state <- x{}..x{}", embedding.first, embedding.first + embedding.count - 1)?;
        }
        for step in &self.steps {
            let text = match &step.kernel {
                Kernel::Rotation { x, z, slot } => format!("rotate {} by a{slot}", letters(*x, *z)),
                Kernel::Phase { slot } => format!("phase a{slot}"),
                Kernel::FixedPhase(value) => format!("phase {value}"),
                Kernel::Exchange { mask, first, second } => {
                    format!("exchange {first:b} and {second:b} of {}", letters(0, *mask).replace('Z', "q"))
                }
                Kernel::Matrix { qubits, .. } => format!("matrix on {qubits:?}"),
            };
            let controls = letters(0, step.controls).replace('Z', "q");
            let where_ = if step.controls == 0 { String::new() } else { format!(" where {controls}") };
            writeln!(f, "  {text}{where_}")?;
        }
        Ok(())
    }
}

/// A Pauli word as "X0 Z3".
fn letters(x: u64, z: u64) -> String {
    let qubits = (0..64).filter(|q| (x | z) >> q & 1 == 1);
    let letter = |q: u32| match (x >> q & 1, z >> q & 1) {
        (1, 1) => 'Y',
        (1, _) => 'X',
        _ => 'Z',
    };
    qubits.map(|q| format!("{}{q}", letter(q))).collect::<Vec<_>>().join(" ")
}
