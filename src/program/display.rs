//! Programs as text, with a line for each step, to show the results of lowering and rewriting.
//!
//! The alternate form (`{:#}`) goes on with the layers. There, `p0` is a bit of a stored index. "a3 over p0 p2" is the
//! phase `exp(∓i a3)` by the parity of two bits. "a5 turns p0 p1 by p1" is a rotation of the amplitudes whose indices
//! differ in both bits, with the sign given by one of them.

use super::derived_features::DerivedFeature;
use super::index_map::Parity;
use super::layered::{Layer, LayeredProgram, Node, Phase, Region, Rotation, Source};
use super::rewrite::step_on_qubit;
use super::{Controls, DerivedOutputs, Kernel, Program, Quantity, Readout, Rewrite, Slot, Sum, Variable};
use crate::circuit::{WORDS, spelled_condition};
use crate::gf2;
use crate::observable::PauliWord;
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
        let product = |(coefficient, first, second): &(f64, Variable, Option<Variable>)| {
            let second = second.map_or_else(String::new, |variable| format!("*{variable}"));
            let factor = if *coefficient == 1.0 { String::new() } else { format!("{coefficient}*") };
            format!("{factor}{first}{second}")
        };
        let mut parts: Vec<String> = self.terms.iter().map(product).collect();
        if self.constant != 0.0 || parts.is_empty() {
            parts.push(self.constant.to_string());
        }
        f.write_str(&parts.join(" + ").replace("+ -", "- "))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (qubits, inputs, weights) = (self.qubits, self.features, self.weights);
        writeln!(f, "{qubits} qubits, {inputs} inputs, {weights} weights, {} outputs", self.outputs())?;
        for (index, feature) in self.derived.list.iter().enumerate() {
            write!(f, "  x{} <- ", self.features + index)?;
            match feature {
                DerivedFeature::Switch(code) => {
                    let test = |index: &usize| self.derived.tests[*index].to_string();
                    writeln!(f, "1 where {}", spelled_condition(code, &WORDS, test))?;
                }
                DerivedFeature::Function { function, arguments } => {
                    let arguments = arguments.map(|index| self.derived.arguments[index].to_string());
                    writeln!(f, "{}", function.spelled(&arguments))?;
                }
                DerivedFeature::Product { switch, of } => writeln!(f, "x{}*{of}", self.features + switch)?,
            }
        }
        for (index, slot) in self.slots.iter().enumerate() {
            writeln!(f, "  a{index} = {slot}")?;
        }
        let mut y = 0;
        for derived in &self.derived_outputs {
            derived.list(y, f)?;
            y += derived.count;
        }
        if let Some(embedding) = &self.embedding {
            let otherwise = if embedding.zero_state { ", or |0..0>" } else { "" };
            let pairs = if embedding.complex { " in pairs" } else { "" };
            writeln!(
                f,
                "  state <- x{}..x{}{pairs}{otherwise}",
                embedding.first,
                embedding.first + embedding.count - 1
            )?;
        }
        for step in &self.steps {
            let place = if step.controls.is_empty() { String::new() } else { format!(" where {}", step.controls) };
            writeln!(f, "  {}{place}", step.kernel)?;
        }
        if f.alternate() && self.rewrites.contains(Rewrite::Layers) {
            return write!(f, "in layers\n{}", self.layered());
        }
        writeln!(f, "  read {}", self.readout)
    }
}

