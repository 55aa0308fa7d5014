//! The kicked Ising model on the 127 qubits of a heavy-hex lattice (Y. Kim et al., Nature 618, 500 (2023)): rotations about X by an angle for each step, and
//! quarter turns about ZZ on all edges. An output is that of its light cone, which a state vector holds.

use super::close;
use super::heavy_hex::edges;
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::error::{Error, SimulationError};
use candlewick::nn::QuantumLayerConfig;
use candlewick::prelude::*;
use candlewick::{PauliPropagation, Simulation};
use std::collections::BTreeSet;
use std::f64::consts::FRAC_PI_2;

/// Step of the model: qubits that are kicked, and edges behind that.
#[derive(Clone)]
struct Step {
    kicked: Vec<usize>,
    edges: Vec<[usize; 2]>,
}

fn model(steps: usize) -> Vec<Step> {
    let edges = edges();
    assert_eq!(edges.len(), 144);
    vec![Step { kicked: (0..127).collect(), edges }; steps]
}

/// Circuit of some steps, with each qubit at its place among `places`.
fn circuit(steps: &[Step], places: &[usize]) -> Circuit {
    let place = |qubit: &usize| places.binary_search(qubit).expect("a qubit of the circuit");
    let mut circuit = Circuit::new(places.len());
    let w = circuit.weights("w", steps.len());
    for (index, step) in steps.iter().enumerate() {
        step.kicked.iter().for_each(|qubit| _ = circuit.rx(w.at(index), place(qubit)));
        step.edges.iter().for_each(|[a, b]| _ = circuit.rzz(-FRAC_PI_2, place(a), place(b)));
    }
    circuit
}

/// Steps and qubits that a word on these qubits can see. Edges behind the last kicks commute with words of Z.
fn light_cone(steps: usize, qubits: &[usize], is_z: bool) -> (Vec<Step>, Vec<usize>) {
    let mut cone: BTreeSet<usize> = qubits.iter().copied().collect();
    let mut seen = model(steps);
    for (index, step) in seen.iter_mut().enumerate().rev() {
        step.edges.retain(|edge| edge.iter().any(|qubit| cone.contains(qubit)) && !(is_z && index + 1 == steps));
        cone.extend(step.edges.iter().flatten());
        step.kicked.retain(|qubit| cone.contains(qubit));
    }
    (seen, cone.into_iter().collect())
}

/// Word of letters on qubits, at their places.
fn word(letters: &[(char, usize)], places: &[usize]) -> Observable {
    letters.iter().fold(Observable::identity(), |word, (letter, qubit)| {
        let place = places.binary_search(qubit).expect("a qubit of the circuit");
        word * match letter {
            'X' => X(place),
            'Y' => Y(place),
            _ => Z(place),
        }
    })
}

fn layer(
    circuit: Circuit,
    observables: Vec<Observable>,
    angles: &[f64],
    options: Option<PauliPropagation>,
) -> QuantumLayer {
    let dtype = DType::F64;
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, dtype, &Device::Cpu);
    let simulation = options.map_or(Simulation::StateVector, Simulation::Pauli);
    let config = QuantumLayerConfig { simulation, ..Default::default() };
    let layer = QuantumLayer::with_config(circuit, Measurement::expectation(observables), config, vb).expect("a layer");
    let variables = varmap.data().lock().expect("variables");
    variables["w"].set(&Tensor::new(angles, &Device::Cpu).expect("angles")).expect("angles");
    layer
}

/// Outputs, and the gradient of each.
fn values(
    circuit: Circuit,
    observables: Vec<Observable>,
    angles: &[f64],
    options: Option<PauliPropagation>,
) -> Vec<Vec<f64>> {
    let layer = layer(circuit, observables, angles, options);
    let y = layer.evaluate().expect("outputs");
    let mut all = vec![y.to_vec1::<f64>().expect("numbers")];
    for output in 0..y.dim(0).expect("outputs") {
        let gradients = y.get(output).and_then(|y| y.backward()).expect("gradients");
        let (_, weights) = layer.weights().next().expect("weights");
        let of = gradients.get(weights).expect("a gradient");
        all.push(of.to_vec1().expect("numbers"));
    }
    all
}

