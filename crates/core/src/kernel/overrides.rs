//! Overrides: gives each that an entry point depends on its value, and leaves a module without any.
//!
//! An expression is evaluated here exactly where WGSL calls it an override-expression: it refers to an override, and to
//! nothing that is known at run time only. A `let` is known at run time, whatever it is set to. So with `override N =
//! 4.0;`, `let a = N * 2.0;` multiplies nothing when the kernel runs and `let b = a * 2.0;` does, as it would had
//! `a` been set to 8.0; and what does not depend on an override is left as the reader made it. That is why this is
//! not left to naga: its own pass evaluates every function of a module that has an override, whether or not
//! the function refers to it, through `let`s, and so the same kernel would count less beside an unrelated override.

use std::collections::{BTreeMap, BTreeSet};

use naga::{
    Arena, ArraySize, Block, Expression, Function, Handle, Literal, Module, Override, ScalarKind,
    Statement, Type, TypeInner,
    proc::{
        ConstantEvaluator, ConstantEvaluatorError, Emitter, ExpressionKind, ExpressionKindTracker,
        Layouter,
    },
    valid::ModuleInfo,
};

use crate::{
    ir::{Operand, arms, operands},
    rewriting::Rewriting,
};

/// Why overrides cannot be resolved.
#[derive(Debug)]
pub(super) enum Problem {
    /// It has neither value nor default.
    Missing(String),
    /// Values do not fit what they are used for.
    Unfit(String),
}

impl From<ConstantEvaluatorError> for Problem {
    fn from(error: ConstantEvaluatorError) -> Self {
        Self::Unfit(error.to_string())
    }
}

/// Resolves the overrides of a module with one entry point. `values` are by name or, where an override has one, by
/// number.
pub(super) fn resolve(
    module: &mut Module,
    info: &ModuleInfo,
    values: &BTreeMap<String, f64>,
) -> Result<(), Problem> {
    if module.overrides.is_empty() {
        return Ok(());
    }
    let mut resolver = Resolver {
        values,
        known: BTreeMap::new(),
        kinds: ExpressionKindTracker::from_arena(&module.global_expressions),
        layouter: Layouter::default(),
        module,
    };
    resolver.workgroup_size()?;
    resolver.variables(info)?;
    resolver.functions()?;
    resolver.forget();
    resolver.module.overrides = Arena::new();
    Ok(())
}

struct Resolver<'a> {
    module: &'a mut Module,
    values: &'a BTreeMap<String, f64>,
    /// The values of the overrides that were asked for.
    known: BTreeMap<Handle<Override>, Expression>,
    /// Of the module's own expressions.
    kinds: ExpressionKindTracker,
    layouter: Layouter,
}

