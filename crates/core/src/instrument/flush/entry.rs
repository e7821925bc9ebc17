//! The new entry point around the old one: the built-in values that both are given, and the old one as a
//! function. Knows nothing of counters.

use naga::{
    Binding, BuiltIn, Expression, Function, FunctionArgument, Handle, Module, Span, Type, TypeInner,
};

use crate::instrument::code::Code;

/// What the new entry point is given: what the old one was, and what the flush needs beside it.
pub(super) struct Inputs<'a> {
    module: &'a Module,
    pub(super) arguments: Vec<FunctionArgument>,
}

impl<'a> Inputs<'a> {
    pub(super) fn of(module: &'a Module, old: &Function) -> Self {
        Self { module, arguments: old.arguments.clone() }
    }

    /// Finds a built-in value among the arguments and their members, or adds it.
    pub(super) fn find(&mut self, built_in: BuiltIn, ty: Handle<Type>, name: &str) -> Input {
        let wanted = Some(Binding::BuiltIn(built_in));
        let found = self.arguments.iter().zip(0..).find_map(|(argument, index)| {
            if argument.binding == wanted {
                return Some(Input { argument: index, member: None });
            }
            let TypeInner::Struct { members, .. } = &self.module.types[argument.ty].inner else {
                return None;
            };
            let member = members.iter().position(|member| member.binding == wanted)?;
            Some(Input { argument: index, member: Some(member as u32) })
        });
        found.unwrap_or_else(|| {
            let name = Some(name.to_owned());
            self.arguments.push(FunctionArgument { name, ty, binding: wanted });
            Input { argument: self.arguments.len() as u32 - 1, member: None }
        })
    }
}

/// Where a built-in value is found.
pub(super) struct Input {
    argument: u32,
    member: Option<u32>,
}

impl Input {
    pub(super) fn read(&self, code: &mut Code<'_>) -> Handle<Expression> {
        let base = code.name(Expression::FunctionArgument(self.argument));
        self.member.map_or(base, |index| code.emit(Expression::AccessIndex { base, index }))
    }
}

/// Makes the old entry point a function that takes its built-in values as plain arguments.
pub(super) fn inner(module: &mut Module, mut entry: Function) -> Handle<Function> {
    entry.name = Some(module.entry_points[0].name.clone());
    for argument in &mut entry.arguments {
        argument.binding = None;
    }
    module.functions.append(entry, Span::UNDEFINED)
}
