//! Derived features of a sample: switches, which conditional gates read, products with switches, and functions of the
//! strengths of channels.
//!
//! They are tensors made from tensors, on any device and for any engine. Conditions that differ in their tests alone
//! are computed together, in a handful of operations, however many there are. Products have gradients as in candle; a
//! switch has none.

use crate::channel::Function;
use crate::circuit::{Comparison, Token};
use crate::error::Result;
use crate::expressions::{evaluate_slots, row, select};
use crate::program::derived_features::{DerivedFeature, DerivedFeatures};
use crate::program::{Program, Slot, Variable};
use candle_core::{DType, Tensor};
use std::collections::HashMap;

/// Derived features that are computed together: their indices in the program's list, and `[batch, features]`.
type Group = (Vec<usize>, Tensor);

/// Appends the derived features to samples: `[batch, features]` in the precision of the state becomes
/// `[batch, program.engine_inputs]`.
///
/// `weights` are all weights in the program's order: `[weights]`, or `[batch, weights]` if each sample has its own. The
/// result is contiguous. It is tracked if an argument on which it depends is tracked.
pub(crate) fn append_features(program: &Program, rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let derived = &program.derived;
    if derived.is_empty() {
        return Ok(rows.clone());
    }
    // On a GPU samples without features still have a column, which nothing reads.
    let features = match program.features {
        0 => None,
        features => Some(rows.narrow(1, 0, features)?),
    };
    let mut groups = functions(derived, rows, weights)?;
    if !derived.tests.is_empty() {
        let tests = tests(&derived.tests, &rows.detach(), &weights.detach())?;
        let switches = in_order(switches(&derived.list, &tests)?)?;
        // Products may have functions as factors.
        let (places, columns): (Vec<_>, Vec<_>) = groups.iter().cloned().unzip();
        let columns: Vec<_> = features.iter().cloned().chain(columns).collect();
        let known = match columns.is_empty() {
            true => (Vec::new(), rows.clone()),
            false => (places.concat(), Tensor::cat(&columns, 1)?),
        };
        groups.extend(products(&derived.list, &switches, (program.features, &known), weights)?);
        groups.push(switches);
    }
    let (_, derived) = in_order(groups)?;
    Ok(Tensor::cat(&features.into_iter().chain([derived]).collect::<Vec<_>>(), 1)?.contiguous()?)
}

/// Joins groups into one, with the derived features in the order of the list.
fn in_order(groups: Vec<Group>) -> Result<Group> {
    let (places, all): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    let (places, all) = (places.concat(), Tensor::cat(&all, 1)?);
    if places.is_sorted() {
        return Ok((places, all));
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by_key(|column| places[*column]);
    let sorted = order.iter().map(|column| places[*column]).collect();
    Ok((sorted, select(&all, order)?))
}

/// Returns the outcomes of all tests, `[batch, tests]`: 1 or 0, or NaN if a value is not finite.
fn tests(tests: &[Comparison<Slot>], rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let slots: Vec<_> = tests.iter().map(|test| &test.value).collect();
    let values = evaluate_slots(&slots, rows, weights)?.broadcast_as((rows.dim(0)?, tests.len()))?;
    // A test for "below" is a test for "above" with both sides negated.
    let sign = |test: &Comparison<Slot>| if test.above { 1.0 } else { -1.0 };
    let size = row(tests.iter().map(|test| if test.absolute { sign(test) } else { 0.0 }), rows)?;
    let itself = row(tests.iter().map(|test| if test.absolute { 0.0 } else { sign(test) }), rows)?;
    let compared = (values.abs()?.broadcast_mul(&size)? + values.broadcast_mul(&itself)?)?;
    let thresholds = row(tests.iter().map(|test| sign(test) * test.threshold), rows)?;
    let hold = compared.broadcast_gt(&thresholds)?.to_dtype(rows.dtype())?;
    Ok((hold + compared.affine(0.0, 0.0)?)?)
}

/// Switches whose conditions differ in their tests alone.
#[derive(Default)]
struct Form<'a> {
    places: Vec<usize>,
    codes: Vec<&'a [Token<usize>]>,
}

/// Computes all switches; switches of one form are computed together.
fn switches(list: &[DerivedFeature], tests: &Tensor) -> Result<Vec<Group>> {
    let mut known: HashMap<Vec<Token<()>>, usize> = HashMap::new();
    let mut forms: Vec<Form<'_>> = Vec::new();
    for (place, feature) in list.iter().enumerate() {
        let DerivedFeature::Switch(code) = feature else { continue };
        let form = *known.entry(code.iter().map(Token::form).collect()).or_insert(forms.len());
        if form == forms.len() {
            forms.push(Form::default());
        }
        forms[form].places.push(place);
        forms[form].codes.push(code);
    }
    forms.into_iter().map(|form| Ok((form.places, switch(&form.codes, tests)?))).collect()
}

