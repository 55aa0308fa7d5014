//! What noise refuses, and with which numbers.

use crate::lab::tensor;
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candlewick::channel::Channel;
use candlewick::error::{MemoryError, SimulationError};
use candlewick::nn::{RandomSearch, RandomSearchConfig, Rotosolve};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, Simulation, functional, states};
use num_complex::Complex64;

fn mistake(write: impl FnOnce(&mut Circuit)) -> Mistake {
    let mut circuit = Circuit::new(3);
    write(&mut circuit);
    match circuit.check() {
        Err(Error::Circuit { mistake, .. }) => mistake,
        other => panic!("{other:?}"),
    }
}

/// Every strength of every channel outside its range.
#[test]
fn constants_outside_their_range() {
    for channel in Channel::all() {
        let good = super::channels::strengths(channel);
        for (k, name) in channel.strengths().iter().enumerate() {
            for bad in [-0.01, f64::NAN, f64::INFINITY, -1e300] {
                let mut strengths: Vec<Angle> = good.iter().map(|s| Angle::from(*s)).collect();
                strengths[k] = bad.into();
                let found = mistake(|c| _ = c.channel(channel, strengths, 0..channel.qubits().len()));
                match found {
                    Mistake::Strength { channel: of, strength, value, .. } => {
                        assert_eq!((of, strength, value), (channel.name(), *name, bad));
                    }
                    Mistake::NotFinite { .. } => assert!(!bad.is_finite()),
                    other => panic!("{channel:?} {name} {bad}: {other}"),
                }
            }
        }
    }
    let of = |write: fn(&mut Circuit)| mistake(write).to_string();
    assert!(of(|c| _ = c.bit_flip(1.01, 0)).contains("`p` of `bit_flip` is 1.01; it must be 0 to 1"));
    assert!(of(|c| _ = c.pauli_channel(0.5, 0.4, 0.2, 0)).contains("sum"));
    assert!(of(|c| _ = c.reset_error(0.7, 0.4, 0)).contains("sum"));
    assert!(of(|c| _ = c.thermal_relaxation(1.0, 1.0, 2.5, 0.0, 0)).contains("at most 2 t1"));
    assert!(of(|c| _ = c.thermal_relaxation(1.0, 0.0, 0.0, 0.0, 0)).contains("above 0"));
}

#[test]
fn channels_where_they_cannot_be() {
    assert_eq!(mistake(|c| _ = c.controlled([1], |c| c.bit_flip(0.1, 0))), Mistake::ChannelNotUnitary);
    let mut noisy = Circuit::new(1);
    noisy.bit_flip(0.1, 0);
    assert!(noisy.inverse().check().is_err());
    assert_eq!(mistake(|c| _ = c.readout_error(0.1, 0.1, 0).h(0)), Mistake::AfterReadout { qubit: 0 });
    assert_eq!(mistake(|c| _ = c.readout_error(0.1, 0.1, 0).cx(0, 1)), Mistake::AfterReadout { qubit: 0 });
    assert_eq!(mistake(|c| _ = c.measure(0, 1).depolarizing(0.1, 1)), Mistake::RecordChanged { qubit: 1 });
    let mut record = Circuit::new(2);
    record.h(0).measure(0, 1).bit_flip(0.1, 1).readout_error(0.1, 0.0, 1);
    record.check().expect("errors of an outcome");
    assert_eq!(mistake(|c| _ = c.depolarizing2(0.1, 1, 1)), Mistake::RepeatedQubit { qubit: 1 });
    assert_eq!(mistake(|c| _ = c.bit_flip(0.1, 3)), Mistake::QubitOutOfRange { qubit: 3, qubits: 3 });
    let counts = mistake(|c| _ = c.channel(Channel::pauli_channel, [Angle::from(0.1)], [0]));
    assert_eq!(counts, Mistake::AngleCount { expected: 3, actual: 1 });
    let degree = mistake(|c| _ = c.generalized_amplitude_damping(input(0) * input(0), input(1), 0));
    assert!(matches!(degree, Mistake::AngleDegree { degree: 3 }), "{degree}");
}

