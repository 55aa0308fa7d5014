//! Noise models: each rule against the naive density matrix, its drawing, and its errors.

use super::engines;
use super::oracle::{NoisyCase, NoisyOp};
use crate::lab::{close, run_circuit};
use crate::losses::random_observables;
use crate::oracle::{Case, Expr, Op, What, pick, random_case, random_unitary, rng, uniform};
use candle_core::{Device, Tensor, Var};
use candle_nn::Init;
use candlewick::channel::Channel;
use candlewick::error::{FileError, NoiseError};
use candlewick::gate::Gate;
use candlewick::noise::{Durations, Gates, Noise, NoiseModel};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};
use insta::assert_snapshot;
use num_complex::Complex64 as C;

/// A circuit of `qubits` qubits, written by `body`.
fn written(qubits: usize, body: impl FnOnce(&mut Circuit)) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    body(&mut circuit);
    circuit.check().unwrap();
    circuit
}

/// Operations in one text: names, angles and qubits.
fn listed(circuit: &Circuit) -> String {
    let operation = |one: &candlewick::circuit::Operation| {
        let angles: Vec<String> = one.angles().iter().map(ToString::to_string).collect();
        format!("{}({}){:?}", one.name(), angles.join(", "), one.qubits())
    };
    circuit.operations().iter().map(operation).collect::<Vec<_>>().join(" ")
}

fn noise_error(result: candlewick::Result<Circuit>) -> NoiseError {
    match result.expect_err("an error") {
        Error::Noise(error) => error,
        other => panic!("no error of a model: {other}"),
    }
}

/// Kraus operators of a random channel on two qubits.
fn random_channel(seed: u64) -> Vec<Vec<Vec<C>>> {
    let unitary = random_unitary(&mut rng(seed), 3);
    let operator = |first: usize| (0..4).map(|row| unitary[first + row][..4].to_vec()).collect();
    vec![operator(0), operator(4)]
}

/// Rules of every kind that follows single operations, as a model, and written out for the operations of one sample.
fn with_rules(case: &Case, x: &[f64], kraus: Option<&[Vec<Vec<C>>]>) -> NoisyCase {
    let mut ops = Vec::new();
    for op in &case.ops {
        let qubits: Vec<usize> = op.controls.iter().chain(&op.qubits).copied().collect();
        let mut turned = op.clone();
        if qubits.len() <= 2 && !qubits.is_empty() {
            turned.angles.iter_mut().for_each(|Expr(constant, terms)| {
                *constant = *constant * 1.1 + 0.05;
                terms.iter_mut().for_each(|term| term.0 *= 1.1);
            });
        }
        ops.push(NoisyOp::Gate(turned));
        if qubits.is_empty() || !op.conditions.iter().all(|condition| condition.holds(x)) {
            continue;
        }
        let channel = |channel: Channel, s: &[f64], on: &[usize]| {
            NoisyOp::Channel(channel, s.iter().copied().map(Expr::constant).collect(), on.to_vec())
        };
        let each = |kind: Channel, s: &[f64]| qubits.iter().map(|q| channel(kind, s, &[*q])).collect::<Vec<_>>();
        if qubits.len() == 1 {
            ops.extend(each(Channel::depolarizing, &[0.02]));
        }
        if qubits.len() == 2 {
            ops.push(channel(Channel::depolarizing2, &[0.03], &qubits));
        }
        ops.extend(each(Channel::amplitude_damping, &[0.04]));
        ops.extend(each(Channel::pauli_channel, &[0.01, 0.02, 0.03]));
        if qubits.len() == 2 {
            for (a, b) in [(0, 1), (2, 1)] {
                if qubits.contains(&a) != qubits.contains(&b) {
                    ops.push(NoisyOp::Gate(Op::gate(Gate::rzz, vec![Expr::constant(0.2)], vec![a, b])));
                }
            }
            ops.extend(kraus.map(|operators| NoisyOp::Kraus(operators.to_vec(), qubits.clone())));
        }
    }
    let Case { qubits, embed, inputs, weights, .. } = *case;
    NoisyCase { qubits, embed, ops, inputs, weights }
}

fn model_of_rules(kraus: Option<&[Vec<Vec<C>>]>) -> NoiseModel {
    let model = NoiseModel::new()
        .over_rotation(Gates::one_qubit(), 0.1, 0.05)
        .over_rotation(Gates::two_qubit(), 0.1, 0.05)
        .after(Gates::one_qubit(), Noise::depolarizing(0.02))
        .after(Gates::two_qubit(), Noise::depolarizing2(0.03))
        .after(Gates::all(), Noise::amplitude_damping(0.04).then(Noise::pauli_channel(0.01, 0.02, 0.03)))
        .crosstalk([(0, 1), (2, 1)], Gates::two_qubit(), 0.2)
        .lenient();
    match kraus {
        Some(operators) => {
            let flat: Vec<Vec<C>> = operators.iter().map(|operator| operator.concat()).collect();
            model.after(Gates::two_qubit(), Noise::kraus(&flat))
        }
        None => model,
    }
}

