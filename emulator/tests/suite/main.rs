//! The crate's one list of cases, on emulated GPUs.

#[path = "../../../tests/suite/conditional.rs"]
mod conditional;
#[path = "../../../tests/suite/constants.rs"]
mod constants;
#[path = "../../../tests/suite/deferred.rs"]
mod deferred;
mod device;
#[path = "../../../tests/suite/embeddings.rs"]
mod embeddings;
mod engines;
#[path = "../../../tests/suite/ensembles.rs"]
mod ensembles;
#[path = "../../../tests/suite/gradients.rs"]
mod gradients;
#[path = "../../../tests/suite/lab.rs"]
mod lab;
mod large;
mod limits;
#[path = "../../../tests/suite/losses.rs"]
mod losses;
#[path = "../../../tests/suite/methods.rs"]
mod methods;
#[path = "../../../tests/suite/oracle.rs"]
mod oracle;
#[path = "../../../tests/suite/trials.rs"]
mod trials;
#[path = "../../../tests/suite/values.rs"]
mod values;
