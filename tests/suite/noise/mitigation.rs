//! Mitigation: folded circuits, extrapolations, readout that is undone.

use super::channels::random_noisy_case;
use crate::gradients::differences;
use crate::lab::{close, engines, rows, tensor};
use crate::losses::random_observables;
use crate::oracle::{random_case, rng, uniform};
use candle_core::{DType, Device, Tensor, Var};
use candlewick::error::{MitigationError, TensorError};
use candlewick::mitigation::{exponential, fold, linear, richardson, undo_readout, undo_readout_of_words};
use candlewick::noise::{Gates, Noise, NoiseModel};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};
use rand::Rng;

type Function = fn(f64) -> f64;
type Map<'a> = dyn Fn(&Tensor) -> candlewick::Result<Tensor> + 'a;
type Writes = fn(&mut Circuit);
type Extrapolation = fn(&[f64], &[Tensor]) -> candlewick::Result<Tensor>;

fn vector(values: &[f64]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn mitigation_error<T: std::fmt::Debug>(result: candlewick::Result<T>) -> MitigationError {
    match result.expect_err("an error") {
        Error::Mitigation(error) => error,
        other => panic!("no error of mitigation: {other}"),
    }
}

/// A folded circuit does the same without noise, and has each gate as often as its scale says.
#[test]
fn folded_circuits_do_the_same() {
    for seed in 0..8 {
        let case = random_case(40 + seed, 3, 8, false);
        let (x, w) = (uniform(&mut rng(seed), case.inputs), uniform(&mut rng(seed + 100), case.weights));
        let observables = &random_observables(seed, 3)[..4];
        let state = case.state(&x, &w);
        let expected: Vec<f64> = observables.iter().map(|one| one.expectation(&state)).collect();
        let measurement = Measurement::expectation(observables.iter().map(|one| one.observable()));
        for scale in [1, 3, 5] {
            let folded = fold(&case.circuit(), scale).unwrap();
            assert_eq!(folded.operations().len(), scale * case.circuit().operations().len());
            for engine in engines() {
                let found = crate::lab::run_circuit(&folded, &measurement, std::slice::from_ref(&x), &w, &[], engine);
                close(engine.name, &found.outputs[0], &expected, 4.0 * engine.values(5 * case.ops.len()));
            }
        }
    }
    // States that are prepared on qubits in 0 are unitary.
    let mut prepared = Circuit::new(4);
    prepared.hartree_fock(2);
    assert_eq!(fold(&prepared, 3).unwrap().operations().len(), 3 * prepared.operations().len());
    assert_eq!(fold(&Circuit::new(2), usize::MAX).unwrap(), Circuit::new(2));
}

#[test]
fn circuits_that_do_not_fold() {
    let written = |body: fn(&mut Circuit)| {
        let mut circuit = Circuit::new(2);
        circuit.h(0);
        body(&mut circuit);
        circuit
    };
    let noisy: [(&str, Writes); 5] = [
        ("bit_flip", |c| _ = c.bit_flip(0.1, 0)),
        ("readout_error", |c| _ = c.readout_error(0.1, 0.1, 0)),
        ("measure", |c| _ = c.measure(0, 1)),
        ("reset", |c| _ = c.reset(0, 1)),
        ("amplitude_embedding", |c| _ = c.amplitude_embedding_on(0..2, [1], Default::default())),
    ];
    for (name, body) in noisy {
        let error = mitigation_error(fold(&written(body), 3));
        assert_eq!(error, MitigationError::NotFoldable { operation: 1, name: name.to_owned() });
        assert!(error.to_string().contains("then add noise"), "{error}");
    }
    for scale in [0, 2, usize::MAX - 1] {
        assert_eq!(mitigation_error(fold(&written(|_| ()), scale)), MitigationError::FoldScale { scale });
    }
    let endless = fold(&written(|_| ()), usize::MAX).unwrap_err();
    assert!(matches!(&endless, Error::Circuit { mistake: Mistake::TooManyOperations { .. }, .. }), "{endless}");
    assert!(matches!(fold(&written(|c| _ = c.h(7)), 3), Err(Error::Circuit { operation: 1, .. })));
}

/// Three qubits, two layers of RY, RZ and CX, depolarizing on two qubits of p behind each CX and of p / 10 behind the
/// rotations: errors of ⟨Z0 Z2⟩ of a numpy density matrix, to its five digits.
#[test]
fn extrapolated_errors() {
    let angles = [
        1.569672805,
        1.79094686,
        4.885354444,
        0.551495653,
        3.600603156,
        4.371363161,
        1.12740644,
        0.330879764,
        1.649816207,
        3.944598089,
        3.373593977,
        0.90037358,
    ];
    let mut circuit = Circuit::new(3);
    for layer in 0..2 {
        for q in 0..3 {
            let at = (layer * 3 + q) * 2;
            circuit.ry(angles[at], q).rz(angles[at + 1], q);
        }
        circuit.cx(0, 1).cx(1, 2);
    }
    let measurement = Measurement::expectation([Z(0) * Z(2)]);
    let x = Tensor::zeros(1, DType::F64, &Device::Cpu).unwrap();
    let value =
        |circuit: &Circuit| functional::evaluate(&circuit.clone().with_inputs(1), &measurement, Some(&x), &[]).unwrap();
    let exact = numbers(&value(&circuit))[0];
    for (p, expected) in [
        (0.005, [-0.00346, -0.00014, -0.00001, 0.00000]),
        (0.02, [-0.01338, -0.00204, -0.00034, 0.00008]),
        (0.05, [-0.03125, -0.01061, -0.00386, 0.00057]),
    ] {
        let model = NoiseModel::new()
            .after(Gates::one_qubit(), Noise::depolarizing(p / 10.0))
            .after(Gates::two_qubit(), Noise::depolarizing2(p));
        let outputs = [1, 3, 5].map(|scale| value(&model.apply(&fold(&circuit, scale).unwrap()).unwrap()));
        let found = [
            outputs[0].clone(),
            linear(&[1.0, 3.0], &outputs[..2]).unwrap(),
            richardson(&[1.0, 3.0, 5.0], &outputs).unwrap(),
            exponential(&[1.0, 3.0], &outputs[..2]).unwrap(),
        ]
        .map(|y| numbers(&y)[0] - exact);
        close(&format!("p = {p}"), &found, &expected, 6e-6);
        assert!(found[1..].iter().all(|error| error.abs() < 0.5 * found[0].abs()));
    }
}

/// Weights of outputs from textbooks, the functions that each extrapolation finds, and gradients.
#[test]
fn extrapolations() {
    let (y1, y3, y5) = (0.7, 0.4, 0.3);
    let outputs = [y1, y3, y5].map(|y| vector(&[y, -y]));
    let two = |of: Extrapolation| numbers(&of(&[1.0, 3.0], &outputs[..2]).unwrap())[0];
    let three = |of: Extrapolation| numbers(&of(&[1.0, 3.0, 5.0], &outputs).unwrap());
    close("two", &[two(linear), two(richardson)], &[1.5 * y1 - 0.5 * y3; 2], 1e-12);
    close("exponential", &[two(exponential)], &[y1 * (y1 / y3).sqrt()], 1e-12);
    let of_three = (15.0 * y1 - 10.0 * y3 + 3.0 * y5) / 8.0;
    close("Richardson", &three(richardson), &[of_three, -of_three], 1e-12);
    // Least squares through three points at equal distances: the mean less 3 times the slope (y5 - y1) / 4.
    let line = (y1 + y3 + y5) / 3.0 - 3.0 * (y5 - y1) / 4.0;
    close("line", &three(linear), &[line, -line], 1e-12);

    let functions: [(Extrapolation, Function); 3] = [
        (linear, |s| 0.6 - 0.07 * s),
        (richardson, |s| 0.6 - 0.07 * s + 0.01 * s * s - 0.001 * s * s * s),
        (exponential, |s| -0.6 * (-0.1 * s).exp()),
    ];
    let scales = [1.0, 2.0, 3.5, 7.0];
    for (of, function) in functions {
        let outputs = scales.map(|scale| vector(&[function(scale)]));
        close("function", &numbers(&of(&scales, &outputs).unwrap()), &[function(0.0)], 1e-12);
        let at = scales.map(|scale| function(scale) + 0.01 * scale.sin());
        let value = |at: &[f64]| {
            let outputs: Vec<Tensor> = at.iter().map(|y| vector(&[*y])).collect();
            numbers(&of(&scales, &outputs).unwrap())[0]
        };
        let vars = at.map(|y| Var::from_tensor(&vector(&[y])).unwrap());
        let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let gradients = of(&scales, &tensors).unwrap().backward().unwrap();
        let found: Vec<f64> = vars.iter().flat_map(|var| numbers(gradients.get(var).unwrap())).collect();
        close("gradient", &found, &differences(&at, value), 1e-8);
    }
    for dtype in [DType::F16, DType::BF16, DType::F32] {
        let outputs = outputs.each_ref().map(|y| y.reshape((1, 2, 1)).unwrap().to_dtype(dtype).unwrap());
        for of in [linear as Extrapolation, richardson, exponential] {
            let y = of(&[1.0, 3.0, 5.0], &outputs).unwrap();
            assert_eq!((y.dtype(), y.dims()), (dtype, &[1, 2, 1][..]));
        }
    }
}

#[test]
fn extrapolations_that_do_not_exist() {
    let one = vector(&[0.5, -0.5]);
    for of in [linear as Extrapolation, richardson, exponential] {
        let error = |scales: &[f64], outputs: &[Tensor]| mitigation_error(of(scales, outputs));
        assert_eq!(error(&[], &[]), MitigationError::Scales { scales: 0, outputs: 0 });
        assert_eq!(error(&[1.0], std::slice::from_ref(&one)), MitigationError::Scales { scales: 1, outputs: 1 });
        assert_eq!(error(&[1.0, 3.0], std::slice::from_ref(&one)), MitigationError::Scales { scales: 2, outputs: 1 });
        let two = [one.clone(), one.clone()];
        for wrong in [0.0, -1.0, f64::INFINITY, f64::NAN, 1.0] {
            assert!(matches!(error(&[1.0, wrong], &two), MitigationError::Scale { index: 1, .. }));
        }
        let of_two = |other: Tensor| of(&[1.0, 3.0], &[one.clone(), other]).unwrap_err();
        let shape = of_two(vector(&[0.5]));
        assert!(matches!(shape, Error::Tensor(TensorError::Shape { .. })), "{shape}");
        let dtype = of_two(one.to_dtype(DType::F32).unwrap());
        assert!(matches!(dtype, Error::Tensor(TensorError::DTypeMismatch { .. })), "{dtype}");
        let integers = Tensor::new(&[1u32, 2], &Device::Cpu).unwrap();
        let dtype = of(&[1.0, 3.0], &[integers.clone(), integers]).unwrap_err();
        assert!(matches!(dtype, Error::Tensor(TensorError::UnsupportedDType { .. })), "{dtype}");
        let empty = Tensor::zeros((0, 2), DType::F64, &Device::Cpu).unwrap();
        assert_eq!(of(&[1.0, 3.0], &[empty.clone(), empty]).unwrap().dims(), [0, 2]);
    }
    for (entry, values) in [(0, [-0.1, -0.3]), (1, [0.2, 0.3]), (0, [0.0, -0.1]), (1, [0.3, f64::NAN])] {
        let error = mitigation_error(exponential(&[1.0, 3.0], &[one.clone(), vector(&values)]));
        let MitigationError::NoExponential { entry: at, scale, .. } = error else { panic!("{error}") };
        assert_eq!((at, scale), (entry, 3.0));
    }
}

/// Random noisy circuits read with errors: undone, they have the values without these errors.
#[test]
fn readout_is_undone_exactly() {
    for seed in 0..6 {
        let case = random_noisy_case(700 + seed, 3, 8, false);
        let exact = case.circuit();
        let mut generator = rng(seed);
        let mut error = || generator.random_range(0.0..0.3);
        let errors: Vec<(f64, f64)> = (0..3).map(|q| if q == 2 { (0.1, 0.1) } else { (error(), error()) }).collect();
        let mut read = exact.clone();
        errors.iter().enumerate().for_each(|(q, (one, zero))| _ = read.readout_error(*one, *zero, q));
        let x: Vec<Vec<f64>> = (0..2).map(|k| uniform(&mut rng(seed + k), case.inputs)).collect();
        let w = uniform(&mut rng(seed + 9), case.weights);
        let letters = [X(0), Z(1), Y(2)];
        let [a, b, c] = letters.clone();
        // The letter on qubit 2 has no offset: parts without it are not needed.
        let words = [&a * &b * &c, b.clone(), &b * &c, a, c.clone(), &letters[0] * &c, Observable::identity()];
        for engine in super::engines() {
            let of = |circuit: &Circuit, measurement: &Measurement| {
                tensor(&crate::lab::run_circuit(circuit, measurement, &x, &w, &[], engine).outputs, engine.dtype)
            };
            let tolerance = 40.0 * engine.values(40);
            let check = |what: &str, undone: Tensor, expected: Tensor| {
                let pairs = rows(&undone).into_iter().zip(rows(&expected));
                pairs.for_each(|(found, expected)| {
                    close(&format!("{what} {}", engine.name), &found, &expected, tolerance)
                });
            };
            let expectation = Measurement::expectation(words.clone());
            let undone = undo_readout_of_words(&of(&read, &expectation), &words, &errors).unwrap();
            check("words", undone, of(&exact, &expectation));
            let probabilities = Measurement::probabilities([2, 0, 1]);
            let ordered = [errors[2], errors[0], errors[1]];
            let undone = undo_readout(&of(&read, &probabilities), &ordered).unwrap();
            check("probabilities", undone, of(&exact, &probabilities));
        }
    }
}

#[test]
fn undone_readout_is_differentiable() {
    let errors = [(0.1, 0.2), (0.05, 0.0)];
    let words = [Z(0), Z(1), Z(0) * Z(1), Z(1) * X(0)];
    let at = [0.3, 0.1, 0.4, 0.2];
    let probabilities = |y: &Tensor| undo_readout(y, &errors);
    // The last word has a part that is not there: X(0).
    let of_words = |y: &Tensor| undo_readout_of_words(&y.narrow(1, 0, 3)?, &words[..3], &errors);
    let functions: [&Map<'_>; 2] = [&probabilities, &of_words];
    for function in functions {
        let loss = |y: &Tensor| function(y).unwrap().sqr().unwrap().sum_all().unwrap();
        let var = Var::from_tensor(&vector(&at).unsqueeze(0).unwrap()).unwrap();
        let gradients = loss(var.as_tensor()).backward().unwrap();
        let expected = differences(&at, |at| numbers(&loss(&vector(at).unsqueeze(0).unwrap()))[0]);
        close("gradient", &numbers(gradients.get(&var).unwrap()), &expected, 1e-8);
    }
    let missing = mitigation_error(undo_readout_of_words(&vector(&at), &words, &errors));
    assert_eq!(missing, MitigationError::MissingPart { word: 3, part: "X0".to_owned() });
    for dtype in [DType::F16, DType::BF16, DType::F32] {
        let y = vector(&at).to_dtype(dtype).unwrap();
        assert_eq!(undo_readout(&y, &errors).unwrap().dtype(), dtype);
    }
}

#[test]
fn readout_that_cannot_be_undone() {
    let p = vector(&[0.3, 0.1, 0.4, 0.2]);
    let word = |errors: &[(f64, f64)]| undo_readout_of_words(&vector(&[0.5]), &[Z(1)], errors);
    for errors in [(0.5, 0.5), (1.0, 0.0), (0.3, 0.7), (0.9, 0.1)] {
        for error in
            [mitigation_error(undo_readout(&p, &[(0.1, 0.1), errors])), mitigation_error(word(&[(0.1, 0.1), errors]))]
        {
            assert!(matches!(error, MitigationError::NoReadout { qubit: 1, .. }), "{error}");
        }
    }
    for value in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        for error in
            [mitigation_error(undo_readout(&p, &[(0.1, value), (0.0, 0.0)])), mitigation_error(word(&[(value, 0.0)]))]
        {
            assert!(matches!(error, MitigationError::ReadoutRange { qubit: 0, .. }), "{error}");
        }
    }
    for errors in [vec![], vec![(0.1, 0.1)], vec![(0.1, 0.1); 3], vec![(0.1, 0.1); 80]] {
        let error = undo_readout(&p, &errors).unwrap_err();
        assert!(matches!(error, Error::Tensor(TensorError::Shape { .. })), "{error}");
    }
    let scalar = Tensor::new(0.5f64, &Device::Cpu).unwrap();
    assert!(undo_readout(&scalar, &[]).is_err() && undo_readout_of_words(&scalar, &[], &[]).is_err());
    assert!(undo_readout(&Tensor::new(&[1u32, 0], &Device::Cpu).unwrap(), &[(0.1, 0.1)]).is_err());
    let empty = Tensor::zeros((0, 4), DType::F64, &Device::Cpu).unwrap();
    assert_eq!(undo_readout(&empty, &[(0.1, 0.1); 2]).unwrap().dims(), [0, 4]);
    assert_eq!(undo_readout_of_words(&empty, &[Z(0), Z(1), X(0), X(1)], &[(0.1, 0.1); 2]).unwrap().dims(), [0, 4]);
    let none = Tensor::zeros((3, 0), DType::F64, &Device::Cpu).unwrap();
    assert_eq!(undo_readout_of_words(&none, &[], &[]).unwrap().dims(), [3, 0]);

    assert_eq!(mitigation_error(word(&[(0.1, 0.1)])), MitigationError::MissingReadout { word: 0, qubit: 1, known: 1 });
    let two = |words: [Observable; 2]| undo_readout_of_words(&vector(&[0.5, 0.5]), &words, &[(0.1, 0.2); 3]);
    assert_eq!(mitigation_error(two([Z(0), Z(0)])), MitigationError::WordTwice { first: 0, second: 1 });
    for wrong in
        [Z(0) + Z(1), 2.0 * Z(1), Observable::projector([true]), Z(300), Observable::default(), input(0) * Z(1)]
    {
        let error = two([Z(0), wrong]).unwrap_err();
        assert!(matches!(error, Error::Observable { index: 1, .. }), "{error}");
    }
    let long = (0..30).map(Z).reduce(|product, z| product * z).unwrap();
    let error = mitigation_error(undo_readout_of_words(&vector(&[0.5]), &[long], &[(0.1, 0.2); 30]));
    assert!(matches!(error, MitigationError::MissingPart { word: 0, .. }), "{error}");
}
