//! Meanings of names at a place of the text.

use super::definition::Callee;
use super::names::Name;
use super::syntax::{Subroutine, Type};
use super::value::Value;
use std::rc::Rc;

/// Meaning of a name.
#[derive(Debug, Clone)]
pub(super) enum Entity<'s> {
    Qubit(u8),
    Qubits(Rc<[u8]>),
    /// Classical bits of the reader's list; `single` if they were declared without a size.
    Bits {
        first: u32,
        count: u32,
        single: bool,
    },
    Value {
        value: Value,
        kind: Type,
        bits: Option<u32>,
        constant: bool,
    },
    Gate(Callee),
    Subroutine(Rc<Subroutine<'s>>),
}

/// Meaning of a name inside a block, with the call and the block to which it belongs.
#[derive(Debug)]
struct Local<'s> {
    frame: u32,
    level: usize,
    entity: Entity<'s>,
}

/// Names of the whole text, and of the blocks around the current statement.
#[derive(Debug, Default)]
pub(super) struct Scope<'s> {
    globals: Vec<Option<Entity<'s>>>,
    locals: Vec<Vec<Local<'s>>>,
    /// Names of all locals, in the order of their declarations.
    declared: Vec<Name>,
    /// Lengths of `declared` where the blocks began.
    levels: Vec<usize>,
    /// Number of subroutine calls around the current statement.
    frame: u32,
}

impl<'s> Scope<'s> {
    /// Begins a block.
    pub(super) fn enter(&mut self) {
        self.levels.push(self.declared.len());
    }

    /// Ends a block.
    pub(super) fn leave(&mut self) {
        let start = self.levels.pop().unwrap_or(0);
        for name in self.declared.drain(start.min(self.declared.len())..) {
            if let Some(stack) = self.locals.get_mut(name.index()) {
                stack.pop();
            }
        }
    }

    /// Begins a call: the body of a subroutine sees its own names, and constants, gates and subroutines of the text.
    pub(super) fn enter_call(&mut self) {
        self.frame += 1;
        self.enter();
    }

    /// Ends a call.
    pub(super) fn leave_call(&mut self) {
        self.leave();
        self.frame -= 1;
    }

    /// Returns the number of blocks around the current statement.
    pub(super) fn level(&self) -> usize {
        self.levels.len()
    }

    fn local(&self, name: Name) -> Option<&Local<'s>> {
        self.locals.get(name.index()).and_then(|stack| stack.last()).filter(|local| local.frame == self.frame)
    }

    /// Returns the meaning of a name.
    pub(super) fn find(&self, name: Name) -> Option<&Entity<'s>> {
        if let Some(local) = self.local(name) {
            return Some(&local.entity);
        }
        let global = self.globals.get(name.index()).and_then(Option::as_ref)?;
        let is_visible = self.frame == 0
            || matches!(global, Entity::Gate(_) | Entity::Subroutine(_) | Entity::Value { constant: true, .. });
        is_visible.then_some(global)
    }

    /// Returns the block in which a variable was declared, and its value, if it may be changed.
    pub(super) fn variable(&mut self, name: Name) -> Option<(usize, &mut Entity<'s>)> {
        if self.local(name).is_some() {
            let local = self.locals.get_mut(name.index())?.last_mut()?;
            return Some((local.level, &mut local.entity));
        }
        match self.frame {
            0 => self.globals.get_mut(name.index())?.as_mut().map(|entity| (0, entity)),
            _ => None,
        }
    }

    /// Gives a name a meaning in this block. Returns whether the name was free.
    pub(super) fn declare(&mut self, name: Name, entity: Entity<'s>) -> bool {
        let (frame, level) = (self.frame, self.levels.len());
        if level == 0 {
            return match self.globals.get(name.index()) {
                Some(Some(_)) => false,
                _ => {
                    self.set_global(name, entity);
                    true
                }
            };
        }
        if self.local(name).is_some_and(|local| local.level == level) {
            return false;
        }
        if self.locals.len() <= name.index() {
            self.locals.resize_with(name.index() + 1, Vec::new);
        }
        self.locals[name.index()].push(Local { frame, level, entity });
        self.declared.push(name);
        true
    }

    /// Gives a name of the whole text a meaning, whatever it had.
    pub(super) fn set_global(&mut self, name: Name, entity: Entity<'s>) {
        if self.globals.len() <= name.index() {
            self.globals.resize_with(name.index() + 1, || None);
        }
        self.globals[name.index()] = Some(entity);
    }

    /// Returns the meaning of a name of the whole text.
    pub(super) fn global(&self, name: Name) -> Option<&Entity<'s>> {
        self.globals.get(name.index()).and_then(Option::as_ref)
    }
}