const ALL: usize = 127;

/// Angles that differ from step to step.
fn unequal(steps: usize) -> Vec<f64> {
    (0..steps).map(|k| 0.9 * (1.7 * k as f64 + 0.4).sin()).collect()
}

#[test]
fn outputs_and_gradients_are_those_of_light_cones() {
    let words: [&[(char, usize)]; 5] =
        [&[('Z', 62)], &[('Z', 62), ('Z', 63)], &[('Z', 13)], &[('X', 55)], &[('Y', 12), ('Z', 13)]];
    let places: Vec<usize> = (0..ALL).collect();
    for steps in [1, 3, 4] {
        for angles in [vec![0.7; steps], unequal(steps)] {
            let observables = words.iter().map(|letters| word(letters, &places)).collect();
            let found =
                values(circuit(&model(steps), &places), observables, &angles, Some(PauliPropagation::default()));
            for (output, letters) in words.iter().enumerate() {
                let qubits: Vec<usize> = letters.iter().map(|(_, qubit)| *qubit).collect();
                let (seen, cone) = light_cone(steps, &qubits, letters.iter().all(|(letter, _)| *letter == 'Z'));
                assert!(cone.len() <= 22, "{steps} steps: {} qubits", cone.len());
                let expected = values(circuit(&seen, &cone), vec![word(letters, &cone)], &angles, None);
                let found = [vec![found[0][output]], found[output + 1].clone(), Vec::new()];
                close(&found, &[expected[0].clone(), expected[1].clone(), Vec::new()], 1e-12);
            }
        }
    }
}

/// Five steps: 458 words are exact, and limits of the weight leave words out as they are defined, by the weight of what a
/// rotation bears. Values from a dictionary of words in Python, and from a state vector of 19 qubits.
#[test]
fn five_steps_with_limits() {
    let places: Vec<usize> = (0..ALL).collect();
    for (weight, expected) in [
        (Some(5), [0.957476632737, 0.306844063366]),
        (Some(6), [0.957500871783, 0.344090436899]),
        (Some(8), [0.957500871783, 0.344090436899]),
        (Some(10), [0.957515527657, 0.351237371072]),
        (None, [0.957515527657, 0.351237371072]),
    ] {
        for (angle, expected) in [0.3, 0.9].into_iter().zip(expected) {
            let mut options = PauliPropagation::default();
            options.max_weight = weight;
            let found = values(circuit(&model(5), &places), vec![Z(62)], &[angle; 5], Some(options));
            assert!((found[0][0] - expected).abs() < 1e-10, "{weight:?}: {} instead of {expected}", found[0][0]);
        }
    }
    let (seen, cone) = light_cone(5, &[62], true);
    assert_eq!(cone.len(), 19);
    let exact = values(circuit(&seen, &cone), vec![word(&[('Z', 62)], &cone)], &unequal(5), None);
    let found = values(circuit(&model(5), &places), vec![Z(62)], &unequal(5), Some(PauliPropagation::default()));
    close(&[found[0].clone(), found[1].clone(), Vec::new()], &[exact[0].clone(), exact[1].clone(), Vec::new()], 1e-12);
}

