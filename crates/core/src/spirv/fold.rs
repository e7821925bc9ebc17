//! The value of `OpSpecConstantOp`: integer and boolean arithmetic on scalars, as SPIR-V defines it, floats that are
//! chosen or converted, and parts of constants that are stated part by part. An unknown operand gives no value, which is
//! an error where the value is needed.

use half::f16;
use rspirv::spirv::Op;

use super::{
    module::{Module, Type},
    words::{Id, Instruction},
};

/// The bits of an integer, boolean or float that its type has.
pub(super) fn narrowed(module: &Module<'_>, ty: Id, bits: u64) -> u64 {
    match module.types.get(&ty) {
        Some(&(Type::Int { width, .. } | Type::Float { width, .. })) if width < 64 => {
            bits & ((1 << width) - 1)
        }
        _ => bits,
    }
}

/// The bits of the result; `None` where an operand or the operation is not known.
pub(super) fn fold(module: &Module<'_>, instruction: Instruction<'_>) -> Option<u64> {
    let (&op, operands) = instruction.operands().split_first()?;
    let op = Op::from_u32(op)?;
    let unsigned = |at: usize| module.values.get(operands.get(at)?).copied();
    let width = |at: usize| match module.types.get(module.type_of.get(operands.get(at)?)?)? {
        &Type::Int { width, .. } => Some(width),
        _ => None,
    };
    let signed = |at: usize| {
        let shift = 64_u32.checked_sub(width(at)?)?;
        Some((unsigned(at)? << shift) as i64 >> shift)
    };
    let truth = |holds: bool| Some(u64::from(holds));
    let result = match op {
        Op::IAdd => unsigned(0)?.wrapping_add(unsigned(1)?),
        Op::ISub => unsigned(0)?.wrapping_sub(unsigned(1)?),
        Op::IMul => unsigned(0)?.wrapping_mul(unsigned(1)?),
        Op::UDiv => unsigned(0)?.checked_div(unsigned(1)?)?,
        Op::UMod => unsigned(0)?.checked_rem(unsigned(1)?)?,
        Op::SDiv => signed(0)?.checked_div(signed(1)?)? as u64,
        // Vulkan leaves open what these are of a negative number, and drivers differ.
        Op::SRem | Op::SMod => match (signed(0)?, signed(1)?) {
            (dividend @ 0.., divisor @ 1..) => (dividend % divisor) as u64,
            _ => return None,
        },
        Op::SNegate => unsigned(0)?.wrapping_neg(),
        Op::Not => !unsigned(0)?,
        Op::BitwiseOr | Op::LogicalOr => unsigned(0)? | unsigned(1)?,
        Op::BitwiseXor => unsigned(0)? ^ unsigned(1)?,
        Op::BitwiseAnd | Op::LogicalAnd => unsigned(0)? & unsigned(1)?,
        Op::ShiftLeftLogical => shifted(unsigned(1)?, width(0)?, |by| Some(unsigned(0)? << by))?,
        Op::ShiftRightLogical => shifted(unsigned(1)?, width(0)?, |by| Some(unsigned(0)? >> by))?,
        Op::ShiftRightArithmetic => {
            shifted(unsigned(1)?, width(0)?, |by| Some((signed(0)? >> by) as u64))?
        }
        Op::LogicalNot => truth(unsigned(0)? == 0)?,
        Op::IEqual | Op::LogicalEqual => truth(unsigned(0)? == unsigned(1)?)?,
        Op::INotEqual | Op::LogicalNotEqual => truth(unsigned(0)? != unsigned(1)?)?,
        Op::UGreaterThan => truth(unsigned(0)? > unsigned(1)?)?,
        Op::UGreaterThanEqual => truth(unsigned(0)? >= unsigned(1)?)?,
        Op::ULessThan => truth(unsigned(0)? < unsigned(1)?)?,
        Op::ULessThanEqual => truth(unsigned(0)? <= unsigned(1)?)?,
        Op::SGreaterThan => truth(signed(0)? > signed(1)?)?,
        Op::SGreaterThanEqual => truth(signed(0)? >= signed(1)?)?,
        Op::SLessThan => truth(signed(0)? < signed(1)?)?,
        Op::SLessThanEqual => truth(signed(0)? <= signed(1)?)?,
        Op::Select => unsigned(if unsigned(0)? == 0 { 2 } else { 1 })?,
        Op::CompositeExtract => part(module, operands)?,
        Op::UConvert => unsigned(0)?,
        Op::SConvert => signed(0)? as u64,
        Op::FConvert => {
            let from = module.types.get(module.type_of.get(operands.first()?)?)?;
            let to = module.types.get(&instruction.result_type()?)?;
            float_bits(to, float_value(from, unsigned(0)?)?)?
        }
        _ => return None,
    };
    // Vectors have no value here, so neither has what is computed of them.
    let ty = instruction.result_type()?;
    matches!(module.types.get(&ty)?, Type::Bool | Type::Int { .. } | Type::Float { .. })
        .then(|| narrowed(module, ty, result))
}

/// A float by its bits.
fn float_value(ty: &Type, bits: u64) -> Option<f64> {
    match *ty {
        Type::Float { width: 16, encoding: None } => Some(f16::from_bits(bits as u16).to_f64()),
        Type::Float { width: 32, encoding: None } => Some(f32::from_bits(bits as u32).into()),
        Type::Float { width: 64, encoding: None } => Some(f64::from_bits(bits)),
        _ => None,
    }
}

/// The bits of the float of a type that is nearest to a value.
fn float_bits(ty: &Type, value: f64) -> Option<u64> {
    match *ty {
        Type::Float { width: 16, encoding: None } => Some(f16::from_f64(value).to_bits().into()),
        Type::Float { width: 32, encoding: None } => Some((value as f32).to_bits().into()),
        Type::Float { width: 64, encoding: None } => Some(value.to_bits()),
        _ => None,
    }
}

/// The value of a part of a constant: of `gl_WorkGroupSize.x`, say. `operands` are the constant and where the part is.
fn part(module: &Module<'_>, operands: &[u32]) -> Option<u64> {
    let (&whole, path) = operands.split_first()?;
    let part = path.iter().try_fold(whole, |of, &at| {
        let whole = module.definition(of)?;
        let is_stated =
            matches!(whole.op(), Some(Op::ConstantComposite | Op::SpecConstantComposite));
        whole.operands().get(at as usize).copied().filter(|_| is_stated)
    });
    module.values.get(&part?).copied()
}

/// A shift by as many bits as a number has, or more, has no value.
fn shifted(by: u64, width: u32, shift: impl FnOnce(u32) -> Option<u64>) -> Option<u64> {
    shift(u32::try_from(by).ok().filter(|&by| by < width)?)
}