/// Random circuits, with controls and conditions, through a model, against rules written out operation by operation.
#[test]
fn rules_against_the_naive_density_matrix() {
    for seed in 0..12 {
        let mut case = random_case(500 + seed, 3, 8, seed % 3 == 0);
        case.ops.retain(|op| !matches!(&op.what, What::Matrix(matrix) if matrix.len() > 8));
        let kraus = (seed % 2 == 1).then(|| random_channel(seed));
        if kraus.is_some() {
            // Kraus operators cannot be conditional.
            case.ops.iter_mut().for_each(|op| op.conditions.clear());
        }
        let mut rng = rng(seed);
        let x: Vec<Vec<f64>> = (0..3).map(|_| uniform(&mut rng, case.inputs)).collect();
        let w = uniform(&mut rng, case.weights);
        let observables = &random_observables(seed, 3)[..4];
        let measurement = Measurement::expectation(observables.iter().map(|one| one.observable()));
        let noisy = model_of_rules(kraus.as_deref()).apply(&case.circuit()).unwrap();
        for engine in engines() {
            let found = run_circuit(&noisy, &measurement, &x, &w, &[], engine);
            for (row, x) in found.outputs.iter().zip(&x) {
                let expected = with_rules(&case, x, kraus.as_deref()).expectations(observables, x, &w);
                close(&format!("seed {seed}, {}", engine.name), row, &expected, 4.0 * engine.values(60));
            }
        }
    }
}

