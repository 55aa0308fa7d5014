//! Sizes beyond any memory: a typed mistake or error before anything is allocated.

use super::{says, written};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candlewick::error::MemoryError;
use candlewick::gate::Gate;
use candlewick::program::Program;
use candlewick::{Error, Mistake, data, functional, metrics, nn, prelude::*, states};
use num_complex::Complex64;

const CPU: Device = Device::Cpu;
const MANY: usize = usize::MAX;

fn mistake(circuit: &Circuit) -> Mistake {
    match circuit.check() {
        Err(Error::Circuit { mistake, .. }) => mistake,
        other => panic!("{other:?}"),
    }
}

#[test]
fn circuits_take_no_more_items_than_they_have_qubits() {
    let out_of_range = |qubit, qubits| Mistake::QubitOutOfRange { qubit, qubits };
    let matrix = [Complex64::from(1.0); 4];
    type Write = fn(&mut Circuit, &[Complex64]);
    let wrong: [(&str, Write); 4] = [
        ("controlled", |c, _| _ = c.controlled(0..MANY, |c| c.x(0))),
        ("gate", |c, _| _ = c.gate(Gate::cx, [], 0..MANY)),
        ("pauli_rot", |c, _| _ = c.pauli_rot(0.1, "XYZ", 0..MANY)),
        ("unitary", |c, matrix| _ = c.unitary(matrix, 0..MANY)),
    ];
    for (name, write) in wrong {
        let found = mistake(&written(3, |c| write(c, &matrix)));
        // The gate inside is checked first: it stands on a control.
        let expected = if name == "controlled" { Mistake::RepeatedQubit { qubit: 0 } } else { out_of_range(3, 3) };
        assert!(found == out_of_range(3, 3) || found == expected, "{name}: {found}");
    }
    let angles = written(3, |c| _ = c.gate(Gate::rx, (0..MANY).map(input), [0]));
    assert_eq!(mistake(&angles), Mistake::AngleCount { expected: 1, actual: MANY });
    let endless = written(3, |c| _ = c.gate(Gate::rx, std::iter::repeat_with(|| input(0)), [0]));
    assert!(matches!(mistake(&endless), Mistake::AngleCount { expected: 1, actual } if actual > 1));

    let features: [fn(&mut Circuit); 3] = [
        |c| _ = c.angle_embedding(Gate::ry, (0..MANY).map(input)),
        |c| _ = c.basis_embedding((0..MANY).map(input)),
        |c| _ = c.iqp_embedding((0..MANY).map(input), 1),
    ];
    for write in features {
        let Mistake::Length { actual, expected, .. } = mistake(&written(3, write)) else { panic!("another mistake") };
        assert_eq!((actual, expected.as_str()), (MANY, "at most 3"));
    }
    assert_eq!(Entanglement::Full.pairs(MANY).nth(1), Some((0, 2)));
    assert_eq!(Entanglement::Circular.pairs(MANY).next(), Some((MANY - 1, 0)));
}

#[test]
fn measurements_and_observables_take_no_more_items_than_they_can_use() {
    let circuit = written(2, |c| _ = c.h(0));
    let refused = |measurement: Measurement| Program::new(&circuit, &measurement).expect_err("too much").to_string();
    says(&refused(Measurement::expectation((0..MANY).map(Z))), &["observable 2", "qubit 2 is out of range"]);
    let same = || std::iter::repeat_with(|| Z(0));
    says(&refused(Measurement::expectation(same())), &["more observables than the 1048576"]);
    says(&refused(Measurement::variance(same())), &["more observables than the 1048576"]);
    says(&refused(Measurement::probabilities(0..MANY)), &["qubit 2 is out of range"]);
    let of = |observable: Observable| refused(Measurement::expectation([observable]));
    says(&of(Observable::diagonal((0..MANY).map(|k| k as f64))), &["more diagonal values than the"]);
    says(&of(Observable::hermitian(&[], 0..MANY)), &["1 to 10", &MANY.to_string()]);
    says(&of(Observable::diagonal_on([], 0..MANY)), &[&MANY.to_string(), "256"]);
    says(&of(Observable::diagonal_on((0..MANY).map(|k| k as f64), [0])), &["expected 2", &MANY.to_string()]);
    says(&of(Observable::diagonal_on((0..MANY).map(|k| k as f64), 0..58)), &["more diagonal values than the"]);
    says(&of(Observable::projector_on((0..MANY).map(|q| (q, true)))), &[&MANY.to_string(), "256"]);
    says(&of(Observable::projector((0..MANY).map(|_| true))), &[&MANY.to_string(), "256"]);
    says(&of(Observable::pauli_sum(std::iter::repeat((1.0, "Q0")))), &["Q0"]);

    let state = Tensor::new(&[[1f64, 0.], [0., 0.]], &CPU).expect("a state");
    type OfState = fn(&Tensor) -> Result<Tensor, Error>;
    let calls: [OfState; 4] = [
        |state| states::purity(state, 0..MANY),
        |state| states::reduced_density_matrix(state, 0..MANY),
        |state| states::entropy(state, 0..MANY),
        |state| states::renyi2_entropy(state, 0..MANY),
    ];
    for call in calls {
        says(&call(&state).expect_err("one qubit").to_string(), &["qubit 1 is out of range for 1 qubit(s)"]);
    }
}

