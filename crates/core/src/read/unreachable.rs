//! Statements that control never reaches: behind a `return`, say, or behind a `switch` each of whose cases goes on with
//! the loop around it. naga's SPIR-V writer makes an invalid module of a `switch` there. naga's GLSL reader takes out
//! some by itself and leaves the results of their calls behind, which its validator refuses. Both are taken out here;
//! what executes, and how often, stays what it is.

use std::collections::BTreeSet;

use naga::{Arena, Block, Expression, Function, Module, Statement};

use crate::{
    ir::{Operand, arms_mut, functions, is_result, operands, statement_operands},
    rewriting::Rewriting,
};

/// Takes what control never reaches out of every function of a module. A case of a `switch` whose end is not reached
/// is one that does not fall through afterwards.
pub(super) fn take_out(module: &mut Module) {
    for function in functions(module) {
        cut(&function.expressions, &mut function.body);
        take_out_results(function);
    }
}

/// How control may leave a statement or a block, other than with the function.
#[derive(Clone, Copy, Default)]
struct Ways {
    /// By its end.
    ends: bool,
    /// By a `break` out of what is around it.
    breaks: bool,
    /// By a `continue` of the loop around it.
    continues: bool,
}

impl Ways {
    const END: Self = Self { ends: true, breaks: false, continues: false };

    fn or(self, other: Self) -> Self {
        Self {
            ends: self.ends || other.ends,
            breaks: self.breaks || other.breaks,
            continues: self.continues || other.continues,
        }
    }
}

/// Ends a block, and those within it, behind the first statement whose end control does not reach.
fn cut(expressions: &Arena<Expression>, block: &mut Block) -> Ways {
    let (ways, length) = reached(expressions, block);
    block.cull(length..);
    ways
}

/// How control leaves a block, and how many of its statements it reaches. Blocks within those are cut.
fn reached(expressions: &Arena<Expression>, block: &mut Block) -> (Ways, usize) {
    let mut ways = Ways::END;
    for (index, statement) in block.iter_mut().enumerate() {
        let Ways { ends, breaks, continues } = of_statement(expressions, statement);
        ways = Ways { ends, breaks: ways.breaks || breaks, continues: ways.continues || continues };
        if !ends {
            return (ways, index + 1);
        }
    }
    (ways, block.len())
}

fn of_statement(expressions: &Arena<Expression>, statement: &mut Statement) -> Ways {
    match statement {
        Statement::Break => Ways { breaks: true, ..Ways::default() },
        Statement::Continue => Ways { continues: true, ..Ways::default() },
        Statement::Return { .. } | Statement::Kill => Ways::default(),
        Statement::Block(block) => cut(expressions, block),
        Statement::If { condition: _, accept, reject } => {
            cut(expressions, accept).or(cut(expressions, reject))
        }
        Statement::Switch { selector: _, cases } => {
            let (mut all, mut falls) = (Ways::default(), false);
            for case in cases {
                let ways = cut(expressions, &mut case.body);
                case.fall_through &= ways.ends;
                falls = case.fall_through;
                let ends = ways.breaks || ways.ends && !case.fall_through;
                all = all.or(Ways { ends, breaks: false, ..ways });
            }
            // The last case has none to fall into.
            Ways { ends: all.ends || falls, ..all }
        }
        Statement::Loop { body, continuing, break_if } => {
            let (in_body, length) = reached(expressions, body);
            let between = cut(expressions, continuing);
            let goes_on = (in_body.ends || in_body.continues) && between.ends;
            if length < body.len() && !is_used(expressions, body, length, continuing, *break_if) {
                body.cull(length..);
            }
            let ends = in_body.breaks || goes_on && break_if.is_some();
            Ways { ends, ..Ways::default() }
        }
        Statement::Emit(_)
        | Statement::ControlBarrier(_)
        | Statement::MemoryBarrier(_)
        | Statement::Store { .. }
        | Statement::ImageStore { .. }
        | Statement::Atomic { .. }
        | Statement::ImageAtomic { .. }
        | Statement::WorkGroupUniformLoad { .. }
        | Statement::Call { .. }
        | Statement::RayQuery { .. }
        | Statement::RayPipelineFunction(_)
        | Statement::SubgroupBallot { .. }
        | Statement::SubgroupGather { .. }
        | Statement::SubgroupCollectiveOperation { .. }
        | Statement::CooperativeStore { .. } => Ways::END,
    }
}

/// Whether what a loop does between its rounds refers to what its body evaluates from a statement on.
fn is_used(
    expressions: &Arena<Expression>,
    body: &mut Block,
    start: usize,
    continuing: &mut Block,
    break_if: Option<Operand>,
) -> bool {
    let mut used: BTreeSet<Operand> = break_if.into_iter().collect();
    uses(expressions, continuing, &mut used);
    body.iter_mut().skip(start).any(|statement| {
        if let Statement::Emit(range) = statement {
            return range.clone().any(|handle| used.contains(&handle));
        }
        let mut found = false;
        statement_operands(statement, &mut |operand| {
            found |= is_result(&expressions[*operand]) && used.contains(operand);
        });
        found
    })
}

/// Collects what a block refers to.
fn uses(expressions: &Arena<Expression>, block: &mut Block, used: &mut BTreeSet<Operand>) {
    for statement in block.iter_mut() {
        if let Statement::Emit(range) = statement {
            for handle in range.clone() {
                let mut expression = expressions[handle].clone();
                operands(&mut expression, &mut |operand| {
                    used.insert(*operand);
                });
            }
        }
        statement_operands(statement, &mut |operand| {
            used.insert(*operand);
        });
        arms_mut(statement).into_iter().for_each(|arm| uses(expressions, arm, used));
    }
}

/// Takes out the results that no statement gives, and what refers to them, which is evaluated nowhere.
fn take_out_results(function: &mut Function) {
    let results = function.expressions.iter().filter(|(_, expression)| is_result(expression));
    let mut lost: BTreeSet<Operand> = results.map(|(handle, _)| handle).collect();
    if lost.is_empty() {
        return;
    }
    keep_used(&mut function.body, &mut lost);
    if lost.is_empty() {
        return;
    }
    let mut rewriting = Rewriting::default();
    let old = function.expressions.take();
    for (handle, expression) in old.iter() {
        let kept = if lost.contains(&handle) { None } else { rewriting.moved(expression) };
        let place = kept.map(|kept| rewriting.write(kept, old.get_span(handle)));
        rewriting.put(place);
    }
    rewriting.finish(function);
}

/// Takes what statements of a block give or use out of `lost`.
fn keep_used(block: &mut Block, lost: &mut BTreeSet<Operand>) {
    for statement in block.iter_mut() {
        statement_operands(statement, &mut |operand| {
            lost.remove(operand);
        });
        arms_mut(statement).into_iter().for_each(|arm| keep_used(arm, lost));
    }
}
