//! GLSL's `barrier()`, at which a workgroup waits. naga's reader makes of it a barrier of everything at once, and its
//! SPIR-V writer takes whatever includes a subgroup for a barrier of the subgroup alone, so that workgroups of several
//! subgroups would race. Here a barrier of a workgroup is that, and no longer one of its subgroups.

use naga::{Barrier, Block, Module, Statement};

use crate::ir::{arms_mut, functions};

/// Has every barrier of a workgroup wait for the workgroup.
pub(super) fn of_workgroups(module: &mut Module) {
    functions(module).for_each(|function| mend(&mut function.body));
}

fn mend(block: &mut Block) {
    for statement in block.iter_mut() {
        if let Statement::ControlBarrier(of) | Statement::MemoryBarrier(of) = statement
            && of.contains(Barrier::WORK_GROUP)
        {
            of.remove(Barrier::SUB_GROUP);
        }
        arms_mut(statement).into_iter().for_each(mend);
    }
}
