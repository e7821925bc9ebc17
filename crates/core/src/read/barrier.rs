//! GLSL's `barrier()`, at which a workgroup waits and which orders what it did to the memory of the workgroup alone.
//! naga's reader makes of it a barrier of everything at once, and its SPIR-V writer takes whatever includes a subgroup
//! for a barrier of the subgroup alone, so that workgroups of several subgroups would race.

use naga::{Barrier, Block, Module, Statement};

use crate::ir::{arms_mut, functions};

/// Has every barrier of a workgroup wait for the workgroup, and order no more than its memory.
pub(super) fn of_workgroups(module: &mut Module) {
    functions(module).for_each(|function| mend(&mut function.body));
}

fn mend(block: &mut Block) {
    for statement in block.iter_mut() {
        if let Statement::ControlBarrier(of) | Statement::MemoryBarrier(of) = statement
            && of.contains(Barrier::WORK_GROUP)
        {
            *of = Barrier::WORK_GROUP;
        }
        arms_mut(statement).into_iter().for_each(mend);
    }
}
