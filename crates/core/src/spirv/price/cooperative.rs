//! What operations on cooperative matrices cost, by all the elements of the matrix, and how many invocations do each
//! of them together. Knows nothing of other operations.
//!
//! - A multiply-add of an M x K matrix with a K x N one is M N K multiplications and as many additions.
//! - A function that is applied to elements is paid for once for each element, and one that joins the elements of a
//!   matrix once for each joint.
//! - A load or a store moves the whole matrix, also where a part of it lies outside of the tensor that it is a part
//!   of; where a function decodes the elements, a load moves what that function loads.

use rspirv::spirv::{
    CooperativeMatrixReduce as Reduce, MemoryAccess, Op as Instr, Scope, TensorAddressingOperands,
};

use super::SpirvPricer;
use crate::{
    composition::{Priced, ops},
    op::{Op, Price},
    spirv::{
        memory::{self, Direction},
        module::Type,
        words::{Id, Instruction},
    },
};

impl SpirvPricer<'_> {
    /// The type of the cooperative matrix that an instruction makes, else takes.
    pub(super) fn cooperative(&self, instruction: Instruction<'_>) -> Option<Id> {
        let operands = instruction.operands().iter().take(2);
        let values = operands.filter_map(|value| self.module.type_of.get(value).copied());
        let is_matrix =
            |ty: &Id| matches!(self.module.types.get(ty), Some(Type::Cooperative { .. }));
        instruction.result_type().into_iter().chain(values).find(is_matrix)
    }

    /// How many invocations execute an instruction together.
    ///
    /// # Errors
    /// Why that is not known.
    pub(in crate::spirv) fn together(&self, instruction: Instruction<'_>) -> Result<u64, String> {
        let Some(ty) = self.cooperative(instruction) else { return Ok(1) };
        let &Type::Cooperative { scope, .. } = self.module.ty(ty)? else { return Ok(1) };
        let scope = u32::try_from(self.module.constant(scope)?).ok();
        match scope.and_then(Scope::from_u32) {
            Some(Scope::Workgroup) => Ok(self.workgroup),
            Some(Scope::Subgroup) => {
                let lanes = self.subgroup.filter(|&lanes| lanes > 0).map(u64::from);
                Ok(lanes.ok_or("how many invocations share a cooperative matrix is not known")?)
            }
            scope => Err(format!("a cooperative matrix of the scope {scope:?} has no price")),
        }
    }

    /// What an operation that only these matrices have costs.
    pub(super) fn of_matrices(&self, op: Instr, instruction: Instruction<'_>) -> Priced {
        let operands = instruction.operands();
        let result = instruction.result_type().unwrap_or(0);
        match (op, operands) {
            (Instr::CooperativeMatrixLoadKHR, &[pointer, ..]) => {
                self.moved(pointer, result, Direction::Load)
            }
            (
                Instr::CooperativeMatrixStoreKHR | Instr::CooperativeMatrixStoreTensorNV,
                &[pointer, object, ..],
            ) => self.moved(pointer, self.module.value_type(object)?, Direction::Store),
            (Instr::CooperativeMatrixLoadTensorNV, &[pointer, _, _, ref rest @ ..]) => {
                match decoding(rest)? {
                    Some(function) => {
                        Ok(self.applied(function)?.repeated(self.module.shape(result)?.count))
                    }
                    None => self.moved(pointer, result, Direction::Load),
                }
            }
            (Instr::CooperativeMatrixMulAddKHR, &[a, b, c, ..]) => self.multiply_add(a, b, c),
            // A matrix of the same elements that is there for another use.
            (Instr::CooperativeMatrixConvertNV, &[value])
                if self.of(value)?.scalar == self.module.shape(result)?.scalar =>
            {
                Ok(Price::default())
            }
            (Instr::CooperativeMatrixConvertNV, &[value]) => self.conversion(value, result),
            (Instr::CooperativeMatrixPerElementOpNV, &[matrix, function, ..]) => {
                Ok(self.applied(function)?.repeated(self.of(matrix)?.count))
            }
            (Instr::CooperativeMatrixReduceNV, &[matrix, kind, function]) => {
                let (rows, columns) = self.extent(matrix)?;
                let joints = match Reduce::from_bits_truncate(kind) {
                    all if all == Reduce::ROW | Reduce::COLUMN => (rows * columns).checked_sub(1),
                    Reduce::ROW => columns.checked_sub(1).map(|joints| rows * joints),
                    Reduce::COLUMN => rows.checked_sub(1).map(|joints| columns * joints),
                    Reduce::_2X2 => Some(rows * columns / 4 * 3),
                    _ => None,
                };
                let joints = joints.ok_or("a reduction of a matrix that is not known")?;
                Ok(self.applied(function)?.repeated(joints))
            }
            _ => Err(format!("{} has no price", instruction.name())),
        }
    }

    fn moved(&self, pointer: Id, ty: Id, direction: Direction) -> Priced {
        let Type::Cooperative { component, rows, columns, .. } = *self.module.ty(ty)? else {
            return Err("a cooperative access without a matrix".into());
        };
        let Type::Pointer { class, .. } = *self.module.ty(self.module.value_type(pointer)?)? else {
            return Err("a memory access through something that is no pointer".into());
        };
        memory::moved(self.module, pointer, class, direction, || {
            let elements = self.module.constant(rows)? * self.module.constant(columns)?;
            Ok(elements * memory::bytes(self.module, component)?)
        })
    }

    fn extent(&self, value: Id) -> Result<(u64, u64), String> {
        let Type::Cooperative { rows, columns, .. } =
            *self.module.ty(self.module.value_type(value)?)?
        else {
            return Err("an operation on cooperative matrices without one".into());
        };
        Ok((self.module.constant(rows)?, self.module.constant(columns)?))
    }

    /// Multiplications in the precision of the factors, additions in that of the sum.
    fn multiply_add(&self, a: Id, b: Id, c: Id) -> Priced {
        let ((m, k), (_, n)) = (self.extent(a)?, self.extent(b)?);
        let each =
            |value: Id, op: Op| -> Priced { Ok(ops(self.of(value)?.scalar, &[(op, m * n * k)])) };
        Ok(each(a, Op::Mul)? + each(c, Op::Add)?)
    }
}

