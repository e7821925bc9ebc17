//! A module as naga's reader is given it, and what that reader loses of it: the lines that it states, and which
//! accesses are plain. Knows naga's reader; nothing of counting.

use rspirv::spirv::{Decoration, ExecutionMode, MemorySemantics, Op, StorageClass};

use super::{
    Specialization, SpirvModule, aggregates, cfg, coordinates,
    lines::stated,
    misread,
    module::{Module, Type},
    parted, picked, repeated, resign,
    shader::{bits_of, number_of},
    silent::is_of_lines,
    undefined,
    words::{BOUND, Instruction, push, text},
};
use crate::{Error, read::PlainAccesses, source::InstructionLine};

/// A module for readers that know no specialisation and no lines, and what is lost in it.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its words, header included.
    pub words: Vec<u32>,
    /// The lines that the module states.
    pub lines: Vec<InstructionLine>,
    /// Its loads and stores that are no atomics.
    pub plain: PlainAccesses,
}

impl SpirvModule {
    /// The module with every specialisation constant as a plain one, what is computed of them as its value where that
    /// is known, workgroups as they then are, integers of the signs that operations take them with, components of
    /// vectors picked by places, floats taken apart into structures, aggregates copied and chosen by their parts,
    /// zeros for what nobody defines, loops that end where a condition holds, and without the lines that it states,
    /// which are told beside it: for readers that know no such things.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module, and where naga's reader would make something else of it than it
    /// states: of a case that falls through, say.
    pub fn settled(&self) -> Result<Settled, Error> {
        self.view(|module| through(module, &STEPS))
    }
}

