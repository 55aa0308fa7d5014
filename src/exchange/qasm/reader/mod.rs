//! Statements become logical operations: names are looked up, values computed, definitions and loops written out.

mod assign;
mod calls;
mod conditions;
mod control;
mod declare;
mod define;
mod evaluate;
mod operands;
mod power;
mod recognize;
mod subroutine;

use super::ImportConfig;
use super::fault::{Read, fault, unsupported};
use super::gates::{self, Library};
use super::logical::{Angles, Bit, Context, GATE_QUBITS, Kind, LogicalCircuit, LogicalOperation, Outcome};
use super::parser::Parser;
use super::scope::Scope;
use super::syntax::{Action, Call, Expression, Operand, Statement, Type};
use super::value::{LARGEST_SIZE, Value};
use crate::circuit::Condition;
use crate::error::QasmProblem;
use crate::limits::MAX_QUBITS;
use conditions::Polynomial;
use std::collections::HashMap;
use std::rc::Rc;

/// Bytes of the text that may make an operation each.
const BYTES_AN_OPERATION: usize = 4;

/// Controls that count as an operation.
const CONTROLS_AN_OPERATION: usize = 8;

/// Tokens of a condition on inputs that count as an operation.
const TOKENS_AN_OPERATION: usize = 2;

/// Register of qubits or bits: its name, the first entry, and the number of entries.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) first: usize,
    pub(super) count: usize,
}

/// Input of the text.
#[derive(Debug)]
pub(super) struct Input<'s> {
    pub(super) at: u32,
    pub(super) name: &'s str,
    pub(super) annotations: Box<[&'s str]>,
}

/// Text as logical operations.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    parser: Parser<'s>,
    config: ImportConfig,
    scope: Scope<'s>,
    pub(super) logical: LogicalCircuit,
    pub(super) qubits: usize,
    /// Number of physical qubits, `$0` and so on.
    hardware: usize,
    pub(super) registers: Vec<Declared>,
    pub(super) bit_registers: Vec<Declared>,
    pub(super) inputs: Vec<Input<'s>>,
    /// Values of all classical bits.
    pub(super) bits: Vec<Bit>,
    /// Version line: major and minor number.
    pub(super) version: (u32, u32),
    /// Controls and conditions around the current statement.
    context: Context,
    /// Number of this context in the logical circuit, if an operation has it.
    context_number: Option<u32>,
    /// Number of blocks around the outermost condition that is not known.
    conditional_level: Option<usize>,
    /// Parameters and loop variables of the definitions that are being written out.
    locals: Vec<Value>,
    /// First local of the current definition.
    first_local: usize,
    /// Outcomes that are assumed to be known, while conditions are written out.
    assumed: Option<conditions::Assumed>,
    /// Outcomes of polynomials that are computed already.
    computed: HashMap<Polynomial, Outcome>,
    stack: Vec<Value>,
    depth: usize,
    taken: usize,
    emitted: usize,
}

impl<'s> Reader<'s> {
    /// Reads a text.
    pub(super) fn read(text: &'s str, config: &ImportConfig) -> Read<Self> {
        let limits = config.limits;
        let limit = limits.bytes.min(u32::MAX as usize);
        if text.len() > limit {
            return fault(0, QasmProblem::TooLong { bytes: text.len(), limit });
        }
        let parser = Parser::new(text, 3, limits.depth(), config.skip_timing)?;
        let mut reader = Self::new(parser, config.clone());
        reader.first_statement()?;
        while !reader.parser.is_at_end() {
            let statement = reader.parser.statement()?;
            reader.run(&statement)?;
        }
        if reader.hardware > 0 {
            reader.qubits = reader.hardware;
            reader.registers.push(Declared { name: "$".to_owned(), first: 0, count: reader.hardware });
        }
        Ok(reader)
    }

    fn new(parser: Parser<'s>, config: ImportConfig) -> Self {
        let logical = LogicalCircuit { contexts: vec![Context::default()], ..LogicalCircuit::default() };
        Self {
            parser,
            config,
            scope: Scope::default(),
            logical,
            qubits: 0,
            hardware: 0,
            registers: Vec::new(),
            bit_registers: Vec::new(),
            inputs: Vec::new(),
            bits: Vec::new(),
            version: (3, 0),
            context: Context::default(),
            context_number: Some(0),
            conditional_level: None,
            locals: Vec::new(),
            first_local: 0,
            assumed: None,
            computed: HashMap::new(),
            stack: Vec::new(),
            depth: 0,
            taken: 0,
            emitted: 0,
        }
    }