/// Loops end where nothing more is taken, and do not begin what cannot be finished.
#[test]
fn loops_end_at_the_first_mistake() {
    let templates: [fn(&mut Circuit); 7] = [
        |c| _ = c.iqp_embedding((0..20).map(input), MANY),
        |c| _ = c.two_local("w", (1 << 24) - 1, &[Gate::ry], Gate::cx, Entanglement::Full),
        |c| _ = c.strongly_entangling_layers("w", 1 << 24),
        |c| _ = c.basic_entangler_layers("w", 1 << 24, Gate::rx),
        |c| _ = c.data_reuploading("w", 1 << 24, &[input(0)]),
        |c| _ = c.real_amplitudes("w", 1 << 23, Entanglement::Linear),
        |c| {
            c.h(0).cx(0, 1);
            *c = c.repeat(MANY);
        },
    ];
    for (index, template) in templates.into_iter().enumerate() {
        let mut circuit = Circuit::new(20);
        let counted = allocation_counter::measure(|| template(&mut circuit));
        let found = mistake(&circuit);
        let too_many = matches!(found, Mistake::TooManyOperations { .. } | Mistake::TooManyWeights { .. });
        assert!(too_many, "template {index}: {found}");
        assert!(counted.bytes_max < 1 << 20, "template {index}: {} bytes", counted.bytes_max);
    }
    let ok = written(2, |c| _ = c.two_local("w", 100, &[], Gate::cx, Entanglement::Linear));
    assert_eq!(ok.operations().len(), 100);
}

/// Asserts that a call has found too little memory, in a typed error with both numbers.
#[track_caller]
fn too_large<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.expect_err("nothing has room for that");
    assert!(
        matches!(error, Error::Memory(MemoryError::States { .. }) | Error::Memory(MemoryError::Numbers { .. })),
        "{error}"
    );
    says(&error.to_string(), &["memory budget is"]);
}

/// A tensor of one element that stands for 2^44 of them in each of its leading dimensions.
fn broadcast(shape: &[usize], dtype: DType) -> Tensor {
    Tensor::zeros(vec![1; shape.len()], dtype, &CPU).and_then(|one| one.broadcast_as(shape)).expect("a view")
}