/// Selections: by names, by qubits in any order, without outcomes, and with operations that only names select.
#[test]
fn selections() {
    let circuit = written(4, |c| {
        c.h(0).cx(1, 0).cx(0, 2).controlled([0], |c| c.x(1)).ccx(0, 1, 2).barrier().global_phase(0.1);
        c.measure(0, 3).controlled([3], |c| c.z(1));
    });
    let after = |gates: Gates| {
        let added = NoiseModel::new().after(gates, Noise::bit_flip(0.1)).added(&circuit).unwrap();
        let spelled =
            |one: &candlewick::noise::Addition| format!("{}:{}", one.place().unwrap(), one.operation().qubits()[0]);
        added.iter().map(spelled).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(after(Gates::one_qubit()), "0:0 8:1"); // an outcome is a classical control
    assert_eq!(after(Gates::two_qubit()), "1:1 1:0 2:0 2:2 3:0 3:1");
    assert_eq!(after(Gates::all().on([0, 1])), "0:0 1:1 1:0 3:0 3:1 8:1");
    assert_eq!(after(Gates::named(["cx"]).on([1, 0])), "1:1 1:0");
    assert_eq!(after(Gates::named(["x"])), "3:0 3:1");
    assert_eq!(after(Gates::named(["measure", "barrier"]).on([0, 1, 2])), "5:0 5:1 5:2 7:0");
    assert_eq!(after(Gates::all().on([0, 1]).on([1, 2])), "8:1");
    assert_eq!(after(Gates::named(["global_phase"])), "");
    let embedded = written(3, |c| _ = c.amplitude_embedding_on(0..2, [2, 0], Default::default()).h(1));
    let added = NoiseModel::new().after(Gates::named(["amplitude_embedding"]), Noise::phase_flip(0.1));
    assert_eq!(listed(&added.apply(&embedded).unwrap()), "amplitude_embedding()[2, 0] phase_flip(0.1)[2] h()[1]");
}

#[test]
fn drawings_of_rules() {
    let circuit = written(3, |c| {
        c.ry(input(0), 0).h(1).h(1).when(input(1).gt(0.5), |c| c.cx(0, 1)).readout_error(0.1, 0.1, 2);
    });
    let model = NoiseModel::new()
        .after(Gates::one_qubit(), Noise::depolarizing(0.001))
        .after(Gates::named(["cx", "cz"]), Noise::depolarizing2(0.01))
        .over_rotation(Gates::named(["ry"]), 0.01, 0.002)
        .crosstalk([(1, 2)], Gates::two_qubit().on([0, 1]), 0.03)
        .idle(Durations::new().gates(Gates::all(), 0.1).qubits([0, 1], 50.0, 70.0, 0.0))
        .readout(0, 0.01, 0.03);
    assert_snapshot!(model.apply(&circuit).unwrap(), @r"
    q0: ─RY(1.01*x0 + 0.002)──Depol(0.001)──Relax(0.1, 50, 70, 0)──
    q1: ──────────H───────────Depol(0.001)────────────H────────────
    q2: ───────────────────────────────────────────────────────────

    q0: ────────────────●───Depol(0.01)?1──Read(0.01, 0.03)──────────────────
                        │         │
    q1: ─Depol(0.001)──X?1──Depol(0.01)?1────RZZ(0.03)?1─────────────────────
                                                  │
    q2: ─────────────────────────────────────RZZ(0.03)?1─────Read(0.1, 0.1)──
    ?1: x1 > 0.5
    ");
    assert_snapshot!(model, @r"
    0: after gates on 1 qubit: depolarizing(0.001)
    1: after `cx`, `cz`: depolarizing2(0.01)
    2: angles of `ry`: times 1 + (0.01), plus 0.002
    3: beside gates on 2 qubits on qubits among 0, 1: rzz(0.03) on pairs 1-2
    4: while qubits wait: thermal_relaxation; all gates: 0.1; qubit 0: T1 50, T2 70, excited 0; qubit 1: T1 50, T2 70, excited 0
    5: at the end: readout_error(0.01, 0.03) on 0
    ");
    assert_snapshot!(model.added(&circuit).unwrap(), @r"
    rule 2, operation 0 (`ry`): becomes ry(1.01*x0 + 0.002) on 0
    rule 0, operation 0 (`ry`): depolarizing(0.001) on 0
    rule 0, operation 1 (`h`): depolarizing(0.001) on 1
    rule 0, operation 2 (`h`): depolarizing(0.001) on 1
    rule 4, operation 3 (`cx`): thermal_relaxation(0.1, 50, 70, 0) on 0
    rule 1, operation 3 (`cx`): depolarizing2(0.01) on 0, 1
    rule 3, operation 3 (`cx`): rzz(0.03) on 1, 2
    rule 5, end: readout_error(0.01, 0.03) on 0
    ");
}

/// Strengths that are weights of the circuit, and of a model alone, train; the slope is that of the closed form.
#[test]
fn strengths_are_trainable() {
    let mut elsewhere = Circuit::new(1);
    let p = elsewhere.weights_with_init("p", 1, Init::Const(0.1));
    let circuit = written(1, |c| _ = c.ry(0.7, 0));
    let noisy = NoiseModel::new().after(Gates::all(), Noise::depolarizing(p.at(0))).apply(&circuit).unwrap();
    assert_eq!(noisy.weight_tensors().len(), 1);
    let weight = Var::new(&[0.1f64], &Device::Cpu).unwrap();
    let y = functional::evaluate(&noisy, &Measurement::expectation([Z(0)]), None, &[("p", &weight)]).unwrap();
    let gradients = y.backward().unwrap();
    let slope = gradients.get(&weight).unwrap().to_vec1::<f64>().unwrap();
    close("slope", &slope, &[-4.0 / 3.0 * 0.7f64.cos()], 1e-12);
    let value = y.to_vec1::<f64>().unwrap();
    close("value", &value, &[(1.0 - 4.0 / 3.0 * 0.1) * 0.7f64.cos()], 1e-12);
    // Another tensor of that name.
    let other = written(1, |c| {
        c.weights("p", 1);
        c.ry(0.7, 0);
    });
    let error = noise_error(NoiseModel::new().readout(0, p.at(0), 0.1).apply(&other));
    assert!(
        matches!(&error, NoiseError::Rule { rule: 0, mistake } if matches!(**mistake, Mistake::WeightRedeclared { .. }))
    );
}

/// Every row of the table has a constructor, and is added as it is.
#[test]
fn every_channel_of_the_table() {
    for channel in Channel::all() {
        let strengths = super::channels::strengths(channel).into_iter().map(Angle::from);
        let width = channel.qubits().len();
        let circuit = written(2, |c| _ = c.cx(1, 0));
        let noisy = NoiseModel::new().after(Gates::all(), Noise::channel(channel, strengths)).apply(&circuit).unwrap();
        let added = &noisy.operations()[1..];
        assert!(added.iter().all(|one| one.channel() == Some(channel)));
        let qubits: Vec<&[usize]> = added.iter().map(|one| one.qubits()).collect();
        assert_eq!(qubits, if width == 1 { vec![&[1][..], &[0]] } else { vec![&[1, 0][..]] });
    }
    assert_eq!(Noise::reset_error(0.1, 0.2).to_string(), "reset_error(0.1, 0.2)");
}

/// Waits of a schedule by hand, in values.
#[test]
fn waiting_qubits_relax() {
    let times = |gates: Gates, time| Durations::new().gates(Gates::one_qubit(), 0.1).gates(gates, time);
    let durations = times(Gates::two_qubit(), 0.4).qubits(0..2, 5.0, 7.0, 0.02).qubits([2], 4.0, 3.0, 0.1);
    let circuit = written(3, |c| _ = c.h(0).ry(0.8, 2).h(2).cx(0, 1).cx(1, 2).barrier().x(0));
    let noisy = NoiseModel::new().idle(durations.clone()).apply(&circuit).unwrap();
    // cx(0, 1) ends at 0.5; qubit 2 has waited since 0.2, and qubit 0 waits until 0.9; at the end, 1 and 2 wait for
    // x(0).
    let relax = |t: f64, q: usize| {
        let [t1, t2, excited] = if q == 2 { [4.0, 3.0, 0.1] } else { [5.0, 7.0, 0.02] };
        NoisyOp::Channel(Channel::thermal_relaxation, [t, t1, t2, excited].map(Expr::constant).to_vec(), vec![q])
    };
    let gate = |gate: Gate, angles: &[f64], on: &[usize]| {
        NoisyOp::Gate(Op::gate(gate, angles.iter().copied().map(Expr::constant).collect(), on.to_vec()))
    };
    let ops = vec![
        gate(Gate::h, &[], &[0]),
        gate(Gate::ry, &[0.8], &[2]),
        gate(Gate::h, &[], &[2]),
        gate(Gate::cx, &[], &[0, 1]),
        relax(0.3, 2),
        gate(Gate::cx, &[], &[1, 2]),
        relax(0.4, 0),
        gate(Gate::x, &[], &[0]),
        relax(0.1, 1),
        relax(0.1, 2),
    ];
    let case = NoisyCase { qubits: 3, embed: false, ops, inputs: 0, weights: 0 };
    let observables = &random_observables(7, 3)[..4];
    let measurement = Measurement::expectation(observables.iter().map(|one| one.observable()));
    for engine in engines() {
        let found = functional_values(&noisy, &measurement, engine.is_f64());
        close(engine.name, &found, &case.expectations(observables, &[], &[]), 4.0 * engine.values(20));
    }
    // A qubit does not wait before its first operation, nor between a reset and the next; outcomes never decay.
    let circuit = written(5, |c| _ = c.h(0).h(0).cx(0, 1).measure(0, 3).reset(0, 4).cx(1, 2).cx(0, 1));
    let all = durations.gates(Gates::named(["measure", "reset"]), 1.0).qubits([2], 4.0, 3.0, 0.1);
    let added = NoiseModel::new().idle(all).added(&circuit).unwrap();
    let waits: Vec<String> = added.iter().map(|one| one.to_string()).collect();
    assert_eq!(
        waits,
        [
            "rule 0, operation 6 (`cx`): thermal_relaxation(1.6, 5, 7, 0.02) on 1",
            "rule 0, end: thermal_relaxation(2, 4, 3, 0.1) on 2",
        ]
    );
}

fn functional_values(circuit: &Circuit, measurement: &Measurement, is_f64: bool) -> Vec<f64> {
    let dtype = if is_f64 { candle_core::DType::F64 } else { candle_core::DType::F32 };
    let circuit = circuit.clone().with_inputs(1);
    let x = Tensor::zeros(1, dtype, &Device::Cpu).unwrap();
    let y = functional::evaluate(&circuit, measurement, Some(&x), &[]).unwrap();
    y.to_dtype(candle_core::DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// A calibration of two qubits with these gates.
fn calibration(gates: &str, rest: &str) -> String {
    format!(
        r#"{{"qubits": [{{"t1_us": 50.0, "t2_us": 70.0, "excited": 0.1, "p1_given_0": 0.0, "p0_given_1": 0.0}},
            {{"t1_us": 30.0, "t2_us": 20.0, "p1_given_0": 0.0, "p0_given_1": 0.0}},
            {{"t1_us": 40.0, "t2_us": 80.0, "p1_given_0": 0.0, "p0_given_1": 0.0}}],
            "gates": [{gates}]{rest}}}"#
    )
}

/// Numbers of Qiskit Aer 0.18.2: `NoiseModel.from_backend` of a backend with these properties (readout errors by hand)
/// in the method `density_matrix`. Depolarizing comes before relaxation: in the other order they differ by 9e-6.
#[test]
fn calibrated_gates_have_the_noise_of_aer() {
    let text = r#"{"qubits": [
            {"t1_us": 110, "t2_us": 95, "p1_given_0": 0.01, "p0_given_1": 0.03},
            {"t1_us": 90, "t2_us": 120, "p1_given_0": 0.02, "p0_given_1": 0.02}],
        "gates": [
            {"name": "ry", "qubits": [0], "error": 0.0004, "time_ns": 35},
            {"name": "rx", "qubits": [1], "error": 0.0003, "time_ns": 35},
            {"name": "cx", "qubits": [0, 1], "error": 0.008, "time_ns": 300}]}"#;
    let circuit = written(2, |c| _ = c.ry(input(0), 0).cx(0, 1).rx(0.4, 1));
    let noisy = NoiseModel::from_json(text).unwrap().apply(&circuit).unwrap();
    let x = Tensor::new(&[0.7f64], &Device::Cpu).unwrap();
    let p = functional::evaluate(&noisy, &Measurement::probabilities([0, 1]), Some(&x), &[]).unwrap();
    let (p, theirs) = (p.to_vec1::<f64>().unwrap(), [0.8195998676, 0.0166888884, 0.0554808144, 0.1082304296]);
    assert!(p.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-9), "{p:?}");
}

