//! Tests in which threads meet, in as little work as each way of sharing it needs: for ThreadSanitizer, under which
//! everything takes ten times as long. The suite tests the same code on more cases.

#[path = "../suite/lab.rs"]
#[allow(dead_code, reason = "tests of the suite use the rest")]
mod lab;
#[path = "../suite/losses.rs"]
#[allow(dead_code, reason = "tests of the suite use the rest")]
mod losses;
#[path = "../suite/oracle.rs"]
#[allow(dead_code, reason = "tests of the suite use the rest")]
mod oracle;

mod calls;
mod engines;
mod partitions;
// With its unit tests, which do not need the crate.
#[path = "../../src/engine/share.rs"]
mod share;
#[path = "../../src/engine/threads.rs"]
mod threads;
