//! Statements and expressions of a text.

use super::lexer::Operator;
use super::names::Name;
use std::rc::Rc;

/// Type of a classical variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Bit,
    Int,
    Uint,
    Float,
    Angle,
    Bool,
}

/// Function of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Exp,
    Log,
    Sqrt,
    Floor,
    Ceiling,
    Mod,
    Pow,
    Cast(Type),
    /// Cast to a type of a size; the size stands before the value.
    SizedCast(Type),
}

impl Function {
    /// Returns the function of this name in a version of the language.
    pub(super) fn named(name: &str, version: u32) -> Option<Self> {
        let is_3 = version != 2;
        Some(match name {
            "sin" => Self::Sin,
            "cos" => Self::Cos,
            "tan" => Self::Tan,
            "exp" => Self::Exp,
            "sqrt" => Self::Sqrt,
            "ln" if !is_3 => Self::Log,
            "asin" if !is_3 => Self::Arcsin,
            "acos" if !is_3 => Self::Arccos,
            "atan" if !is_3 => Self::Arctan,
            "arcsin" if is_3 => Self::Arcsin,
            "arccos" if is_3 => Self::Arccos,
            "arctan" if is_3 => Self::Arctan,
            "log" if is_3 => Self::Log,
            "floor" if is_3 => Self::Floor,
            "ceiling" if is_3 => Self::Ceiling,
            "mod" if is_3 => Self::Mod,
            "pow" if is_3 => Self::Pow,
            _ => return None,
        })
    }

    /// Returns the number of operands.
    pub(super) fn operands(self) -> usize {
        if matches!(self, Self::Mod | Self::Pow | Self::SizedCast(_)) { 2 } else { 1 }
    }
}

/// Part of an expression in postfix order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Term {
    Integer(i64),
    Real(f64),
    Truth(bool),
    Bits {
        width: u8,
        bits: u64,
    },
    /// Integer beyond 64 bits, by its place in the parser's list.
    Large(u32),
    Name(Name),
    /// Parameter or loop variable of a gate's body.
    Local(u32),
    /// Entry of a named register; the index stands before it.
    Entry(Name),
    /// Entry of a constant of the whole text; the index stands before it.
    GlobalEntry(Name),
    Unary(Operator),
    Binary(Operator),
    Call(Function),
}

/// Term with its place in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) at: u32,
    pub(super) term: Term,
}

/// Expression in postfix order: operators follow their operands, so that reading one needs no recursion.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    One(Item),
    Many(Box<[Item]>),
}

impl Expression {
    pub(super) fn items(&self) -> &[Item] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }

    /// Returns the place of the expression: of its first term.
    pub(super) fn at(&self) -> u32 {
        self.items().first().map_or(0, |item| item.at)
    }
}

/// Range of indices or numbers; its end is inside.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub(super) start: Option<Expression>,
    pub(super) step: Option<Expression>,
    pub(super) end: Option<Expression>,
}

/// Choice of entries of a register, or the numbers of a loop.
#[derive(Debug, Clone)]
pub(super) enum Index {
    Whole,
    One(Expression),
    Range(Box<Range>),
    Set(Box<[Expression]>),
}

/// Qubits or bits by name; the name of a physical qubit begins with `$`.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) at: u32,
    pub(super) name: Name,
    pub(super) index: Index,
}

/// Argument in brackets: a value, or qubits of a subroutine.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    Value(Expression),
    Operand(Operand),
}

/// Modifier of a gate.
#[derive(Debug, Clone)]
pub(super) enum Modifier {
    Control { value: bool, count: Option<Expression> },
    Inverse,
    Power(Expression),
}

/// Call of a gate or of a subroutine.
#[derive(Debug, Clone)]
pub(super) struct Call<'s> {
    pub(super) at: u32,
    pub(super) name: Name,
    pub(super) modifiers: Vec<Modifier>,
    pub(super) arguments: Vec<Argument>,
    pub(super) operands: Vec<Operand>,
    /// Name of the gate that an annotation asks for.
    pub(super) annotated: Option<&'s str>,
}

/// Right side of an assignment.
#[derive(Debug, Clone)]
pub(super) enum Source<'s> {
    Value(Expression),
    Measure(Operand),
    Call(Call<'s>),
}

/// Name with its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub(super) at: u32,
    pub(super) name: Name,
}

/// Definition of a gate.
#[derive(Debug, Clone)]
pub(super) struct Definition<'s> {
    pub(super) label: Label,
    pub(super) parameters: Vec<Name>,
    pub(super) qubits: Vec<Name>,
    /// Statements of the body, or `None` of an opaque gate.
    pub(super) body: Option<Vec<Statement<'s>>>,
}

/// Parameter of a subroutine.
#[derive(Debug)]
pub(super) enum Parameter {
    Qubits { name: Name, size: Option<Expression> },
    Value { name: Name, kind: Type, size: Option<Expression> },
}

impl Parameter {
    pub(super) fn name(&self) -> Name {
        match self {
            Self::Qubits { name, .. } | Self::Value { name, .. } => *name,
        }
    }
}

/// Subroutine.
#[derive(Debug)]
pub(super) struct Subroutine<'s> {
    pub(super) label: Label,
    pub(super) parameters: Vec<Parameter>,
    /// Type of the returned value, if there is one.
    pub(super) returns: Option<(Type, Option<Expression>)>,
    pub(super) body: Vec<Statement<'s>>,
}

impl Operand {
    /// Returns the expression of an entry.
    pub(super) fn as_entry(&self) -> Option<Expression> {
        let Index::One(index) = &self.index else { return None };
        let entry = Item { at: self.at, term: Term::Entry(self.name) };
        Some(Expression::Many(index.items().iter().copied().chain([entry]).collect()))
    }
}

/// Statement with its place.
#[derive(Debug, Clone)]
pub(super) struct Statement<'s> {
    pub(super) at: u32,
    pub(super) action: Action<'s>,
}

/// Action of a statement.
#[derive(Debug, Clone)]
pub(super) enum Action<'s> {
    Nothing,
    /// Major and minor number.
    Version(u32, u32),
    Include(&'s str),
    Qubits {
        label: Label,
        size: Option<Expression>,
        old: bool,
    },
    Bits {
        label: Label,
        size: Option<Expression>,
        old: bool,
        value: Option<Source<'s>>,
    },
    Variable {
        kind: Type,
        size: Option<Expression>,
        label: Label,
        value: Option<Source<'s>>,
        constant: bool,
    },
    Input {
        label: Label,
        annotations: Box<[&'s str]>,
    },
    Alias {
        label: Label,
        parts: Vec<Operand>,
    },
    Gate(Box<Definition<'s>>),
    Subroutine(Rc<Subroutine<'s>>),
    Call(Box<Call<'s>>),
    Assign {
        target: Operand,
        operator: Option<Operator>,
        value: Source<'s>,
    },
    Measure {
        source: Operand,
        target: Option<Operand>,
    },
    Reset(Operand),
    Barrier(Vec<Operand>),
    If {
        condition: Expression,
        then: Vec<Statement<'s>>,
        otherwise: Vec<Statement<'s>>,
    },
    For {
        kind: Option<Type>,
        size: Option<Expression>,
        name: Name,
        over: Index,
        body: Vec<Statement<'s>>,
    },
    While {
        condition: Expression,
        body: Vec<Statement<'s>>,
    },
    Block(Vec<Statement<'s>>),
    Return(Option<Source<'s>>),
}