/// Closed forms on as many qubits as a circuit may have.
#[test]
fn closed_forms_on_many_qubits() {
    let options = || Some(PauliPropagation::default());
    let mut ghz = Circuit::new(256);
    ghz.weights("w", 1);
    ghz.h(0);
    (1..256).for_each(|q| _ = ghz.cx(q - 1, q));
    let all: Vec<usize> = (0..256).collect();
    let x = word(&(0..256).map(|q| ('X', q)).collect::<Vec<_>>(), &all);
    let found = values(ghz, vec![Z(0) * Z(255), x, Z(3), Observable::projector([false; 10])], &[0.0], options());
    close(&[found[0].clone(), Vec::new(), Vec::new()], &[vec![1.0, 1.0, 0.0, 0.5], Vec::new(), Vec::new()], 1e-12);

    let angles: Vec<f64> = (0..256).map(|k| 0.01 * k as f64 - 1.0).collect();
    let mut product = Circuit::new(256);
    let w = product.weights("w", 256);
    (0..256).for_each(|q| _ = product.ry(w.at(q), q));
    let found = values(product, vec![Z(3) * X(64) * Z(200), 0.5 * X(255) - Z(128)], &angles, options());
    let (a, b, c) = (angles[3], angles[64], angles[200]);
    let expected = [a.cos() * b.sin() * c.cos(), 0.5 * angles[255].sin() - angles[128].cos()];
    assert!(found[0].iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-14), "{:?}", found[0]);
    assert!((found[1][64] - a.cos() * b.cos() * c.cos()).abs() < 1e-14 && found[1][65] == 0.0);
    assert!((found[2][255] - 0.5 * angles[255].cos()).abs() < 1e-14);
}

/// Everything that needs a state says so, with the numbers and the way to go.
#[test]
fn states_of_many_qubits_are_refused() {
    let wide = || {
        let mut circuit = Circuit::new(127);
        let w = circuit.weights("w", 1);
        circuit.rx(w.at(0), 100).measure(100, 126).reset(100, 125);
        circuit
    };
    let is_refused = |error: Error| {
        let Error::Simulation(SimulationError::NoState { qubits: 127, limit: 58 }) = error else { panic!("{error}") };
        assert!(error.to_string().contains("Simulation::Pauli"));
    };
    let vb = || VarBuilder::zeros(DType::F64, &Device::Cpu);
    let measurement = || Measurement::expectation([Z(126)]);
    for simulation in
        [Simulation::Auto, Simulation::StateVector, Simulation::Density, Simulation::Trajectories { count: 1 }]
    {
        let config = QuantumLayerConfig { simulation, ..Default::default() };
        is_refused(QuantumLayer::with_config(wide(), measurement(), config, vb()).expect_err("a state"));
    }
    let w = Tensor::zeros(1, DType::F64, &Device::Cpu).expect("weights");
    is_refused(candlewick::functional::evaluate(&wide(), &measurement(), None, &[("w", &w)]).expect_err("a state"));
    is_refused(candlewick::program::Program::new(&wide(), &measurement()).expect_err("a state"));
    // The layer of many qubits has its values, and no outcomes.
    let layer = layer(wide(), vec![Z(126)], &[0.3], Some(PauliPropagation::default()));
    assert!((layer.evaluate().and_then(|y| Ok(y.to_vec1::<f64>()?)).expect("values")[0] - 0.3f64.cos()).abs() < 1e-14);
    is_refused(layer.sample(None, 10).expect_err("no state"));
    is_refused(layer.counts(None, 10).expect_err("no state"));
    let config = QuantumLayerConfig { simulation: Simulation::Pauli(Default::default()), ..Default::default() };
    for measurement in [Measurement::state(), Measurement::variance([Z(0)]), Measurement::probabilities(0..12)] {
        let made = QuantumLayer::with_config(wide(), measurement, config.clone(), vb());
        assert!(made.and_then(|layer| layer.evaluate()).is_err());
    }
}

