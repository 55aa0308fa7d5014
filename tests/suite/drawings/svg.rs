//! Drawings as SVG: where everything is.

use super::circuits;
use super::picture::{Edges, Picture, is_inside, overlap, parsed};
use super::{each_of_the_tables, many};
use candlewick::circuit::Theme;
use candlewick::prelude::*;

fn picture(circuit: &Circuit) -> Picture {
    parsed(&circuit.draw().to_svg().expect("a drawing"))
}

#[test]
fn everything_is_inside_the_picture() {
    for circuit in many() {
        for width in [860.0, 420.0, 100.0] {
            let svg = circuit.draw().width(width).to_svg().expect("a drawing");
            let picture = parsed(&svg);
            let view = [0.0, 0.0, picture.size[0], picture.size[1]];
            assert_eq!(picture.operations.len(), circuit.operations().len());
            for group in picture.operations.iter().chain([&picture.rest]) {
                let labels = group.labels.iter().map(|label| label.edges);
                for edges in group.boxes.iter().chain(&group.circles).chain(&group.paths).copied().chain(labels) {
                    assert!(is_inside(edges, view), "{edges:?} in {view:?}: {group:?}");
                }
            }
        }
    }
}

/// Boxes, dots and texts of an operation are clear of all others'. The boxes of one operation are clear of each other,
/// and every text that stands in a box is inside it.
#[test]
fn nothing_overlaps() {
    for circuit in many() {
        let picture = picture(&circuit);
        let marks: Vec<Vec<Edges>> = picture
            .operations
            .iter()
            .map(|group| {
                let outside = group.labels.iter().map(|label| label.edges);
                let outside = outside.filter(|label| !group.boxes.iter().any(|edges| overlap(*label, *edges)));
                group.boxes.iter().chain(&group.circles).copied().chain(outside).collect()
            })
            .collect();
        for (index, group) in picture.operations.iter().enumerate() {
            for other in &marks[index + 1..] {
                let met = marks[index].iter().any(|mark| other.iter().any(|edges| overlap(*mark, *edges)));
                assert!(!met, "{group:?} {other:?}");
            }
            for (k, one) in group.boxes.iter().enumerate() {
                assert!(group.boxes[k + 1..].iter().all(|edges| !overlap(*one, *edges)), "{group:?}");
            }
            for label in &group.labels {
                let near = group.boxes.iter().find(|edges| overlap(label.edges, **edges));
                assert!(near.is_none_or(|edges| is_inside(label.edges, *edges)), "{label:?} in {near:?}");
                let others = group.labels.iter().filter(|other| !std::ptr::eq(*other, label));
                assert!(others.into_iter().all(|other| !overlap(other.edges, label.edges)), "{group:?}");
            }
        }
    }
}

/// A text is as long as Helvetica makes it; the same text is as long wherever it stands.
#[test]
fn texts_have_their_widths() {
    let advance = |letter: char| match letter {
        'i' | 'j' | 'l' => Some(222),
        'H' | 'N' | 'R' | 'U' | 'C' | 'D' => Some(722),
        'X' | 'Y' | 'A' | 'S' | 'E' | 'K' | 'P' | 'V' => Some(667),
        'W' => Some(944),
        'Z' => Some(611),
        'x' | 'c' | 'k' | 's' | 'v' | 'y' | 'z' => Some(500),
        '0'..='9' | 'a' | 'b' | 'd' | 'e' | 'h' | 'n' | 'o' | 'p' | 'q' | 'u' | '?' => Some(556),
        '.' | ',' | ' ' | '[' | ']' => Some(278),
        '+' => Some(584),
        '-' | 'r' => Some(333),
        '√' | '†' | 'π' | '⟩' => Some(600),
        _ => None,
    };
    let mut seen = 0;
    for circuit in many() {
        let picture = picture(&circuit);
        for label in picture.operations.iter().chain([&picture.rest]).flat_map(|group| &group.labels) {
            let Some(sum) = label.text.chars().map(advance).sum::<Option<u32>>() else { continue };
            let size = if label.class.contains('s') { 9.0 } else { 13.0 };
            let size = if label.class == "l" { 11.0 } else { size };
            assert!((label.length - f64::from(sum) * size / 1000.0).abs() <= 0.0501, "{label:?} {sum}");
            seen += 1;
        }
    }
    assert!(seen > 2000, "{seen}");
}

/// Every gate and every channel is drawn under its name, with its symbol or with the marks of its kind.
#[test]
fn the_tables_are_drawn() {
    for (name, symbol, circuit) in each_of_the_tables() {
        let [group] = &picture(&circuit).operations[..] else { panic!("{name}") };
        assert!(
            group.title.starts_with(&format!("{name}(")) || group.title.starts_with(&format!("{name} on")),
            "{group:?}"
        );
        assert!((0..circuit.inputs()).all(|k| group.title.contains(&format!("x{k}"))), "{group:?}");
        let has_symbol = group.labels.iter().any(|label| label.text == symbol);
        let marks = group.circles.len() + group.paths.len();
        assert!(has_symbol || marks >= circuit.qubits(), "{group:?}");
    }
}

