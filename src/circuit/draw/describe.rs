//! Operations in words, for those who do not see a drawing.

use super::picture::Picture;
use crate::circuit::Kind;

/// Describes an operation: its name and arguments, its qubits, and when it acts. `names` are the names that the user
/// has given to qubits.
pub(super) fn describe(picture: &Picture<'_>, arguments: &str, names: &[String]) -> String {
    let operation = picture.operation;
    let called = |qubit: &usize| names.get(*qubit).cloned().unwrap_or_else(|| format!("qubit {qubit}"));
    let (controls, targets) = match operation.kind {
        Kind::Measure => (Vec::new(), &operation.qubits[..]),
        _ => operation.controls_and_targets(),
    };
    let value = |qubit: &usize| if operation.zero_controls().contains(qubit) { " in 0" } else { "" };
    let controls: Vec<String> = controls.iter().map(|qubit| called(qubit) + value(qubit)).collect();
    let targets: Vec<String> = targets.iter().map(called).collect();
    let mut text = match (&operation.kind, &targets[..]) {
        (Kind::Barrier, _) => "barrier".to_owned(),
        (Kind::Measure, [qubit, record]) => format!("measure {qubit} into {record}"),
        (Kind::Reset, [qubit, old]) => format!("reset {qubit}, its old state to {old}"),
        _ => {
            let word = if let Kind::PauliRotation(word) = &operation.kind { format!(" {word}") } else { String::new() };
            let dagger = if operation.is_dagger() { "†" } else { "" };
            let brackets = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
            let on = if targets.is_empty() { String::new() } else { format!(" on {}", targets.join(", ")) };
            format!("{}{word}{dagger}{brackets}{on}", operation.name())
        }
    };
    if !controls.is_empty() {
        text += &format!(", controlled by {}", controls.join(", "));
    }
    if let Some(number) = picture.condition {
        text += &format!(", if ?{number}");
    }
    text
}