impl Resolver<'_> {
    fn workgroup_size(&mut self) -> Result<(), Problem> {
        let Some(sizes) = self.module.entry_points[0].workgroup_size_overrides.take() else {
            return Ok(());
        };
        for (axis, size) in sizes.into_iter().enumerate() {
            if let Some(size) = size {
                let size = self.evaluated(size)?;
                self.module.entry_points[0].workgroup_size[axis] =
                    positive(&self.module.global_expressions[size], "a workgroup's size")?;
            }
        }
        Ok(())
    }

    /// The values that variables begin with, and the lengths of arrays. What the entry point does not use may depend
    /// on an override without a value.
    fn variables(&mut self, info: &ModuleInfo) -> Result<(), Problem> {
        let used: BTreeSet<Handle<Type>> = self
            .module
            .global_variables
            .iter()
            .filter(|(handle, _)| !info.get_entry_point(0)[*handle].is_empty())
            .map(|(_, variable)| variable.ty)
            .collect();
        let variables: Vec<_> =
            self.module.global_variables.iter().map(|(h, v)| (h, v.init)).collect();
        for (handle, init) in variables {
            let Some(init) = init.filter(|&init| self.depends(init)) else { continue };
            self.module.global_variables[handle].init = match self.evaluated(init) {
                Ok(value) => Some(value),
                Err(_) if info.get_entry_point(0)[handle].is_empty() => None,
                Err(problem) => return Err(problem),
            };
        }
        let types: Vec<(Handle<Type>, Type)> =
            self.module.types.iter().map(|(handle, ty)| (handle, ty.clone())).collect();
        for (handle, mut ty) in types {
            let TypeInner::Array { size, .. } = &mut ty.inner else { continue };
            let ArraySize::Pending(length) = *size else { continue };
            let length = self.value(length);
            let length = length.and_then(|value| positive(&value, "an array's length"));
            let length = match length {
                Ok(length) => length,
                Err(_) if !used.contains(&handle) => 1,
                Err(problem) => return Err(problem),
            };
            *size = ArraySize::Constant(
                std::num::NonZeroU32::new(length).unwrap_or(std::num::NonZeroU32::MIN),
            );
            // Two arrays of one length are two types still, as they were when they were read.
            ty.name = Some(format!("array_{}", handle.index()));
            self.module.types.replace(handle, ty);
        }
        Ok(())
    }

    /// Expressions of the module that depend on overrides: once all functions are resolved, nothing refers to them.
    fn forget(&mut self) {
        let stale: Vec<Operand> = self
            .module
            .global_expressions
            .iter()
            .map(|(handle, _)| handle)
            .filter(|&handle| self.depends(handle))
            .collect();
        for handle in stale {
            self.module.global_expressions[handle] = Expression::Literal(Literal::Bool(false));
        }
    }

    /// Those that the entry point calls. The others may depend on an override without a value, and are emptied.
    fn functions(&mut self) -> Result<(), Problem> {
        let mut called = BTreeSet::new();
        let mut open: Vec<&Block> = vec![&self.module.entry_points[0].function.body];
        while let Some(block) = open.pop() {
            for statement in block {
                if let Statement::Call { function, .. } = statement
                    && called.insert(*function)
                {
                    open.push(&self.module.functions[*function].body);
                }
                open.extend(arms(statement));
            }
        }
        for (handle, function) in self.module.functions.iter_mut() {
            if !called.contains(&handle) {
                *function = Function { name: function.name.take(), ..Function::default() };
            }
        }
        for handle in called {
            let mut function = std::mem::take(&mut self.module.functions[handle]);
            let resolved = self.function(&mut function);
            self.module.functions[handle] = function;
            resolved?;
        }
        let mut function = std::mem::take(&mut self.module.entry_points[0].function);
        let resolved = self.function(&mut function);
        self.module.entry_points[0].function = function;
        resolved
    }

    fn function(&mut self, function: &mut Function) -> Result<(), Problem> {
        let depends =
            |(_, expression): (_, &Expression)| matches!(expression, Expression::Override(_));
        if !function.expressions.iter().any(depends) {
            return Ok(());
        }
        let old = function.expressions.take();
        let mut rewriting = Rewriting::default();
        let mut tracker = ExpressionKindTracker::new();
        let mut kinds: Vec<ExpressionKind> = Vec::with_capacity(old.len());
        for (handle, expression) in old.iter() {
            let span = old.get_span(handle);
            let mut kind = kind(expression, &kinds);
            let value = match *expression {
                Expression::Override(handle) => Some(self.value(handle)?),
                _ => rewriting.moved(expression),
            };
            let place = match value {
                Some(value) if kind == ExpressionKind::Override => {
                    let (mut emitter, mut block) = (Emitter::default(), Block::new());
                    let mut evaluator = ConstantEvaluator::for_wgsl_function(
                        self.module,
                        &mut rewriting.expressions,
                        &mut tracker,
                        &mut self.layouter,
                        &mut emitter,
                        &mut block,
                        false,
                    );
                    Some(evaluator.try_eval_and_append(value, span)?)
                }
                value => value.map(|value| {
                    let place = rewriting.write(value, span);
                    tracker.insert(place, kind);
                    place
                }),
            };
            // What naga cannot evaluate is evaluated when the kernel runs.
            let is_const = place.is_some_and(|place| tracker.is_const(place));
            if kind == ExpressionKind::Override && !is_const {
                kind = ExpressionKind::Runtime;
            }
            if function.named_expressions.contains_key(&handle) {
                kind = ExpressionKind::Runtime;
            }
            kinds.push(kind);
            rewriting.put(place);
        }
        rewriting.finish(function);
        Ok(())
    }

    /// The value of an override, as an expression without operands.
    fn value(&mut self, handle: Handle<Override>) -> Result<Expression, Problem> {
        if let Some(known) = self.known.get(&handle) {
            return Ok(known.clone());
        }
        let Override { name, id, ty, init } = self.module.overrides[handle].clone();
        let number = id.map(|id| id.to_string());
        let called = number.as_ref().or(name.as_ref());
        let given = [&name, &number].into_iter().flatten().find_map(|key| self.values.get(key));
        let value = match (given, init) {
            (Some(&given), _) => {
                let TypeInner::Scalar(scalar) = self.module.types[ty].inner else {
                    return Err(Problem::Unfit("one is no scalar".into()));
                };
                let unfit = || {
                    let called = called.map_or("", String::as_str);
                    Problem::Unfit(format!("{called} = {given:e} is no {}", type_name(scalar)))
                };
                Expression::Literal(literal(given, scalar).ok_or_else(unfit)?)
            }
            (None, Some(init)) => {
                let init = self.evaluated(init)?;
                self.module.global_expressions[init].clone()
            }
            (None, None) => {
                return Err(Problem::Missing(called.cloned().unwrap_or_default()));
            }
        };
        self.known.insert(handle, value.clone());
        Ok(value)
    }

    /// An expression of the module without overrides.
    fn evaluated(&mut self, handle: Operand) -> Result<Operand, Problem> {
        if !self.depends(handle) {
            return Ok(handle);
        }
        let mut expression = self.module.global_expressions[handle].clone();
        if let Expression::Override(handle) = expression {
            expression = self.value(handle)?;
        }
        let mut problem = None;
        operands(&mut expression, &mut |operand| match self.evaluated(*operand) {
            Ok(value) => *operand = value,
            Err(found) => problem = Some(found),
        });
        if let Some(problem) = problem {
            return Err(problem);
        }
        let span = self.module.global_expressions.get_span(handle);
        Ok(ConstantEvaluator::for_wgsl_module(
            self.module,
            &mut self.kinds,
            &mut self.layouter,
            false,
        )
        .try_eval_and_append(expression, span)?)
    }

    /// Whether an expression of the module refers to an override.
    fn depends(&self, handle: Operand) -> bool {
        let mut expression = self.module.global_expressions[handle].clone();
        let mut depends = matches!(expression, Expression::Override(_));
        operands(&mut expression, &mut |operand| depends |= self.depends(*operand));
        depends
    }
}