#[test]
fn broadcast_tensors_are_looked_at_before_they_are_copied() {
    const LONG: usize = 1 << 44;
    let circuit = written(2, |c| {
        let w = c.weights("w", 3);
        c.ry(input(0) + w.at([0]), 0);
    });
    let measurement = Measurement::expectation([Z(0)]);
    let layer =
        QuantumLayer::new(circuit.clone(), measurement.clone(), VarBuilder::zeros(DType::F32, &CPU)).expect("a layer");
    for x in [broadcast(&[LONG, 1], DType::F32), broadcast(&[1 << 22, 1 << 22, 1], DType::F32)] {
        too_large(layer.try_forward(&x));
        too_large(layer.counts(Some(&x), 10));
        too_large(layer.sample(Some(&x), 10));
        let weights = Tensor::zeros(3, DType::F32, &CPU).expect("weights");
        too_large(functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &weights)]));
    }
    let x = Tensor::zeros((1, 1), DType::F32, &CPU).expect("an input");
    let members = broadcast(&[LONG, 3], DType::F32);
    too_large(functional::evaluate(&circuit, &measurement, Some(&x), &[("w", &members)]));

    let linear = candle_nn::Linear::new(broadcast(&[1 << 22, 1 << 22], DType::F32), None);
    too_large(nn::quantize_dynamic(&linear));
    let samples = broadcast(&[LONG, 2], DType::F32);
    too_large(data::Scaler::standard(&samples));
    too_large(data::Pca::new(&samples, 1));
    too_large(data::Dataset::new(samples, broadcast(&[LONG], DType::U32), vec!["one".to_owned()]));
    let many = broadcast(&[LONG, 4, 2], DType::F32);
    too_large(states::purity(&many, [0]));
    too_large(states::meyer_wallach(&many));
    too_large(states::fidelity(&many, &many));
    too_large(states::entropy(&many, [0]));
}

/// Losses, metrics and modules look at sizes before they compute: of views, of sets without samples, and of whatever
/// they keep beside.
#[test]
fn losses_metrics_and_modules_look_at_sizes() {
    const LONG: usize = 1 << 44;
    let logits = broadcast(&[4, LONG], DType::F32);
    let labels = Tensor::zeros(4, DType::U32, &CPU).expect("labels");
    let candle = |result: candle_core::Result<Tensor>| too_large(result.map_err(Error::from));
    candle(nn::loss::CrossEntropy::default().forward(&logits, &labels));
    candle(nn::loss::FocalLoss::default().forward(&logits, &labels));
    candle(nn::loss::binary_cross_entropy_with_logits(&logits, &logits));
    let number = |result: candle_core::Result<f64>| too_large(result.map_err(Error::from));
    // No samples, and a class for each of 2^44 outputs.
    let hollow = Tensor::zeros((0, LONG), DType::F32, &CPU).expect("no numbers");
    let nobody = Tensor::zeros(0, DType::U32, &CPU).expect("no labels");
    for metric in [metrics::accuracy, metrics::balanced_accuracy, metrics::macro_f1, metrics::weighted_f1] {
        number(metric(&hollow, &nobody));
        number(metric(&logits, &labels));
    }
    for metric in [metrics::mean_absolute_error, metrics::mean_squared_error, metrics::r2, metrics::binary_accuracy] {
        number(metric(&logits, &logits));
    }
    number(metrics::roc_auc(&logits, &labels));
    too_large(metrics::predictions(&logits));
    let vb = || VarBuilder::zeros(DType::F32, &CPU);
    let affine = nn::Affine::new(1, Default::default(), vb()).expect("a layer");
    too_large(affine.try_forward(&broadcast(&[LONG, 1], DType::F32)));
    let threshold = nn::SoftThreshold::new(Default::default(), vb()).expect("a threshold");
    too_large(threshold.mask(&logits));
    let few = Tensor::zeros((2, 2), DType::F64, &CPU).expect("numbers");
    let ridge =
        states::KernelRidge::fit(&Tensor::eye(2, DType::F64, &CPU).expect("a kernel"), &few, 0.1).expect("a fit");
    too_large(ridge.predict(&broadcast(&[LONG, 2], DType::F64)));
    too_large(data::moons(LONG, Default::default()));
    too_large(data::blobs(LONG, Default::default()));
    too_large(data::blobs(2, data::BlobsConfig { features: LONG, ..Default::default() }));
}

/// Columns are numbered behind the features, of which there may be as many as a number can count.
#[test]
fn features_beyond_counting_leave_no_place_for_columns() {
    let conditional = |mut circuit: Circuit, at: usize| {
        circuit.when(input(at).gt(0.1), |c| c.ry(input(at) * input(3), 0));
        Program::new(&circuit, &Measurement::expectation([Z(0)])).map(drop)
    };
    too_large(conditional(Circuit::new(2).with_inputs(MANY), 0));
    too_large(conditional(Circuit::new(2), MANY));
}