/// The average gate infidelity of what a calibration adds is the error in the file: the process fidelity is the overlap
/// of a maximally entangled state with what an identity gate's noise makes of it, and the average fidelity of 2-designs
/// of states is `(d F + 1)/(d + 1)`.
#[test]
fn calibrated_gates_have_the_error_of_the_file() {
    for (width, gate) in [(1, "rx"), (2, "rzz"), (3, "ccx")] {
        for (error, time_ns) in [(0.02, 300.0), (0.05, 0.0), (0.2, 1500.0)] {
            let on: Vec<usize> = (0..width).collect();
            let text = calibration(
                &format!(r#"{{"name": "{gate}", "qubits": {on:?}, "error": {error}, "time_ns": {time_ns}}}"#),
                r#", "default": "none""#,
            );
            let circuit = written(2 * width, |c| {
                for q in 0..width {
                    c.h(q).cx(q, q + width);
                }
                match gate {
                    "rx" => c.rx(0.0, 0),
                    "rzz" => c.rzz(0.0, 0, 1),
                    _ => c.ccx(0, 1, 2),
                };
                c.barrier();
            });
            let noisy = NoiseModel::from_json(&text).unwrap().apply(&circuit).unwrap();
            let undone = written(2 * width, |c| {
                c.append(&noisy);
                if gate == "ccx" {
                    c.ccx(0, 1, 2);
                }
            });
            // The projector on a Bell pair is (1 + XX - YY + ZZ)/4.
            let pair = |q: usize| {
                let r = q + width;
                0.25 * (Observable::identity() + X(q) * X(r) - Y(q) * Y(r) + Z(q) * Z(r))
            };
            let projector = (1..width).fold(pair(0), |product, q| product * pair(q));
            let f = functional_values(&undone, &Measurement::expectation([projector]), true)[0];
            let d = f64::from(1 << width);
            // Noise behind a CCX and in front of its inverse is as far from the identity as noise alone.
            close(gate, &[1.0 - (d * f + 1.0) / (d + 1.0)], &[error], 1e-12);
        }
    }
}

/// Channels of an entry by hand, in any order of its qubits; entries of an order of their own; readout; the report of
/// an error that channels do not have.
#[test]
fn calibrated_circuits() {
    let text = r#"{"qubits": [{"t1_us": 50, "t2_us": 70, "excited": 0.1, "p1_given_0": 0.02, "p0_given_1": 0.03},
                              {"t1_us": 30, "t2_us": 20, "p1_given_0": 0, "p0_given_1": 0}],
                   "gates": [{"name": "cx", "qubits": [0, 1], "error": 0, "time_ns": 300},
                             {"name": "cz", "qubits": [0, 1], "error": 0.01, "time_ns": 0},
                             {"name": "cz", "qubits": [1, 0], "error": 1, "time_ns": 0},
                             {"name": "measure", "qubits": [1], "error": 0, "time_ns": 2000}]}"#;
    let model = NoiseModel::from_json(text).unwrap();
    let circuit = written(2, |c| _ = c.cx(1, 0).cz(0, 1).cz(1, 0));
    assert_snapshot!(listed(&model.apply(&circuit).unwrap()), @"cx()[1, 0] thermal_relaxation(0.3, 50, 70, 0.1)[0] thermal_relaxation(0.3, 30, 20, 0)[1] cz()[0, 1] depolarizing2(0.0125)[0, 1] cz()[1, 0] depolarizing2(1)[1, 0] readout_error(0.02, 0.03)[0]");
    assert_snapshot!(model, @r"
    0: calibration of 2 qubits and 4 gates, other gates are an error
       `cx` on 0, 1: error 0 becomes 0.0108, from relaxation alone
       `cz` on 1, 0: error 1 becomes 0.8, the largest there is
       `measure` on 1: error 0 becomes 0.0425, from relaxation alone
    ");
    // 0.01 = (1 - 1/4) l, and of l = 16 p / 15 follows p.
    let added = model.added(&circuit).unwrap();
    let p = added.iter().find(|one| one.place() == Some(1)).unwrap().operation().angles()[0].to_string();
    assert_eq!(p, Angle::from(0.01 / 0.75 * 15.0 / 16.0).to_string());
    assert!(added.unmatched().is_empty());
    // Times of the file, for waits.
    let waits = NoiseModel::new().idle(Durations::from_json(text).unwrap());
    let circuit = written(3, |c| _ = c.cx(0, 1).measure(1, 2));
    assert_snapshot!(listed(&waits.apply(&circuit).unwrap()), @"cx()[0, 1] measure()[1, 2] thermal_relaxation(2, 50, 70, 0.1)[0]");
    // The number of qubits of a circuit.
    let wide = written(3, |c| _ = c.cx(1, 0));
    assert_eq!(noise_error(model.apply(&wide)), NoiseError::MissingQubit { rule: 0, qubit: 2, known: 2 });
    let unknown = noise_error(model.apply(&written(2, |c| _ = c.cx(1, 0).controlled([0], |c| c.h(1)))));
    let (gate, qubits) = ("h".to_owned(), vec![0, 1]);
    assert_eq!(unknown, NoiseError::MissingGate { rule: 0, operation: 1, gate, qubits });
}

