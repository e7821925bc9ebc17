//! GLSL's `&&` and `||`, whose right side is evaluated only where the left one leaves it open. naga evaluates both. Here
//! each becomes what naga makes of the same operator in WGSL: an `if` whose arms store to a variable.
//!
//! naga's reader evaluates the left side, then the right one, then the operator, in one block. So what stands between
//! the left side's value and the operator is the right side, unless the left side goes on after its value: a
//! call that writes its `out` arguments back, or an assignment. Such a left side, and one that was evaluated earlier (a
//! constant), is refused where the right side would have to be told from it and cannot.

use std::collections::{BTreeMap, BTreeSet};

use naga::{
    Arena, BinaryOperator, Block, Expression, Function, Handle, Literal, LocalVariable, Module,
    Range, Scalar, Span, Statement, Type, TypeInner,
};

use crate::{
    ir::{Operand, arms_mut, emit, is_result, operands, statement_operands},
    rewriting::prepend,
};

/// What cannot be mended, and where.
pub(super) struct Unclear {
    pub(super) why: &'static str,
    pub(super) span: Span,
}

/// Has every `&&` and `||` of a module evaluate its right side only where it must.
pub(super) fn short_circuit(module: &mut Module) -> Result<(), Unclear> {
    let boolean = Type { name: None, inner: TypeInner::Scalar(Scalar::BOOL) };
    let boolean = module.types.insert(boolean, Span::UNDEFINED);
    let pointers: BTreeMap<Handle<Function>, bool> = module
        .functions
        .iter()
        .map(|(handle, function)| {
            let types = function.arguments.iter().map(|argument| &module.types[argument.ty].inner);
            (handle, types.into_iter().any(|inner| inner.pointer_space().is_some()))
        })
        .collect();
    for function in crate::ir::functions(module) {
        mend(function, boolean, &pointers)?;
    }
    Ok(())
}

/// An operator, and what takes its place.
#[derive(Clone, Copy)]
struct Operator {
    op: BinaryOperator,
    left: Operand,
    right: Operand,
    /// Points to the variable that its value is stored to.
    pointer: Operand,
}