#[test]
fn layers_say_what_limits_leave_out() {
    let places: Vec<usize> = (0..ALL).collect();
    let limited = |weight: u32| {
        let options = Some(PauliPropagation::with_weight(weight));
        layer(circuit(&model(5), &places), vec![Z(62)], &[0.9; 5], options)
    };
    let exact = limited(13);
    let paths = exact.paths().expect("words");
    assert!(paths.is_exact() && paths.terms == 458 && paths.left_out == 0, "{paths:?}");
    assert_eq!(exact.truncation(None).expect("a truncation").to_vec1::<f64>().expect("numbers"), [0.0]);
    let rough = limited(6);
    let paths = rough.paths().expect("words");
    assert!(!paths.is_exact() && paths.terms < 458, "{paths:?}");
    // Weight 8 has the same words, and weight 10 those of the exact value.
    let moves =
        |layer: &QuantumLayer| layer.truncation(None).expect("a truncation").to_vec1::<f64>().expect("numbers")[0];
    assert_eq!(moves(&rough), 0.0);
    let found = moves(&limited(8));
    assert!((found - (0.351237371072 - 0.344090436899)).abs() < 1e-10, "{found}");
    let y = |layer: &QuantumLayer| layer.evaluate().and_then(|y| Ok(y.to_vec1::<f64>()?)).expect("values")[0];
    assert_eq!(y(&rough.with_weight(13).expect("a layer")), y(&exact));
    let plain = layer(circuit(&model(1)[..1], &places[..]), vec![Z(62)], &[0.9], Some(PauliPropagation::default()));
    assert!(plain.paths().expect("words").is_exact());
    let mut small = Circuit::new(2);
    small.weights("w", 1);
    let state = layer(small, vec![Z(0)], &[0.9], None);
    let needs = |error: Error| matches!(error, Error::SettingNeeds { needs: "Simulation::Pauli", .. });
    assert!(needs(state.paths().expect_err("words")) && needs(state.truncation(None).expect_err("words")));
    assert!(needs(state.with_weight(3).expect_err("words")));
}

/// CX one after another around a ring makes the word of an output as long as the ring: what is left under a limit of the
/// weight hardly depends on angles, and the layer says so rather than train nothing.
#[test]
fn rings_in_sequence_are_refused() {
    let network = |in_halves: bool| {
        let mut circuit = Circuit::new(64);
        let w = circuit.weights("w", (3, 64));
        for layer in 0..3 {
            (0..64).for_each(|q| _ = circuit.ry(w.at([layer, q]), q));
            let order = (0..64).filter(|q| in_halves && q % 2 == 0).chain((0..64).filter(|q| !in_halves || q % 2 == 1));
            order.for_each(|q| _ = circuit.cx(q, (q + 1) % 64));
        }
        circuit
    };
    let made = |circuit: Circuit| {
        let simulation = Simulation::Pauli(PauliPropagation::with_weight(6));
        let config = QuantumLayerConfig { simulation, ..Default::default() };
        let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
        QuantumLayer::with_config(circuit, Measurement::expectation((0..64).map(Z)), config, vb)
            .and_then(|layer| layer.paths())
    };
    let error = made(network(false)).expect_err("long words");
    let Error::Simulation(SimulationError::HeavyWords { max_weight: 6, weight, .. }) = error else { panic!("{error}") };
    assert!(weight > 32, "{weight}");
    assert!(made(network(true)).expect("short words").is_exact());
}

