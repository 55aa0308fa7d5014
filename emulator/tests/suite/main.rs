//! The crate's one list of cases, on emulated GPUs.

#[path = "../../../tests/suite/conditional.rs"]
mod conditional;
#[path = "../../../tests/suite/deferred.rs"]
mod deferred;
mod device;
mod engines;
#[path = "../../../tests/suite/gradients.rs"]
mod gradients;
#[path = "../../../tests/suite/lab.rs"]
mod lab;
mod limits;
#[path = "../../../tests/suite/oracle.rs"]
mod oracle;
#[path = "../../../tests/suite/values.rs"]
mod values;
