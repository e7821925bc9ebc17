//! Rewritten kernels spoilt behind the call of the original: an invocation, a subgroup, a workgroup that
//! never hands its counters over, and a loop that is cut off. Each is noticed, however counters are added up.

use flopmeter::{
    KernelError,
    execute::{Executor, Limits},
    instrument::{Instrumented, instrument},
    kernel::KernelModule,
};
use flopmeter_core::source::{Source, SourceLine};
use naga::{
    BinaryOperator, Binding, Block, BuiltIn, Expression, Handle, Literal, Range, Span, Statement,
    valid::{Capabilities, ValidationFlags, Validator},
};

use super::harness::{kernel, trial, ways};

/// Work of which invocations do different amounts, in workgroups of 32.
const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(32)
fn main(@builtin(local_invocation_index) i: u32, @builtin(workgroup_id) group: vec3<u32>) {
    let own = 32u * group.x + i;
    if (i < 24u) { for (var j = 0u; j < i % 5u; j++) { x[own] = x[own] * 0.5; } }
    if (i % 3u == group.x) { x[own] = x[own] + 1.0; }
}";
const GROUPS: u32 = 3;
const LAUNCHED: u64 = GROUPS as u64 * 32;

/// The kernel, as if its function stood in a second file.
fn in_two_files() -> KernelModule {
    let (first, second) = SOURCE.split_at(SOURCE.find("fn main").unwrap());
    let source = Source::joined(&[("first.wgsl", first), ("second.wgsl", second)]);
    KernelModule { source: Some(source), ..kernel(SOURCE, "main", &[]) }
}

/// What decoding says after a run of a kernel that is perhaps spoilt. An executor may also notice by itself.
fn verdict(
    executor: &mut dyn Executor,
    limits: &Limits,
    spoil: impl FnOnce(&mut KernelModule),
) -> Result<(), Option<KernelError>> {
    let plain = in_two_files();
    let Instrumented { mut kernel, counters, table } = instrument(&plain, limits).unwrap();
    spoil(&mut kernel);
    let validated = Validator::new(ValidationFlags::all(), Capabilities::all());
    kernel.info = { validated }.validate(&kernel.module).unwrap();
    let spoilt = Instrumented { kernel, counters, table };
    let trial = trial(executor, &plain, &spoilt).map_err(|_| None)?;
    let counted = trial.count(executor, [GROUPS, 1, 1]);
    counted.map(|_| ()).map_err(|error| error.kernel().filter(|e| e.is_of_a_run()).cloned())
}

/// Writes an expression into the new entry point.
type Write<'a> = &'a mut dyn FnMut(Expression) -> Handle<Expression>;

