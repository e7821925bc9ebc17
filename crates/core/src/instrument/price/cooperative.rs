//! What operations on cooperative matrices cost, by all the elements of a matrix, and how many invocations do each of
//! them together. Knows nothing of other operations.
//!
//! - A multiply-add of an M x K matrix with a K x N one is M N K multiplications in the precision of the factors, and as
//!   many additions in that of the sum.
//! - A load or a store moves the whole matrix.

use naga::{
    AddressSpace, BinaryOperator, CooperativeSize, Expression, Handle, Statement, TypeInner,
};

use super::{Direction, Pricer, class, moved};
use crate::{
    composition::{Priced, Shape, ops},
    op::Op,
};

impl Pricer<'_> {
    /// How many invocations evaluate an expression together.
    ///
    /// # Errors
    /// Why that is not known.
    pub(in crate::instrument) fn together(
        &self,
        handle: Handle<Expression>,
    ) -> Result<u64, String> {
        if self.matrix(handle).is_some() { self.subgroup() } else { Ok(1) }
    }

    /// How many invocations execute a statement together, without the expressions that it emits.
    ///
    /// # Errors
    /// Why that is not known.
    pub(in crate::instrument) fn together_at(&self, statement: &Statement) -> Result<u64, String> {
        if matches!(statement, Statement::CooperativeStore { .. }) {
            self.subgroup()
        } else {
            Ok(1)
        }
    }

    fn subgroup(&self) -> Result<u64, String> {
        let lanes = self.subgroup.filter(|&lanes| lanes > 0).map(u64::from);
        lanes.ok_or_else(|| {
            "a cooperative matrix: how many invocations share it is not known of this adapter"
                .into()
        })
    }

    /// Rows and columns of a cooperative matrix, and what its elements are; `None` of anything else.
    fn matrix(&self, handle: Handle<Expression>) -> Option<([u64; 2], naga::Scalar)> {
        match *self.inner(handle) {
            TypeInner::CooperativeMatrix { columns, rows, scalar, role: _ } => {
                Some(([rows as u64, columns as u64], scalar))
            }
            _ => None,
        }
    }

    /// The elements of a cooperative matrix; `None` of anything else.
    pub(super) fn elements(&self, handle: Handle<Expression>) -> Option<Shape> {
        let ([rows, columns], scalar) = self.matrix(handle)?;
        Some(Shape { scalar: class(scalar).ok()?, count: rows * columns })
    }

    /// What an operator costs of which an operand is a cooperative matrix: a sum, or a product with a scalar.
    pub(super) fn of_elements(&self, op: BinaryOperator, elements: [Option<Shape>; 2]) -> Priced {
        match (op, elements) {
            (BinaryOperator::Add | BinaryOperator::Subtract, [Some(each), Some(_)]) => {
                Ok(each.each(Op::Add, 1))
            }
            (BinaryOperator::Multiply, [Some(each), None] | [None, Some(each)]) => {
                Ok(each.each(Op::Mul, 1))
            }
            _ => Err(format!("the operator {op:?} of cooperative matrices has no price")),
        }
    }

    pub(super) fn multiply_add(&self, [a, b, c]: [Handle<Expression>; 3]) -> Priced {
        let matrix = |handle| self.matrix(handle).ok_or("a multiply-add without a matrix");
        let (([m, k], left), ([inner, n], right), (sum, total)) =
            (matrix(a)?, matrix(b)?, matrix(c)?);
        if inner != k || sum != [m, n] || left != right {
            return Err(format!(
                "a multiply-add of cooperative matrices that do not fit: {m}x{k}, {inner}x{n} and {}x{}",
                sum[0], sum[1]
            ));
        }
        let products = m * n * k;
        Ok(ops(class(left)?, &[(Op::Mul, products)]) + ops(class(total)?, &[(Op::Add, products)]))
    }

    /// What a load of a matrix costs.
    pub(super) fn loaded(
        &self,
        pointer: Handle<Expression>,
        [rows, columns]: [CooperativeSize; 2],
    ) -> Priced {
        let width = self.element(pointer)?.width;
        let bytes = rows as u64 * columns as u64 * u64::from(width);
        self.moved_together(pointer, bytes, Direction::Load)
    }

    /// What a store of a matrix costs.
    pub(super) fn stored(&self, target: Handle<Expression>, pointer: Handle<Expression>) -> Priced {
        let ([rows, columns], scalar) = self.matrix(target).ok_or("a store without a matrix")?;
        if self.element(pointer)? != scalar {
            return Err("a cooperative matrix that is stored as numbers of another type".into());
        }
        let bytes = rows * columns * u64::from(scalar.width);
        self.moved_together(pointer, bytes, Direction::Store)
    }

    /// The number that a pointer to the first element of a matrix points to.
    fn element(&self, pointer: Handle<Expression>) -> Result<naga::Scalar, String> {
        let base = self.inner(pointer).pointer_base_type();
        match base.as_ref().map(|base| base.inner_with(&self.module.types)) {
            Some(&TypeInner::Scalar(scalar)) => Ok(scalar),
            _ => Err("a cooperative matrix in memory of something other than numbers".into()),
        }
    }

    fn moved_together(
        &self,
        pointer: Handle<Expression>,
        bytes: u64,
        direction: Direction,
    ) -> Priced {
        match self.inner(pointer).pointer_space() {
            Some(space @ (AddressSpace::Storage { .. } | AddressSpace::WorkGroup)) => {
                moved(space, bytes, direction)
            }
            Some(space) => Err(format!("a cooperative matrix in the address space {space:?}")),
            None => Err("a cooperative matrix in memory without a pointer".into()),
        }
    }
}