#[test]
fn kraus_operators_that_are_no_channel() {
    let k = |entries: [f64; 4]| entries.map(Complex64::from).to_vec();
    let (half, flip) = (k([0.7, 0.0, 0.0, 0.7]), k([0.0, 0.7, 0.7, 0.0]));
    let found = mistake(|c| _ = c.kraus(&[half.clone(), flip], [0]));
    let Mistake::NotTracePreserving { deviation, allowed } = found else { panic!("{found}") };
    assert!((deviation - 0.02).abs() < 1e-12 && allowed == 1e-10);
    assert!(matches!(
        mistake(|c| _ = c.kraus(std::slice::from_ref(&half), [0, 1])),
        Mistake::MatrixSize { expected: 16, actual: 4 }
    ));
    assert!(matches!(mistake(|c| _ = c.kraus(std::slice::from_ref(&half), [])), Mistake::QubitCount { .. }));
    let none: [Vec<Complex64>; 0] = [];
    assert!(matches!(mistake(|c| _ = c.kraus(&none, [0])), Mistake::Length { actual: 0, .. }));
    assert!(matches!(mistake(|c| _ = c.kraus(&vec![half.clone(); 5000], [0])), Mistake::Length { .. }));
    assert!(matches!(mistake(|c| _ = c.kraus(&[k([f64::NAN; 4])], [0])), Mistake::NotFinite { .. }));
    assert!(matches!(mistake(|c| _ = c.kraus(&[k([1e300; 4])], [0])), Mistake::NotTracePreserving { .. }));
    let mut circuit = Circuit::new(1);
    circuit.when(input(0).gt(0.0), |c| c.kraus(&[k([1.0, 0.0, 0.0, 1.0])], [0]));
    let x = tensor(&[vec![1.0]], DType::F64);
    let error = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), Some(&x), &[]).unwrap_err();
    assert!(matches!(error, Error::Circuit { mistake: Mistake::ConditionalKraus, .. }), "{error}");
}

fn layer(circuit: &Circuit, measurement: Measurement, config: QuantumLayerConfig) -> candlewick::Result<Tensor> {
    QuantumLayer::with_config(circuit.clone(), measurement, config, VarBuilder::zeros(DType::F32, &Device::Cpu))?
        .evaluate()
}