/// Makes a condition of a value.
type Keep<'a> = &'a dyn Fn(Write<'_>, Handle<Expression>) -> Handle<Expression>;

/// Lets only those invocations hand anything over for which `keep` makes a condition of a built-in value.
fn lose(kernel: &mut KernelModule, built_in: BuiltIn, keep: Keep<'_>) {
    let function = &mut kernel.module.entry_points[0].function;
    let wanted = Some(Binding::BuiltIn(built_in));
    let at = function.arguments.iter().position(|argument| argument.binding == wanted).unwrap();
    let mut before = Block::new();
    let expressions = &mut function.expressions;
    let mut write = |expression: Expression| {
        let emitted =
            !matches!(expression, Expression::Literal(_) | Expression::FunctionArgument(_));
        let handle = expressions.append(expression, Span::UNDEFINED);
        if emitted {
            before.push(Statement::Emit(Range::new_from_bounds(handle, handle)), Span::UNDEFINED);
        }
        handle
    };
    let value = write(Expression::FunctionArgument(at as u32));
    let condition = keep(&mut write, value);
    let body = std::mem::take(&mut function.body);
    let call = body.iter().position(|s| matches!(s, Statement::Call { .. })).unwrap();
    let mut all = body;
    let behind: Vec<Statement> = all.iter().skip(call + 1).cloned().collect();
    all.cull(call + 1..);
    all.append(&mut before);
    let mut accept = Block::from_vec(behind);
    // What leaves does so behind the condition.
    let last = accept.len() - 1;
    accept.cull(last..);
    all.push(Statement::If { condition, accept, reject: Block::new() }, Span::UNDEFINED);
    all.push(Statement::Return { value: None }, Span::UNDEFINED);
    function.body = all;
}

/// `value / each != which`.
fn all_but(each: u32, which: u32) -> impl Fn(Write<'_>, Handle<Expression>) -> Handle<Expression> {
    move |write, left| {
        let right = write(Expression::Literal(Literal::U32(each)));
        let op = BinaryOperator::Divide;
        let left = write(Expression::Binary { op, left, right });
        let right = write(Expression::Literal(Literal::U32(which)));
        let op = BinaryOperator::NotEqual;
        write(Expression::Binary { op, left, right })
    }
}

/// Every way to add counters up, with and without a look at a budget of rounds.
fn all_ways(executor: &dyn Executor) -> Vec<(&'static str, Limits)> {
    let ways = ways(executor.adapter().limits).into_iter();
    ways.flat_map(|(way, limits)| {
        [None, Some(65535)].map(|loop_rounds| (way, Limits { loop_rounds, ..limits }))
    })
    .collect()
}

#[test]
fn whoever_is_lost_is_missed() {
    common::on_every_executor(|executor| {
        let lanes = executor.adapter().limits.subgroup_lanes.unwrap_or(8);
        for (way, limits) in all_ways(executor) {
            assert_eq!(verdict(executor, &limits, |_| {}), Ok(()), "{way}");
            let index = BuiltIn::LocalInvocationIndex;
            // One invocation, the first of a subgroup and another, and a subgroup, of each workgroup.
            for (each, which) in [(1, 0), (1, 3), (1, 31), (lanes.min(16), 1)] {
                let lost = verdict(executor, &limits, |kernel| {
                    lose(kernel, index, &all_but(each, which));
                });
                match lost {
                    Err(Some(KernelError::Lost { arrived, launched: LAUNCHED, .. })) => {
                        let least = LAUNCHED - u64::from(GROUPS * each);
                        assert!(arrived <= least, "{way}, {each} of {which}: {arrived}");
                    }
                    // The embedded executor sees that a barrier is not reached by all.
                    Err(None) => assert_eq!(way, "workgroup"),
                    other => panic!("{way}, {which} by {each}: {other:?}"),
                }
            }
        }
    });
}

#[test]
fn a_lost_workgroup_is_missed() {
    common::on_every_executor(|executor| {
        for (way, limits) in all_ways(executor) {
            let lost = verdict(executor, &limits, |kernel| {
                lose(kernel, BuiltIn::WorkGroupId, &|write, base| {
                    let index = write(Expression::AccessIndex { base, index: 0 });
                    all_but(1, 1)(write, index)
                });
            });
            let kernel = "fixture".to_owned();
            let expected = KernelError::Lost { kernel, arrived: LAUNCHED - 32, launched: LAUNCHED };
            assert_eq!(lost, Err(Some(expected)), "{way}");
        }
    });
}

/// A driver whose budget is used up gives every loop one round. Here the loop that looks is given one.
#[test]
fn a_budget_that_is_used_up_is_noticed() {
    common::on_every_executor(|executor| {
        for (way, limits) in all_ways(executor) {
            // Whether the adapter has a budget does not matter to what looks.
            let limits = Limits { loop_rounds: Some(65535), ..limits };
            let cut = verdict(executor, &limits, |kernel| {
                let body = &mut kernel.module.entry_points[0].function.body;
                let last = body.iter_mut().rev().find_map(|statement| match statement {
                    Statement::Loop { body, .. } => Some(body),
                    _ => None,
                });
                last.unwrap().push(Statement::Break, Span::UNDEFINED);
            });
            match cut {
                Err(Some(KernelError::Cut {
                    invocations: LAUNCHED, budget: 65535, loops, ..
                })) => {
                    // The last eight of a workgroup go round no loop.
                    let none = 8 * u64::from(GROUPS);
                    let line = SourceLine { file: Some("second.wgsl".into()), number: 3 };
                    assert_eq!(loops, [(Some(line), LAUNCHED - none), (None, none)], "{way}");
                }
                other => panic!("{way}: {other:?}"),
            }
        }
    });
}
