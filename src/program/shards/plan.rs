//! The plan: segments of operations and reads on shards, with the exchanges between them.

use super::operations::operations;
use super::order::placement;
use super::planner::{Planner, Segment, moved_qubits};
use super::reads::{reads, widest_matrices};
use crate::error::Result;
use crate::program::{IndexMap, Program};

/// Least number of qubits of a shard: with fewer there are no tiles. States that are smaller get qubits in 0.
const LEAST_LOCAL: usize = 5;

/// Plan for the shards of a state.
#[derive(Debug)]
pub(crate) struct ShardPlan {
    /// Bits of an index.
    pub(crate) bits: usize,
    /// Bits of an index on a shard.
    pub(crate) local: usize,
    /// Map from indices at the start to the program's; each of its bits is a bit of the other.
    pub(crate) start: IndexMap,
    pub(crate) segments: Vec<Segment>,
}

impl ShardPlan {
    /// Number of bits of an index on a shard, at least: what a tile needs, and the matrices of the program.
    fn least_local(program: &Program) -> usize {
        let steps = program.steps.iter().map(|step| moved_qubits(step).count_ones());
        let widest = steps.chain(widest_matrices(&program.readout)).max();
        LEAST_LOCAL.max(widest.unwrap_or(0) as usize)
    }

    /// Plans a program on a number of shards that is a power of two.
    ///
    /// # Errors
    /// A variance is read.
    pub(crate) fn new(program: &Program, shards: usize) -> Result<Self> {
        let label = shards.ilog2() as usize;
        let bits = program.qubits.max(label + Self::least_local(program));
        let local = bits - label;
        let (operations, readout) = operations(program.layered(), bits);
        let start = placement(&operations, bits, local);
        let labels: Vec<u64> = (0..shards as u64).collect();
        let mut planner = Planner {
            program,
            bits,
            local,
            current: start.clone(),
            labels: labels.clone(),
            segments: vec![Segment::new(None, labels)],
        };
        planner.run(operations);
        reads(&mut planner, &readout)?;
        Ok(Self { bits, local, start, segments: planner.segments })
    }

    /// Exchanges of a pass over the state, and the part of a shard that they send.
    #[cfg(test)]
    pub(crate) fn volume(&self) -> (usize, f64) {
        let exchanges = self.segments.iter().filter_map(|segment| segment.exchange.as_ref());
        exchanges
            .fold((0, 0.0), |(count, sum), exchange| (count + 1, sum + 1.0 - 0.5f64.powi(exchange.functions() as i32)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::planner::Node;
    use super::*;
    use crate::circuit::input;
    use crate::measurement::Measurement;
    use crate::observable::{X, Z};
    use crate::program::layered::Layer;
    use crate::{Circuit, Observable};

    /// Layers of rotations and a ring of CX behind rotations by inputs.
    fn ring(qubits: usize, layers: usize, observables: Vec<Observable>) -> Program {
        let mut circuit = Circuit::new(qubits);
        let w = circuit.weights("w", (layers, qubits, 3));
        (0..qubits).for_each(|q| _ = circuit.ry(input(q), q));
        for layer in 0..layers {
            for q in 0..qubits {
                let angle = |k: usize| w.at([layer, q, k]);
                circuit.rz(angle(0), q).ry(angle(1), q).rz(angle(2), q);
            }
            (0..qubits).for_each(|q| _ = circuit.cx(q, (q + 1) % qubits));
        }
        Program::new(&circuit, &Measurement::expectation(observables)).expect("a program")
    }

    /// States beyond any memory are planned, and few amplitudes are sent.
    #[test]
    fn rings_send_little_at_any_size() {
        for qubits in [20, 29, 30, 34, 36, 40] {
            let all = || (0..qubits).map(Z).collect();
            let (shallow, deep) = (ring(qubits, 4, all()), ring(qubits, 10, all()));
            for label_bits in 1..=8 {
                let (exchanges, sent) = ShardPlan::new(&shallow, 1 << label_bits).expect("a plan").volume();
                assert!(exchanges <= 2 && sent <= 2.0, "{qubits} {label_bits}: {exchanges} {sent}");
                if label_bits % 3 == 2 {
                    let (exchanges, sent) = ShardPlan::new(&deep, 1 << label_bits).expect("a plan").volume();
                    assert!(exchanges <= 6 && sent <= 6.0, "{qubits} {label_bits}: {exchanges} {sent}");
                }
            }
        }
    }

    /// Every operation of a segment leaves the label alone.
    #[test]
    fn segments_flip_local_bits() {
        for qubits in [8, 13] {
            let program = ring(qubits, 5, vec![X(0) * X(3), Z(1), X(qubits - 1) * Z(2)]);
            let plan = ShardPlan::new(&program, 4).expect("a plan");
            let layers = |segment: &Segment| {
                let layer = |node: &Node| if let Node::Layer(layer) = node { Some(layer.clone()) } else { None };
                segment.nodes.iter().filter_map(layer).collect::<Vec<_>>()
            };
            let all: Vec<Layer> = plan.segments.iter().flat_map(layers).collect();
            let rotations = all.iter().flat_map(|layer| &layer.rotations);
            assert!(rotations.clone().all(|rotation| rotation.flip_mask >> plan.local == 0));
            let of_program = program.layered().nodes.iter().map(|node| match node {
                crate::program::LayeredNode::Layer(layer) => layer.rotations.len(),
                _ => 0,
            });
            assert_eq!(rotations.count(), of_program.sum::<usize>());
        }
    }
}
