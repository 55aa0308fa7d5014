//! Gates by the names that a text has for them.

use crate::gate::Gate;

/// Gate of a text that does the same as a gate of the table.
#[derive(Debug)]
pub(super) struct Spelled {
    pub(super) name: Gate,
    /// Name of the gate of the table, where the text has another.
    pub(super) annotation: Option<&'static str>,
    pub(super) angles: Vec<String>,
}

impl Spelled {
    /// Spells a gate for OpenQASM 3, whose `u2` and `u3` have other phases than the gates of the table.
    pub(super) fn of(gate: Gate, mut angles: Vec<String>) -> Self {
        match gate {
            Gate::u2 => {
                angles.insert(0, "pi/2".to_owned());
                Self { name: Gate::u, annotation: Some("u2"), angles }
            }
            Gate::u3 => Self { name: Gate::u, annotation: Some("u3"), angles },
            gate => Self { name: gate, annotation: None, angles },
        }
    }
}
