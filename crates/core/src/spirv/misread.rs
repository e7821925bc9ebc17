//! What a module states and naga's SPIR-V reader takes for something else, so that an executor that runs what naga
//! reads would compute or count another kernel. Knows naga's reader; nothing of counting.

use rspirv::spirv::{Decoration, ImageOperands, Op};

use super::{
    breaks, cfg, handles,
    memory::bytes,
    module::{Module, Type},
    signs::{self, Taken, is_signed},
    words::{Id, Ids, Instruction},
};

/// What naga's reader loses of a module; `None` where nothing of that kind is in it.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>) -> Result<Option<String>, String> {
    // naga reads every way that a module states, whatever its constants hold.
    let nothing_is_known = Ids::default();
    for function in &module.functions {
        let blocks = cfg::stated(module, function, &nothing_is_known)?;
        if cfg::falls_through(module, &blocks) {
            return Ok(Some("a case of its switch falls through to another".to_owned()));
        }
        if breaks::leave_several(module, &blocks) {
            return Ok(Some("it leaves a loop or a switch from within another".to_owned()));
        }
    }
    if let Some(matrix) = matrix(module) {
        return Ok(Some(matrix));
    }
    let mut functions = module.functions.iter().flat_map(|function| function.range.clone());
    Ok(functions.find_map(|index| lost(module, module.instructions[index])))
}

/// A matrix in a buffer that naga takes to lie otherwise: it reads one by rows as a whole and writes it by columns, and
/// takes the columns of those in an array to be as far apart as in WGSL.
fn matrix(module: &Module<'_>) -> Option<String> {
    let lost = module.member_decorations.iter().filter_map(|(&(ty, at, what), &value)| {
        let Type::Struct { members } = module.types.get(&ty)? else { return None };
        let member = *members.get(at as usize)?;
        let mut of = member;
        while let Some(&(Type::Array { element, .. } | Type::RuntimeArray { element })) =
            module.types.get(&of)
        {
            of = element;
        }
        let Type::Matrix { column, .. } = *module.types.get(&of)? else { return None };
        let Type::Vector { component, count } = *module.types.get(&column)? else { return None };
        let name = module.member_name(ty, at);
        if what == Decoration::RowMajor as u32 {
            return Some(format!("its matrix '{name}' lies by rows"));
        }
        let aligned = u64::from(count.next_power_of_two()) * bytes(module, component).ok()?;
        let stride = what == Decoration::MatrixStride as u32 && of != member;
        (stride && u64::from(value) != aligned)
            .then(|| format!("columns of the matrices '{name}' are {value} B apart"))
    });
    lost.min()
}

/// What it loses of an instruction.
fn lost(module: &Module<'_>, instruction: Instruction<'_>) -> Option<String> {
    let op = instruction.op()?;
    let name = || match signs::glsl(module, instruction) {
        Some(function) => format!("{function:?} of {}", signs::GLSL),
        None => instruction.name(),
    };
    // Its literals are of two words, and it costs nothing, as nothing else would that tells such numbers apart.
    if op == Op::Switch && is_wide(module, instruction) {
        return Some("its switch chooses by a number of 64 bits".to_owned());
    }
    // Each number becomes one of the other kind.
    if op == Op::Bitcast
        && let Some(to) = instruction.result_type().and_then(|ty| numbers(module, ty))
        && let Some(from) = numbers(module, *module.type_of.get(instruction.operands().first()?)?)
        && from != to
    {
        let of = |count: u32| {
            if count == 1 { "one number".to_owned() } else { format!("{count} numbers") }
        };
        return Some(format!("it has OpBitcast of {} to {}", of(from), of(to)));
    }
    // With floats, and several operations.
    if op == Op::SMod {
        return Some("it has the remainder OpSMod, one operation of integers".to_owned());
    }
    if is_of_nans(op) {
        return Some(format!("it has {}, which tells NaNs apart", name()));
    }
    if let Some(lost) = of_texels(module, op, instruction) {
        return Some(lost);
    }
    if let Some(value) = signs::kept(module, instruction)
        && let Some(result) = instruction.result_type()
        && is_signed(module, *module.type_of.get(&value)?) != is_signed(module, result)
    {
        return Some(match op {
            Op::BitCount | Op::ExtInst => {
                "it counts or finds bits, with a result of another sign than what they are in"
                    .to_owned()
            }
            _ => format!("it has {} with a result of another sign than its operand", name()),
        });
    }
    let taken = signs::of(module, instruction)?;
    let other = if taken.signed { "unsigned" } else { "signed" };
    differs(module, instruction, &taken).then(|| format!("it has {} of {other} integers", name()))
}

/// Whether an instruction's first operand is an integer of 64 bits.
fn is_wide(module: &Module<'_>, instruction: Instruction<'_>) -> bool {
    let ty = instruction.operands().first().and_then(|value| module.type_of.get(value));
    matches!(ty.and_then(|ty| module.types.get(ty)), Some(Type::Int { width: 64, .. }))
}

/// How many numbers a value of a type is.
fn numbers(module: &Module<'_>, ty: Id) -> Option<u32> {
    match *module.types.get(&ty)? {
        Type::Int { .. } | Type::Float { .. } => Some(1),
        Type::Vector { count, .. } => Some(count),
        _ => None,
    }
}

/// What it loses of where a texel is.
fn of_texels(module: &Module<'_>, op: Op, instruction: Instruction<'_>) -> Option<String> {
    let operands = instruction.operands();
    let offsets = ImageOperands::OFFSET | ImageOperands::CONST_OFFSETS;
    let (at, unread) = match op {
        Op::ImageFetch | Op::ImageRead => (2, offsets | ImageOperands::CONST_OFFSET),
        Op::ImageSampleImplicitLod
        | Op::ImageSampleExplicitLod
        | Op::ImageSampleProjImplicitLod
        | Op::ImageSampleProjExplicitLod => (2, offsets),
        Op::ImageGather => (3, offsets),
        _ => return None,
    };
    let given = operands
        .get(at)
        .map_or(ImageOperands::empty(), |&bits| ImageOperands::from_bits_truncate(bits));
    if given.intersects(unread) {
        return Some(format!("it has {} at an offset", instruction.name()));
    }
    // A sampler takes the nearest layer to a float.
    let is_layered = handles::sampled_image(module, *operands.first()?).is_some_and(|image| {
        const ARRAYED: usize = 3;
        module.definition(image).and_then(|it| it.operands().get(ARRAYED).copied()) == Some(1)
    });
    is_layered.then(|| format!("it has {}, which rounds the layer of an array", instruction.name()))
}

/// Whether a comparison differs for NaNs from the one that naga takes it for.
fn is_of_nans(op: Op) -> bool {
    matches!(
        op,
        Op::FOrdNotEqual
            | Op::FUnordEqual
            | Op::FUnordLessThan
            | Op::FUnordLessThanEqual
            | Op::FUnordGreaterThan
            | Op::FUnordGreaterThanEqual
    )
}

/// Whether an instruction takes integers otherwise than naga does, by their types.
fn differs(module: &Module<'_>, instruction: Instruction<'_>, taken: &Taken) -> bool {
    let is_other = |ty: Id| is_signed(module, ty) == Some(!taken.signed);
    if taken.result && instruction.result_type().is_some_and(is_other) {
        return true;
    }
    // Of these naga gives operands the sign of the result.
    if matches!(instruction.op(), Some(Op::SDiv | Op::SRem)) {
        return false;
    }
    let operands = instruction.operands().get(taken.operands.clone()).unwrap_or_default();
    operands.iter().any(|id| module.type_of.get(id).is_some_and(|&ty| is_other(ty)))
}
