//! Settings of drawings, their limits, and that no setting makes a drawing panic.

use super::circuits;
use super::picture::parsed;
use crate::oracle::random_case;
use candlewick::Error;
use candlewick::circuit::Theme;
use candlewick::prelude::*;
use proptest::prelude::*;

#[test]
fn too_many_operations_are_refused() {
    let mut circuit = Circuit::new(1);
    (0..20_000).for_each(|_| _ = circuit.x(0));
    assert!(circuit.draw().to_svg().is_ok());
    circuit.x(0);
    for refused in [circuit.draw().to_svg(), circuit.draw().to_latex()] {
        let error = refused.expect_err("too many");
        assert!(matches!(error, Error::Drawing { operations: 20_001, limit: 20_000 }), "{error}");
        assert!(error.to_string().contains("20001") && error.to_string().contains("20000"), "{error}");
    }
    assert_eq!(circuit.draw().to_text().matches('X').count(), 20_001);
}

#[test]
fn mistakes_and_widths_are_refused() {
    let mut circuit = Circuit::new(2);
    circuit.h(0);
    for width in [f64::NAN, f64::INFINITY, -1.0, 99.9, 100_000.1] {
        let error = circuit.draw().width(width).to_svg().expect_err("no width");
        assert!(matches!(error, Error::Setting { of: "Drawing", setting: "width", .. }), "{error}");
        assert!(circuit.draw().width(width).to_latex().is_err());
        assert_eq!(circuit.draw().width(width).to_text(), circuit.to_string());
    }
    circuit.cx(0, 2);
    assert!(matches!(circuit.draw().to_svg(), Err(Error::Circuit { operation: 1, .. })));
    assert!(matches!(circuit.draw().to_latex(), Err(Error::Circuit { operation: 1, .. })));
    assert!(circuit.draw().to_text().contains("error: operation 1"));
    assert!(matches!(Circuit::new(0).draw().to_svg(), Err(Error::Circuit { .. })));
}

/// The same drawing has the same bytes; another one has another name for its styles.
#[test]
fn drawings_repeat() {
    let identity = |svg: &str| svg.split("id=\"").nth(1).expect("a name").split('"').next().expect("an end").to_owned();
    let mut names = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let circuit = || random_case(seed, 4, 10, false).circuit();
        let svg = circuit().draw().to_svg().expect("a drawing");
        assert_eq!(svg, circuit().draw().to_svg().expect("a drawing"));
        assert_eq!(circuit().draw().to_latex().expect("a drawing"), circuit().draw().to_latex().expect("a drawing"));
        names.insert(identity(&svg));
    }
    assert_eq!(names.len(), 50);
    let layer = circuits::layer();
    let named = |theme| identity(&layer.draw().theme(theme).to_svg().expect("a drawing"));
    assert_ne!(named(Theme::Light), named(Theme::Dark));
}

/// Rows keep to the width, unless an operation alone is wider, and are one row where nothing is folded.
#[test]
fn rows_keep_to_the_width() {
    for (name, circuit, _) in circuits::circuits() {
        let rows = |width: f64, fold: bool| {
            let drawn = parsed(&circuit.draw().width(width).fold(fold).to_svg().expect("a drawing"));
            (drawn.rest.labels.iter().filter(|label| label.class == "n").count() / circuit.qubits(), drawn.size[0])
        };
        let (many, narrow) = rows(420.0, true);
        let (few, wide) = rows(860.0, true);
        let (one, whole) = rows(420.0, false);
        assert!(narrow <= 421.0 && wide <= 861.0 && few <= many && one == 1 && whole >= wide, "{name}");
        let lines = |fold: bool, width: f64| circuit.draw().fold(fold).width(width).to_text();
        assert!(!lines(false, 420.0).contains("\n\n"), "{name}");
        // These have operations that are wider.
        let is_wide = ["gates", "names"].contains(&name);
        let rows = lines(true, 430.0);
        let longest = rows.lines().filter(|line| !line.starts_with('?')).map(|line| line.chars().count()).max();
        assert!(is_wide || longest <= Some(50), "{name}: {longest:?}\n{rows}");
    }
}

/// 400 bytes an operation.
#[test]
fn drawings_are_small() {
    let mut circuit = Circuit::new(10);
    let w = circuit.weights("theta", (25, 10, 3));
    for layer in 0..25 {
        for q in 0..10 {
            let w = |k| w.at([layer, q, k]);
            circuit.ry(0.5 * input(q), q).u(w(0), w(1), w(2), q).cx(q, (q + 1) % 10).crz(w(0), (q + 3) % 10, q);
        }
    }
    let bytes = circuit.draw().to_svg().expect("a drawing").len();
    assert_eq!(circuit.operations().len(), 1000);
    assert!(bytes <= 400_000, "{bytes}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_setting_panics(
        seed in 0u64..1000,
        qubits in 1usize..6,
        names in prop::collection::vec(any::<String>(), 0..8),
        title in any::<Option<String>>(),
        width in prop_oneof![any::<f64>(), 100.0..2000.0],
        digits in any::<usize>(),
        theme in prop_oneof![Just(Theme::Auto), Just(Theme::Light), Just(Theme::Dark)],
        fold in any::<bool>(),
    ) {
        let circuit = random_case(seed, qubits, 12, false).circuit();
        let drawing = circuit.draw().names(names).width(width).digits(digits).theme(theme).fold(fold);
        let drawing = if let Some(title) = title { drawing.title(title) } else { drawing };
        prop_assert!(drawing.to_text().lines().count() >= qubits);
        match drawing.to_svg() {
            Ok(svg) => prop_assert_eq!(parsed(&svg).operations.len(), circuit.operations().len()),
            Err(error) => prop_assert!(matches!(error, Error::Setting { .. }), "{}", error),
        }
        prop_assert_eq!(drawing.to_latex().is_ok(), drawing.to_svg().is_ok());
    }
}