#[test]
fn simulations_that_cannot_run_a_circuit() {
    let mut noisy = Circuit::new(2);
    noisy.h(0).bit_flip(0.1, 0);
    let z = || Measurement::expectation([Z(0)]);
    let config = |simulation| QuantumLayerConfig { simulation, ..Default::default() };
    let of = |result: candlewick::Result<Tensor>| match result {
        Err(Error::Simulation(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(of(layer(&noisy, z(), config(Simulation::StateVector))), SimulationError::NoiseNeedsDensity);
    assert_eq!(of(layer(&noisy, Measurement::state(), config(Simulation::Auto))), SimulationError::NoAmplitudes);
    let pure = Circuit::new(2);
    assert_eq!(of(layer(&pure, Measurement::state(), config(Simulation::Density))), SimulationError::NoAmplitudes);
    let mut wide = Circuit::new(4);
    let one: Vec<Complex64> = (0..256).map(|at| Complex64::from(f64::from(u8::from(at % 17 == 0)))).collect();
    wide.unitary(&one, 0..4).bit_flip(0.1, 0);
    assert_eq!(of(layer(&wide, z(), config(Simulation::Auto))), SimulationError::MatrixSize { qubits: 4, allowed: 3 });
    let mut many = Circuit::new(12);
    (0..12).for_each(|q| _ = many.h(q).bit_flip(0.1, q));
    (1..12).for_each(|q| _ = many.cx(q - 1, q));
    let all = || Measurement::expectation([(0..12).map(Z).fold(Observable::identity(), |all, z| all * z)]);
    assert_eq!(of(layer(&many, all(), config(Simulation::Auto))), SimulationError::ManyQubits { qubits: 12, most: 10 });
    let limited =
        QuantumLayerConfig { simulation: Simulation::Density, memory_limit: Some(1 << 20), ..Default::default() };
    let Err(Error::Memory(MemoryError::States { needed, budget, .. })) = layer(&many, all(), limited) else { panic!() };
    assert_eq!((needed, budget), (Some(2 * 4 * 4u64.pow(12)), 1 << 20));
}

/// Weights and inputs that make a strength leave its range, and NaN.
#[test]
fn strengths_of_a_call() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let w = circuit.weights("w", 1);
    circuit.ry(0.4, 0).bit_flip(w.at(0), 0).amplitude_damping(input(0), 0);
    let z = Measurement::expectation([Z(0)]);
    let run = |x: &[f64], w: f64| {
        let x = tensor(&x.iter().map(|x| vec![*x]).collect::<Vec<_>>(), DType::F64);
        functional::evaluate(&circuit, &z, Some(&x), &[("w", &Tensor::new(&[w], &Device::Cpu).unwrap())])
    };
    let error = run(&[0.1], 1.5).unwrap_err();
    let Error::Simulation(SimulationError::Strength { channel, strength, value, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!((channel, strength, value), ("bit_flip", "p", 1.5));
    let y = run(&[0.1, 1.2, -0.1, f64::NAN, 1.0], 0.1)?.flatten_all()?.to_vec1::<f64>()?;
    assert_eq!(y.iter().map(|y| y.is_nan()).collect::<Vec<_>>(), [false, true, true, true, false]);
    assert!(run(&[0.1], f64::NAN)?.flatten_all()?.to_vec1::<f64>()?[0].is_nan());
    Ok(())
}

/// Functions that are defined by overlaps of states, and measurements that readout errors have no meaning for.
#[test]
fn questions_without_an_answer() -> anyhow::Result<()> {
    let mut noisy = Circuit::new(2);
    noisy.ry(input(0), 0).cx(0, 1).bit_flip(0.1, 0);
    let x = tensor(&[vec![0.3], vec![0.5]], DType::F64);
    assert!(matches!(
        states::kernel(&noisy, &x, None, &[]),
        Err(Error::Circuit { mistake: Mistake::ChannelNotUnitary, .. })
    ));
    let mut read = Circuit::new(2);
    read.h(0).cx(0, 1).readout_error(0.1, 0.1, 1);
    let swap: Vec<Complex64> =
        [1., 0., 0., 0., 0., 0., 1., 0., 0., 1., 0., 0., 0., 0., 0., 1.].map(Complex64::from).to_vec();
    let run = |measurement: &Measurement| functional::evaluate(&read, measurement, None, &[]);
    let error = run(&Measurement::expectation([Z(0), Observable::hermitian(&swap, [0, 1])])).unwrap_err();
    assert!(matches!(error, Error::Observable { index: 1, mistake: Mistake::ReadoutBasis { qubit: 1 } }), "{error}");
    let error = run(&Measurement::density_matrix()).unwrap_err();
    assert!(matches!(error, Error::Measurement(Mistake::ReadoutBasis { qubit: 1 })), "{error}");
    run(&Measurement::expectation([Observable::hermitian(
        &swap[..4].iter().map(|_| Complex64::from(1.0)).collect::<Vec<_>>(),
        [0],
    )]))?;
    Ok(())
}

/// Copies of the state in front of channels without an inverse count in the memory of a gradient.
#[test]
fn copies_count() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(6);
    let w = circuit.weights("w", 1);
    for _ in 0..40 {
        (0..6).for_each(|q| _ = circuit.ry(w.at(0), q).reset_in_place(q));
        (1..6).for_each(|q| _ = circuit.cx(q - 1, q));
        circuit.ry(w.at(0), 5);
    }
    let state = 8 * 4u64.pow(6);
    let run = |limit: u64| {
        let config = QuantumLayerConfig { memory_limit: Some(limit), ..Default::default() };
        let vb = candlewick::nn::SeededInit::new(1);
        let varmap = candle_nn::VarMap::new();
        let vb = vb.var_builder(&varmap, DType::F64, &Device::Cpu);
        let layer = QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(5)]), config, vb)?;
        layer.evaluate()?.sum_all()?.backward()
    };
    let error = run(4 * state).expect_err("copies take more");
    let Some(Error::Memory(MemoryError::States { needed, budget, states, .. })) = Error::find(&error) else {
        panic!("{error}")
    };
    assert!(*states > 10 && needed.expect("a number") >= *states as u64 * state && *budget == 4 * state);
    run(1 << 30)?;
    Ok(())
}

