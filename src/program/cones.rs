//! Cones: parts of a program with some of its outputs each, on the qubits that these outputs depend on.
//!
//! An output of a shallow circuit depends on the few qubits in its light cone, however many the circuit has. All states
//! of such cones are together far smaller than the state of the circuit. Outputs whose cones overlap share a part.

use super::{Program, Quantity, Readout, Sum, XMaskGroup};
use crate::gf2;
use crate::program::rewrite::{Rewrite, light_cone, on_qubits};
use crate::program::{Columns, Parity, Slot, Step};
use std::sync::Arc;

/// Part of a program, which is a program of its own on the same inputs and weights.
#[derive(Debug, Clone)]
pub(crate) struct Cone {
    pub(crate) program: Program,
    /// Output of the whole program that each output of this one is.
    pub(crate) outputs: Vec<usize>,
}

/// Work of a call beside its steps, as a number of amplitudes times steps: about 5 µs.
const CALL: u64 = 1 << 14;

/// Outputs that stay together: an expectation value, or the probabilities of some qubits.
struct Unit {
    /// Number of the quantity.
    quantity: usize,
    /// Output within an expectation's sum; `None` for all of the quantity.
    output: Option<usize>,
    cone: Support,
}

/// Steps and qubits on which outputs depend.
#[derive(Clone)]
struct Support {
    qubits: u64,
    /// Bit `k % 64` of word `k / 64` is set for step `k`.
    steps: Vec<u64>,
}

impl Support {
    fn union(&self, other: &Self) -> Self {
        let steps = self.steps.iter().zip(&other.steps).map(|(a, b)| a | b).collect();
        Self { qubits: self.qubits | other.qubits, steps }
    }

    /// Work of a call with these steps on these qubits.
    fn work(&self) -> u64 {
        let steps: u64 = self.steps.iter().map(|word| u64::from(word.count_ones())).sum();
        work(self.qubits.count_ones(), steps)
    }
}

fn work(qubits: u32, steps: u64) -> u64 {
    1u64.checked_shl(qubits).unwrap_or(u64::MAX).saturating_mul(steps.max(1)).saturating_add(CALL)
}

impl Program {
    /// Parts that have all outputs of the program together, if they take less than half the work of its state.
    pub(crate) fn cones(&self) -> Option<&[Cone]> {
        self.made.cones.get_or_init(|| self.make_cones().map(Arc::from)).as_deref()
    }

    fn make_cones(&self) -> Option<Vec<Cone>> {
        let whole = work(self.qubits as u32, self.steps.len() as u64);
        let is_plain = self.embedding.is_none() && self.channels.is_empty() && self.wide.is_none();
        if !is_plain || !self.rewrites.contains(Rewrite::Cones) || whole < 4 * CALL {
            return None;
        }
        let mut groups: Vec<(Support, Vec<Unit>)> = Vec::new();
        for unit in self.units()? {
            // A group is better than a part of its own if it costs less to extend it.
            let alone = unit.cone.work();
            let added = groups.iter().map(|(support, _)| support.union(&unit.cone).work() - support.work());
            match added.enumerate().min_by_key(|(_, added)| *added).filter(|(_, added)| *added <= alone) {
                Some((group, _)) => {
                    let (support, units) = &mut groups[group];
                    *support = support.union(&unit.cone);
                    units.push(unit);
                }
                None => groups.push((unit.cone.clone(), vec![unit])),
            }
        }
        let parts = groups.iter().fold(0u64, |sum, (support, _)| sum.saturating_add(support.work()));
        (parts < whole / 2).then(|| groups.iter().map(|(_, units)| self.part(units)).collect())
    }

    /// Units of the readout with their cones, or `None` if a quantity is of no such kind.
    fn units(&self) -> Option<Vec<Unit>> {
        let mut units = Vec::new();
        for (quantity, columns) in self.readout.quantities.iter().enumerate() {
            match &columns.quantity {
                Quantity::Expectation(sum) if sum.parts.is_empty() => {
                    let mut read = vec![0; sum.outputs];
                    for x_group in &sum.x_groups {
                        x_group.terms.iter().for_each(|term| read[term.output] |= x_group.x | term.z);
                    }
                    let unit = |(output, read)| Unit { quantity, output: Some(output), cone: self.cone_of(read) };
                    units.extend(read.into_iter().enumerate().map(unit));
                }
                Quantity::Probabilities(qubits) => {
                    units.push(Unit { quantity, output: None, cone: self.cone_of(gf2::mask(qubits)) });
                }
                Quantity::Expectation(_) | Quantity::Variance(_) | Quantity::State => return None,
            }
        }
        Some(units)
    }