/// Outcomes of measurements on the way are read with errors, too.
#[test]
fn readout_of_outcomes() {
    let circuit = written(3, |c| _ = c.ry(0.8, 0).measure(0, 1).controlled([1], |c| c.ry(0.5, 2)));
    let same = NoiseModel::new().readout(0, 0.1, 0.1).apply(&circuit).unwrap();
    assert_eq!(listed(&same), "ry(0.8)[0] measure()[0, 1] bit_flip(0.1)[1] ry(0.5)[2] readout_error(0.1, 0.1)[0]");
    let other = noise_error(NoiseModel::new().readout(0, 0.1, 0.2).apply(&circuit));
    assert_eq!(other, NoiseError::OutcomeReadout { rule: 0, operation: 1, qubit: 0 });
    let last = written(2, |c| _ = c.ry(0.8, 0).measure(0, 1).h(0));
    let read = NoiseModel::new().readout(0, 0.1, 0.2).apply(&last).unwrap();
    let values = functional_values(&read, &Measurement::expectation([Z(1)]), true);
    close("outcome", &values, &[0.7 * 0.8f64.cos() + 0.1], 1e-12);
}

#[test]
fn rules_that_do_not_fit() {
    let circuit = written(2, |c| _ = c.h(0).cx(0, 1).when(input(0).gt(0.0), |c| c.rx(0.1, 1)));
    let apply = |model: NoiseModel| noise_error(model.apply(&circuit));
    let model = || NoiseModel::new().readout(1, 0.1, 0.1);
    let rule = |error: NoiseError| match error {
        NoiseError::Rule { rule: 1, mistake } => *mistake,
        other => panic!("no mistake of rule 1: {other}"),
    };
    let unknown = rule(apply(model().after(Gates::named(["cx", "cnot"]), Noise::depolarizing(0.1))));
    assert_eq!(unknown, Mistake::UnknownGate { name: "cnot".to_owned() });
    let strength = rule(apply(model().after(Gates::all(), Noise::depolarizing(1.5))));
    assert!(matches!(strength, Mistake::Strength { channel: "depolarizing", .. }));
    let relaxation = rule(apply(model().after(Gates::all(), Noise::thermal_relaxation(1.0, 2.0, 5.0, 0.0))));
    assert!(matches!(relaxation, Mistake::Strength { strength: "t2", .. }));
    for count in [0, 3] {
        let strengths = (0..count).map(|_| Angle::from(0.1));
        let counted = rule(apply(model().after(Gates::all(), Noise::channel(Channel::bit_flip, strengths))));
        assert!(matches!(counted, Mistake::AngleCount { expected: 1, .. }));
    }
    let endless = Noise::channel(Channel::bit_flip, std::iter::repeat_with(|| Angle::from(0.1)));
    assert!(matches!(rule(apply(model().after(Gates::all(), endless))), Mistake::AngleCount { .. }));
    for entries in [0, 1, 3, 5, 17, 64, 65, 300] {
        let one = vec![C::from(1.0); entries];
        rule(apply(model().after(Gates::all(), Noise::kraus(&[one]))));
    }
    rule(apply(model().after(Gates::all(), Noise::kraus(&[] as &[Vec<C>]))));
    let many = rule(apply(model().after(Gates::named(std::iter::repeat("cx")), Noise::depolarizing(0.1))));
    assert_eq!(many, Mistake::TooMany { what: "names", limit: 1024 });
    for qubits in [vec![usize::MAX], (0..300).collect()] {
        let far = rule(apply(model().after(Gates::all().on(qubits), Noise::depolarizing(0.1))));
        assert!(matches!(far, Mistake::QubitOutOfRange { qubits: 256, .. }));
    }
    assert_eq!(rule(apply(model().crosstalk([(1, 1)], Gates::all(), 0.1))), Mistake::RepeatedQubit { qubit: 1 });
    assert!(matches!(rule(apply(model().crosstalk([(1, 300)], Gates::all(), 0.1))), Mistake::QubitOutOfRange { .. }));
    let endless = rule(apply(model().crosstalk(std::iter::repeat((0, 1)), Gates::all(), 0.1)));
    assert!(matches!(endless, Mistake::TooMany { what: "pairs", .. }));
    assert!(matches!(rule(apply(model().crosstalk([], Gates::all(), f64::NAN))), Mistake::NotFinite { .. }));
    assert!(matches!(rule(apply(model().over_rotation(Gates::all(), f64::NAN, 0.0))), Mistake::NotFinite { .. }));
    assert!(matches!(rule(apply(model().readout(0, 0.1, -0.1))), Mistake::Strength { .. }));
    for time in [-1.0, f64::NAN, f64::INFINITY] {
        let idle = rule(apply(model().idle(Durations::new().gates(Gates::all(), time))));
        assert!(matches!(idle, Mistake::Strength { strength: "time", .. }));
    }
    assert!(matches!(
        rule(apply(model().idle(Durations::new().qubits(0..3, 1.0, 3.0, 0.0)))),
        Mistake::Strength { .. }
    ));
    let far = Durations::new().qubits(0..usize::MAX, 1.0, 1.0, 0.0);
    assert!(matches!(rule(apply(model().idle(far))), Mistake::QubitOutOfRange { .. }));
    let long = (0..2000).fold(Noise::bit_flip(0.1), |noise, _| noise.then(Noise::bit_flip(0.1)));
    assert!(matches!(rule(apply(model().after(Gates::all(), long))), Mistake::TooMany { what: "channels", .. }));
}