    /// Takes the version, or finds it out: a text without one is OpenQASM 3, unless qelib1.inc is its first word.
    fn first_statement(&mut self) -> Read<()> {
        let first = loop {
            if self.parser.is_at_end() {
                return Ok(());
            }
            let statement = self.parser.statement()?;
            if !matches!(statement.action, Action::Nothing) {
                break statement;
            }
        };
        match first.action {
            Action::Version(major, minor) => self.set_version(major, minor),
            Action::Include("qelib1.inc") => self.set_version(2, 0),
            _ => self.set_version(3, 0),
        }
        if matches!(first.action, Action::Version(..)) { Ok(()) } else { self.run(&first) }
    }

    fn set_version(&mut self, major: u32, minor: u32) {
        self.version = (major, minor);
        self.parser.version = major;
        self.load(if major == 2 { Library::Language2 } else { Library::Language3 });
    }

    /// Makes the gates of a library known.
    fn load(&mut self, library: Library) {
        for row in gates::rows(library) {
            let name = self.parser.lexer.names.number(row.name);
            self.scope.set_global(name, super::scope::Entity::Gate(super::definition::Callee::Row(row)));
        }
        if library == Library::Language3 {
            let name = self.parser.lexer.names.number("gphase");
            self.scope.set_global(name, super::scope::Entity::Gate(super::definition::Callee::Phase));
        }
    }

    /// Notes that reading goes on.
    fn step(&mut self, at: u32, steps: usize) -> Read<()> {
        self.taken = self.taken.saturating_add(steps);
        let limit = self.config.limits.steps;
        match self.taken > limit.saturating_add(self.emitted.saturating_mul(2)) {
            true => fault(at, QasmProblem::TooManySteps { limit }),
            false => Ok(()),
        }
    }

    /// Notes new operations under the current controls and conditions, which take memory with each of them.
    fn count(&mut self, at: u32, operations: usize) -> Read<()> {
        let Context { controls, outcomes, conditions } = &self.context;
        let of_conditions = conditions.iter().map(|condition| 1 + condition.code().len() / TOKENS_AN_OPERATION);
        let weight = 1 + (controls.len() + outcomes.len()) / CONTROLS_AN_OPERATION + of_conditions.sum::<usize>();
        self.emitted = self.emitted.saturating_add(operations.saturating_mul(weight));
        let limits = &self.config.limits;
        let written = self.parser.at() as usize / BYTES_AN_OPERATION;
        let limit = limits.operations.min(limits.expansion.saturating_add(written));
        match self.emitted > limit {
            true => fault(at, QasmProblem::TooManyOperations { limit }),
            false => Ok(()),
        }
    }

    /// Notes that a block or a call begins.
    fn deeper(&mut self, at: u32) -> Read<()> {
        self.depth += 1;
        let limit = self.config.limits.depth();
        if self.depth > limit { fault(at, QasmProblem::TooDeep { limit }) } else { Ok(()) }
    }

    /// Appends an operation under the current controls and conditions.
    fn push(&mut self, at: u32, kind: Kind, angles: Angles, qubits: &[u8]) {
        let context = *self.context_number.get_or_insert_with(|| {
            self.logical.contexts.push(self.context.clone());
            self.logical.contexts.len() as u32 - 1
        });
        let mut few = [0; GATE_QUBITS];
        few.iter_mut().zip(qubits).for_each(|(to, from)| *to = *from);
        let count = qubits.len().min(GATE_QUBITS) as u8;
        self.logical.list.push(LogicalOperation { kind, at, context, angles, qubits: few, count });
    }

    /// Runs a body under further controls and conditions.
    fn within(
        &mut self,
        controls: &[(u8, bool)],
        outcomes: &[(Outcome, bool)],
        conditions: &[Rc<Condition>],
        body: impl FnOnce(&mut Self) -> Read<()>,
    ) -> Read<()> {
        if controls.is_empty() && outcomes.is_empty() && conditions.is_empty() {
            return body(self);
        }
        let context = &mut self.context;
        let lengths = (context.controls.len(), context.outcomes.len(), context.conditions.len());
        context.controls.extend(controls);
        context.outcomes.extend(outcomes);
        context.conditions.extend(conditions.iter().cloned());
        let number = self.context_number.take();
        body(self)?;
        self.context.controls.truncate(lengths.0);
        self.context.outcomes.truncate(lengths.1);
        self.context.conditions.truncate(lengths.2);
        self.context_number = number;
        Ok(())
    }

