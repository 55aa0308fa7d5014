//! QAOA on rings, for which the best mean cut is known.

use candle_core::{Device, Tensor};
use candlewick::prelude::*;
use candlewick::variational::{Vqe, VqeConfig};

/// `(2p + 1)/(2p + 2)` of all edges on a ring of `2p + 2` nodes or more (Farhi, Goldstone and Gutmann, arXiv:1411.4028).
#[test]
fn the_best_cuts_of_a_ring() -> anyhow::Result<()> {
    let nodes = 8;
    let cost: Observable = (0..nodes).map(|node| 0.5 * Z(node) * Z((node + 1) % nodes)).sum();
    for depth in 1..=3 {
        let mut circuit = Circuit::new(nodes);
        let angles = circuit.weights("angles", (depth, 2));
        for node in 0..nodes {
            circuit.h(node);
        }
        for layer in 0..depth {
            circuit.qaoa_layer(&cost, angles.at([layer, 0]), angles.at([layer, 1]));
        }
        let config = VqeConfig { gradient_tolerance: 1e-6, ..Default::default() };
        let mut vqe = Vqe::new(circuit, cost.clone(), config)?;
        // A slow change from the mixer to the cost.
        let place = |layer: usize| (layer as f64 + 0.5) / depth as f64;
        let ramp: Vec<f64> = (0..depth).flat_map(|layer| [0.8 * place(layer), -0.8 * (1.0 - place(layer))]).collect();
        vqe.set_weights([("angles", &Tensor::from_vec(ramp, (depth, 2), &Device::Cpu)?)])?;
        let found = vqe.run()?;
        let ratio = 0.5 - found.energy / nodes as f64;
        let best = (2 * depth + 1) as f64 / (2 * depth + 2) as f64;
        assert!(found.converged() && (ratio - best).abs() < 1e-9, "depth {depth}: {ratio} and {best}");
    }
    Ok(())
}
