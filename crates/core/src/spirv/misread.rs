//! What a module states and naga's SPIR-V reader takes for something else, so that an executor that runs what naga
//! reads would compute or count another kernel. Knows naga's reader; nothing of counting.

use rspirv::spirv::{GlslStd450Op as Glsl, Op};

use super::{
    cfg,
    module::{Module, Type},
    words::{Id, Instruction},
};

/// What naga's reader loses of a module; `None` where nothing of that kind is in it.
///
/// # Errors
/// What is wrong with the module.
pub(super) fn of(module: &Module<'_>) -> Result<Option<String>, String> {
    if cfg::falls_through(module)? {
        return Ok(Some("a case of its switch falls through to another".to_owned()));
    }
    let functions = module.functions.iter().flat_map(|function| function.range.clone());
    for index in functions {
        let instruction = module.instructions[index];
        if instruction.is(Op::SMod) {
            // With floats, and several operations.
            return Ok(Some("it has the remainder OpSMod, one operation of integers".to_owned()));
        }
        if let Some(operand) = counted_bits(module, instruction)
            && let Some(result) = instruction.result_type()
            && is_signed(module, module.value_type(operand)?) != is_signed(module, result)
        {
            return Ok(Some(
                "it counts or finds bits, with a result of another sign than what they are in"
                    .to_owned(),
            ));
        }
    }
    Ok(None)
}

/// What an instruction counts the bits of, or finds one in.
fn counted_bits(module: &Module<'_>, instruction: Instruction<'_>) -> Option<Id> {
    let operands = instruction.operands();
    match instruction.op()? {
        Op::BitCount => operands.first().copied(),
        Op::ExtInst => {
            let &[set, number, operand, ..] = operands else { return None };
            let known = module.imports.get(&set).is_some_and(|set| set == "GLSL.std.450");
            let finds = [Glsl::FindILsb, Glsl::FindSMsb, Glsl::FindUMsb];
            (known && finds.iter().any(|&it| it as u32 == number)).then_some(operand)
        }
        _ => None,
    }
}

fn is_signed(module: &Module<'_>, ty: Id) -> Option<bool> {
    match *module.types.get(&ty)? {
        Type::Int { signed, .. } => Some(signed),
        Type::Vector { component, .. } => is_signed(module, component),
        _ => None,
    }
}