/// Noise behind every step: values and gradients, in the strength too, are those of a density matrix of the light cone.
#[test]
fn noisy_outputs_are_those_of_light_cones() {
    let noisy = |steps: &[Step], places: &[usize]| {
        let place = |qubit: &usize| places.binary_search(qubit).expect("a qubit of the circuit");
        let mut circuit = Circuit::new(places.len());
        let w = circuit.weights("w", steps.len() + 1);
        for (index, step) in steps.iter().enumerate() {
            step.kicked.iter().for_each(|qubit| _ = circuit.rx(w.at(index), place(qubit)));
            step.edges.iter().for_each(|[a, b]| _ = circuit.rzz(-FRAC_PI_2, place(a), place(b)));
            for qubit in places.iter().map(place) {
                circuit.depolarizing(w.at(steps.len()), qubit).amplitude_damping(0.1, qubit);
            }
        }
        circuit
    };
    let angles = [0.7, 0.4, 0.9, 0.05];
    let all: Vec<usize> = (0..ALL).collect();
    let found = values(noisy(&model(3), &all), vec![Z(62)], &angles, Some(PauliPropagation::default()));
    let (seen, cone) = light_cone(3, &[62], true);
    assert_eq!(cone.len(), 7);
    let z = word(&[('Z', 62)], &cone);
    let vb = VarMap::new();
    let config = QuantumLayerConfig { simulation: Simulation::Density, ..Default::default() };
    let from = VarBuilder::from_varmap(&vb, DType::F64, &Device::Cpu);
    let layer =
        QuantumLayer::with_config(noisy(&seen, &cone), Measurement::expectation([z]), config, from).expect("a layer");
    vb.data().lock().expect("variables")["w"]
        .set(&Tensor::new(&angles, &Device::Cpu).expect("angles"))
        .expect("angles");
    let y = layer.evaluate().expect("a value");
    let gradients = y.sum_all().and_then(|y| y.backward()).expect("gradients");
    let (_, weights) = layer.weights().next().expect("weights");
    let gradient: Vec<f64> = gradients.get(weights).expect("a gradient").to_vec1().expect("numbers");
    let expected = [y.to_vec1().expect("a number"), gradient, Vec::new()];
    close(&[found[0].clone(), found[1].clone(), Vec::new()], &expected, 1e-12);
}

/// Everything that takes a circuit takes one of 256 qubits, or says why not: drawings, texts, files, noise, bindings.
#[test]
fn circuits_of_many_qubits_are_circuits() {
    let mut circuit = Circuit::new(250);
    let w = circuit.weights("w", 3);
    circuit.h(0).cx(0, 249).ry(w.at(0), 249).controlled_on([(200, true), (70, false)], |c| c.rx(w.at(1), 100));
    circuit.pauli_rot(w.at(2), "XYZ", [10, 130, 240]).swap(64, 63).barrier();
    let angles = [0.3, -0.8, 1.1];
    let observables = || vec![Z(248), X(100) * Y(130), Observable::projector_on([(249, true), (64, false)])];
    let exact = || Some(PauliPropagation::default());
    let back = Circuit::from_qasm(&circuit.to_qasm3().expect("a text")).expect("a circuit");
    assert_eq!(values(back, observables(), &angles, exact()), values(circuit.clone(), observables(), &angles, exact()));

    circuit.measure(249, 248);
    let y = values(circuit.clone(), observables(), &angles, exact());
    assert!(
        circuit.to_string().contains("q249") && circuit.draw().to_svg().is_ok() && circuit.draw().to_latex().is_ok()
    );
    let bound = circuit.bind(&[], &[("w", &Tensor::new(&angles, &Device::Cpu).expect("weights"))]).expect("a circuit");
    let simulation = Simulation::Pauli(PauliPropagation::default());
    let measurement = Measurement::expectation(observables());
    let single = candlewick::functional::evaluate_by(&simulation, &bound, &measurement, None, &[]).expect("values");
    let single = single.to_vec1::<f32>().expect("numbers");
    assert!(single.iter().zip(&y[0]).all(|(single, y)| (f64::from(*single) - y).abs() < 1e-6), "{single:?} {:?}", y[0]);
    let noisy = candlewick::noise::NoiseModel::new()
        .after(candlewick::noise::Gates::all(), candlewick::noise::Noise::depolarizing(0.01))
        .readout(249, 0.02, 0.03);
    assert!(values(noisy.apply(&circuit).expect("noise"), observables(), &angles, exact())[0][0].abs() < 1.0);

    // A file gives the layer back, with its simulation.
    circuit.rx(input(0), 77);
    let config = QuantumLayerConfig { simulation, ..Default::default() };
    let quantum = candlewick::model::Layer::Quantum { circuit, measurement, config };
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let model = candlewick::model::Model::builder(1).layer(quantum).build(vb);
    let bytes = model.and_then(|model| model.to_bytes()).expect("a file");
    assert_eq!(
        candlewick::model::Model::from_bytes(&bytes, &Device::Cpu).expect("a model").to_bytes().expect("a file"),
        bytes
    );
}