/// Writes all words of a module anew; `None` where they stay what they are.
type Step = fn(&Module<'_>) -> Result<Option<Vec<u32>>, String>;

/// What is written so that naga reads it, in order.
const STEPS: [Step; 7] = [
    |module| Ok(resign::of(module)),
    picked::of,
    |module| Ok(parted::of(module)),
    aggregates::of,
    |module| Ok(undefined::of(module)),
    |module| Ok(repeated::of(module)),
    |module| Ok(coordinates::of(module)),
];

/// # Errors
/// As [`settled`].
fn through(module: &Module<'_>, steps: &[Step]) -> Result<Settled, String> {
    let Some((step, rest)) = steps.split_first() else { return settled(module) };
    match step(module)? {
        None => through(module, rest),
        Some(words) => through(&Module::read(&words, &Specialization::new())?, rest),
    }
}

/// # Errors
/// What is wrong with the module, and what naga's reader makes something else of.
fn settled(module: &Module<'_>) -> Result<Settled, String> {
    if let Some(open) = module.instructions.iter().find_map(|its| not_evaluated(module, *its)) {
        return Err(open);
    }
    match misread::of(module)? {
        Some(lost) => Err(format!("{lost}, which naga's reader makes something else of")),
        None => Ok(rewritten(module)),
    }
}

/// Why a constant that is computed of others has no value here, where it has none.
fn not_evaluated(module: &Module<'_>, instruction: Instruction<'_>) -> Option<String> {
    let computed = instruction.is(Op::SpecConstantOp) && folded(module, instruction).is_none();
    let (name, op) =
        (module.name(instruction.result().filter(|_| computed)?), instruction.operands()[0]);
    Some(match Op::from_u32(op) {
        Some(Op::SRem | Op::SMod) => format!(
            "its constant '{name}' is a remainder of a negative number or by 0, which Vulkan leaves open: give the \
             constants that it is made of other values"
        ),
        Some(op) => format!(
            "its constant '{name}' is computed of others by Op{op:?}, which is not evaluated here"
        ),
        None => format!(
            "its constant '{name}' is computed of others by instruction {op}, which is not known here"
        ),
    })
}

/// All words, with specialisation constants as plain ones. A barrier of a subgroup is for a subgroup's memory: naga's
/// reader takes that, and not the scope, for the sign of one.
fn rewritten(module: &Module<'_>) -> Settled {
    let (mut plain, mut uncounted) = (Vec::new(), 0);
    let mut lines = Vec::new();
    let mut words = module.header.to_vec();
    let barrier = module.instructions.iter().find(|it| module.waits_for_subgroup(**it));
    let scalar = barrier.and_then(|barrier| module.value_type(barrier.operands()[0]).ok());
    let semantics = module.header[BOUND];
    let mut is_stated = false;
    for (instruction, line) in module.instructions.iter().zip(stated(module, None).lines) {
        let operands = instruction.operands();
        if let Some(scalar) = scalar
            && instruction.is(Op::Function)
            && !is_stated
        {
            let of = MemorySemantics::ACQUIRE_RELEASE | MemorySemantics::SUBGROUP_MEMORY;
            push(&mut words, Op::Constant, &[scalar, semantics, of.bits()]);
            words[BOUND] += 1;
            is_stated = true;
        }
        let numbered =
            instruction.is(Op::Decorate) && operands.get(1) == Some(&(Decoration::SpecId as u32));
        if numbered || is_shared(module, *instruction) || is_of_lines(module, *instruction) {
            continue;
        }
        if let Some(size) = workgroup(module, *instruction) {
            let mode = ExecutionMode::LocalSize as u32;
            push(&mut words, Op::ExecutionMode, &[&[operands[0], mode], &size[..]].concat());
            uncounted += size.len();
            continue;
        }
        let start = words.len();
        let byte = (start - uncounted) * size_of::<u32>();
        uncounted += passed_over(*instruction);
        lines.push(InstructionLine { byte, line });
        if matches!(instruction.op(), Some(Op::Load | Op::Store)) {
            plain.push(byte);
        }
        if let Some(operands) = without_idle_arms(module, *instruction) {
            push(&mut words, Op::Switch, &operands);
            continue;
        }
        words.extend(instruction.words);
        if module.waits_for_subgroup(*instruction) {
            words[start + 3] = semantics;
        }
        let plain = match instruction.op() {
            Some(Op::SpecConstant) => Op::Constant,
            Some(Op::SpecConstantTrue) => Op::ConstantTrue,
            Some(Op::SpecConstantFalse) => Op::ConstantFalse,
            Some(Op::SpecConstantComposite) => Op::ConstantComposite,
            Some(Op::SpecConstantOp) => {
                if let Some(constant) = folded(module, *instruction) {
                    words.truncate(start);
                    words.extend(constant);
                }
                continue;
            }
            _ => continue,
        };
        words[start] = words[start] & 0xffff_0000 | plain as u32;
    }
    lines.dedup_by_key(|its| its.line);
    Settled { words, lines, plain: PlainAccesses::at(plain) }
}

/// The operands of a switch without the literals that select its default, which selects itself. naga's reader has them fall
/// through to whichever case it lists behind them.
fn without_idle_arms(module: &Module<'_>, instruction: Instruction<'_>) -> Option<Vec<u32>> {
    if !instruction.is(Op::Switch) {
        return None;
    }
    let operands = instruction.operands();
    let arms = cfg::arms(module, operands).ok()?;
    let others = arms.filter(|arm| arm.last() != Some(&operands[1])).flatten();
    Some(operands[..2].iter().chain(others).copied().collect())
}

/// Whether it says that an image is shared with other invocations, which naga's reader takes of buffers alone. Executors
/// of what it reads share all images.
fn is_shared(module: &Module<'_>, instruction: Instruction<'_>) -> bool {
    let [id, what, ..] = *instruction.operands() else { return false };
    let shared = [Decoration::Coherent as u32, Decoration::Volatile as u32];
    let class = module.definition(id).filter(|it| it.is(Op::Variable)).map(|it| it.operands()[0]);
    instruction.is(Op::Decorate)
        && shared.contains(&what)
        && class == Some(StorageClass::UniformConstant as u32)
}

/// How many words of an instruction naga's reader does not count when it tells where it is.
fn passed_over(instruction: Instruction<'_>) -> usize {
    let operands = instruction.operands();
    match instruction.op() {
        Some(Op::EntryPoint) => operands.len() - 2 - text(&operands[2..]).1,
        Some(Op::ExecutionMode) => operands.len() - 2,
        Some(Op::TypeFunction) => operands.len() - 1,
        _ => 0,
    }
}

/// The workgroup that an execution mode is about, where it is about one.
fn workgroup(module: &Module<'_>, instruction: Instruction<'_>) -> Option<[u32; 3]> {
    if !matches!(instruction.op(), Some(Op::ExecutionMode | Op::ExecutionModeId)) {
        return None;
    }
    let (&entry, rest) = instruction.operands().split_first()?;
    let modes = [ExecutionMode::LocalSize as u32, ExecutionMode::LocalSizeId as u32];
    modes.contains(rest.first()?).then(|| module.workgroup(entry).ok()).flatten()
}

/// A computation of constants as the constant that it gives, where its value is known.
fn folded(module: &Module<'_>, instruction: Instruction<'_>) -> Option<Vec<u32>> {
    let (id, ty) = (instruction.result()?, instruction.result_type()?);
    let value = *module.values.get(&id)?;
    let mut words = Vec::new();
    match *module.types.get(&ty)? {
        Type::Bool => {
            let op = if value == 0 { Op::ConstantFalse } else { Op::ConstantTrue };
            push(&mut words, op, &[ty, id]);
        }
        ref of @ (Type::Int { width, .. } | Type::Float { width, .. }) => {
            let bits = bits_of(of, number_of(of, value)).filter(|_| width <= 32).unwrap_or(value);
            let operands = [ty, id, bits as u32, (bits >> 32) as u32];
            push(&mut words, Op::Constant, &operands[..if width > 32 { 4 } else { 3 }]);
        }
        _ => return None,
    }
    Some(words)
}
