//! Inner products and kernel matrices.

use super::*;

#[test]
fn overlaps_of_random_states() -> anyhow::Result<()> {
    for qubits in 1..=6 {
        let (a, b) = (haar(20, 4, qubits), haar(21, 4, qubits));
        let overlaps = |a: &[Vec<C>], b: &[Vec<C>]| -> Vec<C> { a.iter().zip(b).map(|(a, b)| dot(a, b)).collect() };
        let parts = |all: &[C]| -> Vec<f64> { all.iter().flat_map(|v| [v.re, v.im]).collect() };
        let squares = |all: &[C]| -> Vec<f64> { all.iter().map(|v| v.norm_sqr()).collect() };
        let expected = overlaps(&a, &b);
        close("overlap", &flat(&states::overlap(&tensor(&a), &tensor(&b))?), &parts(&expected), 1e-14);
        close("fidelity", &flat(&states::fidelity(&tensor(&a), &tensor(&b))?), &squares(&expected), 1e-14);

        let one = tensor(&b[2..3]).squeeze(0)?;
        let same = vec![b[2].clone(); 4];
        let expected = overlaps(&a, &same);
        let conjugates: Vec<C> = expected.iter().map(|v| v.conj()).collect();
        close("target behind", &flat(&states::overlap(&tensor(&a), &one)?), &parts(&expected), 1e-14);
        close("target in front", &flat(&states::overlap(&one, &tensor(&a))?), &parts(&conjugates), 1e-14);
        close("fidelity", &flat(&states::fidelity(&one, &tensor(&a))?), &squares(&expected), 1e-14);
        let grid = tensor(&a).reshape((2, 2, 1 << qubits, 2))?;
        assert_eq!(states::overlap(&one, &grid)?.dims(), [2, 2, 2]);
        assert_eq!(states::overlap(&one, &one)?.dims(), [2]);
        assert_eq!(states::fidelity(&one, &one)?.rank(), 0);
    }
    Ok(())
}

#[test]
fn a_kernel_matrix_is_every_pair() -> anyhow::Result<()> {
    for (rows, columns, qubits) in [(1, 1, 1), (5, 3, 4), (17, 33, 5), (0, 3, 2), (3, 0, 2)] {
        let (a, b) = (haar(30, rows.max(1), qubits), haar(31, columns.max(1), qubits));
        let (left, right) = (tensor(&a).narrow(0, 0, rows)?, tensor(&b).narrow(0, 0, columns)?);
        let k = states::kernel_matrix(&left, &right)?;
        assert_eq!(k.dims(), [rows, columns]);
        let all = |i: usize| (0..columns).map(move |j| (i, j));
        let expected: Vec<f64> = (0..rows).flat_map(all).map(|(i, j)| dot(&a[i], &b[j]).norm_sqr()).collect();
        close("kernel", &flat(&k), &expected, 1e-14);
        let half = states::kernel_matrix(&left.to_dtype(DType::BF16)?, &right.to_dtype(DType::BF16)?)?;
        assert_eq!(half.dtype(), DType::BF16);
        close("kernel", &flat(&half), &expected, 4e-2);
    }
    Ok(())
}

#[test]
fn a_kernel_of_a_circuit() -> anyhow::Result<()> {
    let mut circuit = Circuit::new(3);
    circuit.iqp_embedding((0..3).map(input), 1);
    circuit.strongly_entangling_layers("w", 1);
    circuit.iqp_embedding((0..3).map(input), 1);
    let numbers = |seed: u64, count: usize| crate::oracle::uniform(&mut rng(seed), count);
    let x = Var::from_vec(numbers(1, 15), (5, 3), &Device::Cpu)?;
    let y = Var::from_vec(numbers(2, 6), (2, 3), &Device::Cpu)?;
    let w = Var::from_vec(numbers(3, 9), (1, 3, 3), &Device::Cpu)?;
    let weights: &[(&str, &Tensor)] = &[("w", &w)];
    let of = |x: &Tensor| functional::evaluate(&circuit, &Measurement::state(), Some(x), weights);
    let symmetric = states::kernel(&circuit, &x, None, weights)?;
    let cross = states::kernel(&circuit, &x, Some(&y), weights)?;
    assert_eq!((symmetric.dims(), cross.dims()), (&[5, 5][..], &[5, 2][..]));
    assert_eq!(rows(&symmetric), rows(&symmetric.t()?));
    for i in 0..5 {
        let row = states::fidelity(&of(&x.get(i)?)?, &of(&x)?)?;
        close("symmetric", &flat(&symmetric.get(i)?), &flat(&row), 1e-14);
        let row = states::fidelity(&of(&x.get(i)?)?, &of(&y)?)?;
        close("cross", &flat(&cross.get(i)?), &flat(&row), 1e-14);
    }
    // Both ways of the symmetric matrix reach the inputs.
    let c = Tensor::from_vec(numbers(4, 25), (5, 5), &Device::Cpu)?;
    let loss =
        |x: &Tensor| -> anyhow::Result<Tensor> { Ok((states::kernel(&circuit, x, None, weights)? * &c)?.sum_all()?) };
    let value = |point: &[f64]| {
        let x = Tensor::from_slice(point, (5, 3), &Device::Cpu).expect("a point");
        loss(&x).and_then(|loss| Ok(loss.to_scalar::<f64>()?)).expect("a loss")
    };
    let gradients = loss(&x)?.backward()?;
    close("dx", &flat(gradients.get(&x).expect("dx")), &differences(&flat(&x), value), 1e-8);
    assert!(flat(gradients.get(&w).expect("dw")).iter().any(|v| v.abs() > 1e-3));
    Ok(())
}

#[test]
fn a_nan_stays_in_its_row_and_column() -> anyhow::Result<()> {
    let (mut a, mut b) = (haar(8, 20, 4), haar(9, 20, 4));
    (a[3][5].re, b[11][0].im) = (f64::NAN, f64::INFINITY);
    let k = rows(&states::kernel_matrix(&tensor(&a), &tensor(&b))?);
    for (i, row) in k.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            assert_eq!(value.is_finite(), i != 3 && j != 11, "{i} {j}");
        }
    }
    Ok(())
}