/// The function that decodes what a load finds, if any, from the operands behind the load's layout: how memory is
/// accessed, then how the tensor is.
fn decoding(operands: &[u32]) -> Result<Option<Id>, String> {
    let cut = "a load of a tensor is cut off";
    let (&memory, rest) = operands.split_first().ok_or(cut)?;
    let with_operand = MemoryAccess::ALIGNED
        | MemoryAccess::MAKE_POINTER_AVAILABLE
        | MemoryAccess::MAKE_POINTER_VISIBLE;
    let without =
        MemoryAccess::VOLATILE | MemoryAccess::NONTEMPORAL | MemoryAccess::NON_PRIVATE_POINTER;
    let memory = MemoryAccess::from_bits(memory)
        .filter(|&its| (with_operand | without).contains(its))
        .ok_or("a load of a tensor accesses memory in a way that is not known")?;
    let skipped = (memory & with_operand).bits().count_ones() as usize;
    let (&tensor, rest) = rest.get(skipped..).and_then(<[u32]>::split_first).ok_or(cut)?;
    let tensor = TensorAddressingOperands::from_bits(tensor)
        .ok_or("a load of a tensor addresses it in a way that is not known")?;
    if !tensor.contains(TensorAddressingOperands::DECODE_FUNC) {
        return Ok(None);
    }
    let view = usize::from(tensor.contains(TensorAddressingOperands::TENSOR_VIEW));
    Ok(Some(*rest.get(view).ok_or(cut)?))
}