    /// Steps and qubits on which a measurement of some qubits depends.
    fn cone_of(&self, read: u64) -> Support {
        let mut cone = Support { qubits: read, steps: vec![0; self.steps.len().div_ceil(64)] };
        for (index, step) in self.steps.iter().enumerate().rev() {
            let support = step.support();
            if support & cone.qubits != 0 {
                cone.qubits |= support;
                cone.steps[index / 64] |= 1 << (index % 64);
            }
        }
        cone
    }

    /// Makes the part with these outputs.
    fn part(&self, units: &[Unit]) -> Cone {
        let mut outputs = Vec::new();
        let mut readout = Readout::default();
        for (quantity, columns) in self.readout.quantities.iter().enumerate() {
            let chosen: Vec<&Unit> = units.iter().filter(|unit| unit.quantity == quantity).collect();
            if chosen.is_empty() {
                continue;
            }
            let first = outputs.len();
            let kept = match &columns.quantity {
                Quantity::Expectation(sum) => {
                    let places: Vec<usize> = chosen.iter().filter_map(|unit| unit.output).collect();
                    outputs.extend(places.iter().map(|output| columns.first + output));
                    Quantity::Expectation(sum.with_outputs(&places))
                }
                other => {
                    outputs.extend(columns.outputs());
                    other.clone()
                }
            };
            readout.quantities.push(Columns { first, count: outputs.len() - first, quantity: kept });
        }
        let mut program = Self {
            readout,
            operations: Vec::new(),
            derived_outputs: Vec::new(),
            output_shape: vec![outputs.len()],
            made: super::Made::default(),
            cache: Arc::default(),
            ..self.clone()
        };
        light_cone::drop_unseen(&mut program);
        let touched = program.steps.iter().map(Step::support).fold(0, |touched, support| touched | support);
        // A state has at least one qubit.
        let left = (touched | program.readout.support().unwrap_or(0)).max(1);
        let places: Vec<usize> = gf2::bits(left).collect();
        program.readout = program.readout.on_qubits(&places);
        on_qubits(&mut program, &places);
        program.keep_read_slots();
        Cone { program, outputs }
    }

    /// Removes the slots that no step has. A further slot has their variables, so that a NaN among them still spoils a
    /// sample.
    fn keep_read_slots(&mut self) {
        let mut needed = vec![false; self.slots.len()];
        self.steps.iter().filter_map(|step| step.kernel.slot()).for_each(|slot| needed[slot] = true);
        let mut numbers = vec![0; self.slots.len()];
        let (mut slots, mut others) = (Vec::new(), Slot { constant: 0.0, terms: Vec::new() });
        for (index, slot) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            if needed[index] {
                numbers[index] = slots.len();
                slots.push(slot);
            } else {
                let slight = |(coefficient, first, second): &(f64, _, _)| (SLIGHT * coefficient, *first, *second);
                others.terms.extend(slot.terms.iter().map(slight));
                // NaN, if the constant is not finite.
                others.constant += 0.0 * slot.constant;
            }
        }
        if !others.terms.is_empty() || others.constant.is_nan() {
            slots.push(others);
        }
        self.slots = slots;
        self.steps.iter_mut().filter_map(|step| step.kernel.slot_mut()).for_each(|slot| *slot = numbers[*slot]);
    }
}

/// Factor of terms whose sum is only to show whether they are numbers: it keeps a sum of finite ones finite.
const SLIGHT: f64 = 1.0 / (1u64 << 63) as f64;

impl Sum {
    /// Sum with some of the outputs alone.
    fn with_outputs(&self, outputs: &[usize]) -> Self {
        let mut places = vec![None; self.outputs];
        outputs.iter().enumerate().for_each(|(place, output)| places[*output] = Some(place));
        let x_group = |x_group: &XMaskGroup| {
            let terms = x_group.terms.iter();
            let terms = terms.filter_map(|term| Some(super::PauliTerm { output: places[term.output]?, ..*term }));
            XMaskGroup { x: x_group.x, terms: terms.collect() }
        };
        Self {
            outputs: outputs.len(),
            constants: outputs.iter().map(|output| self.constants[*output]).collect(),
            x_groups: self.x_groups.iter().map(x_group).filter(|x_group| !x_group.terms.is_empty()).collect(),
            parts: Vec::new(),
        }
    }
}

impl Readout {
    /// Readout of the qubits `places[k]` as qubits `k`.
    fn on_qubits(&self, places: &[usize]) -> Self {
        let place = |qubit: &usize| places.partition_point(|place| place < qubit);
        self.map(|quantity| match quantity {
            Quantity::Probabilities(qubits) => Quantity::Probabilities(qubits.iter().map(place).collect()),
            quantity => quantity.map_sums(|sum| {
                let mask = |mask: u64| gf2::extract(mask, places);
                sum.moved(|z| Parity { mask: mask(z), odd: false }, mask)
            }),
        })
    }
}
