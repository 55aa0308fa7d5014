//! The algebra of angles against the same expressions in plain numbers: values, gradients, and products of too high a
//! degree.

use crate::gradients::differences;
use crate::lab::{close, rows, tensor};
use candle_core::{DType, Device, Tensor, Var};
use candlewick::prelude::*;
use candlewick::{Error, Mistake, functional};
use proptest::prelude::*;

/// An expression in `x0, x1, w0, w1`, one variant an operator of [`Angle`].
#[derive(Debug, Clone)]
enum Tree {
    Constant(f64),
    Input(usize),
    Weight(usize),
    Add(Box<Tree>, Box<Tree>),
    Sub(Box<Tree>, Box<Tree>),
    Mul(Box<Tree>, Box<Tree>),
    Neg(Box<Tree>),
    Scaled(f64, Box<Tree>),
    Times(Box<Tree>, f64),
    Over(Box<Tree>, f64),
    Plus(f64, Box<Tree>),
    Minus(f64, Box<Tree>),
    AddAssign(Box<Tree>, Box<Tree>),
}

use Tree::*;

impl Tree {
    /// The value at the variables `[x0, x1, w0, w1]`.
    fn value(&self, v: &[f64]) -> f64 {
        match self {
            Constant(c) => *c,
            Input(i) => v[*i],
            Weight(i) => v[2 + i],
            Add(a, b) | AddAssign(a, b) => a.value(v) + b.value(v),
            Sub(a, b) => a.value(v) - b.value(v),
            Mul(a, b) => a.value(v) * b.value(v),
            Neg(a) => -a.value(v),
            Scaled(c, a) | Times(a, c) => c * a.value(v),
            Over(a, c) => a.value(v) / c,
            Plus(c, a) => c + a.value(v),
            Minus(c, a) => c - a.value(v),
        }
    }

    fn angle(&self, w: &Weights) -> Angle {
        match self {
            Constant(c) => (*c).into(),
            Input(i) => input(*i),
            Weight(i) => w.at([*i]),
            Add(a, b) => a.angle(w) + b.angle(w),
            Sub(a, b) => a.angle(w) - b.angle(w),
            Mul(a, b) => a.angle(w) * &b.angle(w),
            Neg(a) => -a.angle(w),
            Scaled(c, a) => *c * a.angle(w),
            Times(a, c) => a.angle(w) * *c,
            Over(a, c) => a.angle(w) / *c,
            Plus(c, a) => *c + a.angle(w),
            Minus(c, a) => *c - a.angle(w),
            AddAssign(a, b) => {
                let mut sum = a.angle(w);
                sum += b.angle(w);
                sum
            }
        }
    }

    /// The highest degree of a product in it, or beneath it.
    fn degrees(&self) -> (usize, usize) {
        let worst = |parts: &[&Self], degree: fn(usize, usize) -> usize| {
            let all: Vec<(usize, usize)> = parts.iter().map(|part| part.degrees()).collect();
            let own = all.iter().map(|(own, _)| *own).fold(0, degree);
            (own, all.iter().map(|(_, beneath)| *beneath).max().unwrap_or(0).max(own))
        };
        match self {
            Constant(_) => (0, 0),
            Input(_) | Weight(_) => (1, 1),
            Add(a, b) | Sub(a, b) | AddAssign(a, b) => worst(&[a, b], usize::max),
            Mul(a, b) => worst(&[a, b], |a, b| a + b),
            Neg(a) | Scaled(_, a) | Times(a, _) | Over(a, _) | Plus(_, a) | Minus(_, a) => a.degrees(),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let number = || prop_oneof![4 => -2.0..2.0, 1 => Just(0.0), 1 => Just(1.0)];
    let leaf = prop_oneof![number().prop_map(Constant), (0usize..2).prop_map(Input), (0usize..2).prop_map(Weight)];
    leaf.prop_recursive(4, 16, 2, move |inner| {
        let pair = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        let one = || inner.clone().prop_map(Box::new);
        prop_oneof![
            2 => pair().prop_map(|(a, b)| Add(a, b)),
            2 => pair().prop_map(|(a, b)| Sub(a, b)),
            3 => pair().prop_map(|(a, b)| Mul(a, b)),
            1 => pair().prop_map(|(a, b)| AddAssign(a, b)),
            1 => one().prop_map(Neg),
            1 => (number(), one()).prop_map(|(c, a)| Scaled(c, a)),
            1 => (number(), one()).prop_map(|(c, a)| Times(a, c)),
            1 => (0.5..3.0, one()).prop_map(|(c, a)| Over(a, c)),
            1 => (number(), one()).prop_map(|(c, a)| Plus(c, a)),
            1 => (number(), one()).prop_map(|(c, a)| Minus(c, a)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The angle is read off as the phase of `|0> + e^(i angle) |1>`.
    #[test]
    fn expressions_are_what_they_say(tree in tree(), v in prop::collection::vec(-1.5..1.5, 4)) {
        let mut circuit = Circuit::new(1).with_inputs(2);
        let w = circuit.weights("w", 2);
        circuit.h(0).p(tree.angle(&w), 0);
        if tree.degrees().1 > 2 {
            let error = circuit.check().expect_err("a degree above two");
            let refused = matches!(error, Error::Circuit { operation: 1, mistake: Mistake::AngleDegree { .. }, .. });
            prop_assert!(refused, "{error}");
            return Ok(());
        }
        let xs = Var::from_tensor(&tensor(&[v[..2].to_vec()], DType::F64)).expect("two inputs");
        let ws = Var::from_tensor(&Tensor::new(&v[2..], &Device::Cpu).expect("two weights")).expect("a variable");
        let measurement = Measurement::expectation([X(0), Y(0)]);
        let out = functional::evaluate(&circuit, &measurement, Some(&xs), &[("w", &ws)]).expect("the circuit runs");
        let phase = tree.value(&v);
        // Expanded products lose digits against the tree's own order of operations.
        let scale = 1e-13 * (1.0 + phase.abs());
        close("cos and sin", &rows(&out)[0], &[phase.cos(), phase.sin()], 100.0 * scale);

        let gradients = out.sum_all().and_then(|sum| sum.backward()).expect("gradients");
        let of = |var: &Var| gradients.get(var).expect("a gradient").flatten_all()?.to_vec1::<f64>();
        let actual = [of(&xs).expect("dx"), of(&ws).expect("dw")].concat();
        let expected = differences(&v, |v| tree.value(v).cos() + tree.value(v).sin());
        close("gradient", &actual, &expected, 1e-7);
    }
}

/// A zero factor keeps its variables: a circuit reads the same inputs whatever the numbers in it.
#[test]
fn a_zero_factor_keeps_its_variables() {
    for angle in [0.0 * input(1), input(1) * 0.0, input(1) * Angle::from(0.0), Angle::from(0.0) * input(1)] {
        let mut circuit = Circuit::new(1);
        circuit.rx(angle, 0);
        assert_eq!(circuit.inputs(), 2);
    }
}