/// Words of a variance that differ on a qubit with a readout error have no common reading.
#[test]
fn variances_of_what_is_read_with_errors() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(2);
    circuit.h(0).cx(0, 1).readout_error(0.1, 0.05, 0);
    let run = |observable: Observable| functional::evaluate(&circuit, &Measurement::variance([observable]), None, &[]);
    run(Z(0) + Z(0) * Z(1))?;
    let error = run(X(0) * X(1) + Z(0) * Z(1)).expect_err("two bases");
    assert!(matches!(error, Error::Measurement(Mistake::ReadoutBasis { qubit: 0 })), "{error}");
    Ok(())
}

/// Members of an ensemble whose strengths are out of range are an error for any number of samples.
#[test]
fn members_out_of_range() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(1);
    let p = circuit.weights("p", 1);
    circuit.ry(input(0), 0).bit_flip(p.at(0), 0);
    let measurement = Measurement::expectation([Z(0)]);
    let members = |p: [f64; 3]| Tensor::from_slice(&p, (3, 1), &Device::Cpu);
    for batch in [1, 15, 16, 40] {
        let x = Tensor::full(0.3f64, (batch, 1), &Device::Cpu)?;
        let run = |p: &Tensor| functional::evaluate(&circuit, &measurement, Some(&x), &[("p", p)]);
        let found = run(&members([0.1, 1.5, 0.2])?);
        let Err(Error::Simulation(SimulationError::Strength { value, .. })) = found else {
            panic!("{batch} samples: {found:?}")
        };
        assert_eq!(value, 1.5);
        let exact = run(&members([0.1, 1.0, 0.2])?)?.flatten_all()?.to_vec1::<f64>()?;
        for (member, p) in [0.1, 1.0, 0.2].into_iter().enumerate() {
            assert!((exact[member * batch] - (1.0 - 2.0 * p) * 0.3f64.cos()).abs() < 1e-12);
        }
    }
    Ok(())
}

/// Searches and Rotosolve follow the simulation and the memory limit that they are given.
#[test]
fn optimizers_follow_the_simulation() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("w", 1);
    circuit.ry(w.at(0), 0).depolarizing(0.1, 0);
    let layer = |simulation, memory_limit| {
        let config = QuantumLayerConfig { simulation, memory_limit, ..Default::default() };
        let varmap = VarMap::new();
        let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
        QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(0)]), config, vb)
    };
    let step = |simulation, memory_limit| Rotosolve::new(&layer(simulation, memory_limit)?)?.step();
    assert!((step(Simulation::Auto, None)? + 1.0 - 0.4 / 3.0).abs() < 1e-9);
    let is_of_trajectories = |error| matches!(error, Error::Simulation(SimulationError::NotFromTrajectories { .. }));
    assert!(is_of_trajectories(step(Simulation::Trajectories { count: 3 }, None).expect_err("an error")));
    let is_of_memory = |error| matches!(error, Error::Memory(_));
    assert!(is_of_memory(step(Simulation::Density, Some(100)).expect_err("an error")));
    let search = |simulation, memory_limit| {
        let config = RandomSearchConfig { simulation, memory_limit, steps: 2, members: 3, ..Default::default() };
        RandomSearch::new(&circuit, &Measurement::expectation([Z(0)]), config)?.run(None, |y| y.sum(1))
    };
    search(Simulation::Auto, None)?;
    assert!(is_of_trajectories(search(Simulation::Trajectories { count: 3 }, None).expect_err("an error")));
    assert!(is_of_memory(search(Simulation::Density, Some(100)).expect_err("an error")));
    Ok(())
}
