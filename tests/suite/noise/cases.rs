//! Reference values of PennyLane 0.45.1 (`default.mixed`, autograd, complex128), and closed forms.

use super::{engines, run_circuit};
use crate::lab::{Engine, close};
use candle_core::DType;
use candlewick::prelude::*;

/// Circuit with its measurement, arguments, and reference outputs and gradients of `sum(cotangent * outputs)`.
struct Reference {
    circuit: Circuit,
    measurement: Measurement,
    x: Vec<Vec<f64>>,
    w: Vec<f64>,
    cotangent: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    dx: Vec<Vec<f64>>,
    dw: Vec<f64>,
}

fn damped_and_depolarized() -> Reference {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 4);
    circuit.ry(input(0), 0);
    circuit.rx(w.at(0), 1);
    circuit.depolarizing(w.at(2), 0);
    circuit.depolarizing(w.at(2), 1);
    circuit.cx(0, 1);
    circuit.amplitude_damping(w.at(3), 1);
    circuit.rz(w.at(1) * input(1), 1);
    circuit.h(1);
    circuit.phase_damping(0.1, 1);
    circuit.ry(0.5 * input(1), 0);
    circuit.bit_flip(0.02, 0);
    Reference {
        circuit,
        measurement: Measurement::expectation([Z(0), 0.7 * Z(1) + 0.2 * X(0) * Y(1)]),
        x: vec![vec![0.3, 0.9], vec![1.7, -0.4], vec![2.5, 0.1]],
        w: vec![0.4, -1.1, 0.05, 0.2],
        cotangent: vec![vec![1.163976, -1.306596], vec![-0.619215, -1.210822], vec![2.228271, 0.72246]],
        outputs: vec![
            vec![0.7707660561708598, -0.11967479364004721],
            vec![-0.11314345960773631, -0.08831223857648676],
            vec![-0.7169275855986241, 0.032136614001104825],
        ],
        dx: vec![
            vec![-0.4949198942759803, -0.06646591611965633],
            vec![0.6375336788325232, -0.2294936283213225],
            vec![-1.1933452139460812, 0.27082211779621623],
        ],
        dw: vec![0.5810246369874144, -0.22601173660510882, 0.13504535558056685, -0.17907151634987442],
    }
}

fn relaxed_and_read_with_errors() -> Reference {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 7);
    circuit.ry(input(0), 0);
    circuit.ry(input(1), 1);
    circuit.ry(input(2), 2);
    circuit.rz(w.at(0), 0);
    circuit.rz(w.at(1), 1);
    circuit.rz(w.at(2), 2);
    circuit.thermal_relaxation(0.05, 0.5, 0.7, 0.02, 0);
    circuit.thermal_relaxation(0.05, 0.5, 0.6, 0.02, 1);
    circuit.thermal_relaxation(0.05, 0.5, 0.3, 0.02, 2);
    circuit.cx(0, 1);
    circuit.depolarizing2(w.at(5), 0, 1);
    circuit.rzz(w.at(6), 1, 2);
    circuit.cx(2, 1);
    circuit.depolarizing2(w.at(5), 2, 1);
    circuit.rx(w.at(3), 0);
    circuit.ry(w.at(4), 2);
    circuit.pauli_channel(0.01, 0.02, 0.03, 2);
    circuit.phase_flip(2.0 * w.at(5) + 0.01, 0);
    circuit.readout_error(0.02, 0.05, 0);
    circuit.readout_error(0.01, 0.03, 1);
    circuit.readout_error(0.04, 0.04, 2);
    Reference {
        circuit,
        measurement: Measurement::expectation([
            Z(0),
            Z(0) * Z(1),
            0.5 * Z(0) * Z(1) * Z(2) - 0.3 * X(2) + 0.25 * Observable::identity(),
        ]),
        x: vec![vec![0.2, 1.1, -0.6], vec![1.4, 0.5, 2.0]],
        w: vec![0.7, 1.9, -0.8, 0.3, 2.2, 0.015, 0.08],
        cotangent: vec![vec![-1.383371, -0.788026, 1.119403], vec![-0.051974, 0.872657, 1.736798]],
        outputs: vec![
            vec![0.8766087929487714, 0.39983835804701995, 0.053818848469040004],
            vec![0.22152600146650692, -0.22717470467767972, 0.05228267213957477],
        ],
        dx: vec![
            vec![0.13936899091317448, 0.6988922928738563, -0.44512807380992886],
            vec![0.04316499950938482, -0.11711675731924295, -0.26117041017015363],
        ],
        dw: vec![
            0.03708486987186565,
            0.05822671799207934,
            -0.028729063903647434,
            0.6096285154069238,
            -0.6352358339770332,
            3.5081788158252096,
            -5.690333987774821e-18,
        ],
    }
}

/// Values to 1e-11 and gradients to 1e-9 in F64; both to 2e-5 in F32.
#[test]
fn reference_values() {
    for of in [damped_and_depolarized(), relaxed_and_read_with_errors()] {
        for engine in engines().into_iter().chain([DType::F64, DType::F32].map(Engine::pauli)) {
            let found = run_circuit(&of.circuit, &of.measurement, &of.x, &of.w, &of.cotangent, engine);
            let (values, gradients) = if engine.is_f64() { (1e-11, 1e-9) } else { (2e-5, 2e-5) };
            let rows = found.outputs.iter().zip(&of.outputs);
            rows.for_each(|(row, expected)| close(engine.name, row, expected, values));
            let rows = found.dx.iter().zip(&of.dx);
            rows.for_each(|(row, expected)| close(engine.name, row, expected, gradients));
            close(engine.name, &found.dw, &of.dw, gradients);
        }
    }
}
