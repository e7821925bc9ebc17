//! Whether what a kernel does may depend on which of its workgroups runs first, races aside: whether it goes by what
//! atomics of storage buffers hold. Knows no values and no calls, so that a kernel which only might depend on it does.

use naga::{
    AddressSpace, Expression, Function, Module, TypeInner,
    valid::{FunctionInfo, ModuleInfo},
};

use crate::ir::{Operand, arms};

pub(super) fn is_heeded(module: &Module, info: &ModuleInfo) -> bool {
    let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
    let entries = module.entry_points.iter().enumerate();
    let entries = entries.map(|(index, entry)| (&entry.function, info.get_entry_point(index)));
    functions.chain(entries).any(|(function, info)| goes_by_atomics(module, function, info))
}

fn goes_by_atomics(module: &Module, function: &Function, info: &FunctionInfo) -> bool {
    let is_shared = |pointer: Operand| {
        let inner = info[pointer].ty.inner_with(&module.types);
        matches!(inner.pointer_space(), Some(AddressSpace::Storage { .. }))
    };
    let loads = function.expressions.iter().any(|(_, expression)| match *expression {
        Expression::Load { pointer } => is_shared(pointer) && is_atomic(module, info, pointer),
        _ => false,
    });
    loads
        || gives(&function.body, &|pointer, result| {
            is_shared(pointer) && info[result].ref_count > 0
        })
}

fn is_atomic(module: &Module, info: &FunctionInfo, pointer: Operand) -> bool {
    match *info[pointer].ty.inner_with(&module.types) {
        TypeInner::Pointer { base, .. } => matches!(module.types[base].inner, TypeInner::Atomic(_)),
        _ => false,
    }
}

/// Whether a block has an atomic with a result of which this is so.
fn gives(block: &naga::Block, is_used: &dyn Fn(Operand, Operand) -> bool) -> bool {
    block.iter().any(|statement| match *statement {
        naga::Statement::Atomic { pointer, result: Some(result), .. } => is_used(pointer, result),
        _ => arms(statement).into_iter().any(|arm| gives(arm, is_used)),
    })
}
