//! A counting kernel with part of its counting taken away, so that what is left can be timed: without its flush it
//! still increments its counters and keeps them in registers; without its increments it still hands over that each
//! invocation arrived. Works on what the instrumenter made, by the names that it gives; such kernels count nothing.

use std::collections::BTreeMap;

use flopmeter::{Error, instrument::Instrumented, kernel::KernelModule};
use naga::{
    AddressSpace, BinaryOperator, Binding, Block, BuiltIn, Expression, Function, GlobalVariable,
    Handle, Literal, Module, Range, Span, Statement, TypeInner,
};

/// A workgroup of this number is never launched, which a compiler does not know.
const NO_WORKGROUP: u32 = (1 << 30) + 3;

/// How the counters are called that an invocation has to itself.
const COUNTER: &str = "flopmeter_counter_";

/// The kernel, which hands its counters over in no workgroup.
pub fn without_flush(counting: &Instrumented) -> Result<KernelModule, Error> {
    let mut module = counting.kernel.module.clone();
    let (argument, member) = workgroup_id(&module);
    let function = &mut module.entry_points[0].function;
    let called = function
        .body
        .iter()
        .position(|statement| matches!(statement, Statement::Call { .. }))
        .expect("the new entry point calls the old one");
    let mut append = |expression| function.expressions.append(expression, Span::UNDEFINED);
    let mut first = None;
    let mut group = append(Expression::FunctionArgument(argument));
    let number = append(Expression::Literal(Literal::U32(NO_WORKGROUP)));
    for index in member.into_iter().chain([0]) {
        group = append(Expression::AccessIndex { base: group, index });
        first.get_or_insert(group);
    }
    let condition =
        append(Expression::Binary { op: BinaryOperator::Equal, left: group, right: number });
    let range = Range::new_from_bounds(first.unwrap_or(condition), condition);
    // The flush lies between the call and the return.
    let all = function.body.to_vec();
    let flush = all[called + 1..all.len() - 1].to_vec();
    let accept = Block::from_vec(flush);
    let body = &mut function.body;
    body.cull(called + 1..);
    for statement in [
        Statement::Emit(range),
        Statement::If { condition, accept, reject: Block::new() },
        Statement::Return { value: None },
    ] {
        body.push(statement, Span::UNDEFINED);
    }
    kernel(counting, &module)
}

/// The kernel, whose counters stay 0.
pub fn without_increments(counting: &Instrumented) -> Result<KernelModule, Error> {
    let mut module = counting.kernel.module.clone();
    let counters: Vec<Handle<GlobalVariable>> = module
        .global_variables
        .iter()
        .filter(|(_, variable)| {
            let is_named = |name: &String| name.starts_with(COUNTER);
            variable.space == AddressSpace::Private && variable.name.as_ref().is_some_and(is_named)
        })
        .map(|(handle, _)| handle)
        .collect();
    let functions = module.functions.iter_mut().map(|(_, function)| function);
    let entry = module.entry_points.iter_mut().map(|entry| &mut entry.function);
    for Function { expressions, .. } in functions.chain(entry) {
        let is_counter = |handle: Handle<Expression>| match expressions[handle] {
            Expression::Load { pointer } => match expressions[pointer] {
                Expression::GlobalVariable(variable) => counters.contains(&variable),
                _ => false,
            },
            _ => false,
        };
        let increments: Vec<_> = expressions
            .iter()
            .filter_map(|(handle, expression)| match *expression {
                Expression::Binary { op: BinaryOperator::Add, left, .. } if is_counter(left) => {
                    Some((handle, left))
                }
                _ => None,
            })
            .collect();
        for (handle, left) in increments {
            // A counter with itself is 0, and every compiler knows.
            let op = BinaryOperator::ExclusiveOr;
            expressions[handle] = Expression::Binary { op, left, right: left };
        }
    }
    kernel(counting, &module)
}

/// The argument of the entry point that is or has the workgroup's number, and the number's position in it.
fn workgroup_id(module: &Module) -> (u32, Option<u32>) {
    let wanted = Some(Binding::BuiltIn(BuiltIn::WorkGroupId));
    let arguments = module.entry_points[0].function.arguments.iter().zip(0..);
    let mut found = arguments.filter_map(|(argument, index)| {
        if argument.binding == wanted {
            return Some((index, None));
        }
        let TypeInner::Struct { members, .. } = &module.types[argument.ty].inner else {
            return None;
        };
        let member = members.iter().position(|member| member.binding == wanted)?;
        Some((index, Some(member as u32)))
    });
    found.next().expect("a counting kernel knows its workgroup's number")
}

fn kernel(counting: &Instrumented, module: &Module) -> Result<KernelModule, Error> {
    let kernel = &counting.kernel;
    let entry = &kernel.entry_point().name;
    let part = KernelModule::from_module(&kernel.name, None, module, entry, &BTreeMap::new())?;
    Ok(KernelModule { immediates: kernel.immediates.clone(), ..part })
}
