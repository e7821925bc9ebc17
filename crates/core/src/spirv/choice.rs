//! Functions that choose between two values of a type, at no cost: control flow has none. Knows not what is chosen.

use std::collections::BTreeMap;

use rspirv::spirv::{FunctionControl, Op};

use super::{
    build::Builder,
    module::{Module, Type},
    words::{Id, push},
};

/// The functions by the type that they choose.
#[derive(Default)]
pub(super) struct Choices(BTreeMap<Id, Id>);

impl Choices {
    /// The function of a type: where its first argument holds it returns its second, and else its third.
    pub(super) fn of(&mut self, b: &mut Builder<'_, '_>, ty: Id) -> Id {
        *self.0.entry(ty).or_insert_with(|| b.id())
    }

    /// Writes them all.
    pub(super) fn write(self, module: &Module<'_>, b: &mut Builder<'_, '_>) {
        for (of, function) in self.0 {
            choice(module, b, of, function);
        }
    }
}

fn choice(module: &Module<'_>, b: &mut Builder<'_, '_>, of: Id, function: Id) {
    let boolean = b.ty(Type::Bool);
    let signature = [of, boolean, of, of];
    let mut types = module.instructions.iter().filter(|its| its.is(Op::TypeFunction));
    let known = types.find(|its| its.words[2..] == signature).and_then(|its| its.result());
    let ty = known.unwrap_or_else(|| {
        let id = b.id();
        push(&mut b.globals, Op::TypeFunction, &[&[id], &signature[..]].concat());
        id
    });
    b.statement(Op::Function, &[of, function, FunctionControl::NONE.bits(), ty]);
    let [condition, accepted, rejected] =
        [boolean, of, of].map(|ty| b.value(Op::FunctionParameter, ty, &[]));
    let [begin, then, otherwise] = std::array::from_fn(|_| b.id());
    b.statement(Op::Label, &[begin]);
    b.statement(Op::SelectionMerge, &[otherwise, 0]);
    b.statement(Op::BranchConditional, &[condition, then, otherwise]);
    b.statement(Op::Label, &[then]);
    b.statement(Op::ReturnValue, &[accepted]);
    b.statement(Op::Label, &[otherwise]);
    b.statement(Op::ReturnValue, &[rejected]);
    b.statement(Op::FunctionEnd, &[]);
}
