//! Undoing channels against keeping a copy in front of every pass, which is as exact as the precision allows.

use candle_core::{DType, Device, Result, Tensor, Var};
use candlewick::__private::with_allowed_growth;
use candlewick::functional;
use candlewick::prelude::*;

/// Channels behind the rotations of a layer, with one strength for all.
#[derive(Debug, Clone, Copy)]
enum Noise {
    Depolarizing,
    Damping,
    /// Depolarizing on one and two qubits, and damping.
    All,
}

/// Layers of RY and RZ on each qubit, channels, and a ring of CX. The last weight is the strength.
fn circuit(qubits: usize, layers: usize, noise: Noise) -> Circuit {
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
    circuit
}

/// Gradient in the weights.
fn gradient(circuit: &Circuit, weights: &[f64], dtype: DType) -> Result<Vec<f64>> {
    let w = Var::from_tensor(&Tensor::new(weights, &Device::Cpu)?.to_dtype(dtype)?)?;
    let measurement = Measurement::expectation([Z(0) + 0.5 * Z(1) * Z(2)]);
    let y = functional::evaluate(circuit, &measurement, None, &[("w", &w)])?;
    y.sum_all()?.backward()?.get(&w).expect("a gradient").to_dtype(DType::F64)?.to_vec1()
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
fn undoing_is_as_good_as_copies() -> Result<()> {
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
        let circuit = circuit(qubits, layers, noise);
        let angles = (0..2 * qubits * layers).map(|k| 3.0 * (0.71 * k as f64 + 0.2).sin());
        // F32 numbers, so that both precisions have the same problem.
        let weights: Vec<f64> = angles.chain([p]).map(|weight| f64::from(weight as f32)).collect();
        let exact = with_allowed_growth(0.0, || gradient(&circuit, &weights, DType::F64))?;
        let size = exact.iter().fold(0.0, |size: f64, g| size.max(g.abs()));
        let name = format!("{qubits} qubits, {layers} layers, {noise:?} of {p}");
        let undone = errors(&gradient(&circuit, &weights, DType::F64)?, &exact);
        assert!(undone.iter().all(|off| *off < 1e-9 * size.max(1e-3)), "{name} in F64: {undone:?} of {size:e}");
        let copied = errors(&with_allowed_growth(0.0, || gradient(&circuit, &weights, DType::F32))?, &exact);
        let undone = errors(&gradient(&circuit, &weights, DType::F32)?, &exact);
        let floor = 4.0 * f64::from(f32::EPSILON) * size;
        println!("{name}: copied {copied:?}, undone {undone:?}, of {size:e}");
        assert!(undone[0] <= 3.0 * copied[0] + floor, "{name}, angles: {undone:?} {copied:?}");
        assert!(undone[1] <= 10.0 * copied[1] + 4.0 * floor, "{name}, strength: {undone:?} {copied:?}");
    }
    Ok(())
}
