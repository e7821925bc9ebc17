//! Cooperative matrices: each lane of a subgroup has a share of the elements, loads and stores it, and the whole subgroup
//! multiplies. What all do once together is counted in equal parts, one for each lane, so that a subgroup pays for it once.

use naga::{AddressSpace, BinaryOperator, CooperativeData, Expression, Handle, Scalar, TypeInner};

use super::{Frame, Index, Lower, Lowered, Lowering, Pointee, access::Transferred, types};
use crate::{
    execute::{
        Access,
        cpu::program::{Address, Inst, Kind, Multiply, Num, Reg},
    },
    op::Op,
};

/// Whether this is for pages, whose WebGPU has no cooperative matrices: what loads, stores and multiplies them would be
/// carried there for nothing.
const PAGES: bool = cfg!(target_arch = "wasm32");

/// Why a kernel with cooperative matrices is refused there.
const NONE_IN_PAGES: &str = "cooperative matrices, which WebGPU has not";

/// Rows and columns of a matrix, and what its elements are.
struct Matrix {
    extent: [usize; 2],
    kind: Kind,
}

impl<'a> Lowering<'a> {
    pub(super) fn matrix_load(
        &mut self,
        frame: &mut Frame<'a>,
        handle: Handle<Expression>,
        data: &CooperativeData,
    ) -> Lower<Vec<Num>> {
        if PAGES {
            return Err(NONE_IN_PAGES.into());
        }
        let inner = self.inner(frame, handle);
        let Matrix { kind, .. } = self.matrix(frame, handle)?;
        let places = self.elements(frame, inner, data)?;
        self.touched(frame, data.pointer, inner, Transferred::Load)?;
        let mut share = Vec::new();
        for at in places {
            let to = self.register(false);
            self.seen(at, kind.bytes(), Access::Load, true);
            self.emit(match kind {
                Kind::F16 => Inst::LoadHalf { at, kind, to },
                _ => Inst::Load { at, to: [to].into() },
            });
            share.push(self.num(to));
        }
        Ok(share)
    }

    pub(super) fn matrix_store(
        &mut self,
        frame: &mut Frame<'a>,
        target: Handle<Expression>,
        data: &CooperativeData,
    ) -> Lower<()> {
        if PAGES {
            return Err(NONE_IN_PAGES.into());
        }
        let inner = self.inner(frame, target);
        let Matrix { kind, .. } = self.matrix(frame, target)?;
        let share = self.value(frame, target)?;
        let places = self.elements(frame, inner, data)?;
        self.touched(frame, data.pointer, inner, Transferred::Store)?;
        for (at, num) in places.into_iter().zip(share) {
            let from = num.low;
            self.seen(at, kind.bytes(), Access::Store, true);
            self.emit(match kind {
                Kind::F16 => Inst::StoreHalf { at, kind, from },
                _ => Inst::Store { at, from: [from].into() },
            });
        }
        Ok(())
    }

    pub(super) fn multiply_add(
        &mut self,
        frame: &mut Frame<'a>,
        operands: [Handle<Expression>; 3],
    ) -> Lower<Vec<Num>> {
        if PAGES {
            return Err(NONE_IN_PAGES.into());
        }
        let mut matrices = Vec::new();
        let mut shares = Vec::new();
        for operand in operands {
            matrices.push(self.matrix(frame, operand)?);
            shares.push(self.value(frame, operand)?.iter().map(|num| num.low).collect::<Vec<_>>());
        }
        let ([left, right, sum], [a, b, c]) = (&matrices[..], &shares[..]) else {
            return Err("a multiply-add without three matrices".into());
        };
        let ([m, k], [inner, n]) = (left.extent, right.extent);
        if inner != k || sum.extent != [m, n] || left.kind != right.kind {
            return Err("a multiply-add of cooperative matrices that do not fit".into());
        }
        self.together(Vec::new())?;
        let products = (m * n * k) as u64 / u64::from(self.subgroup);
        self.count(left.kind, Op::Mul, products);
        self.count(sum.kind, Op::Add, products);
        let to: Vec<Reg> = c.iter().map(|_| self.register(false)).collect();
        self.emit(Inst::Multiply(Box::new(Multiply {
            a: a.clone(),
            b: b.clone(),
            c: c.clone(),
            to: to.clone(),
            extent: [m, n, k],
            half: sum.kind == Kind::F16,
        })));
        Ok(to.into_iter().map(|reg| self.num(reg)).collect())
    }

    /// Makes sure that an operator of matrices, if it is one, is one that works by element, in whole subgroups.
    pub(super) fn by_element(
        &mut self,
        frame: &mut Frame<'a>,
        op: BinaryOperator,
        [left, right]: [Handle<Expression>; 2],
    ) -> Lower<()> {
        let matrices = [left, right].map(|operand| self.is_matrix(frame, operand));
        match (op, matrices) {
            (_, [false, false]) => Ok(()),
            (BinaryOperator::Add | BinaryOperator::Subtract, [true, true]) => {
                self.together(Vec::new())
            }
            (BinaryOperator::Multiply, [true, false]) => self.alike(frame, right),
            (BinaryOperator::Multiply, [false, true]) => self.alike(frame, left),
            _ => Err(format!("the operator {op:?} of cooperative matrices")),
        }
    }

