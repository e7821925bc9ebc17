//! Operators, by component, and what they count as.

use naga::{BinaryOperator, Expression, Handle, RelationalFunction, UnaryOperator};

use super::{Frame, Lower, Lowering};
use crate::{
    execute::cpu::{
        alu::Alu,
        program::{Kind, Num},
    },
    op::Op,
};

impl<'a> Lowering<'a> {
    pub(super) fn unary(&mut self, op: UnaryOperator, kind: Kind, num: Num) -> Num {
        match op {
            UnaryOperator::Negate => {
                let negate = if kind.float() { Alu::NegF } else { Alu::NegI };
                self.counted(Op::Neg, negate, kind, &[num])
            }
            UnaryOperator::LogicalNot | UnaryOperator::BitwiseNot => {
                self.counted(Op::Bit, Alu::Not, kind, &[num])
            }
        }
    }

    pub(super) fn binary(
        &mut self,
        frame: &mut Frame<'a>,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Lower<Vec<Num>> {
        let kind = self.kind(frame, left)?;
        self.by_element(frame, op, [left, right])?;
        let (a, b) = (self.value(frame, left)?, self.value(frame, right)?);
        if op == BinaryOperator::Multiply {
            let (left, right) = (self.inner(frame, left), self.inner(frame, right));
            if let Some(product) = self.matrix_product(kind, left, &a, right, &b) {
                return Ok(product);
            }
        }
        Ok((0..a.len().max(b.len()))
            .map(|i| {
                let (a, b) = (*a.get(i).unwrap_or(&a[0]), *b.get(i).unwrap_or(&b[0]));
                self.component(op, kind, a, b)
            })
            .collect())
    }

    /// An operator on one component.
    fn component(&mut self, op: BinaryOperator, kind: Kind, a: Num, b: Num) -> Num {
        use BinaryOperator as B;
        let (float, signed) = (kind.float(), kind.signed());
        let by_sign = |f: Alu, s: Alu, u: Alu| match (float, signed) {
            (true, _) => f,
            (false, true) => s,
            (false, false) => u,
        };
        let (count, alu) = match op {
            B::Add => (Op::Add, by_sign(Alu::AddF, Alu::AddI, Alu::AddI)),
            B::Subtract => (Op::Add, by_sign(Alu::SubF, Alu::SubI, Alu::SubI)),
            B::Multiply => (Op::Mul, by_sign(Alu::MulF, Alu::MulI, Alu::MulI)),
            B::Divide => (Op::Div, by_sign(Alu::DivF, Alu::DivS, Alu::DivU)),
            B::Modulo => (Op::Rem, by_sign(Alu::RemF, Alu::RemS, Alu::RemU)),
            B::Equal => (Op::Compare, by_sign(Alu::EqF, Alu::Eq, Alu::Eq)),
            B::NotEqual => (Op::Compare, by_sign(Alu::NeF, Alu::Ne, Alu::Ne)),
            B::Less | B::Greater => (Op::Compare, by_sign(Alu::LtF, Alu::LtS, Alu::LtU)),
            B::LessEqual | B::GreaterEqual => (Op::Compare, by_sign(Alu::LeF, Alu::LeS, Alu::LeU)),
            B::And | B::LogicalAnd => (Op::Bit, Alu::And),
            B::InclusiveOr | B::LogicalOr => (Op::Bit, Alu::Or),
            B::ExclusiveOr => (Op::Bit, Alu::Xor),
            B::ShiftLeft => (Op::Bit, Alu::Shl),
            B::ShiftRight => (Op::Bit, by_sign(Alu::ShrU, Alu::ShrS, Alu::ShrU)),
        };
        let operands = match op {
            B::Greater | B::GreaterEqual => [b, a],
            _ => [a, b],
        };
        self.counted(count, alu, kind, &operands)
    }

    pub(super) fn relational(
        &mut self,
        frame: &mut Frame<'a>,
        fun: RelationalFunction,
        argument: Handle<Expression>,
    ) -> Lower<Vec<Num>> {
        let kind = self.kind(frame, argument)?;
        let value = self.value(frame, argument)?;
        let test = match fun {
            RelationalFunction::All | RelationalFunction::Any => {
                let join = if fun == RelationalFunction::All { Alu::And } else { Alu::Or };
                let mut joined = value[0];
                for num in &value[1..] {
                    joined = self.counted(Op::Bit, join, kind, &[joined, *num]);
                }
                return Ok(vec![joined]);
            }
            RelationalFunction::IsNan => Alu::IsNanF,
            RelationalFunction::IsInf => Alu::IsInfF,
        };
        Ok(value.into_iter().map(|num| self.counted(Op::Compare, test, kind, &[num])).collect())
    }
}
