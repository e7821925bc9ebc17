//! GLSL's `barrier()`, at which a workgroup waits and which orders its accesses to workgroup memory. naga's reader makes of
//! it a barrier of everything at once: buffers and textures, which GLSL has `memoryBarrier()` for, seem to be ordered, and
//! since naga's SPIR-V writer takes whatever includes a subgroup for a barrier of the subgroup alone, workgroups of several
//! subgroups would race. Here it is a barrier of the workgroup and of its memory.

use naga::{Barrier, Block, Module, Statement};

use crate::ir::{arms_mut, functions};

/// Has every barrier of a workgroup wait for the workgroup.
pub(super) fn of_workgroups(module: &mut Module) {
    functions(module).for_each(|function| mend(&mut function.body));
}

fn mend(block: &mut Block) {
    for statement in block.iter_mut() {
        if let Statement::ControlBarrier(of) = statement
            && of.contains(Barrier::WORK_GROUP)
        {
            *of = Barrier::WORK_GROUP;
        }
        arms_mut(statement).into_iter().for_each(mend);
    }
}
