//! Undoing against keeping a copy in front of every pass, which is as exact as the precision allows.

use super::{allowed_growth, gradient};
use crate::circuit::Circuit;
use crate::engine::{Arguments, NeedsGrad, Options, Real};
use crate::measurement::Measurement;
use crate::observable::Z;
use crate::program::Program;

/// Channels behind the rotations of a layer, with a strength for all.
#[derive(Debug, Clone, Copy)]
enum Noise {
    Depolarizing,
    Damping,
    /// Depolarizing on one and two qubits, and damping.
    All,
}

/// Layers of RY and RZ on each qubit, channels, and a ring of CX. The last weight is the strength.
fn program(qubits: usize, layers: usize, noise: Noise) -> Program {
    let mut circuit = Circuit::new(qubits);
    let w = circuit.weights("w", 2 * qubits * layers + 1);
    let p = || w.at(2 * qubits * layers);
    for l in 0..layers {
        for q in 0..qubits {
            circuit.ry(w.at(2 * (l * qubits + q)), q).rz(w.at(2 * (l * qubits + q) + 1), q);
            match noise {
                Noise::Depolarizing => _ = circuit.depolarizing(p(), q),
                Noise::Damping => _ = circuit.amplitude_damping(p(), q),
                Noise::All => _ = circuit.depolarizing(p(), q).amplitude_damping(p(), q),
            }
        }
        for q in 0..qubits {
            circuit.cx(q, (q + 1) % qubits);
            if matches!(noise, Noise::All) {
                circuit.depolarizing2(p(), q, (q + 1) % qubits);
            }
        }
    }
    let measurement = Measurement::expectation([Z(0) + 0.5 * Z(1) * Z(2)]);
    Program::new(&circuit, &measurement).expect("a program")
}

/// Gradient in the weights, computed in a precision.
fn weight_gradient<T: Real>(program: &Program, weights: &[f64], allowed: f64) -> Vec<f64> {
    let mut weights: Vec<T> = weights.iter().map(|weight| T::from_f64(*weight)).collect();
    // Square roots of strengths are derived features, which the engine gets.
    let strength = weights[weights.len() - 1].to_f64();
    let root = f64::from((1.0 - strength).sqrt() as f32);
    let inputs = vec![T::from_f64(root); program.engine_inputs];
    weights.truncate(program.weights);
    let arguments = Arguments { inputs: &inputs, weights: &weights, batch: 1 };
    let needs_grad = NeedsGrad { inputs: false, weights: true };
    let cotangent = [T::one()];
    let found = gradient(program, arguments, &Options::default(), (&cotangent, needs_grad), None, allowed);
    found.expect("gradients").weights.expect("a gradient").iter().map(|g| g.to_f64()).collect()
}

/// Largest difference, in angles and in the strength.
fn errors(found: &[f64], exact: &[f64]) -> [f64; 2] {
    let angles = exact.len() - 1;
    let off = found[..angles].iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    [off, (found[angles] - exact[angles]).abs()]
}

/// In F32, undoing with copies on a budget has errors of at most 3 times those of copies everywhere in angles, and 10
/// times in strengths.
#[test]
fn undoing_is_as_good_as_copies() {
    let cases = [
        (4, 50, Noise::Depolarizing, 0.01),
        (4, 200, Noise::Depolarizing, 0.01),
        (4, 50, Noise::Depolarizing, 0.05),
        (4, 50, Noise::Damping, 0.05),
        (4, 40, Noise::All, 0.02),
        (6, 10, Noise::All, 0.01),
        (4, 20, Noise::All, 0.05),
    ];
    for (qubits, layers, noise, p) in cases {
        let program = program(qubits, layers, noise);
        let angles = (0..2 * qubits * layers).map(|k| 3.0 * (0.71 * k as f64 + 0.2).sin());
        // F32 numbers, so that both precisions have the same problem.
        let weights: Vec<f64> = angles.chain([p]).map(|weight| f64::from(weight as f32)).collect();
        let exact = weight_gradient::<f64>(&program, &weights, 0.0);
        let undone = weight_gradient::<f64>(&program, &weights, allowed_growth::<f64>());
        let size = exact.iter().fold(0.0, |size: f64, g| size.max(g.abs()));
        let name = format!("{qubits} qubits, {layers} layers, {noise:?} of {p}");
        assert!(
            errors(&undone, &exact).iter().all(|off| *off < 1e-9 * size.max(1e-3)),
            "{name} in F64: {:?}",
            errors(&undone, &exact)
        );
        let copied = errors(&weight_gradient::<f32>(&program, &weights, 0.0), &exact);
        let undone = errors(&weight_gradient::<f32>(&program, &weights, allowed_growth::<f32>()), &exact);
        let floor = 4.0 * f64::from(f32::EPSILON) * size;
        println!("{name}: copied {copied:?}, undone {undone:?}, of {size:e}");
        assert!(undone[0] <= 3.0 * copied[0] + floor, "{name}, angles: {undone:?} {copied:?}");
        assert!(undone[1] <= 10.0 * copied[1] + 4.0 * floor, "{name}, strength: {undone:?} {copied:?}");
    }
}
