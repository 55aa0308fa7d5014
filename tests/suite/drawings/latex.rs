//! Drawings in LaTeX: what TeX needs.

use super::{each_of_the_tables, many};
use candlewick::prelude::*;
use num_complex::Complex64 as C;

/// The rows of each environment, with the cells of each row.
fn environments(latex: &str) -> Vec<Vec<Vec<&str>>> {
    let bodies =
        latex.split("between origins}]\n").skip(1).map(|rest| rest.split("\n\\end{quantikz}").next().expect("an end"));
    bodies.map(|body| body.split(" \\\\\n").map(|row| cells(row)).collect()).collect()
}

/// Cells between `&` that are not `\&`.
fn cells(row: &str) -> Vec<&str> {
    let ends = row.match_indices('&').map(|(at, _)| at).filter(|at| !row[..*at].ends_with('\\'));
    let ends: Vec<usize> = ends.chain([row.len()]).collect();
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    starts.zip(&ends).map(|(start, end)| row[start..*end].trim()).collect()
}

fn check(circuit: &Circuit, latex: &str) {
    let mut depth = 0i32;
    let mut before = ' ';
    for character in latex.chars() {
        depth += match (before, character) {
            ('\\', _) => 0,
            (_, '{') => 1,
            (_, '}') => -1,
            _ => 0,
        };
        assert!(depth >= 0, "{latex}");
        before = if before == '\\' { ' ' } else { character };
    }
    assert_eq!(depth, 0, "{latex}");
    let all = environments(latex);
    assert_eq!(all.len(), latex.matches("\\begin{quantikz}").count());
    for rows in &all {
        assert_eq!(rows.len(), circuit.qubits(), "{latex}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len() && row.len() > 1), "{latex}");
        for (line, row) in rows.iter().enumerate() {
            for cell in row {
                // Vertical lines end on a wire.
                for (way, end) in [("\\wire[d][", rows.len() - 1 - line), ("\\wire[u][", line)] {
                    let length = cell.split(way).nth(1).and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
                    assert!(length.is_none_or(|length| (1..=end).contains(&length)), "{cell} in {latex}");
                }
                // The options of a mark are the first thing in its cell.
                let mark = ["\\control", "\\ocontrol", "\\targ", "\\gate{", "\\gate[", "\\meter", "\\phase"];
                let place = mark.iter().filter_map(|mark| cell.find(mark)).min();
                assert!(place.is_none_or(|place| place == 0), "{cell} in {latex}");
            }
        }
    }
}

#[test]
fn rows_have_as_many_cells() {
    for circuit in many() {
        for width in [860.0, 300.0] {
            let drawing = circuit.draw().width(width).names(["a{", "}_\\&%"]).title("50%\n\\end{document}");
            check(&circuit, &drawing.to_latex().expect("a drawing"));
            check(&circuit, &drawing.standalone(true).to_latex().expect("a drawing"));
        }
    }
}

#[test]
fn the_tables_are_drawn() {
    for (name, symbol, circuit) in each_of_the_tables() {
        let latex = circuit.draw().to_latex().expect("a drawing");
        check(&circuit, &latex);
        let plain: String = latex.chars().filter(|c| !"{}_\\^ ".contains(*c)).collect();
        let written = symbol.replace('√', "sqrt").replace('†', "dagger");
        let marks = ["targ", "control", "ctrl", "swap"].iter().any(|mark| latex.contains(mark));
        assert!(plain.contains(&written) || marks, "{name}: {latex}");
        assert!((0..circuit.inputs()).all(|k| latex.contains(&format!("x_{{{k}}}"))), "{name}: {latex}");
    }
}

#[test]
fn expressions_are_maths() {
    use std::f64::consts::PI;
    let mut circuit = Circuit::new(1);
    let (theta, letter, long) =
        (circuit.weights("theta", (2, 3)), circuit.weights("φ", ()), circuit.weights("a_b%", 2));
    let gate = |angle: Angle| {
        let mut circuit = circuit.clone();
        circuit.p(angle, 0);
        let latex = circuit.draw().digits(3).to_latex().expect("a drawing");
        let gate = latex.split("\\gate{P(").nth(1).expect("a gate");
        gate.split(")} &").next().expect("an end").to_owned()
    };
    for (angle, expected) in [
        ((PI / 2.0).into(), r"\frac{\pi}{2}"),
        ((-3.0 * PI / 4.0).into(), r"-\frac{3\pi}{4}"),
        ((2.0 * PI).into(), r"2\pi"),
        (1e-9.into(), "10^{-9}"),
        ((-2.5e30).into(), r"-2.5\cdot 10^{30}"),
        ((1.0 / 3.0).into(), "0.333"),
        (theta.at([1, 2]) * input(10) - PI, r"\theta_{1,2}\,x_{10} - \pi"),
        (0.5 * letter.at([]), r"0.5\,\varphi"),
        (long.at(1), r"\text{a\_b\%}_{1}"),
    ] {
        assert_eq!(gate(angle), expected);
    }
}

/// Numbers of weights, names and titles cannot end a group, a line or a comment.
#[test]
fn a_document_of_its_own() {
    let mut circuit = Circuit::new(1);
    circuit.h(0);
    let drawing = circuit.draw().names(["anc"]).title("one\ntwo");
    let part = drawing.to_latex().expect("a drawing");
    assert_eq!(
        part,
        "% onetwo\n\\begin{quantikz}[row sep={2.6em, between origins}]\n\\lstick{anc} & \\gate{H} &\n\\end{quantikz}\n"
    );
    let whole = drawing.standalone(true).to_latex().expect("a drawing");
    assert!(whole.starts_with("\\documentclass") && whole.contains(&part) && whole.ends_with("\\end{document}\n"));
}

/// Rows are broken by the widths of what is written. The points of a column are those of a document in which it is
/// repeated, as TeX sets it with quantikz 1.0.
#[test]
fn rows_are_as_wide_as_tex_makes_them() {
    type Write = fn(&mut Circuit);
    fn long() -> Angle {
        0.25 * input(0) - std::f64::consts::PI
    }
    let cases: [(f64, Write); 11] = [
        (31.4, |c| _ = c.h(0)),
        (55.4, |c| _ = c.rx(input(0), 0)),
        (73.5, |c| _ = c.depolarizing(0.01, 0)),
        (33.9, |c| _ = c.reset_in_place(0)),
        (23.5, |c| _ = c.cx(0, 1)),
        (26.7, |c| _ = c.controlled([0], |c| c.global_phase(input(0)))),
        (62.2, |c| _ = c.controlled([0], |c| c.global_phase(long()))),
        (40.0, |c| _ = c.global_phase(input(0))),
        (71.8, |c| _ = c.global_phase(long())),
        (39.6, |c| _ = c.when(input(0).gt(0.5), |c| c.h(0))),
        (56.2, |c| {
            _ = c.kraus(&[(0..16).map(|k| C::from(f64::from(u8::from(k % 5 == 0)))).collect::<Vec<_>>()], [0, 2])
        }),
    ];
    for (case, (points, write)) in cases.into_iter().enumerate() {
        let mut circuit = Circuit::new(3);
        (0..200).for_each(|_| write(&mut circuit));
        let rows = environments(&circuit.draw().to_latex().expect("a drawing")).len() as f64;
        // The default width is 645 points, of which the names and the ends of the wires take about 35.
        let ratio = rows * (645.0 - 35.0) / (200.0 * points);
        assert!((0.8..1.3).contains(&ratio), "case {case}: {ratio}");
    }
}
