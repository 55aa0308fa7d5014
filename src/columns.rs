//! The columns behind a sample's features that conditional gates read: switches, and products with them.
//!
//! They are tensors made from tensors, on any device and for any engine, in a handful of operations a program. Gradients go
//! through products as candle takes them; there is none through a switch.

use crate::circuit::{Comparison, Token};
use crate::error::Result;
use crate::program::columns::Column;
use crate::program::{Program, Slot, Variable};
use candle_core::{Device, Tensor};

/// What the engines see of samples: `[batch, features]` in the precision of the state becomes `[batch, program.inputs]`.
///
/// `weights` are all weights in the program's order, `[weights]` or, where each sample has its own, `[batch, weights]`. The
/// result is contiguous, and tracked if an argument is that it depends on.
pub(crate) fn append(program: &Program, rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let columns = &program.columns;
    if columns.is_empty() {
        return Ok(rows.clone());
    }
    let features = program.features;
    let variable = |of: Variable| match of {
        Variable::Input(index) => rows.narrow(1, index, 1),
        Variable::Weight(index) => weights.narrow(weights.rank() - 1, index, 1),
    };
    let tests = tests(&columns.tests, &rows.detach())?;
    // On a GPU samples without features have a column all the same, which nothing reads.
    let mut all = if features > 0 { vec![rows.narrow(1, 0, features)?] } else { Vec::new() };
    let first = all.len();
    for column in &columns.list {
        let column = match column {
            Column::Switch(code) => switch(code, &tests)?,
            Column::Product { switch, of } => all[first + switch].broadcast_mul(&variable(*of)?)?,
        };
        all.push(column);
    }
    Ok(Tensor::cat(&all, 1)?.contiguous()?)
}

/// Outcomes of all tests, `[batch, tests]`: 1 or 0, or NaN where a value is not finite.
fn tests(tests: &[Comparison<Slot>], rows: &Tensor) -> Result<Tensor> {
    let values = tests.iter().map(|test| value(test, rows)).collect::<Result<Vec<_>>>()?;
    let values = Tensor::cat(&values, 1)?;
    let thresholds =
        tests.iter().map(|test| if test.above { test.threshold } else { -test.threshold }).collect::<Vec<_>>();
    // Cast on the host: not every device has f64.
    let thresholds = Tensor::from_vec(thresholds, (1, tests.len()), &Device::Cpu)?.to_dtype(rows.dtype())?;
    let hold = values.broadcast_gt(&thresholds.to_device(rows.device())?)?.to_dtype(rows.dtype())?;
    Ok((hold + values.affine(0.0, 0.0)?)?)
}

/// What a test compares with its threshold; negated if it is to be below.
fn value(test: &Comparison<Slot>, rows: &Tensor) -> Result<Tensor> {
    let value = polynomial(&test.value, rows)?;
    let value = if test.absolute { value.abs()? } else { value };
    Ok(if test.above { value } else { value.neg()? })
}

/// `[batch, 1]`.
fn polynomial(slot: &Slot, rows: &Tensor) -> Result<Tensor> {
    let input = |variable: &Variable| match variable {
        Variable::Input(index) | Variable::Weight(index) => rows.narrow(1, *index, 1),
    };
    let mut sum: Option<Tensor> = None;
    for (coefficient, first, second) in &slot.terms {
        let product = match second {
            None => input(first)?,
            Some(second) => (input(first)? * input(second)?)?,
        };
        let term = if *coefficient == 1.0 { product } else { product.affine(*coefficient, 0.0)? };
        sum = Some(match sum {
            None => term,
            Some(sum) => (sum + term)?,
        });
    }
    Ok(match sum {
        Some(sum) if slot.constant == 0.0 => sum,
        Some(sum) => sum.affine(1.0, slot.constant)?,
        None => Tensor::full(slot.constant, (rows.dim(0)?, 1), &Device::Cpu)?
            .to_dtype(rows.dtype())?
            .to_device(rows.device())?,
    })
}

/// One switch, `[batch, 1]`. Sums and products keep a NaN.
fn switch(code: &[Token<usize>], tests: &Tensor) -> Result<Tensor> {
    let mut stack: Vec<Tensor> = Vec::new();
    for part in code {
        let last = stack.pop();
        match (part, last) {
            (Token::Test(index), last) => {
                stack.extend(last);
                stack.push(tests.narrow(1, *index, 1)?);
            }
            (Token::Not, Some(last)) => stack.push(last.affine(-1.0, 1.0)?),
            (Token::And | Token::Or, Some(right)) => {
                let left = stack.pop().expect("an operator has its operands before it");
                let both = (&left * &right)?;
                stack.push(if *part == Token::And { both } else { ((left + right)? - both)? });
            }
            (_, None) => unreachable!("an operator has its operands before it"),
        }
    }
    Ok(stack.pop().expect("a switch has a condition"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, input};
    use crate::measurement::Measurement;
    use candle_core::Var;

    /// Weights of one row are for all samples, of a row a sample for that sample; gradients go to either.
    #[test]
    fn weights_may_differ_from_sample_to_sample() -> Result<()> {
        let mut circuit = Circuit::new(1);
        let w = circuit.weights("w", 2);
        circuit.when(input(0).gt(0.5), |c| _ = c.ry(w.at([0]) * w.at([1]), 0).rx(input(0) * w.at([0]), 0));
        let program = Program::new(&circuit, &Measurement::state())?;
        let rows = Tensor::new(&[[0.2f64], [0.7]], &Device::Cpu)?;
        let expected = [[0.2, 0.0, 0.0, 0.0], [0.7, 1.0, 3.0, 0.7]];
        for own in [false, true] {
            let weights = Var::new(&[[2.0f64, 3.0]], &Device::Cpu)?;
            let given = if own { weights.repeat((2, 1))? } else { weights.flatten_all()? };
            let all = append(&program, &rows, &given)?;
            assert!(all.is_contiguous() && all.dims() == [2, program.inputs]);
            assert_eq!(all.to_vec2::<f64>()?, expected);
            let gradients = all.sum_all()?.backward()?;
            assert_eq!(gradients.get(&weights).expect("a gradient").to_vec2::<f64>()?, [[0.0, 1.0]]);
        }
        assert!(!append(&program, &rows, &Tensor::new(&[2.0f64, 3.0], &Device::Cpu)?)?.track_op());
        Ok(())
    }
}
