//! What the three forms say alike: the order of targets, resets, conditions, barriers.

use super::picture::{Picture, parsed};
use candlewick::channel::Channel;
use candlewick::gate::Gate;
use candlewick::prelude::*;

fn svg(circuit: &Circuit) -> Picture {
    parsed(&circuit.draw().to_svg().expect("a drawing"))
}

/// Whether a drawing numbers the targets, in each form.
fn has_numbers(circuit: &Circuit) -> [bool; 3] {
    let latex = circuit.draw().to_latex().expect("a drawing");
    let labels = svg(circuit).operations.into_iter().flat_map(|group| group.labels);
    [
        circuit.to_string().contains(":0─"),
        labels.filter(|label| label.class == "s t").any(|label| label.text == "0"),
        latex.contains(r"\gateinput{0}") || latex.contains("{:}0"),
    ]
}

/// Targets have numbers if and only if the gate on exchanged qubits is another one.
#[test]
fn numbers_stand_where_the_order_matters() {
    let (mut ordered, mut symmetric) = (Vec::new(), Vec::new());
    for gate in Gate::all().filter(|gate| gate.qubits().len() == 2) {
        for qubits in [[0, 1], [1, 0], [0, 2], [2, 0]] {
            let angles = || (0..gate.angles().len()).map(|k| 0.3 + k as f64);
            let mut drawn = Circuit::new(3);
            drawn.gate(gate, angles().map(Angle::from), qubits);
            let text = drawn.to_string();
            let marks: Vec<&str> = text
                .lines()
                .filter_map(|line| line.split_once(": ")?.1.trim_matches('─').split(':').next())
                .filter(|mark| !mark.is_empty() && *mark != "┼")
                .collect();
            assert_eq!(marks.len(), 2, "{text}");
            // A control and its target are told apart by their marks.
            if marks[0] != marks[1] {
                continue;
            }
            let matrix = gate.matrix(&angles().collect::<Vec<_>>());
            let exchanged = |index: usize| [0, 2, 1, 3][index];
            let is_other = |(a, b): (usize, usize)| (matrix[a][b] - matrix[exchanged(a)][exchanged(b)]).norm() > 1e-12;
            let matters = (0..16).map(|k| (k / 4, k % 4)).any(is_other);
            assert_eq!(has_numbers(&drawn), [matters; 3], "{text}");
            if matters { &mut ordered } else { &mut symmetric }.push(gate.name());
        }
    }
    for (list, names) in [(&mut ordered, &["dcx", "ecr", "rzx"][..]), (&mut symmetric, &["iswap", "rzz", "swap"])] {
        list.dedup();
        assert!(names.iter().all(|name| list.contains(name)), "{list:?}");
    }
}

/// A channel that sets its qubit to 0 is drawn as a reset, without its strengths and without dashes; with other
/// strengths it is noise.
#[test]
fn resets_are_boxes_with_a_ket() {
    let mut circuit = Circuit::new(2);
    circuit.reset_in_place(0);
    assert_eq!(circuit.to_string(), "q0: ─|0⟩──\nq1: ──────\n");
    let labels: Vec<String> = svg(&circuit).operations[0].labels.iter().map(|label| label.text.clone()).collect();
    assert_eq!(labels, ["|0⟩"]);
    assert!(circuit.draw().to_latex().expect("a drawing").contains(r"& \gate{|0\rangle} &"));
    let mut moved = Circuit::new(2);
    moved.reset(0, 1);
    assert_eq!(moved.to_string(), "q0: ─|0⟩──\n      │\nq1: ─old──\n");
    let mut noise = Circuit::new(1);
    noise.channel(Channel::reset_error, [0.5.into(), 0.25.into()], [0]);
    assert_eq!(noise.to_string(), "q0: ─Reset(0.5, 0.25)──\n");
    assert!(noise.draw().to_latex().expect("a drawing").contains(r"style={dashed}"));
}

/// The number of a condition stands at the meter in every form.
#[test]
fn conditions_of_measurements_stand_at_the_meter() {
    let mut circuit = Circuit::new(2);
    circuit.when(input(0).gt(0.5), |c| c.measure(0, 1));
    assert_eq!(circuit.to_string(), "q0: ──M?1────\n       │\nq1: ─record──\n?1: x0 > 0.5\n");
    assert!(circuit.draw().to_latex().expect("a drawing").contains(r"\meter{?1}"));
    let drawn = svg(&circuit);
    let [meter] = &drawn.operations[0].boxes[..] else { panic!("{drawn:?}") };
    let label = &drawn.operations[0].labels[0];
    assert!(label.text == "?1" && label.edges[1] > meter[1] && label.edges[3] < meter[3], "{label:?} {meter:?}");
}

/// A barrier covers its wires and the space between neighbours of them, and nothing else.
#[test]
fn barriers_cover_their_wires() {
    const QUBITS: usize = 5;
    for subset in 1usize..1 << QUBITS {
        let covers = |qubit: usize| subset >> qubit & 1 == 1;
        let mut circuit = Circuit::new(QUBITS);
        let qubits: Vec<usize> = (0..QUBITS).rev().filter(|qubit| covers(*qubit)).collect();
        circuit.append_on(Circuit::new(qubits.len()).barrier(), qubits);
        let text = circuit.to_string();
        let drawn = svg(&circuit);
        let [_, top, _, bottom] = drawn.rest.paths[0];
        let height = |wires: f64| top + (bottom - top) * wires / (QUBITS - 1) as f64;
        let crossed = |y: f64| drawn.operations[0].paths.iter().any(|edges| edges[1] < y && y < edges[3]);
        let latex = circuit.draw().to_latex().expect("a drawing");
        assert_eq!(latex.contains(r"\slice"), subset + 1 == 1 << QUBITS, "{latex}");
        for qubit in 0..QUBITS {
            let line = text.lines().find(|line| line.starts_with(&format!("q{qubit}"))).expect("a wire");
            assert_eq!(line.contains('░'), covers(qubit), "{text}");
            assert!(!line.contains('┼'), "{text}");
            let below = text.lines().skip_while(|other| *other != line).nth(1).is_some_and(|line| line.contains("  ░"));
            let is_joined = covers(qubit) && covers(qubit + 1);
            assert_eq!(below, is_joined, "{text}");
            assert_eq!(crossed(height(qubit as f64)), covers(qubit), "{drawn:?}");
            if qubit + 1 < QUBITS {
                assert_eq!(crossed(height(qubit as f64 + 0.5)), is_joined, "{drawn:?}");
            }
            let row = latex.lines().filter(|line| line.starts_with(r"\lstick")).nth(qubit).expect("a row");
            let is_slice = latex.contains(r"\slice");
            assert!(is_slice || row.contains("[dashed]") == is_joined, "{latex}");
            let is_alone = covers(qubit) && !is_joined && !(qubit > 0 && covers(qubit - 1));
            assert!(is_slice || row.contains(r"\vert") == is_alone, "{latex}");
        }
    }
}