/// A whole number above zero, which is what `what` is.
fn positive(number: &Expression, what: &str) -> Result<u32, Problem> {
    let number = match *number {
        Expression::Literal(Literal::U32(number)) => Some(number),
        Expression::Literal(Literal::I32(number)) => u32::try_from(number).ok(),
        _ => None,
    };
    let positive = number.filter(|&number| number > 0);
    positive.ok_or_else(|| Problem::Unfit(format!("{what} is a whole number above zero")))
}

/// When an expression of a function is known: before the kernel is read by an executor, with the overrides, or when it
/// runs.
fn kind(expression: &Expression, kinds: &[ExpressionKind]) -> ExpressionKind {
    let all = || {
        let mut latest = ExpressionKind::Const;
        operands(&mut expression.clone(), &mut |operand| {
            latest = latest.max(kinds[operand.index()]);
        });
        latest
    };
    match expression {
        Expression::Literal(_) | Expression::Constant(_) | Expression::ZeroValue(_) => {
            ExpressionKind::Const
        }
        Expression::Override(_) => ExpressionKind::Override,
        Expression::Compose { .. } | Expression::Splat { .. } | Expression::Swizzle { .. } => all(),
        // Where the reader could evaluate these and did not, no later stage evaluates them.
        Expression::Access { .. }
        | Expression::AccessIndex { .. }
        | Expression::Unary { .. }
        | Expression::Binary { .. }
        | Expression::Select { .. }
        | Expression::Relational { .. }
        | Expression::Math { .. }
        | Expression::As { .. } => match all() {
            ExpressionKind::Const => ExpressionKind::Runtime,
            other => other,
        },
        Expression::FunctionArgument(_)
        | Expression::GlobalVariable(_)
        | Expression::LocalVariable(_)
        | Expression::Load { .. }
        | Expression::ImageSample { .. }
        | Expression::ImageLoad { .. }
        | Expression::ImageQuery { .. }
        | Expression::Derivative { .. }
        | Expression::CallResult(_)
        | Expression::AtomicResult { .. }
        | Expression::WorkGroupUniformLoadResult { .. }
        | Expression::ArrayLength(_)
        | Expression::RayQueryVertexPositions { .. }
        | Expression::RayQueryProceedResult
        | Expression::RayQueryGetIntersection { .. }
        | Expression::SubgroupBallotResult
        | Expression::SubgroupOperationResult { .. }
        | Expression::CooperativeLoad { .. }
        | Expression::CooperativeMultiplyAdd { .. } => ExpressionKind::Runtime,
    }
}

/// What WGSL calls a scalar type.
fn type_name(scalar: naga::Scalar) -> String {
    let bits = 8 * u32::from(scalar.width);
    match scalar.kind {
        ScalarKind::Bool => "bool".into(),
        ScalarKind::Sint | ScalarKind::AbstractInt => format!("i{bits}"),
        ScalarKind::Uint => format!("u{bits}"),
        ScalarKind::Float | ScalarKind::AbstractFloat => format!("f{bits}"),
    }
}

/// A value that a user gives, as WebGPU converts it; `None` where the type has no such value.
fn literal(value: f64, scalar: naga::Scalar) -> Option<Literal> {
    let whole = |least: f64, most: f64| {
        let truncated = value.trunc();
        (least..=most).contains(&truncated).then_some(truncated)
    };
    Some(match (scalar.kind, scalar.width) {
        (ScalarKind::Bool, _) => Literal::Bool(value != 0.0 && !value.is_nan()),
        (ScalarKind::Sint, 2) => Literal::I16(whole(i16::MIN.into(), i16::MAX.into())? as i16),
        (ScalarKind::Sint, 4) => Literal::I32(whole(i32::MIN.into(), i32::MAX.into())? as i32),
        (ScalarKind::Uint, 2) => Literal::U16(whole(0.0, u16::MAX.into())? as u16),
        (ScalarKind::Uint, 4) => Literal::U32(whole(0.0, u32::MAX.into())? as u32),
        (ScalarKind::Float, 2) => {
            Literal::F16(Some(half::f16::from_f64(value)).filter(|half| half.is_finite())?)
        }
        (ScalarKind::Float, 4) => {
            Literal::F32(Some(value as f32).filter(|single| single.is_finite())?)
        }
        (ScalarKind::Float, 8) if value.is_finite() => Literal::F64(value),
        (ScalarKind::Float | ScalarKind::Sint | ScalarKind::Uint, _)
        | (ScalarKind::AbstractInt | ScalarKind::AbstractFloat, _) => return None,
    })
}
