//! Writing increments of counters, and looks at them, into the functions of a kernel. Knows places; not why a counter stands
//! there.

use naga::{
    BinaryOperator, Block as Statements, Function, GlobalVariable, Handle, Module, Span, Statement,
};

use super::{block::Site, code::Code};
use crate::{ir::arms_mut, overflow::Change};

/// A place in a kernel.
#[derive(Clone)]
pub(super) struct FunctionSite {
    /// In which function; none is the entry point.
    pub(super) function: Option<Handle<Function>>,
    pub(super) site: Site,
}

/// Writes changes into a module. Of those at one place, the last comes first.
pub(super) fn write(
    module: &mut Module,
    changes: &[(FunctionSite, Change<Handle<GlobalVariable>>)],
) {
    // Later places first, so that earlier ones stay where they are.
    let mut order: Vec<usize> = (0..changes.len()).collect();
    let site = |at: usize| &changes[at].0.site;
    order.sort_unstable_by(|&a, &b| site(b).cmp(site(a)).then(a.cmp(&b)));
    for at in order {
        let (FunctionSite { function, site }, change) = &changes[at];
        let function = match *function {
            Some(handle) => module.functions.get_mut(handle),
            None => &mut module.entry_points[0].function,
        };
        let mut code = Code::new(&mut function.expressions, Span::UNDEFINED);
        write_one(change, &mut code);
        let statements = code.block;
        insert(&mut function.body, site, statements);
    }
}

fn write_one(change: &Change<Handle<GlobalVariable>>, code: &mut Code<'_>) {
    let (pointer, value) = match *change {
        Change::Count(counter) => {
            let pointer = code.global(counter);
            let before = code.load(pointer);
            (pointer, code.binary_number(BinaryOperator::Add, before, 1))
        }
        Change::Look { ref at, to } => {
            let pointer = code.global(to);
            let before = code.load(pointer);
            let value = at.iter().fold(before, |seen, &counter| {
                let counter = code.global(counter);
                let value = code.load(counter);
                code.binary(BinaryOperator::InclusiveOr, seen, value)
            });
            (pointer, value)
        }
    };
    code.statement(Statement::Store { pointer, value });
}

fn insert(block: &mut Statements, site: &[usize], statements: Statements) {
    let &[index, ref inner @ ..] = site else { unreachable!("a site ends with a statement") };
    let &[arm, ref rest @ ..] = inner else {
        return block.splice(index..index, statements);
    };
    let block = arms_mut(&mut block[index]).swap_remove(arm);
    insert(block, rest, statements);
}
