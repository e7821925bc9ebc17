//! Writing naga IR a statement at a time. Every expression is emitted where it is made, so a block
//! reads in the order in which it executes. Knows nothing of counters.

use naga::{
    Arena, AtomicFunction, BinaryOperator, Block, CollectiveOperation, Expression, GatherMode,
    GlobalVariable, Handle, Literal, Range, Span, Statement, SubgroupOperation, Type,
};

/// A block under construction in a function whose expressions are these.
pub(super) struct Code<'a> {
    pub(super) expressions: &'a mut Arena<Expression>,
    pub(super) block: Block,
    span: Span,
}

impl<'a> Code<'a> {
    /// An empty block; what is written there claims to stand at `span`.
    pub(super) fn new(expressions: &'a mut Arena<Expression>, span: Span) -> Self {
        Self { expressions, block: Block::new(), span }
    }

    /// Writes a block inside this one.
    pub(super) fn inside(&mut self, write: impl FnOnce(&mut Code<'_>)) -> Block {
        let mut inner = Code::new(self.expressions, self.span);
        write(&mut inner);
        inner.block
    }

    pub(super) fn statement(&mut self, statement: Statement) {
        self.block.push(statement, self.span);
    }

    /// An expression that names something and is not emitted.
    pub(super) fn name(&mut self, expression: Expression) -> Handle<Expression> {
        self.expressions.append(expression, self.span)
    }

    /// An expression that is evaluated here.
    pub(super) fn emit(&mut self, expression: Expression) -> Handle<Expression> {
        let handle = self.expressions.append(expression, self.span);
        self.statement(Statement::Emit(Range::new_from_bounds(handle, handle)));
        handle
    }

    pub(super) fn number(&mut self, value: u32) -> Handle<Expression> {
        self.name(Expression::Literal(Literal::U32(value)))
    }

    pub(super) fn global(&mut self, variable: Handle<GlobalVariable>) -> Handle<Expression> {
        self.name(Expression::GlobalVariable(variable))
    }

    pub(super) fn load(&mut self, pointer: Handle<Expression>) -> Handle<Expression> {
        self.emit(Expression::Load { pointer })
    }

    pub(super) fn binary(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Handle<Expression> {
        self.emit(Expression::Binary { op, left, right })
    }

    /// `left OP right`, where the right side is a number.
    pub(super) fn binary_number(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: u32,
    ) -> Handle<Expression> {
        let right = self.number(right);
        self.binary(op, left, right)
    }

    /// 1 where `left < right`, else 0.
    pub(super) fn less(
        &mut self,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Handle<Expression> {
        let condition = self.binary(BinaryOperator::Less, left, right);
        let (accept, reject) = (self.number(1), self.number(0));
        self.emit(Expression::Select { condition, accept, reject })
    }

    /// Does what `write` writes where `value` is not 0.
    pub(super) fn unless_zero(
        &mut self,
        value: Handle<Expression>,
        write: impl FnOnce(&mut Code<'_>),
    ) {
        let condition = self.binary_number(BinaryOperator::NotEqual, value, 0);
        let accept = self.inside(write);
        self.statement(Statement::If { condition, accept, reject: Block::new() });
    }

    /// Adds to an atomic and gives its old value back; `ty` is `u32`.
    pub(super) fn atomic_add(
        &mut self,
        pointer: Handle<Expression>,
        value: Handle<Expression>,
        ty: Handle<Type>,
    ) -> Handle<Expression> {
        let result = self.name(Expression::AtomicResult { ty, comparison: false });
        let fun = AtomicFunction::Add;
        self.statement(Statement::Atomic { pointer, fun, value, result: Some(result) });
        result
    }

    /// `accept` where the condition holds, else `reject`.
    pub(super) fn select(
        &mut self,
        condition: Handle<Expression>,
        accept: Handle<Expression>,
        reject: Handle<Expression>,
    ) -> Handle<Expression> {
        self.emit(Expression::Select { condition, accept, reject })
    }

    /// The sum of a `u32` over a vector of so many lanes, a power of two, all of them active: a butterfly, in
    /// which each lane adds what the other half of its 2, 4, 8, ... lanes has.
    pub(super) fn vector_sum(
        &mut self,
        value: Handle<Expression>,
        ty: Handle<Type>,
        lanes: u32,
    ) -> Handle<Expression> {
        (0..lanes.ilog2()).fold(value, |sum, step| {
            let result = self.name(Expression::SubgroupOperationResult { ty });
            let mode = GatherMode::ShuffleXor(self.number(1 << step));
            self.statement(Statement::SubgroupGather { mode, argument: sum, result });
            self.binary(BinaryOperator::Add, sum, result)
        })
    }

    /// The sum of a `u32` over the subgroup's active lanes.
    pub(super) fn active_sum(
        &mut self,
        argument: Handle<Expression>,
        ty: Handle<Type>,
    ) -> Handle<Expression> {
        self.collective_add(CollectiveOperation::Reduce, argument, ty)
    }

    /// Which of the subgroup's active lanes this is: how many are before it.
    pub(super) fn rank(&mut self, ty: Handle<Type>) -> Handle<Expression> {
        let one = self.number(1);
        self.collective_add(CollectiveOperation::ExclusiveScan, one, ty)
    }

    fn collective_add(
        &mut self,
        collective_op: CollectiveOperation,
        argument: Handle<Expression>,
        ty: Handle<Type>,
    ) -> Handle<Expression> {
        let result = self.name(Expression::SubgroupOperationResult { ty });
        let op = SubgroupOperation::Add;
        self.statement(Statement::SubgroupCollectiveOperation {
            op,
            collective_op,
            argument,
            result,
        });
        result
    }
}
