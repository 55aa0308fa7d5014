//! Finite shots, on the host: which bases a measurement needs, outcomes drawn from a final state, and what they estimate.
//!
//! A [`Group`] is one way of reading all qubits: steps that turn its basis into the computational one, and what each outcome
//! says about the outputs. Shots are drawn for each group anew.

#![cfg_attr(not(test), expect(dead_code, reason = "not connected to layers yet"))]

mod draw;
