//! Tables of a layer that the samples of a batch share.

use crate::engine::Real;
use crate::engine::cpu::angles::{Angles, SharedAngles};
use crate::engine::cpu::batch::passes::{Layer, LayerSize};
use crate::engine::cpu::factored::{FactoredPass, Phases, WORTH_A_TABLE, set_gradient_scales, walsh_hadamard};
use crate::engine::cpu::pass::Pass;
use crate::engine::cpu::passes::{Rotors, Table};
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::gf2::parity;
use crate::program::{Program, Source};

/// Tables and rotations of a layer that all samples share.
#[derive(Debug)]
pub(crate) struct LayerTables<T> {
    /// Whether the tables have been set.
    pub(crate) made: bool,
    pub(crate) table: Option<Table<T>>,
    pub(crate) passes: Vec<FactoredPass<T>>,
    /// Rotors that do each pass, and rotors that undo it, if samples share them.
    rotors: Vec<Option<[Rotors<T>; 2]>>,
    /// Scale of the gradients of the shared phases.
    pub(crate) weight: f64,
}

impl<T> Default for LayerTables<T> {
    fn default() -> Self {
        Self { made: false, table: None, passes: Vec::new(), rotors: Vec::new(), weight: 1.0 }
    }
}

impl<T: Real> LayerTables<T> {
    /// Rotors that do pass `k` or, if `back`, undo it. They are computed in `scratch` if samples do not share them.
    pub(crate) fn rotors<'a>(
        &'a self,
        (k, pass): (usize, &Pass),
        angles: Angles<'_, T>,
        back: bool,
        scratch: &'a mut Rotors<T>,
    ) -> &'a Rotors<T> {
        match &self.rotors[k] {
            Some(both) => &both[usize::from(back)],
            None => {
                self.passes[k].set_rotors(pass, angles, back, scratch);
                scratch
            }
        }
    }

    /// Largest number of bytes of a layer's tables.
    pub(crate) fn most_bytes(program: &Program, size: LayerSize) -> usize {
        let has_table = size.has_shared || size.rotations >= WORTH_A_TABLE;
        let table = if has_table { (2 * size_of::<T>()) << program.qubits } else { 0 };
        table + size.passes * (size_of::<Option<[Rotors<T>; 2]>>() + size_of::<FactoredPass<T>>())
    }

    /// Bytes that the tables hold.
    pub(crate) fn bytes(&self) -> usize {
        let table = self.table.as_ref().map_or(0, |table| held_bytes(&table.cos) + held_bytes(&table.sin));
        table + held_bytes(&self.passes) + held_bytes(&self.rotors)
    }

    /// Computes the tables for the current arguments.
    pub(crate) fn set(&mut self, program: &Program, layer: &Layer, angles: &SharedAngles, scratch: &mut Phases) {
        self.made = true;
        let all = |pass: &Pass| pass.rotations.iter().all(|rotation| !angles.varies(rotation.source));
        let shortened = layer.passes.iter().filter(|pass| all(pass)).map(|pass| pass.rotations.len());
        let has_table = !layer.shared.is_empty() || shortened.sum::<usize>() >= WORTH_A_TABLE;
        self.passes.clear();
        self.passes.extend(layer.passes.iter().map(|pass| {
            let values = pass.rotations.iter().map(|rotation| angles.point(rotation.source));
            FactoredPass::new(values, has_table && all(pass) && !pass.rotations.is_empty())
        }));
        self.weight = set_gradient_scales(&mut self.passes);
        self.rotors.resize_with(layer.passes.len(), Default::default);
        for ((pass, shared), rotors) in layer.passes.iter().zip(&self.passes).zip(&mut self.rotors) {
            if !all(pass) {
                *rotors = None;
            } else {
                let [forth, back] = rotors.get_or_insert_with(Default::default);
                shared.set_rotors(pass, Angles::shared(angles), false, forth);
                shared.set_rotors(pass, Angles::shared(angles), true, back);
            }
        }
        if !has_table {
            self.table = None;
        } else {
            let table = self.table.get_or_insert_with(Table::default);
            let terms = layer.shared.iter().flat_map(|phase| {
                let value = angles.value(phase.source);
                phase.walsh.iter().map(move |(mask, weight)| (*mask, weight * value))
            });
            scratch.set(1 << program.qubits, terms);
            set_table(table, layer, &self.passes, scratch);
        }
    }
}

/// Writes the phases of a layer into a table, with the factors and signs of the layer's rotations.
fn set_table<T: Real>(table: &mut Table<T>, layer: &Layer, passes: &[FactoredPass<T>], phases: &Phases) {
    let factor: f64 = passes.iter().map(FactoredPass::factor).product();
    for (to, from) in [(&mut table.cos, &phases.cos), (&mut table.sin, &phases.sin)] {
        to.clear();
        to.extend(from.iter().map(|value| T::from_f64(factor * value)));
    }
    for (pass, shared) in layer.passes.iter().zip(passes) {
        let swapped = shared.swapped();
        let negative = (0..1 << pass.rotations.len()).filter(|j| parity((j & swapped) as u64));
        for distance in negative.map(|j: usize| pass.distances[j]) {
            for base in &pass.bases {
                let index = *base as usize ^ distance;
                (table.cos[index], table.sin[index]) = (-table.cos[index], -table.sin[index]);
            }
        }
    }
}

/// Adds the gradients of shared phases, computed from `Im(λ* ψ)` of each amplitude: `-2 sum of w(p) Im(λ* ψ)(p)`, times
/// `factor`.
pub(crate) fn phase_gradients(layer: &Layer, overlaps: &mut [f64], factor: f64, gradients: &mut [[f64; LANES]]) {
    walsh_hadamard(overlaps);
    for phase in &layer.shared {
        if let Source::Slot(slot) = phase.source {
            let series = phase.walsh.iter().map(|(mask, weight)| weight * overlaps[*mask as usize]);
            gradients[slot][0] -= 2.0 * factor * series.sum::<f64>();
        }
    }
}