fn mend(
    function: &mut Function,
    boolean: Handle<Type>,
    pointers: &BTreeMap<Handle<Function>, bool>,
) -> Result<(), Unclear> {
    let mut found = Vec::new();
    for (handle, expression) in function.expressions.iter() {
        if let Expression::Binary { op, left, right } = *expression
            && matches!(op, BinaryOperator::LogicalAnd | BinaryOperator::LogicalOr)
            // naga folds the columns of compared matrices from the right; those are no operators of the text.
            && left < right
        {
            found.push((handle, op));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let mut prefix = Arena::new();
    let values = [true, false]
        .map(|value| prefix.append(Expression::Literal(Literal::Bool(value)), Span::UNDEFINED));
    let mut variables = Vec::new();
    for &(handle, _) in &found {
        let variable = LocalVariable { name: None, ty: boolean, init: None };
        let span = function.expressions.get_span(handle);
        let variable = function.local_variables.append(variable, span);
        variables.push(prefix.append(Expression::LocalVariable(variable), Span::UNDEFINED));
    }
    let shift = prefix.len();
    prepend(function, prefix, &BTreeMap::new());
    let moved: Vec<Operand> = function.expressions.iter().map(|(handle, _)| handle).collect();
    let mut operators = BTreeMap::new();
    for ((handle, op), pointer) in found.into_iter().zip(variables) {
        let handle = moved[handle.index() + shift];
        if let Expression::Binary { left, right, .. } = function.expressions[handle] {
            operators.insert(handle, Operator { op, left, right, pointer });
        }
    }
    let mut body = std::mem::take(&mut function.body);
    let mut mender = Mender { expressions: &mut function.expressions, operators, values, pointers };
    let mended = mender.block(&mut body);
    function.body = body;
    mended
}

struct Mender<'a> {
    expressions: &'a mut Arena<Expression>,
    operators: BTreeMap<Operand, Operator>,
    /// True and false.
    values: [Operand; 2],
    /// Which functions take pointers.
    pointers: &'a BTreeMap<Handle<Function>, bool>,
}

/// A statement, an expression that is emitted being one of its own.
type Step = (Statement, Span);

impl Mender<'_> {
    fn block(&mut self, block: &mut Block) -> Result<(), Unclear> {
        let mut steps: Vec<Step> = Vec::new();
        for (mut statement, span) in std::mem::take(block).span_into_iter() {
            for arm in arms_mut(&mut statement) {
                self.block(arm)?;
            }
            let Statement::Emit(range) = statement else {
                steps.push((statement, span));
                continue;
            };
            for handle in range {
                if let Some(&operator) = self.operators.get(&handle) {
                    self.operator(&mut steps, handle, operator)?;
                }
                let emit = Statement::Emit(Range::new_from_bounds(handle, handle));
                steps.push((emit, self.expressions.get_span(handle)));
            }
        }
        *block = joined(steps);
        Ok(())
    }

    /// Takes the right side of an operator off the end of `steps` and puts it into an `if`.
    fn operator(
        &mut self,
        steps: &mut Vec<Step>,
        handle: Operand,
        Operator { op, left, right, pointer }: Operator,
    ) -> Result<(), Unclear> {
        let span = self.expressions.get_span(handle);
        let Some(begin) = self.right_side(steps, handle, left, right)? else { return Ok(()) };
        let mut evaluated = joined(steps.split_off(begin));
        evaluated.push(Statement::Store { pointer, value: right }, span);
        let mut decided = Block::new();
        let [yes, no] = self.values;
        let is_and = op == BinaryOperator::LogicalAnd;
        let value = if is_and { no } else { yes };
        decided.push(Statement::Store { pointer, value }, span);
        let (accept, reject) = if is_and { (evaluated, decided) } else { (decided, evaluated) };
        steps.push((Statement::If { condition: left, accept, reject }, span));
        self.expressions[handle] = Expression::Load { pointer };
        Ok(())
    }

    /// Where among `steps` the right side of an operator begins; `None` where it evaluates nothing.
    fn right_side(
        &self,
        steps: &[Step],
        handle: Operand,
        left: Operand,
        right: Operand,
    ) -> Result<Option<usize>, Unclear> {
        let (of_left, of_operator) =
            (self.expressions.get_span(left), self.expressions.get_span(handle));
        let begins = |span: Span| span.to_range().map(|range| range.start);
        let made = steps.iter().rposition(|(statement, _)| self.makes(statement, left));
        // A value that was named earlier stands elsewhere in the text.
        if let Some(made) = made.filter(|_| begins(of_left) == begins(of_operator)) {
            let goes_on = matches!(&steps[made].0,
                Statement::Call { function, .. } if self.pointers.get(function) == Some(&true));
            if goes_on {
                return Err(Unclear {
                    why: "a call that writes to its arguments",
                    span: of_operator,
                });
            }
            return Ok((made + 1 < steps.len()).then_some(made + 1));
        }
        // Without a beginning: from the end on, what only the right side refers to.
        let needed = self.needed(right);
        let is_needed = |(statement, _): &Step| {
            matches!(statement, Statement::Emit(range)
                if range.clone().all(|handle| needed.contains(&handle)))
        };
        let begin = steps.len() - steps.iter().rev().take_while(|step| is_needed(step)).count();
        let made_before = steps[..begin].iter().any(|(statement, _)| {
            !matches!(statement, Statement::Emit(_))
                && needed.iter().any(|&needed| self.makes(statement, needed))
        });
        if made_before || needed.iter().any(|needed| self.operators.contains_key(needed)) {
            let why =
                "a constant or an assignment, and a right side that does more than to compute";
            return Err(Unclear { why, span: of_operator });
        }
        Ok((begin < steps.len()).then_some(begin))
    }

    /// Whether a statement gives an expression its value.
    fn makes(&self, statement: &Statement, value: Operand) -> bool {
        if let Statement::Emit(range) = statement {
            return range.clone().any(|handle| handle == value);
        }
        let mut made = false;
        if is_result(&self.expressions[value]) {
            let mut statement = statement.clone();
            statement_operands(&mut statement, &mut |operand| made |= *operand == value);
        }
        made
    }

    /// What an expression refers to, itself included.
    fn needed(&self, root: Operand) -> BTreeSet<Operand> {
        let mut needed = BTreeSet::new();
        let mut open = vec![root];
        while let Some(handle) = open.pop() {
            if needed.insert(handle) {
                let mut expression = self.expressions[handle].clone();
                operands(&mut expression, &mut |operand| open.push(*operand));
            }
        }
        needed
    }
}

/// Steps as a block, with one `Emit` for all expressions that follow one another.
fn joined(steps: Vec<Step>) -> Block {
    let mut block = Block::with_capacity(steps.len());
    let mut emitted: Vec<Operand> = Vec::new();
    let mut all = Span::UNDEFINED;
    for (statement, span) in steps {
        if let Statement::Emit(range) = statement {
            emitted.extend(range);
            all.subsume(span);
        } else {
            emit(&mut block, emitted.drain(..), std::mem::take(&mut all));
            block.push(statement, span);
        }
    }
    emit(&mut block, emitted.drain(..), all);
    block
}
