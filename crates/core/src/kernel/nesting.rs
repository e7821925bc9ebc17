//! How deep control flow stands within itself once calls are inlined, for adapters that keep a stack of
//! execution masks and lose track where it is full. Knows naga's statements, and of drivers only this: what
//! follows a way out (`return`, `break`, `continue`) is one level deeper, because it becomes the other arm of
//! a condition, and so is each case of a `switch` within the one before it.
//!
//! Both were seen in Mesa's llvmpipe, whose stack has 80 places: a kernel of 80 guards one after the other
//! (`if (..) { return; }`) computes wrong values there, and so does a `switch` of 100 cases.

use std::collections::BTreeMap;

use naga::{Block, Function, Handle, Module, Statement};

/// The deepest level of an entry point: the number of masks that are kept at once.
pub(super) fn of(module: &Module, entry: &Function) -> u32 {
    // Callees come before their callers in the arena.
    let mut depths: BTreeMap<Handle<Function>, u32> = BTreeMap::new();
    for (handle, function) in module.functions.iter() {
        let depth = Walk { depths: &depths }.block(&function.body, 0).deepest;
        depths.insert(handle, depth);
    }
    Walk { depths: &depths }.block(&entry.body, 0).deepest
}

/// What is known of some statements.
#[derive(Clone, Copy, Default)]
struct Seen {
    deepest: u32,
    /// Whether they may leave the block that they stand in other than by its end.
    leaves: bool,
}

struct Walk<'a> {
    depths: &'a BTreeMap<Handle<Function>, u32>,
}

impl Walk<'_> {
    /// Statements one after the other, the first of them at a level.
    fn block(&self, block: &Block, mut level: u32) -> Seen {
        let mut all = Seen { deepest: level, leaves: false };
        for statement in block.iter() {
            let Seen { deepest, leaves } = self.statement(statement, level);
            all.deepest = all.deepest.max(deepest);
            all.leaves |= leaves;
            level += u32::from(leaves);
        }
        all
    }

    fn statement(&self, statement: &Statement, level: u32) -> Seen {
        let within = |blocks: &mut dyn Iterator<Item = (&Block, u32)>| {
            blocks.map(|(block, level)| self.block(block, level)).fold(
                Seen { deepest: level, leaves: false },
                |one, other| Seen {
                    deepest: one.deepest.max(other.deepest),
                    leaves: one.leaves | other.leaves,
                },
            )
        };
        match statement {
            Statement::Block(block) => self.block(block, level),
            Statement::If { condition: _, accept, reject } => {
                within(&mut [accept, reject].into_iter().map(|block| (block, level + 1)))
            }
            Statement::Switch { selector: _, cases } => {
                within(&mut cases.iter().map(|case| &case.body).zip(level + 1..))
            }
            // A back end may bound the loop, which takes one more condition.
            Statement::Loop { body, continuing, break_if: _ } => {
                within(&mut [body, continuing].into_iter().map(|block| (block, level + 2)))
            }
            Statement::Break
            | Statement::Continue
            | Statement::Return { value: _ }
            | Statement::Kill => Seen { deepest: level, leaves: true },
            Statement::Call { function, arguments: _, result: _ } => {
                Seen { deepest: level + self.depths[function], leaves: false }
            }
            Statement::Emit(_)
            | Statement::ControlBarrier(_)
            | Statement::MemoryBarrier(_)
            | Statement::Store { .. }
            | Statement::ImageStore { .. }
            | Statement::Atomic { .. }
            | Statement::ImageAtomic { .. }
            | Statement::WorkGroupUniformLoad { .. }
            | Statement::RayQuery { .. }
            | Statement::RayPipelineFunction(_)
            | Statement::SubgroupBallot { .. }
            | Statement::SubgroupGather { .. }
            | Statement::SubgroupCollectiveOperation { .. }
            | Statement::CooperativeStore { .. } => Seen { deepest: level, leaves: false },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

    use crate::kernel::KernelModule;

    fn nesting(body: &str) -> u32 {
        let source = format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
            fn twice() {{ if (x[0] == 1u) {{ if (x[1] == 1u) {{ x[2] = 1u; }} }} }}
            @compute @workgroup_size(1) fn main() {{ {body} }}"
        );
        let kernel = KernelModule::from_wgsl("nesting", &source, "main", &Default::default());
        kernel.unwrap().nesting()
    }

    #[test]
    fn conditions_calls_and_what_follows_a_way_out_add_up() {
        assert_eq!(nesting("x[0] = 1u;"), 0);
        assert_eq!(nesting("twice();"), 2);
        assert_eq!(nesting("if (x[0] == 0u) { twice(); } else { x[0] = 0u; }"), 3);
        assert_eq!(nesting("if (x[0] == 0u) { x[0] = 1u; } twice();"), 2);
        assert_eq!(nesting("if (x[0] == 0u) { return; } twice();"), 3);
        assert_eq!(nesting("if (x[0] == 0u) { if (x[1] == 0u) { return; } } twice();"), 3);
        assert_eq!(nesting("switch x[0] { case 0: { } case 1: { twice(); } default: { } }"), 4);
        // The loop and its bound, the condition of `while`, and what follows that.
        assert_eq!(nesting("while (x[0] == 0u) { twice(); }"), 5);
    }
}