/// Computes switches of one form, `[batch, switches]`. A NaN stays in sums and products.
fn switch(codes: &[&[Token<usize>]], tests: &Tensor) -> Result<Tensor> {
    let mut stack: Vec<Tensor> = Vec::new();
    for (at, token) in codes[0].iter().enumerate() {
        if let Token::Test(_) = token {
            let tested =
                codes.iter().filter_map(|code| if let Token::Test(test) = code[at] { Some(test) } else { None });
            stack.push(select(tests, tested)?);
            continue;
        }
        let right = stack.pop().expect("an operator has its operands before it");
        if *token == Token::Not {
            stack.push(right.affine(-1.0, 1.0)?);
            continue;
        }
        let left = stack.pop().expect("an operator has its operands before it");
        let both = (&left * &right)?;
        stack.push(if *token == Token::And { both } else { ((left + right)? - both)? });
    }
    Ok(stack.pop().expect("a switch has a condition"))
}

/// Computes functions of strengths, all of one kind together.
fn functions(derived: &DerivedFeatures, rows: &Tensor, weights: &Tensor) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for function in [Function::RootOfRest, Function::Decay] {
        let (mut places, mut slots) = (Vec::new(), [Vec::new(), Vec::new()]);
        for (place, feature) in derived.list.iter().enumerate() {
            if let DerivedFeature::Function { function: of, arguments } = feature
                && *of == function
            {
                places.push(place);
                slots.iter_mut().zip(arguments).for_each(|(slots, index)| slots.push(&derived.arguments[*index]));
            }
        }
        if places.is_empty() {
            continue;
        }
        let [first, second] = slots.map(|slots| evaluate_slots(&slots, rows, weights));
        let values = match function {
            Function::RootOfRest => root(&first?.affine(-1.0, 1.0)?)?,
            Function::Decay => first?.broadcast_div(&second?)?.neg()?.exp()?,
        };
        let count = places.len();
        groups.push((places, values.broadcast_as((rows.dim(0)?, count))?));
    }
    Ok(groups)
}

/// Computes square roots of numbers that are at least 0 but for rounding. A number of 0 counts as a tiny one, so that its
/// gradient is a very large number and no NaN, and 0 where nothing depends on the root.
fn root(of: &Tensor) -> Result<Tensor> {
    let tiny = if of.dtype() == DType::F64 { 1e-200 } else { 1e-36 };
    let lifted = (of.detach().maximum(tiny)? - of.detach())?;
    Ok((of + lifted)?.sqrt()?)
}

/// Computes the products of switches with inputs and functions, and with weights. `known` has the features, a number of
/// them, then the functions at the given places of the list.
fn products(
    list: &[DerivedFeature],
    switches: &Group,
    (features, known): (usize, &Group),
    weights: &Tensor,
) -> Result<Vec<Group>> {
    let column = |of: Variable| match of {
        Variable::Input(index) if index >= features => {
            let function = known.0.iter().position(|place| *place == index - features);
            features + function.expect("a factor is a feature or a function")
        }
        Variable::Input(index) | Variable::Weight(index) => index,
    };
    let mut groups = Vec::new();
    for (of, from) in [(Variable::Input as fn(usize) -> Variable, &known.1), (Variable::Weight, weights)] {
        let mut products: [Vec<usize>; 3] = Default::default();
        for (place, feature) in list.iter().enumerate() {
            if let DerivedFeature::Product { switch, of: variable @ (Variable::Input(index) | Variable::Weight(index)) } =
                feature
                && *variable == of(*index)
            {
                let switch = switches.0.binary_search(switch).expect("a product's switch is in the list");
                products
                    .iter_mut()
                    .zip([place, switch, column(*variable)])
                    .for_each(|(list, number)| list.push(number));
            }
        }
        let [places, which, variables] = products;
        if !places.is_empty() {
            groups.push((places, select(&switches.1, which)?.broadcast_mul(&select(from, variables)?)?));
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, input};
    use crate::measurement::Measurement;
    use candle_core::{Device, Var};

    /// A single row of weights serves all samples; with a row for each sample, each sample has its own. Gradients go to
    /// either.
    #[test]
    fn weights_may_differ_from_sample_to_sample() -> Result<()> {
        let mut circuit = Circuit::new(1);
        let w = circuit.weights("w", 2);
        circuit.when(input(0).gt(0.5), |c| c.ry(w.at([0]) * w.at([1]), 0).rx(input(0) * w.at([0]), 0));
        let program = Program::new(&circuit, &Measurement::state())?;
        let rows = Tensor::new(&[[0.2f64], [0.7]], &Device::Cpu)?;
        let expected = [[0.2, 0.0, 0.0, 0.0], [0.7, 1.0, 3.0, 0.7]];
        for own in [false, true] {
            let weights = Var::new(&[[2.0f64, 3.0]], &Device::Cpu)?;
            let given = if own { weights.repeat((2, 1))? } else { weights.flatten_all()? };
            let all = append_features(&program, &rows, &given)?;
            assert!(all.is_contiguous() && all.dims() == [2, program.engine_inputs]);
            assert_eq!(all.to_vec2::<f64>()?, expected);
            let gradients = all.sum_all()?.backward()?;
            assert_eq!(gradients.get(&weights).expect("a gradient").to_vec2::<f64>()?, [[0.0, 1.0]]);
        }
        assert!(!append_features(&program, &rows, &Tensor::new(&[2.0f64, 3.0], &Device::Cpu)?)?.track_op());
        Ok(())
    }
}