#[test]
fn models_that_do_not_fit_a_circuit() {
    let circuit = written(2, |c| _ = c.h(0).cx(0, 1).when(input(0).gt(0.0), |c| c.rx(0.1, 1)));
    let apply = |model: NoiseModel| noise_error(model.apply(&circuit));
    let two = apply(NoiseModel::new().after(Gates::all(), Noise::depolarizing2(0.1)));
    assert!(
        matches!(&two, NoiseError::QubitCount { operation: 0, gate, expected: 2, actual: 1, .. } if gate == "h"),
        "{two}"
    );
    let three = apply(NoiseModel::new().after(Gates::named(["cx"]), Noise::kraus(&[identity(8)])));
    assert!(
        matches!(&three, NoiseError::QubitCount { operation: 1, gate, expected: 3, actual: 2, .. } if gate == "cx")
    );
    let named = apply(NoiseModel::new().over_rotation(Gates::named(["rx", "h"]), 0.1, 0.0));
    assert_eq!(named, NoiseError::NoAngle { rule: 0, operation: 0, gate: "h".to_owned() });
    NoiseModel::new().over_rotation(Gates::all(), 0.1, 0.0).apply(&circuit).unwrap();
    let kraus = apply(NoiseModel::new().after(Gates::named(["rx"]), Noise::kraus(&[identity(2)])));
    let NoiseError::Addition { operation: 2, gate, added, mistake, .. } = kraus else { panic!("{kraus}") };
    assert_eq!((gate.as_str(), added.as_str(), *mistake), ("rx", "kraus", Mistake::ConditionalKraus));
    let far = apply(NoiseModel::new().readout(7, 0.1, 0.1));
    assert!(matches!(&far, NoiseError::Addition { operation: 3, gate, .. } if gate == "end"), "{far}");
    let far = apply(NoiseModel::new().crosstalk([(1, 7)], Gates::all(), 0.1));
    assert!(matches!(&far, NoiseError::Addition { operation: 1, .. }), "{far}");
    let twice = apply(NoiseModel::new().readout(0, 0.1, 0.1).readout(0, 0.1, 0.1));
    assert!(
        matches!(&twice, NoiseError::Addition { rule: 1, mistake, .. } if **mistake == Mistake::AfterReadout { qubit: 0 })
    );
    let none = apply(NoiseModel::new().after(Gates::named(["cz"]), Noise::bit_flip(0.1)));
    assert!(matches!(&none, NoiseError::Unmatched { rule: 0, text } if text.contains("`cz`")), "{none}");
    let lenient = NoiseModel::new().after(Gates::named(["cz"]), Noise::bit_flip(0.1)).lenient();
    assert_eq!(lenient.apply(&circuit).unwrap(), circuit);
    assert_eq!(lenient.added(&circuit).unwrap().unmatched(), [0]);
    let time = apply(NoiseModel::new().idle(Durations::new().gates(Gates::one_qubit(), 1.0)));
    assert_eq!(time, NoiseError::NoDuration { rule: 0, operation: 1, gate: "cx".to_owned(), qubits: vec![0, 1] });
    let waits = apply(NoiseModel::new().idle(Durations::new().gates(Gates::all(), 1.0)));
    assert_eq!(waits, NoiseError::NoRelaxation { rule: 0, qubit: 0, time: 1.0 });
    // A product of three variables; noise on a qubit that has to be in 0 later.
    let w = Circuit::new(1).weights("w", 1);
    let product = written(1, |c| _ = c.rx(input(0) * input(1), 0));
    let third = noise_error(NoiseModel::new().over_rotation(Gates::all(), w.at(0), 0.0).apply(&product));
    assert!(
        matches!(&third, NoiseError::Addition { mistake, .. } if **mistake == Mistake::AngleDegree { degree: 3 }),
        "{third}"
    );
    let late = written(2, |c| _ = c.h(0).amplitude_embedding_on(0..2, [1], Default::default()));
    let touched = noise_error(NoiseModel::new().crosstalk([(0, 1)], Gates::all(), 0.1).apply(&late));
    assert!(
        matches!(&touched, NoiseError::Addition { operation: 1, mistake, .. } if **mistake == Mistake::QubitTouched { qubit: 1 })
    );
    // A circuit with a mistake of its own, and one that is too wide to exist.
    let mut wrong = Circuit::new(1);
    wrong.h(3);
    assert!(matches!(NoiseModel::new().apply(&wrong), Err(Error::Circuit { operation: 0, .. })));
    assert!(NoiseModel::new().readout(0, 0.1, 0.1).added(&Circuit::new(300)).is_err());
}