    /// Makes sure that a choice between cooperative matrices, if it is one, is that of whole subgroups.
    pub(super) fn chosen_together(
        &mut self,
        frame: &mut Frame<'a>,
        condition: Handle<Expression>,
        accept: Handle<Expression>,
    ) -> Lower<()> {
        if self.is_matrix(frame, accept) { self.alike(frame, condition) } else { Ok(()) }
    }

    /// Makes sure that a cooperative matrix, if it is one, is kept by whole subgroups.
    pub(super) fn kept_together(
        &mut self,
        frame: &Frame<'a>,
        value: Handle<Expression>,
    ) -> Lower<()> {
        if self.is_matrix(frame, value) { self.together(Vec::new()) } else { Ok(()) }
    }

    fn is_matrix(&self, frame: &Frame<'a>, handle: Handle<Expression>) -> bool {
        matches!(self.inner(frame, handle), TypeInner::CooperativeMatrix { .. })
    }

    /// From here on whole subgroups execute, all of which have the same scalar.
    fn alike(&mut self, frame: &mut Frame<'a>, scalar: Handle<Expression>) -> Lower<()> {
        let same = self.scalar(frame, scalar)?;
        self.together(vec![same])
    }

    fn matrix(&self, frame: &Frame<'a>, handle: Handle<Expression>) -> Lower<Matrix> {
        match *self.inner(frame, handle) {
            TypeInner::CooperativeMatrix { columns, rows, scalar, role: _ } => {
                // A load takes the type of what it loads, so that it may be any that memory holds.
                let kind = types::kind(scalar)?;
                if !matches!(kind, Kind::F16 | Kind::F32) {
                    let what = "a cooperative matrix of other numbers than f16 and f32";
                    return Err(format!("{what}, of which alone WGSL has them"));
                }
                Ok(Matrix { extent: [rows as usize, columns as usize], kind })
            }
            ref other => Err(format!("a cooperative matrix of type {other:?}")),
        }
    }

    /// From here on whole subgroups execute, for which these registers hold the same.
    fn together(&mut self, same: Vec<Reg>) -> Lower<()> {
        let (lanes, subgroup) = (self.size.iter().product::<u32>(), self.subgroup);
        if !lanes.is_multiple_of(subgroup) {
            return Err(format!(
                "a cooperative matrix in a workgroup of {lanes} invocations, which are no whole subgroups of {subgroup}"
            ));
        }
        let site = self.site();
        self.emit(Inst::Together { same: same.into(), site });
        Ok(())
    }

    /// Where the elements lie in memory that each lane has a share of, in the order of the share.
    fn elements(
        &mut self,
        frame: &mut Frame<'a>,
        inner: &TypeInner,
        data: &CooperativeData,
    ) -> Lower<Vec<Address>> {
        let &TypeInner::CooperativeMatrix { columns, rows, scalar, role: _ } = inner else {
            return Err("a cooperative matrix that is none".into());
        };
        let space = frame.info[data.pointer].ty.inner_with(&self.module.types).pointer_space();
        if !matches!(space, Some(AddressSpace::Storage { .. } | AddressSpace::WorkGroup)) {
            return Err("a cooperative matrix that lies in no storage or workgroup memory".into());
        }
        let (array, of, first) = self.begun(frame, data.pointer)?;
        if types::element(self.types(), &of, 0)? != TypeInner::Scalar(scalar) {
            return Err("a cooperative matrix in an array of something else".into());
        }
        // A literal without a suffix is an i32 to naga.
        let counts = [Scalar::U32, Scalar::I32].map(TypeInner::Scalar);
        if !counts.contains(self.inner(frame, data.stride)) {
            return Err("a cooperative matrix whose stride is no u32".into());
        }
        let stride = self.scalar(frame, data.stride)?;
        let mut same = vec![first, stride];
        match array {
            Pointee::Memory { index: Index::One { index, .. }, .. } => same.push(index),
            Pointee::Memory { index: Index::Sum(sum), .. } => same.push(sum.value),
            Pointee::Memory { index: Index::None, .. }
            | Pointee::Registers(_)
            | Pointee::Lane { .. } => {}
        }
        self.together(same)?;
        let mut places = Vec::new();
        for number in 0..types::share(self.types(), [rows, columns])? as u32 {
            let (to, rows) = (self.register(false), rows as u32);
            let row_major = data.row_major;
            self.emit(Inst::Element { to, first, stride, number, rows, row_major });
            match self.indexed(array.clone(), &of, to)? {
                Pointee::Memory { memory, offset, index } => {
                    places.push(self.address(memory, offset, index));
                }
                Pointee::Registers(_) | Pointee::Lane { .. } => {
                    return Err("a cooperative matrix in an invocation's own memory".into());
                }
            }
        }
        Ok(places)
    }

    /// The array that a matrix lies in, its type, and the index of the matrix's first element.
    fn begun(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
    ) -> Lower<(Pointee, TypeInner, Reg)> {
        let (base, first) = match frame.function.expressions[pointer] {
            Expression::Access { base, index } => (base, self.scalar(frame, index)?),
            Expression::AccessIndex { base, index } => (base, self.constant(index)),
            _ => return Err("a cooperative matrix that begins at no element of an array".into()),
        };
        match (self.lowered(frame, base)?, self.pointee(frame, base)?) {
            (Lowered::Pointee(place), of @ TypeInner::Array { .. }) => Ok((place, of, first)),
            _ => Err("a cooperative matrix that begins at no element of an array".into()),
        }
    }
}
