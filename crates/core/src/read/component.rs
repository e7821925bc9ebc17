//! Loads in GLSL of more than is used: for `v.y` naga's reader loads the whole of `v` and takes the component of what it
//! has loaded. Where nothing but parts of a value are used, those parts are loaded here in its place, as naga does for
//! WGSL; where all of them are, it stays. Knows which parts are used, and nothing of what memory costs.

use std::collections::BTreeMap;

use naga::{Expression, Function, Module, Span, TypeInner, front::Typifier, proc::ResolveContext};

use super::uses::Uses;
use crate::{
    ir::{Operand, functions},
    rewriting::Rewriting,
};

/// Has every function of a module load the parts that it uses.
pub(super) fn narrow(module: &mut Module) {
    let read = module.functions.iter().map(|(_, function)| function);
    let read = read.chain(module.entry_points.iter().map(|entry| &entry.function));
    let plans: Vec<Plan> = read.map(|function| plan(module, function)).collect();
    for (function, plan) in functions(module).zip(plans) {
        if !plan.is_empty() {
            rewrite(function, &plan);
        }
    }
}

/// The loads of which parts are used, and which.
type Plan = BTreeMap<Operand, Part>;

/// A value or a part of one.
#[derive(Default)]
struct Part {
    /// Whether it is used as a whole.
    whole: bool,
    /// Its own parts that are used, by their index.
    parts: BTreeMap<u32, Part>,
}

fn plan(module: &Module, function: &Function) -> Plan {
    let uses = Uses::of(function);
    let mut types = Typifier::new();
    let context =
        ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
    let loads = uses.emitted.iter().filter_map(|&load| {
        if !matches!(function.expressions[load], Expression::Load { .. }) {
            return None;
        }
        let mut used = Part::default();
        used.add(function, &uses, load);
        if used.whole || used.parts.is_empty() {
            return None;
        }
        // What has no type is for the validator to say.
        types.grow(load, &function.expressions, &context).ok()?;
        used.settle(module, types.get(load, &module.types));
        (!used.whole).then_some((load, used))
    });
    loads.collect()
}

impl Part {
    /// Adds what is used of an expression that has this part as its value.
    fn add(&mut self, function: &Function, uses: &Uses, value: Operand) {
        for user in &uses.users[value.index()] {
            let part = user.map(|user| (user, &function.expressions[user]));
            match part {
                Some((user, &Expression::AccessIndex { base: _, index })) => {
                    self.parts.entry(index).or_default().add(function, uses, user);
                }
                _ => self.whole = true,
            }
        }
    }

    /// Tells what is used as a whole by its type: that of which all parts are, too.
    fn settle(&mut self, module: &Module, ty: &TypeInner) {
        let count = ty.components().unwrap_or(0);
        for (&index, part) in self.parts.range_mut(..count) {
            if let Some(ty) = ty.component_type(index as usize) {
                part.settle(module, ty.inner_with(&module.types));
            }
        }
        let are_all = count > 0 && self.parts.len() == count as usize;
        self.whole |= are_all && self.parts.values().all(|part| part.whole);
    }
}

/// A value or a part of one, as far as it is loaded.
#[derive(Clone)]
enum Loaded {
    Whole(Operand),
    Parts(BTreeMap<u32, Loaded>),
}

fn rewrite(function: &mut Function, plan: &Plan) {
    let old = function.expressions.take();
    let mut writer = Writer::default();
    for (handle, expression) in old.iter() {
        writer.write(handle, expression, old.get_span(handle), plan.get(&handle));
    }
    writer.rewriting.finish(function);
}

#[derive(Default)]
struct Writer {
    rewriting: Rewriting,
    /// The old expressions of which parts are loaded.
    parts: BTreeMap<Operand, BTreeMap<u32, Loaded>>,
}

impl Writer {
    fn write(&mut self, old: Operand, expression: &Expression, span: Span, part: Option<&Part>) {
        let mut place = None;
        let loaded = match *expression {
            Expression::Load { pointer } => part
                .zip(self.rewriting.place(pointer))
                .map(|(part, pointer)| self.load(pointer, part, span)),
            Expression::AccessIndex { base, index } => {
                self.parts.get(&base).and_then(|parts| parts.get(&index)).cloned()
            }
            _ => None,
        };
        match loaded {
            Some(Loaded::Whole(value)) => place = Some(value),
            Some(Loaded::Parts(parts)) => {
                self.parts.insert(old, parts);
            }
            None => {
                place = self
                    .rewriting
                    .moved(expression)
                    .map(|expression| self.rewriting.write(expression, span));
            }
        }
        self.rewriting.put(place);
    }

    /// Loads what is used behind a pointer.
    fn load(&mut self, pointer: Operand, part: &Part, span: Span) -> Loaded {
        if part.whole {
            return Loaded::Whole(self.rewriting.write(Expression::Load { pointer }, span));
        }
        let parts = part.parts.iter().map(|(&index, part)| {
            let place =
                self.rewriting.write(Expression::AccessIndex { base: pointer, index }, span);
            (index, self.load(place, part, span))
        });
        Loaded::Parts(parts.collect())
    }
}