#[test]
fn titles_say_what_happens() {
    let mut circuit = Circuit::new(4);
    let w = circuit.weights("w", (2, 2));
    circuit.ry(input(0), 0).cx(0, 1).controlled_on([(2, false)], |c| c.crz(w.at([0, 1]), 0, 1));
    circuit.pauli_rot(0.5, "XZ", [1, 0]).measure(0, 3).global_phase(0.25).barrier();
    circuit.when(input(1).gt(0.5), |c| c.iswap(1, 2)).append(&{
        let mut inverse = Circuit::new(3);
        inverse.iswap(1, 2);
        inverse.inverse()
    });
    let drawn = picture(&circuit);
    assert_eq!(drawn.title, "4 qubits, 9 operations, 2 features, 4 weights");
    let titles: Vec<&str> = drawn.operations.iter().map(|group| group.title.as_str()).collect();
    let expected = [
        "ry(x0) on qubit 0",
        "cx on qubit 1, controlled by qubit 0",
        "crz(w[0,1]) on qubit 1, controlled by qubit 2 in 0, qubit 0",
        "pauli_rot XZ(0.5) on qubit 1, qubit 0",
        "global_phase(0.25)",
        "measure qubit 0 into qubit 3",
        "barrier",
        "iswap on qubit 1, qubit 2, if ?1",
        "iswap† on qubit 1, qubit 2",
    ];
    assert_eq!(titles.len(), expected.len());
    for title in expected {
        assert!(titles.contains(&title), "{title} in {titles:?}");
    }
    let legend: Vec<&str> =
        drawn.rest.labels.iter().filter(|label| label.class == "l").map(|label| label.text.as_str()).collect();
    assert_eq!(legend, ["?1: x1 > 0.5"]);
}

/// Names and titles that mean something in XML stay what they are.
#[test]
fn texts_are_escaped() {
    let (_, circuit, set) = circuits::circuits().pop().expect("a circuit");
    let drawn = parsed(&set(circuit.draw()).to_svg().expect("a drawing"));
    assert_eq!(drawn.title, "<&\"'>");
    let names: Vec<&str> = drawn.rest.labels.iter().map(|label| label.text.as_str()).collect();
    assert_eq!(names, ["<&\">", "psi", "$x_1$ {50%}", "a3", "é"]);
    assert!(drawn.operations[0].title.contains("a<&\">_{50%}[1,0]"), "{:?}", drawn.operations[0].title);
    // A long argument is cut, and whole in the title.
    let cut = drawn.operations.iter().flat_map(|group| &group.labels).find(|label| label.text.ends_with('…'));
    assert_eq!(cut.expect("a long text").text.chars().count(), 40);
    assert!(drawn.operations.iter().any(|group| group.title.contains("beta[11]*x11 + 0.5")));
}

/// Records have two lines from their outcome on, in all later rows.
#[test]
fn wires_of_records_are_double() {
    let mut circuit = Circuit::new(3);
    circuit.h(2).measure(2, 0);
    let wires = |circuit: &Circuit, width: f64| -> Vec<usize> {
        let svg = circuit.draw().width(width).to_svg().expect("a drawing");
        let paths = svg.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next());
        // Wires alone go to a place on the right.
        paths.filter(|path| path.contains('H')).map(|path| path.matches('M').count()).collect()
    };
    assert_eq!(wires(&circuit, 860.0), [5]);
    (0..12).for_each(|_| _ = circuit.x(1).h(1));
    let all = wires(&circuit, 300.0);
    assert!(all.len() > 2 && all[0] == 5 && all[1..].iter().all(|count| *count == 4), "{all:?}");
}

/// A contrast of 4.5 to 1 at least, as the Web Content Accessibility Guidelines ask of small texts.
#[test]
fn colours_can_be_read() {
    let circuit = circuits::layer();
    let brightness = |hex: &str| {
        let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).expect("a digit")).collect();
        let channel =
            |k: usize| if digits.len() == 3 { 17 * digits[k] } else { 16 * digits[2 * k] + digits[2 * k + 1] };
        let linear = |value: f64| if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        [0.2126, 0.7152, 0.0722]
            .iter()
            .enumerate()
            .map(|(k, part)| part * linear(f64::from(channel(k)) / 255.0))
            .sum::<f64>()
    };
    for theme in [Theme::Light, Theme::Dark] {
        let style = parsed(&circuit.draw().theme(theme).to_svg().expect("a drawing")).style;
        let of = |rule: &str| {
            let rest = style.split(rule).nth(1).unwrap_or_else(|| panic!("{rule} in {style}"));
            brightness(rest.split('#').nth(1).expect("a colour").split([';', '}']).next().expect("an end"))
        };
        let (ink, page, boxes, soft) = (of(" use{fill:"), of(" .p{fill:"), of(" .g{fill:"), of(" .s{fill:"));
        for (one, other) in [(ink, page), (ink, boxes), (soft, page), (soft, boxes)] {
            assert!((one.max(other) + 0.05) / (one.min(other) + 0.05) >= 4.5, "{theme:?} {one} {other}");
        }
        assert!(!style.contains("@media"), "{style}");
    }
    // Programs that know no media queries see the light colours.
    let of = |theme| {
        let style = parsed(&circuit.draw().theme(theme).to_svg().expect("a drawing")).style;
        let own: String = style.chars().skip_while(|c| *c != '#').take_while(|c| *c != ' ').collect();
        style.replace(&own, "#own")
    };
    let [auto, light] = [Theme::Auto, Theme::Light].map(of);
    let (before, _) = auto.split_once("@media(prefers-color-scheme:dark){").expect("dark colours");
    assert!(light.starts_with(before), "{auto} {light}");
}