impl DerivedOutputs {
    /// Writes a line for each output that is not the engine's; the first of all is output `first`. "e2" is an output of
    /// the engine.
    fn list(&self, first: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = |engine: usize, slot: &Slot| match (slot.constant, slot.terms.is_empty()) {
            (1.0, true) => format!("e{engine}"),
            _ => format!("({slot})*e{engine}"),
        };
        let sum = |output: usize| match self.terms.is_empty() {
            true => format!("e{}", self.from.start + output),
            false => {
                let terms = self.from.clone().zip(&self.terms).filter(|(_, (to, _))| *to == output);
                terms.map(|(engine, (_, slot))| term(engine, slot)).collect::<Vec<_>>().join(" + ")
            }
        };
        if self.is_matrix {
            let last = first + self.count - 1;
            writeln!(f, "  y{first}..y{last} = density matrix of e{}..e{}", self.from.start, self.from.end - 1)?;
        }
        let derived = if self.is_derived() { 0..self.count } else { 0..0 };
        for output in derived {
            let constants = self.constants.iter().filter(|(to, _)| *to == output);
            let constants: String = constants.map(|(_, slot)| format!(" + {slot}")).collect();
            if self.is_matrix {
                continue;
            }
            let value = sum(output);
            if self.is_conditional && output + 1 < self.count {
                writeln!(f, "  y{} = ({value}) / ({}){constants}", first + output, sum(self.count - 1))?;
            } else {
                writeln!(f, "  y{} = {value}", first + output)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for LayeredProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (qubit, steps) in self.start.iter().enumerate().filter(|(_, steps)| !steps.is_empty()) {
            let steps: Vec<String> = steps.iter().map(|step| step_on_qubit(step, qubit).kernel.to_string()).collect();
            writeln!(f, "  start q{qubit}: {}", steps.join(", "))?;
        }
        for node in &self.nodes {
            match node {
                Node::Layer(layer) => writeln!(f, "  {layer}")?,
                Node::Step { index, .. } => writeln!(f, "  step {index}")?,
                Node::Permute(_) => writeln!(f, "  move amplitudes to their logical indices")?,
            }
        }
        writeln!(f, "  read {}", self.readout)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phases: Vec<String> = self.phases.iter().map(Phase::to_string).collect();
        let rotations: Vec<String> = self.rotations.iter().map(Rotation::to_string).collect();
        let list = |parts: Vec<String>| if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
        write!(f, "phases: {}; rotations: {}", list(phases), list(rotations))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot) => write!(f, "a{slot}"),
            Self::Fixed(value) => write!(f, "{:.4}", value.arg()),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Region::Sign(parity) => write!(f, "{} over {parity}", self.source),
            Region::All(parities) if parities.is_empty() => write!(f, "{} everywhere", self.source),
            Region::All(parities) => {
                let parities: Vec<String> = parities.iter().map(Parity::to_string).collect();
                write!(f, "{} where {}", self.source, parities.join(" and "))
            }
        }
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} turns {} by {}", self.source, stored_bits(self.flip_mask), self.parity)
    }
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.odd { "not " } else { "" };
        write!(f, "{not}{}", stored_bits(self.mask))
    }
}

/// Bits of a stored index as "p0 p3".
fn stored_bits(mask: u64) -> String {
    gf2::bits(mask).map(|bit| format!("p{bit}")).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotation { x: 0, z: 0, slot } => write!(f, "phase -a{slot}"),
            Self::Rotation { x, z, slot } => write!(f, "rotate {} by a{slot}", PauliWord { x: *x, z: *z }.spelled()),
            Self::Phase { slot } => write!(f, "phase a{slot}"),
            Self::FixedPhase(value) => write!(f, "multiply by {value:.4}"),
            Self::Exchange { mask, first, second } => {
                let bit = |bits: u64, q: usize| if bits >> q & 1 == 1 { '1' } else { '0' };
                let local = |bits: u64| gf2::bits(*mask).map(|q| bit(bits, q)).collect::<String>();
                write!(f, "exchange {} and {} of {}", local(*first), local(*second), names(*mask))
            }
            Self::Matrix { qubits, .. } => {
                let names: Vec<String> = qubits.iter().map(|q| format!("q{q}")).collect();
                write!(f, "matrix on {}", names.join(" "))
            }
        }
    }
}

impl fmt::Display for Readout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<_> = self.quantities.iter().collect();
        columns.sort_by_key(|columns| columns.first);
        let quantities: Vec<String> = columns.iter().map(|columns| columns.quantity.to_string()).collect();
        f.write_str(&quantities.join(" | "))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = |sum: &Sum| {
            let words: usize = sum.x_groups.iter().map(|x_group| x_group.terms.len()).sum();
            let constants = sum.constants.iter().filter(|constant| **constant != 0.0).count();
            let constants = if constants > 0 { format!(", {constants} constants") } else { String::new() };
            format!("{words} words in {} groups, {} other parts{constants}", sum.x_groups.len(), sum.parts.len())
        };
        match self {
            Self::Expectation(sum) => write!(f, "{} expectations: {}", sum.outputs, sizes(sum)),
            Self::Variance(sums) => {
                let each: Vec<String> = sums.iter().map(sizes).collect();
                write!(f, "{} variances: {}", sums.len(), each.join("; "))
            }
            Self::Probabilities(qubits) => {
                let names: Vec<String> = qubits.iter().map(|q| format!("q{q}")).collect();
                write!(f, "probabilities of {}", names.join(" "))
            }
            Self::State => f.write_str("the state"),
        }
    }
}

impl fmt::Display for Controls {
    /// Writes controls as "q0 q3=0".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |q: usize| if self.zeros >> q & 1 == 1 { "=0" } else { "" };
        f.write_str(&gf2::bits(self.mask).map(|q| format!("q{q}{}", value(q))).collect::<Vec<_>>().join(" "))
    }
}

/// Qubits as "q0 q3".
fn names(mask: u64) -> String {
    gf2::bits(mask).map(|q| format!("q{q}")).collect::<Vec<_>>().join(" ")
}
