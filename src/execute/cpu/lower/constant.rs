//! Constants: values that are known before the kernel runs.

use naga::{Expression, Handle, Literal, TypeInner};

use super::{Lower, Lowering, types};
use crate::execute::cpu::program::{Kind, Num};

impl Lowering<'_> {
    /// A value of the module's constant expressions.
    pub(super) fn constant_value(&mut self, handle: Handle<Expression>) -> Lower<Vec<Num>> {
        match &self.module.global_expressions[handle] {
            Expression::Literal(literal) => Ok(vec![self.literal(*literal)?]),
            Expression::Constant(constant) => {
                self.constant_value(self.module.constants[*constant].init)
            }
            Expression::ZeroValue(ty) => self.zero(&self.module.types[*ty].inner),
            Expression::Compose { components, .. } => {
                let mut value = Vec::new();
                for component in components {
                    value.extend(self.constant_value(*component)?);
                }
                Ok(value)
            }
            Expression::Splat { size, value } => {
                let value = self.constant_value(*value)?;
                Ok(vec![value[0]; *size as usize])
            }
            Expression::Swizzle { size, vector, pattern } => {
                let value = self.constant_value(*vector)?;
                Ok(pattern[..*size as usize].iter().map(|c| value[*c as usize]).collect())
            }
            other => Err(format!("the constant expression {other:?}")),
        }
    }

    pub(super) fn literal(&mut self, literal: Literal) -> Lower<Num> {
        Ok(match literal {
            Literal::F64(value) => self.constant_num(Kind::F64, value.to_bits()),
            Literal::F32(value) => self.constant_num(Kind::F32, value.to_bits().into()),
            Literal::F16(value) => self.constant_num(Kind::F16, value.to_f32().to_bits().into()),
            Literal::U16(value) => self.constant_num(Kind::U16, value.into()),
            Literal::I16(value) => self.constant_num(Kind::I16, u64::from(i32::from(value) as u32)),
            Literal::U32(value) => self.constant_num(Kind::U32, value.into()),
            Literal::I32(value) => self.constant_num(Kind::I32, u64::from(value as u32)),
            Literal::U64(value) => self.constant_num(Kind::U64, value),
            Literal::I64(value) => self.constant_num(Kind::I64, value as u64),
            Literal::Bool(value) => {
                self.constant_num(Kind::Bool, if value { u32::MAX.into() } else { 0 })
            }
            Literal::AbstractInt(_) | Literal::AbstractFloat(_) => {
                return Err("an abstract number that reached run time".into());
            }
        })
    }

    pub(super) fn zero(&mut self, inner: &TypeInner) -> Lower<Vec<Num>> {
        let kinds = types::kinds(self.types(), inner)?;
        Ok(kinds.into_iter().map(|kind| self.constant_num(kind, 0)).collect())
    }
}
