//! Drawings of circuits and listings of programs, as a reader sees them.

use crate::oracle::random_case;
use candlewick::gate::Gate;
use candlewick::prelude::*;
use candlewick::program::{Program, Rewrite, Rewrites};
use insta::assert_snapshot;
use num_complex::Complex64 as C;
use std::f64::consts::PI;

/// A circuit of `qubits` qubits, written by `body`.
fn drawn(qubits: usize, body: impl FnOnce(&mut Circuit)) -> String {
    let mut circuit = Circuit::new(qubits);
    body(&mut circuit);
    circuit.to_string()
}

#[test]
fn gates_of_one_qubit() {
    let drawing = drawn(2, |c| {
        c.id(0).x(0).y(0).z(0).h(0).s(0).sdg(0).t(0).tdg(0).sx(0).sxdg(0);
        c.rx(0.5, 1).p(PI, 1).u(0.1, 0.2, 0.3, 1).u2(input(0), input(1), 1).r(-0.25, PI / 2.0, 1);
    });
    assert_snapshot!(drawing, @r"
    q0: ────I──────X───────────Y──────────────Z─────────────H────────S──S†──T──T†──√X──√X†──
    q1: ─RX(0.5)──P(π)──U(0.1, 0.2, 0.3)──U2(x0, x1)──R(-0.25, π/2)─────────────────────────
    ");
}

#[test]
fn controls_cross_the_wires_between() {
    let drawing = drawn(4, |c| {
        c.h(1)
            .cx(0, 3)
            .cz(3, 1)
            .ccx(0, 2, 1)
            .ccx(1, 2, 0)
            .swap(0, 2)
            .cswap(3, 0, 2)
            .crx(input(0), 2, 0)
            .ch(1, 0)
            .csx(2, 3);
        c.controlled([0, 3], |c| c.swap(1, 2));
    });
    assert_snapshot!(drawing, @r"
    q0: ────●─────●──X──×──×──RX(x0)──H───●──
            │     │  │  │  │    │     │   │
    q1: ─H──┼──Z──X──●──┼──┼────┼─────●───×──
            │  │  │  │  │  │    │         │
    q2: ────┼──┼──●──●──×──×────●─────●───×──
            │  │           │          │   │
    q3: ────X──●───────────●──────────√X──●──
    ");
}

/// Operations share a column only where their lines do not meet.
#[test]
fn columns_are_filled_from_the_left() {
    let drawing = drawn(5, |c| _ = c.cx(0, 1).cx(3, 4).h(2).cx(1, 3).x(2).cx(2, 0).rx(0.125, 4).z(4));
    assert_snapshot!(drawing, @r"
    q0: ─●────────────────X──
         │                │
    q1: ─X──────●─────────┼──
                │         │
    q2: ─H──────┼──────X──●──
                │
    q3: ─●──────X────────────
         │
    q4: ─X──RX(0.125)──Z─────
    ");
}

#[test]
fn targets_with_different_parts_are_numbered() {
    let drawing = drawn(3, |c| {
        c.iswap(0, 2).dcx(1, 0).rzx(0.5, 2, 1).ecr(0, 1).rzz(input(0), 0, 2);
        c.unitary(&[C::from(1.0), C::default(), C::default(), C::from(1.0)], [1]);
        let swap = [1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1].map(f64::from).map(C::from);
        c.unitary(&swap, [2, 0]);
    });
    assert_snapshot!(drawing, @r"
    q0: ─iSWAP──DCX:1──────────────ECR:0──RZZ(x0)─────U:1──
           │      │                  │       │         │
    q1: ───┼────DCX:0──RZX(0.5):1──ECR:1─────┼─────U───┼───
           │               │                 │         │
    q2: ─iSWAP─────────RZX(0.5):0─────────RZZ(x0)─────U:0──
    ");
}

#[test]
fn pauli_words_put_a_letter_on_each_wire() {
    let drawing = drawn(4, |c| {
        c.pauli_rot(0.5, "XIZ", [3, 1, 0]).pauli_rot(input(2), "Y", [2]);
        c.controlled([1], |c| c.pauli_rot(-PI, "ZZ", [0, 3]));
    });
    assert_snapshot!(drawing, @r"
    q0: ─RZ(0.5)──────────RZ(-π)──
            │               │
    q1: ─RI(0.5)────────────●─────
            │               │
    q2: ────┼─────RY(x2)────┼─────
            │               │
    q3: ─RX(0.5)──────────RZ(-π)──
    ");
}

#[test]
fn phases_stand_on_the_first_wire_or_on_a_control() {
    let drawing = drawn(3, |c| {
        c.global_phase(PI / 4.0).h(0);
        c.controlled([2], |c| c.global_phase(0.3));
        c.controlled([1, 2], |c| c.global_phase(input(0)));
        c.pauli_rot(0.6, "", []).controlled([0, 2], |c| c.pauli_rot(0.6, "", []));
    });
    assert_snapshot!(drawing, @r"
    q0: ──gphase(π/4)────────H────────gphase(-0.3)──● gphase(-0.3)──
                                                          │
    q1: ────────────────● gphase(x0)──────────────────────┼─────────
                             │                            │
    q2: ─● gphase(0.3)───────●────────────────────────────●─────────
    ");
}

#[test]
fn barriers_separate_columns() {
    let mut part = Circuit::new(2);
    part.h(0).barrier().h(1);
    let drawing = drawn(4, |c| {
        c.h(0).barrier().rx(input(0), 1).x(3).barrier();
        // The barrier of a smaller circuit ends with it.
        c.append(&part).cx(2, 3).cx(3, 2);
    });
    assert_snapshot!(drawing, @r"
    q0: ─H──░──────────░──H──░─────
            ░          ░     ░
    q1: ────░──RX(x0)──░─────░──H──
            ░          ░
    q2: ────░──────────░──●──X─────
            ░          ░  │  │
    q3: ────░────X─────░──X──●─────
    ");
}

#[test]
fn angles_are_short() {
    let drawing = drawn(6, |c| {
        let w = c.weights("theta", (2, 3));
        c.rx(w.at([1, 2]), 0).rx(-w.at([0, 0]) + PI, 0).rx(0.5 * w.at([0, 1]) * input(3) - 1.0, 0);
        c.rx(PI, 1).rx(-PI / 2.0, 1).rx(2.0 * PI, 1).rx(PI / 4.0, 1).rx(3.0 * PI, 1).rx(0.0, 1).rx(-0.0, 1);
        c.rx(1.0 / 3.0, 2).rx(-2.5, 2).rx(100.0, 2).rx(123456.789, 2).rx(0.99999, 2);
        c.rx(1e-9, 3).rx(1.2345678e20, 3).rx(-4e-4, 3).rx(1e300 * input(0), 3).rx(0.001, 3);
        c.rx(input(0) - input(0), 4).rx(input(0) * input(1) + input(0), 4).rx(input(0) / 3.0, 4);
        let scalar = c.weights("s", ());
        c.rx(scalar.at([]), 5);
    });
    assert_snapshot!(drawing, @r"
    q0: ─RX(theta[1,2])──RX(-theta[0,0] + π)──RX(0.5*theta[0,1]*x3 - 1)──
    q1: ─────RX(π)────────────RX(-π/2)─────────────────RX(2π)────────────
    q2: ───RX(0.3333)─────────RX(-2.5)─────────────────RX(100)───────────
    q3: ────RX(1e-9)────────RX(1.2346e20)─────────────RX(-4e-4)──────────
    q4: ────RX(0*x0)───────RX(x0*x1 + x0)───────────RX(0.3333*x0)────────
    q5: ─────RX(s)───────────────────────────────────────────────────────

    q0: ───────────────────────────────────────────
    q1: ────RX(π/4)──────RX(9.4248)──RX(0)──RX(0)──
    q2: ─RX(123456.789)────RX(1)───────────────────
    q3: ──RX(1e300*x0)───RX(0.001)─────────────────
    q4: ───────────────────────────────────────────
    q5: ───────────────────────────────────────────
    ");
}

#[test]
fn adjoints_are_drawn_as_what_they_are() {
    let mut circuit = Circuit::new(2);
    circuit.s(0).sx(1).iswap(0, 1).dcx(0, 1).u2(0.1, 0.2, 0).cu(0.1, 0.2, 0.3, 0.4, 0, 1).global_phase(1.0);
    assert_snapshot!(circuit.inverse(), @r"
    q0: ─gphase(-1)──────────────●──────────────U2(2.9416, -3.2416)──DCX†:0──iSWAP†──S†───
                                 │                                     │       │
    q1: ─────────────U(-0.1, -0.3, -0.2, -0.4)───────────────────────DCX†:1──iSWAP†──√X†──
    ");
}

#[test]
fn long_circuits_wrap() {
    let drawing = drawn(11, |c| {
        let w = c.weights("theta", (2, 11));
        c.amplitude_embedding(0..100);
        for layer in 0..2 {
            for q in 0..11 {
                c.ry(w.at([layer, q]), q);
            }
            for q in 0..11 {
                c.cx(q, (q + 1) % 11);
            }
        }
    });
    assert_snapshot!(drawing, @r"
    q0 : ─Amp(x0..x99):0───RY(theta[0,0])───●───────────────────────
                 │                          │
    q1 : ─Amp(x0..x99):1───RY(theta[0,1])───X──●────────────────────
                 │                             │
    q2 : ─Amp(x0..x99):2───RY(theta[0,2])──────X──●─────────────────
                 │                                │
    q3 : ─Amp(x0..x99):3───RY(theta[0,3])─────────X──●──────────────
                 │                                   │
    q4 : ─Amp(x0..x99):4───RY(theta[0,4])────────────X──●───────────
                 │                                      │
    q5 : ─Amp(x0..x99):5───RY(theta[0,5])───────────────X──●────────
                 │                                         │
    q6 : ─Amp(x0..x99):6───RY(theta[0,6])──────────────────X──●─────
                 │                                            │
    q7 : ─Amp(x0..x99):7───RY(theta[0,7])─────────────────────X──●──
                 │                                               │
    q8 : ─Amp(x0..x99):8───RY(theta[0,8])────────────────────────X──
                 │
    q9 : ─Amp(x0..x99):9───RY(theta[0,9])───────────────────────────
                 │
    q10: ─Amp(x0..x99):10──RY(theta[0,10])──────────────────────────

    q0 : ───────X──RY(theta[1,0])───●─────────────────────────────X──
                │                   │                             │
    q1 : ───────┼──RY(theta[1,1])───X──●──────────────────────────┼──
                │                      │                          │
    q2 : ───────┼──RY(theta[1,2])──────X──●───────────────────────┼──
                │                         │                       │
    q3 : ───────┼──RY(theta[1,3])─────────X──●────────────────────┼──
                │                            │                    │
    q4 : ───────┼──RY(theta[1,4])────────────X──●─────────────────┼──
                │                               │                 │
    q5 : ───────┼──RY(theta[1,5])───────────────X──●──────────────┼──
                │                                  │              │
    q6 : ───────┼──RY(theta[1,6])──────────────────X──●───────────┼──
                │                                     │           │
    q7 : ───────┼──RY(theta[1,7])─────────────────────X──●────────┼──
                │                                        │        │
    q8 : ─●─────┼──RY(theta[1,8])────────────────────────X──●─────┼──
          │     │                                           │     │
    q9 : ─X──●──┼──RY(theta[1,9])───────────────────────────X──●──┼──
             │  │                                              │  │
    q10: ────X──●──RY(theta[1,10])─────────────────────────────X──●──
    ");
}

#[test]
fn mistakes_stand_below_what_came_before_them() {
    assert_snapshot!(drawn(2, |c| _ = c.h(0).cx(0, 1).rz(f64::NAN, 1).x(0)), @r"
    q0: ─H──●──
            │
    q1: ────X──
    error: operation 2 (`rz`): the angle is NaN, which is not finite
    ");
    assert_snapshot!(drawn(3, |_| ()), @r"
    q0: ─
    q1: ─
    q2: ─
    ");
    assert_snapshot!(drawn(0, |_| ()), @"error: operation 0 (`new`): a circuit needs at least one qubit");
    assert_snapshot!(drawn(300, |c| _ = c.h(0)), @"error: operation 0 (`new`): 300 qubits are more than the 256 of a circuit");
}

/// Conditions have numbers, and stand below.
#[test]
fn conditional_gates() {
    let drawing = drawn(4, |c| {
        let w = c.weights("w", 3);
        c.h(0);
        for q in 0..2 {
            c.when(input(q).abs().gt(0.1), |c| c.ry(input(q), q).cx(q, q + 1));
        }
        c.when((input(0) - 2.0 * input(1)).gt(-0.5) | !input(1).lt(0.25), |c| {
            c.controlled([3], |c| c.swap(0, 2).rz(w.at([0]) * w.at([1]), 1).global_phase(0.3));
            c.when(input(0).gt(0.0) & (input(1).lt(0.0) | input(1).gt(3.0)), |c| c.iswap(1, 2).cz(0, 3));
            c
        });
    });
    assert_snapshot!(drawing, @r"
    q0: ─H──RY(x0)?1───●──────────────────×?3─────────────────────────────────────●───
                       │                   │                                      │
    q1: ──────────────X?1──RY(x1)?2───●────┼───RZ(w[0]*w[1])?3──────iSWAP?4───────┼───
                                      │    │          │                │          │
    q2: ─────────────────────────────X?2──×?3─────────┼─────────────iSWAP?4───────┼───
                                           │          │                           │
    q3: ───────────────────────────────────●──────────●─────────● gphase(0.3)?3──Z?4──
    ?1: |x0| > 0.1
    ?2: |x1| > 0.1
    ?3: x0 - 2*x1 > -0.5 or not x1 < 0.25
    ?4: (x0 - 2*x1 > -0.5 or not x1 < 0.25) and x0 > 0 and (x1 < 0 or x1 > 3)
    ");
}

/// Switches are behind the features; constants become gated phases, and rotations around operations without a
/// condition.
#[test]
fn a_program_with_conditions() {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 2);
    circuit.h(1).when(input(0).abs().gt(0.1), |c| c.ry(w.at([0]) * w.at([1]), 0).swap(0, 1).h(1));
    let listing = Program::new(&circuit, &Measurement::expectation([Z(0) * Z(1)])).unwrap().to_string();
    assert_snapshot!(listing, @r"
    2 qubits, 1 inputs, 2 weights, 1 outputs
      x1 <- 1 where |x0| > 0.1
      x2 <- x1*w1
      a0 = 0.5*x2*w0
      a1 = 1.5707963267948966*x1
      a2 = 3.141592653589793*x1
      matrix on q1
      rotate Y0 by a0
      exchange 0 and 1 of q1 where q0
      phase a1 where q1
      rotate X0 by a1 where q1
      exchange 0 and 1 of q1 where q0
      matrix on q1
      phase a2 where q1
      matrix on q1
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
}

#[test]
fn measurements_and_resets() {
    let drawing = drawn(5, |c| {
        c.h(0).cx(0, 1).measure(0, 3).when(input(0).gt(0.5), |c| c.measure(1, 2));
        c.controlled([3], |c| c.x(1)).cx(2, 0).reset(1, 4).h(1);
    });
    assert_snapshot!(drawing, @r"
    q0: ─H──●────M────────────────X──────────
            │    │                │
    q1: ────X────┼──────M?1────X──┼──|0⟩──H──
                 │       │     │  │   │
    q2: ─────────┼─────record──┼──●───┼──────
                 │             │      │
    q3: ───────record──────────●──────┼──────
                                      │
    q4: ─────────────────────────────old─────
    ?1: x0 > 0.5
    ");
}

/// All lines of a block have the same length in drawings of random circuits. A line is longer than a terminal's only if
/// one column is, and every vertical line ends on something.
#[test]
fn drawings_are_aligned() {
    for seed in 0..200 {
        let qubits = 1 + seed as usize % 7;
        let text = random_case(seed, qubits, 25, false).circuit().to_string();
        for block in text.split("\n\n") {
            let lines: Vec<Vec<char>> = block.lines().map(|line| line.chars().collect()).collect();
            let wires: Vec<&Vec<char>> = lines.iter().filter(|line| line.first() == Some(&'q')).collect();
            assert_eq!(wires.len(), qubits, "{text}");
            assert!(wires.iter().all(|wire| wire.len() == wires[0].len()), "{text}");
            let columns = wires[0].len();
            // A label wider than the page has a block of its own: "q0: ─label──".
            let longest = wires.iter().flat_map(|wire| wire.split(|cell| *cell == '─')).map(<[char]>::len).max();
            assert!(columns <= 101 || longest == Some(columns - 7), "{columns} columns\n{text}");
            for (row, line) in lines.iter().enumerate() {
                for (column, _) in line.iter().enumerate().filter(|(_, cell)| matches!(cell, '│' | '░')) {
                    if line.first() == Some(&'q') {
                        continue;
                    }
                    for end in [&lines[row - 1], &lines[row + 1]] {
                        // Never on a bare wire; a blank there is inside a label such as "RX(x0 + 1)".
                        assert_ne!(end[column], '─', "row {row}, column {column}\n{text}");
                    }
                }
            }
        }
    }
}

/// Every gate of the table draws its symbol, and each of its qubits has a label.
#[test]
fn every_gate_is_drawn() {
    for gate in Gate::all() {
        let n = gate.qubits().len();
        let drawing = drawn(n, |c| _ = c.gate(gate, (0..gate.angles().len()).map(input), 0..n));
        let wires: Vec<&str> = drawing.lines().filter(|line| line.starts_with('q')).collect();
        assert_eq!(wires.len(), n, "{drawing}");
        for (k, wire) in wires.iter().enumerate() {
            assert!(wire.contains(if k < gate.controls() { "●" } else { gate.symbol() }), "{}\n{drawing}", gate.name());
        }
        assert!(
            (0..gate.angles().len()).all(|k| wires[n - 1].contains(&format!("x{k}"))),
            "{}\n{drawing}",
            gate.name()
        );
    }
}

#[test]
fn programs_list_their_slots_and_steps() {
    let mut circuit = Circuit::new(3);
    let w = circuit.weights("theta", 2);
    circuit.amplitude_embedding(0..5).h(0).ry(w.at([1]) * input(0) - 0.5, 0).crz(input(1), 0, 1).cx(1, 0);
    circuit.iswap(2, 1).t(0).swap(0, 2).cp(1.5, 0, 1).rzx(0.25 * input(2) + w.at([0]), 2, 0).global_phase(0.5);
    circuit.controlled([2], |c| c.pauli_rot(1.0, "", []).x(1).rx(input(1), 0));
    let program = |measurement| {
        Program::with_rewrites(&circuit, &measurement, Rewrites::NONE).expect("a sound circuit").to_string()
    };
    let expectation = Measurement::expectation([Z(0) + 0.5 * Z(1), X(0) * X(1), Observable::diagonal([0.0, 1.0])]);
    assert_snapshot!(program(expectation), @r"
    3 qubits, 5 inputs, 2 weights, 3 outputs
      a0 = 0.5*w1*x0 - 0.25
      a1 = 0.5*x1
      a2 = 1.5
      a3 = 0.125*x2 + 0.5*w0
      a4 = 0.5
      a5 = -0.5
      state <- x0..x4
      matrix on q0
      rotate Y0 by a0
      rotate Z1 by a1 where q0
      exchange 0 and 1 of q0 where q1
      matrix on q2 q1
      multiply by 0.7071+0.7071i where q0
      exchange 10 and 01 of q0 q2
      phase a2 where q0 q1
      rotate X0 Z2 by a3
      phase a4
      phase a5 where q2
      exchange 0 and 1 of q1 where q2
      rotate X0 by a1 where q2
      read 3 expectations: 3 words in 2 groups, 1 other parts
    ");
    let last = |measurement| program(measurement).lines().last().map(str::to_owned).expect("a line");
    let readouts = [
        Measurement::variance([Z(0), X(0) + Y(1)]),
        Measurement::probabilities([2, 0]),
        Measurement::state(),
        Measurement::all([Measurement::probabilities([1]), Measurement::expectation([Z(0)])]),
    ];
    assert_snapshot!(readouts.map(last).join("\n"), @r"
    read 2 variances: 1 words in 1 groups, 0 other parts; 2 words in 2 groups, 0 other parts
    read probabilities of q2 q0
    read the state
    read probabilities of q1 | 1 expectations: 1 words in 1 groups, 0 other parts
    ");
}

/// Outputs that derive from an engine's.
#[test]
fn derived_outputs_show_in_the_listing() {
    let mut circuit = Circuit::new(2);
    let w = circuit.weights("w", 2);
    circuit.h(0).ry(input(0), 1);
    let of = |measurement| Program::new(&circuit, &measurement).expect("a valid program").to_string();
    let energy = w.at(1) * Z(0) + 0.5 * input(0) * X(1) + Z(1);
    assert_snapshot!(of(Measurement::all([
        Measurement::probabilities([0]),
        Measurement::expectation([energy]),
        Measurement::expectation([X(0)]).postselect([(1, true)]),
    ])), @r"
    2 qubits, 1 inputs, 2 weights, 5 outputs
      a0 = 0.5*x0
      y2 = e2 + (w1)*e3 + (0.5*x0)*e4
      y3 = (e5) / (e6)
      y4 = e6
      matrix on q0
      rotate Y1 by a0
      read probabilities of q0 | 5 expectations: 5 words in 3 groups, 1 other parts
    ");
}

/// Effect of each rewrite on one circuit.
#[test]
fn rewrites_show_in_the_listing() {
    let mut circuit = Circuit::new(4);
    let w = circuit.weights("theta", 4);
    circuit.h(0).t(0).h(0).ry(input(0), 1).ry(w.at([0]), 1).cx(0, 1).rz(w.at([1]), 1).cx(0, 1);
    circuit.crz(w.at([2]), 1, 0).ch(1, 0).rzz(input(1), 0, 1).ry(w.at([3]), 0).cx(1, 0).rz(0.5, 0).cx(2, 3);
    let listing = |rewrites| {
        let program = Program::with_rewrites(&circuit, &Measurement::expectation([Z(0)]), rewrites);
        format!("{:#}", program.expect("a sound circuit"))
    };
    assert_snapshot!(listing(Rewrites::NONE), @r"
    4 qubits, 2 inputs, 4 weights, 1 outputs
      a0 = 0.5*x0
      a1 = 0.5*w0
      a2 = 0.5*w1
      a3 = 0.5*w2
      a4 = 0.5*x1
      a5 = 0.5*w3
      a6 = 0.25
      matrix on q0
      multiply by 0.7071+0.7071i where q0
      matrix on q0
      rotate Y1 by a0
      rotate Y1 by a1
      exchange 0 and 1 of q1 where q0
      rotate Z1 by a2
      exchange 0 and 1 of q1 where q0
      rotate Z0 by a3 where q1
      matrix on q0 where q1
      rotate Z0 Z1 by a4
      rotate Y0 by a5
      exchange 0 and 1 of q0 where q1
      rotate Z0 by a6
      exchange 0 and 1 of q3 where q2
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    assert_snapshot!(listing(Rewrites::ALL), @r"
    2 qubits, 2 inputs, 4 weights, 1 outputs
      a0 = 0.5*w1
      a1 = 0.5*x1
      a2 = 0.5*w3
      a3 = 0.25
      a4 = 0.25*w2
      a5 = -0.25*w2
      a6 = 0.5*x0 + 0.5*w0
      matrix on q0
      rotate Y1 by a6
      exchange 0 and 1 of q1 where q0
      rotate Z1 by a0
      exchange 0 and 1 of q1 where q0
      rotate Z0 by a4
      rotate Z0 Z1 by a5
      matrix on q0
      multiply by -1.0000+0.0000i where q0 q1
      matrix on q0
      rotate Z0 Z1 by a1
      rotate Y0 by a2
      exchange 0 and 1 of q0 where q1
      rotate Z0 by a3
    in layers
      start q0: matrix on q0
      start q1: rotate Y1 by a6
      phases: a0 over p0 p1, a4 over p0, a5 over p0 p1, 3.1416 where p0; rotations: 0.3927 turns p0 by p0
      phases: -3.1416 where p0, 3.1416 where p0 and p1; rotations: 0.3927 turns p0 by p0
      phases: a1 over p0 p1; rotations: a2 turns p0 by p0
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    let steps = |rewrite| {
        Program::with_rewrites(&circuit, &Measurement::expectation([Z(0)]), Rewrites::NONE.with(rewrite))
            .expect("a sound circuit")
            .to_string()
    };
    assert_snapshot!(steps(Rewrite::LightCone), @r"
    4 qubits, 2 inputs, 4 weights, 1 outputs
      a0 = 0.5*x0
      a1 = 0.5*w0
      a2 = 0.5*w1
      a3 = 0.5*w2
      a4 = 0.5*x1
      a5 = 0.5*w3
      a6 = 0.25
      matrix on q0
      multiply by 0.7071+0.7071i where q0
      matrix on q0
      rotate Y1 by a0
      rotate Y1 by a1
      exchange 0 and 1 of q1 where q0
      rotate Z1 by a2
      exchange 0 and 1 of q1 where q0
      rotate Z0 by a3 where q1
      matrix on q0 where q1
      rotate Z0 Z1 by a4
      rotate Y0 by a5
      exchange 0 and 1 of q0 where q1
      rotate Z0 by a6
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    assert_snapshot!(steps(Rewrite::Controls), @r"
    4 qubits, 2 inputs, 4 weights, 1 outputs
      a0 = 0.5*x0
      a1 = 0.5*w0
      a2 = 0.5*w1
      a3 = 0.5*x1
      a4 = 0.5*w3
      a5 = 0.25
      a6 = 0.25*w2
      a7 = -0.25*w2
      matrix on q0
      multiply by 0.7071+0.7071i where q0
      matrix on q0
      rotate Y1 by a0
      rotate Y1 by a1
      exchange 0 and 1 of q1 where q0
      rotate Z1 by a2
      exchange 0 and 1 of q1 where q0
      rotate Z0 by a6
      rotate Z0 Z1 by a7
      matrix on q0
      multiply by -1.0000+0.0000i where q0 q1
      matrix on q0
      rotate Z0 Z1 by a3
      rotate Y0 by a4
      exchange 0 and 1 of q0 where q1
      rotate Z0 by a5
      exchange 0 and 1 of q3 where q2
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    assert_snapshot!(steps(Rewrite::Merge), @r"
    4 qubits, 2 inputs, 4 weights, 1 outputs
      a0 = 0.5*w1
      a1 = 0.5*w2
      a2 = 0.5*x1
      a3 = 0.5*w3
      a4 = 0.25
      a5 = 0.5*x0 + 0.5*w0
      matrix on q0
      rotate Y1 by a5
      exchange 0 and 1 of q1 where q0
      rotate Z1 by a0
      exchange 0 and 1 of q1 where q0
      rotate Z0 by a1 where q1
      matrix on q0 where q1
      rotate Z0 Z1 by a2
      rotate Y0 by a3
      exchange 0 and 1 of q0 where q1
      rotate Z0 by a4
      exchange 0 and 1 of q3 where q2
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    let mut double = Circuit::new(4);
    let theta = double.weights("theta", 1);
    double.double_excitation(theta.at([0]), [0, 1], [2, 3]);
    let rewrites = Rewrites::NONE.with(Rewrite::Relabel).with(Rewrite::Excitations);
    let joined = Program::with_rewrites(&double, &Measurement::expectation([Z(0)]), rewrites);
    assert_snapshot!(joined.expect("a sound circuit").to_string(), @r"
    4 qubits, 0 inputs, 1 weights, 1 outputs
      a0 = -0.5*w0
      exchange 0 and 1 of q1 where q0
      exchange 0 and 1 of q2 where q0
      exchange 0 and 1 of q3 where q0
      rotate Y0 by a0 where q1=0 q2 q3
      exchange 0 and 1 of q3 where q0
      exchange 0 and 1 of q2 where q0
      exchange 0 and 1 of q1 where q0
      read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    // The steps are those above; the layers differ.
    let all = listing(Rewrites::ALL);
    let layers = |left_out: Rewrite| {
        let listing = listing(Rewrites::ALL.without(left_out));
        let (steps, layers) = listing.split_once("in layers\n").expect("a listing with layers");
        assert!(all.starts_with(steps), "{listing}");
        layers.to_owned()
    };
    assert_snapshot!(layers(Rewrite::ProductStart), @r"
    phases: 1.5708 where p0, 0.3927 everywhere; rotations: 0.3927 turns p0 by p0, a6 turns p1 by p1
    phases: -1.5708 where p0, a0 over p0 p1, a4 over p0, a5 over p0 p1, 3.1416 where p0; rotations: 0.3927 turns p0 by p0
    phases: -3.1416 where p0, 3.1416 where p0 and p1; rotations: 0.3927 turns p0 by p0
    phases: a1 over p0 p1; rotations: a2 turns p0 by p0
    read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    assert_snapshot!(layers(Rewrite::Relabel), @r"
    start q0: matrix on q0
    start q1: rotate Y1 by a6
    step 2
    phases: a0 over p1; rotations: nothing
    step 4
    phases: a4 over p0, a5 over p0 p1, 3.1416 where p0; rotations: 0.3927 turns p0 by p0
    phases: -3.1416 where p0, 3.1416 where p0 and p1; rotations: 0.3927 turns p0 by p0
    phases: a1 over p0 p1; rotations: a2 turns p0 by p0
    step 12
    read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
    assert_snapshot!(layers(Rewrite::TrailingPhases), @r"
    start q0: matrix on q0
    start q1: rotate Y1 by a6
    phases: a0 over p0 p1, a4 over p0, a5 over p0 p1, 3.1416 where p0; rotations: 0.3927 turns p0 by p0
    phases: -3.1416 where p0, 3.1416 where p0 and p1; rotations: 0.3927 turns p0 by p0
    phases: a1 over p0 p1; rotations: a2 turns p0 by p0
    phases: a3 over p0 p1; rotations: nothing
    read 1 expectations: 1 words in 1 groups, 0 other parts
    ");
}
