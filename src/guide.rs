//! Chapters of the guide. Their programs run in `cargo test`.
//!
//! | chapter | for |
//! |---|---|
//! | [`from_candle`] | readers who know candle |
//! | [`from_pennylane`] | readers who know PennyLane |
//! | [`from_qiskit`] | readers who know Qiskit |
//! | [`channels`] | circuits with noise |
//! | [`many_qubits`] | circuits of up to 256 qubits, by Pauli propagation |
//! | [`beyond_one_machine`] | processes that share states and batches, over MPI |
//! | [`drawings`] | circuits in papers, on pages and on slides |
//! | [`command_line`] | circuits and models without writing Rust |
//! | [`deploying`] | a trained model in another program, on a server, in a browser |
//! | [`speed`] | what to do when it is slow |
//! | [`devices`] | CPUs and GPUs, precision, memory, threads, random numbers |
//!
//! From candle:
//! - [a first layer](from_candle#1-a-first-layer)
//! - [training](from_candle#2-training-it)
//! - [in a network](from_candle#3-in-a-network)
//! - [images](from_candle#4-images)
//! - [saving, and going on](from_candle#5-saving-and-going-on)
//! - [when it does not learn](from_candle#6-when-it-does-not-learn)
//! - [weights as features](from_candle#7-weights-as-features)
//! - [recipes](from_candle#8-recipes)
//! - [a table of your own](from_candle#9-a-table-of-your-own), and a second program that predicts
//! - [a frozen part, and several optimisers](from_candle#10-a-frozen-part-and-several-optimisers)
//! - [on a GPU](from_candle#11-on-a-gpu)
//!
//! From PennyLane:
//! - [a QNode and its gradient](from_pennylane#a-qnode-and-its-gradient)
//! - [excitations](from_pennylane#excitations)
//! - [noise](from_pennylane#noise)
//! - [TorchLayer](from_pennylane#torchlayer)
//! - [a table of equivalents](from_pennylane#a-table-of-equivalents)
//!
//! From Qiskit:
//! - [counts](from_qiskit#counts)
//! - [an expectation value and its gradient](from_qiskit#an-expectation-value-and-its-gradient)
//! - [EstimatorQNN in a network](from_qiskit#estimatorqnn-in-a-network)
//! - [noise from T1 and T2](from_qiskit#noise-from-t1-and-t2)
//! - [a kernel](from_qiskit#a-kernel)
//! - [VQE of H2](from_qiskit#vqe-of-h2)
//! - [a table of equivalents](from_qiskit#a-table-of-equivalents)
//! - [conventions](from_qiskit#conventions)
//! - [OpenQASM](from_qiskit#openqasm)
//!
//! Command line:
//! - [a model from a table](command_line#a-model-from-a-table)
//! - [predictions](command_line#predictions)
//! - [circuits](command_line#circuits)
//! - [in scripts](command_line#in-scripts)
//!
//! Deploying:
//! - [a model in one file](deploying#a-model-in-one-file)
//! - [a server](deploying#a-server)
//! - [the same bits everywhere](deploying#the-same-bits-everywhere)
//! - [in a browser or in Node](deploying#in-a-browser-or-in-node)

// The pages end with their links as files. Markdown takes the first definition of a name, which is the chapter here.

/// [deploying]: self::deploying
/// [devices]: self::devices
/// [noise]: self::from_pennylane#noise
/// [speed]: self::speed
///
#[doc = include_str!("../docs/from_candle.md")]
pub mod from_candle {}

/// [weights as features]: self::from_candle#7-weights-as-features
///
#[doc = include_str!("../docs/from_pennylane.md")]
pub mod from_pennylane {}

/// [channels]: self::channels
/// [drawings]: self::drawings
/// [noise]: self::from_pennylane#noise
/// [training]: self::from_candle#2-training-it
///
#[doc = include_str!("../docs/from_qiskit.md")]
pub mod from_qiskit {}

#[doc = include_str!("../docs/channels.md")]
pub mod channels {}

#[doc = include_str!("../docs/many_qubits.md")]
pub mod many_qubits {}

#[doc = include_str!("../docs/beyond_one_machine.md")]
pub mod beyond_one_machine {}

/// Circuits in papers, on pages and on slides.
///
#[doc = include_str!("../docs/images/drawing.svg")]
///
#[doc = include_str!("../docs/drawings.md")]
pub mod drawings {}

/// [OpenQASM]: self::from_qiskit#openqasm
/// [deploying]: self::deploying
///
#[doc = include_str!("../docs/command_line.md")]
pub mod command_line {}

/// [command line]: self::command_line
/// [saving]: self::from_candle#5-saving-and-going-on
/// [table]: self::from_candle#9-a-table-of-your-own
///
#[doc = include_str!("../docs/deploying.md")]
pub mod deploying {}

/// [devices]: self::devices#which-device-computes
///
#[doc = include_str!("../docs/speed.md")]
pub mod speed {}

#[doc = include_str!("../docs/devices.md")]
pub mod devices {}