fn identity(size: usize) -> Vec<C> {
    (0..size * size).map(|at| C::from(f64::from(u8::from(at % (size + 1) == 0)))).collect()
}

#[test]
fn calibrations_that_are_wrong() {
    let gate = |gates: &str| NoiseModel::from_json(&calibration(gates, "")).map(|_| Circuit::new(1));
    let field = |error: NoiseError| match error {
        NoiseError::Field { field, .. } => field,
        other => panic!("no field: {other}"),
    };
    let rx = |rest: &str| gate(&format!(r#"{{"name": "rx", {rest}}}"#));
    let error = rx(r#""qubits": [0], "error": 1.5, "time_ns": 1"#);
    assert_eq!(
        error.as_ref().unwrap_err().to_string(),
        "`gates[0].error` of the calibration is 1.5; it must be 0 to 1"
    );
    assert_eq!(field(noise_error(rx(r#""qubits": [0], "error": 0.1, "time_ns": -1"#))), "gates[0].time_ns");
    assert_eq!(field(noise_error(rx(r#""qubits": [3], "error": 0.1, "time_ns": 1"#))), "gates[0].qubits[0]");
    assert_eq!(field(noise_error(rx(r#""qubits": [1, 1], "error": 0.1, "time_ns": 1"#))), "gates[0].qubits[1]");
    for qubits in ["[]", "[0, 1, 2, 3]"] {
        let counted = rx(&format!(r#""qubits": {qubits}, "error": 0.1, "time_ns": 1"#));
        assert_eq!(field(noise_error(counted)), "gates[0].qubits (their number)");
    }
    let few = gate(r#"{"name": "cx", "qubits": [0], "error": 0.1, "time_ns": 1}"#);
    assert_eq!(field(noise_error(few)), "gates[0].qubits (their number)");
    let name = noise_error(gate(r#"{"name": "cnot", "qubits": [0, 1], "error": 0.1, "time_ns": 1}"#));
    assert_eq!(name, NoiseError::GateName { field: "gates[0].name".to_owned(), name: "cnot".to_owned() });
    let one = r#"{"name": "x", "qubits": [0], "error": 0.1, "time_ns": 1}"#;
    let twice = noise_error(gate(&format!("{one}, {one}")));
    let (field_, name) = ("gates[1]".to_owned(), "x".to_owned());
    assert_eq!(twice, NoiseError::GateTwice { field: field_, name, qubits: vec![0] });

    let qubit = |rest: &str| {
        let text = format!(r#"{{"qubits": [{{{rest}}}], "gates": []}}"#);
        NoiseModel::from_json(&text).map(|_| Circuit::new(1))
    };
    let times =
        |t1: &str, t2: &str| qubit(&format!(r#""t1_us": {t1}, "t2_us": {t2}, "p1_given_0": 0, "p0_given_1": 0"#));
    assert_eq!(field(noise_error(times("0", "1"))), "qubits[0].t1_us");
    assert_eq!(field(noise_error(times("1", "-3"))), "qubits[0].t2_us");
    let relaxation = noise_error(times("1", "2.5"));
    assert_eq!(relaxation, NoiseError::Relaxation { field: "qubits[0]".to_owned(), t1: 1.0, t2: 2.5 });
    let readout = qubit(r#""t1_us": 1, "t2_us": 1, "p1_given_0": 1.1, "p0_given_1": 0"#);
    assert_eq!(field(noise_error(readout)), "qubits[0].p1_given_0");
    let excited = qubit(r#""t1_us": 1, "t2_us": 1, "excited": -0.1, "p1_given_0": 0, "p0_given_1": 0"#);
    assert_eq!(field(noise_error(excited)), "qubits[0].excited");

    // Unknown and missing fields, units that are not there, numbers beyond F64.
    let texts = [
        "",
        "[]",
        "{}",
        r#"{"qubits": []}"#,
        r#"{"qubits": [], "gates": [], "default": "ideal"}"#,
        r#"{"qubits": [], "gates": [], "couplings": []}"#,
        r#"{"qubits": [{"t1": 1, "t2_us": 1, "p1_given_0": 0, "p0_given_1": 0}], "gates": []}"#,
        r#"{"qubits": [{"t1_us": 1e999, "t2_us": 1, "p1_given_0": 0, "p0_given_1": 0}], "gates": []}"#,
        r#"{"qubits": [{"t1_us": 1, "t1_us": 1, "t2_us": 1, "p1_given_0": 0, "p0_given_1": 0}], "gates": []}"#,
        r#"{"qubits": [{"t1_us": null, "t2_us": 1, "p1_given_0": 0, "p0_given_1": 0}], "gates": []}"#,
        r#"{"qubits": [], "gates": [{"name": "x", "qubits": [-1], "error": 0, "time_ns": 0}]}"#,
        r#"{"qubits": [], "gates": [{"name": "x", "qubits": [0], "error": 0, "time_us": 0}]}"#,
    ];
    for text in texts {
        for error in [NoiseModel::from_json(text).unwrap_err(), Durations::from_json(text).unwrap_err()] {
            assert!(matches!(&error, Error::File(FileError::Json { what: "a calibration", .. })), "{text}: {error}");
        }
    }
    // Numbers at the ends of their ranges are no panic, and channels within their ranges.
    for time in ["0", "1e-300", "1e300"] {
        for error in ["0", "1e-300", "1"] {
            let text =
                calibration(&format!(r#"{{"name": "cx", "qubits": [0, 1], "error": {error}, "time_ns": {time}}}"#), "");
            let circuit = written(3, |c| _ = c.cx(0, 1));
            let noisy = NoiseModel::from_json(&text).unwrap().apply(&circuit).unwrap();
            let values = functional_values(&noisy, &Measurement::expectation([Z(0), X(1)]), true);
            assert!(values.iter().all(|value| value.is_finite()), "{values:?}");
        }
    }
}

/// Random models on random circuits are circuits or typed errors, and the same each time.
#[test]
fn random_models_do_not_panic() {
    for seed in 0..200 {
        let mut rng = rng(seed);
        let circuit = random_case(seed, 3, 6, seed % 2 == 0).circuit();
        let mut model = NoiseModel::new();
        for pick in pick(&mut rng, 6, 3) {
            model = match pick {
                0 => model.after(Gates::all(), Noise::kraus(&[identity(4)])),
                1 => model.after(Gates::named(["amplitude_embedding", "cx", "barrier"]), Noise::bit_flip(0.5)),
                2 => model.over_rotation(Gates::two_qubit(), Angle::from(0.5) * input(0), 0.1),
                3 => model.crosstalk([(0, 1), (1, 2), (2, 5)], Gates::one_qubit(), input(9)),
                4 => model.idle(Durations::new().gates(Gates::all(), 0.5).qubits(0..3, 1.0, 1.0, 0.5)),
                _ => model.readout(seed as usize % 4, 0.5, 0.5),
            };
        }
        let first = model.apply(&circuit).map_err(|error| error.to_string());
        assert_eq!(first, model.apply(&circuit).map_err(|error| error.to_string()));
        if let Ok(noisy) = first {
            let added = model.added(&circuit).unwrap();
            let further = added.iter().filter(|one| !one.is_change()).count();
            assert_eq!(noisy.operations().len(), circuit.operations().len() + further);
        }
    }
}
