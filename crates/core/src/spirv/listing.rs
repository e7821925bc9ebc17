//! The text that goes with a module: the source that it was compiled from, where it carries that and says which line
//! an instruction is of; else what it states itself, an instruction a line.

use std::collections::BTreeSet;

use rspirv::{
    binary::{Consumer, Disassemble, ParseAction, parse_words},
    dr::{self, Operand},
    spirv::{NonsemanticShaderDebuginfo100Op as Debug, Op},
};

use super::{
    literal::literal,
    module::Module,
    words::{Id, Instruction, push, text},
};

/// The set of extended instructions that says where code is from.
pub(super) const DEBUG_INFO: &str = "NonSemantic.Shader.DebugInfo.100";

/// Whether the module says which lines its instructions are of.
pub(super) fn has_lines(module: &Module<'_>) -> bool {
    module.functions.iter().flat_map(|function| function.range.clone()).any(|index| {
        let instruction = module.instructions[index];
        instruction.is(Op::Line)
            || debug(module, index).is_some_and(|(what, _)| what == Debug::DebugLine)
    })
}

/// The text of a file that the module says lines of; `None` where it does not carry that, or not with those lines, since a
/// directive gives them other numbers.
pub(super) fn source(module: &Module<'_>, file: Id) -> Option<String> {
    for (index, instruction) in module.instructions.iter().enumerate() {
        let operands = instruction.operands();
        if instruction.is(Op::Source)
            && operands.get(2) == Some(&file)
            && let Some(words) = operands.get(3..).filter(|words| !words.is_empty())
        {
            let more = module.instructions[index + 1..].iter();
            let more = more.take_while(|its| its.is(Op::SourceContinued));
            let parts = [words].into_iter().chain(more.map(|its| its.operands()));
            return stated(parts.map(|words| text(words).0).collect());
        }
        if let Some((Debug::DebugSource, &[its, code, ..])) = debug(module, index)
            && its == file
        {
            return stated(string(module, code)?);
        }
    }
    None
}

/// A text that the module has, such as a file's name.
pub(super) fn string(module: &Module<'_>, id: Id) -> Option<String> {
    let definition = module.definition(id).filter(|its| its.is(Op::String))?;
    Some(text(definition.operands()).0)
}

/// A source without what glslang puts before it: comments on how it was called, and a directive by which its first line
/// has the number 1. `None` where it has other such directives.
fn stated(source: String) -> Option<String> {
    let header = source.split_inclusive('\n').take_while(|line| line.starts_with("//"));
    let bytes: usize = header.map(str::len).sum();
    let stated = match source[bytes..].strip_prefix("#line 1\n") {
        Some(stated) => stated.to_owned(),
        None => source,
    };
    let numbers = |line: &str| {
        let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
        directive.is_some_and(|directive| directive.starts_with("line"))
    };
    (!stated.lines().any(numbers)).then_some(stated)
}

/// The instructions of a module, a line each: line `n` is instruction `n - 1`.
///
/// # Errors
/// Where the words are no module.
pub(super) fn listing(module: &Module<'_>) -> Result<String, String> {
    // What the disassembler takes for no instruction, such as a constant that is a shuffle of another's components.
    let instructions = module.instructions.iter().enumerate();
    let computed = instructions.filter(|(_, its)| its.is(Op::SpecConstantOp));
    let is_odd = |(at, its): (usize, &Instruction<'_>)| {
        let words = [&module.header[..], its.words].concat();
        let mut alone = Lines { module, plain: &BTreeSet::new(), listed: Vec::new() };
        parse_words(&words, &mut alone).is_err().then_some(at)
    };
    let mut plain: BTreeSet<usize> = computed.filter_map(is_odd).collect();
    loop {
        let mut words = module.header.to_vec();
        for (at, instruction) in module.instructions.iter().enumerate() {
            if plain.contains(&at) {
                push(&mut words, Op::Nop, &[]);
            } else {
                words.extend(instruction.words);
            }
        }
        let mut lines = Lines { module, plain: &plain, listed: Vec::new() };
        let Err(state) = parse_words(&words, &mut lines) else { return Ok(lines.listed.concat()) };
        let at = lines.listed.len();
        if at >= module.instructions.len() || !plain.insert(at) {
            return Err(format!("it cannot be listed: {state}"));
        }
    }
}