    /// Runs statements in a block of their own.
    fn block(&mut self, at: u32, body: &[Statement<'s>]) -> Read<()> {
        self.deeper(at)?;
        self.scope.enter();
        let bits = self.bits.len();
        for statement in body {
            self.run(statement)?;
        }
        self.bits.truncate(bits);
        self.scope.leave();
        self.depth -= 1;
        Ok(())
    }

    fn is_global(&self) -> bool {
        self.scope.level() == 0
    }

    /// Checks that a statement stands outside of all blocks.
    fn check_global(&self, at: u32, what: &'static str) -> Read<()> {
        if self.is_global() { Ok(()) } else { unsupported(at, what) }
    }

    fn run(&mut self, statement: &Statement<'s>) -> Read<()> {
        let at = statement.at;
        self.step(at, 1)?;
        match &statement.action {
            Action::Nothing => Ok(()),
            Action::Version(..) => unsupported(at, "a version behind other statements"),
            Action::Include(file) => self.include(at, file),
            Action::Qubits { label, size, old } => self.declare_qubits(at, *label, size.as_ref(), *old),
            Action::Bits { label, size, old, value } => self.declare_bits(*label, size.as_ref(), *old, value.as_ref()),
            Action::Variable { .. } => self.declare_variable(&statement.action),
            Action::Input { label, annotations } => self.declare_input(at, *label, annotations),
            Action::Alias { label, parts } => self.declare_alias(*label, parts),
            Action::Gate(definition) => self.define_gate(at, definition),
            Action::Subroutine(subroutine) => self.define_subroutine(at, subroutine),
            Action::Call(call) => self.call(call),
            Action::Assign { target, operator, value } => self.assign(target, *operator, value),
            Action::Measure { source, target } => self.measure(at, source, target.as_ref()),
            Action::Reset(operand) => self.reset(at, operand),
            Action::Barrier(operands) => self.barrier(at, operands),
            Action::If { condition, then, otherwise } => self.conditional(at, condition, then, otherwise),
            Action::For { kind, size, name, over, body } => {
                let bits = self.width(size.as_ref())?;
                self.for_loop(at, (kind.unwrap_or(Type::Int), bits), *name, over, body)
            }
            Action::While { condition, body } => self.while_loop(at, condition, body),
            Action::Block(body) => self.block(at, body),
            Action::Return(_) => unsupported(at, "`return` before the end of a subroutine"),
        }
    }

    fn call(&mut self, call: &Call<'s>) -> Read<()> {
        match self.scope.find(call.name) {
            Some(super::scope::Entity::Gate(callee)) => {
                let callee = callee.clone();
                self.call_gate(call, callee)
            }
            Some(super::scope::Entity::Subroutine(subroutine)) => {
                let subroutine = Rc::clone(subroutine);
                self.call_subroutine(call, &subroutine).map(|_| ())
            }
            Some(_) => self.is_not(call.at, call.name, "gate"),
            None => self.unknown(call.at, call.name),
        }
    }

    fn unknown<T>(&self, at: u32, name: super::names::Name) -> Read<T> {
        fault(at, QasmProblem::Unknown { name: super::fault::cited(self.parser.text(name)) })
    }

    fn is_not<T>(&self, at: u32, name: super::names::Name, what: &'static str) -> Read<T> {
        fault(at, QasmProblem::NotA { name: super::fault::cited(self.parser.text(name)), what })
    }

    fn reset(&mut self, at: u32, operand: &Operand) -> Read<()> {
        for &qubit in self.qubits(operand)?.as_slice() {
            self.count(at, 1)?;
            self.push(at, Kind::Reset, Angles::Numbers(0), &[qubit]);
        }
        Ok(())
    }

    fn barrier(&mut self, at: u32, operands: &[Operand]) -> Read<()> {
        for operand in operands {
            self.qubits(operand)?;
        }
        self.count(at, 1)?;
        self.push(at, Kind::Barrier, Angles::Numbers(0), &[]);
        Ok(())
    }

    /// Returns the value of a size, which is at least 1.
    fn size(&mut self, size: Option<&Expression>) -> Read<Option<i64>> {
        let Some(size) = size else { return Ok(None) };
        match self.evaluate(size)?.integer(size.at())? {
            value if value < 1 => fault(size.at(), QasmProblem::NotA { name: value.to_string(), what: "size" }),
            value => Ok(Some(value)),
        }
    }

    /// Returns the size of a variable in bits.
    fn width(&mut self, size: Option<&Expression>) -> Read<Option<u32>> {
        let at = size.map_or(0, Expression::at);
        match self.size(size)? {
            None => Ok(None),
            Some(size @ ..=LARGEST_SIZE) => Ok(Some(size as u32)),
            Some(size) => fault(at, QasmProblem::NotA { name: size.to_string(), what: "size of a variable" }),
        }
    }
}

/// Qubits of an operand.
#[derive(Debug)]
pub(super) enum Targets {
    One(u8),
    Many(Rc<[u8]>),
}

impl Targets {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::One(qubit) => std::slice::from_ref(qubit),
            Self::Many(qubits) => qubits,
        }
    }
}

/// Returns the problem of too many qubits.
fn check_qubits(at: u32, qubits: usize) -> Read<()> {
    match qubits > MAX_QUBITS {
        true => fault(at, QasmProblem::TooManyQubits { qubits, limit: MAX_QUBITS }),
        false => Ok(()),
    }
}