/// An instruction with its operands as numbers.
fn in_numbers(instruction: Instruction<'_>) -> String {
    let result = instruction.result().map_or_else(String::new, |id| format!("%{id} = "));
    let name = instruction.op().map_or_else(|| "Op?".to_owned(), |op| format!("Op{op:?}"));
    let ty = instruction.result_type().map_or_else(String::new, |ty| format!("  %{ty}"));
    let operands = instruction.operands().iter().map(|word| format!(" {word}"));
    format!("{result}{name}{ty} {}", operands.collect::<String>())
}

/// An instruction that says where code is from, and its operands.
fn debug<'a>(module: &Module<'a>, index: usize) -> Option<(Debug, &'a [u32])> {
    let instruction = module.instructions[index];
    let (&set, rest) = instruction.operands().split_first()?;
    let (&what, operands) = rest.split_first()?;
    let known = module.imports.get(&set).is_some_and(|name| name == DEBUG_INFO);
    let what = Debug::from_u32(what).filter(|_| known && instruction.is(Op::ExtInst))?;
    Some((what, operands))
}

struct Lines<'l, 'm> {
    module: &'l Module<'m>,
    /// The instructions that are listed with numbers.
    plain: &'l BTreeSet<usize>,
    listed: Vec<String>,
}

impl Lines<'_, '_> {
    /// A constant with its number as one of its type; `None` where an instruction is none.
    fn constant(&self, instruction: &dr::Instruction) -> Option<String> {
        let is_one = matches!(instruction.class.opcode, Op::Constant | Op::SpecConstant);
        let (ty, id) = instruction.result_type.zip(instruction.result_id).filter(|_| is_one)?;
        let bits = match *instruction.operands.first()? {
            Operand::LiteralBit32(bits) => bits.into(),
            Operand::LiteralBit64(bits) => bits,
            _ => return None,
        };
        let number = literal(self.module.types.get(&ty)?, bits);
        Some(format!("%{id} = Op{}  %{ty}  {number}", instruction.class.opname))
    }
}

impl Consumer for Lines<'_, '_> {
    fn initialize(&mut self) -> ParseAction {
        ParseAction::Continue
    }

    fn finalize(&mut self) -> ParseAction {
        ParseAction::Continue
    }

    fn consume_header(&mut self, _: dr::ModuleHeader) -> ParseAction {
        ParseAction::Continue
    }

    fn consume_instruction(&mut self, instruction: dr::Instruction) -> ParseAction {
        let at = self.listed.len();
        let in_numbers =
            || self.plain.contains(&at).then(|| in_numbers(self.module.instructions[at]));
        let special = self.constant(&instruction).or_else(in_numbers);
        // A text within an instruction may have lines of its own.
        let listed = special.unwrap_or_else(|| instruction.disassemble().replace('\n', "\\n"));
        self.listed.push(listed + "\n");
        ParseAction::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn what_a_compiler_puts_before_a_source_is_no_part_of_it() {
        let own = "#version 450\n// of its author\nvoid main() {}\n";
        let header = "// OpModuleProcessed client vulkan100\n// OpModuleProcessed entry-point main\n#line 1\n";
        assert_eq!(stated(format!("{header}{own}")).as_deref(), Some(own));
        assert_eq!(stated(own.to_owned()).as_deref(), Some(own));
        let commented = format!("// of its author\n{own}");
        assert_eq!(stated(commented.clone()), Some(commented));
        for directive in ["#line 5\n", " # line 5 2\n"] {
            assert_eq!(stated(format!("{header}{own}{directive}void f() {{}}\n")), None);
        }
    }
}
