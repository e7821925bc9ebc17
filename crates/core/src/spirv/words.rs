//! The words of a SPIR-V module as instructions, and what the grammar says of each: where its result is and
//! which of its operands are ids. Knows nothing of what instructions mean.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::LazyLock,
};

use rspirv::{
    grammar::{INSTRUCTION_TABLE, OperandKind, OperandQuantifier},
    spirv::{MAGIC_NUMBER, Op},
};

use super::newer::MixedDot;

type Grammar = rspirv::grammar::Instruction<'static>;

/// The name of a result.
pub(super) type Id = u32;

/// What is known by ids. Compilers number them one after another, so hardly anything has to be done for a hash.
pub(super) type Ids<T> = HashMap<Id, T, BuildHasherDefault<IdHasher>>;

/// The hash of an id: a product, the upper half of which is folded onto the lower.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(byte.into()));
    }

    fn write_u32(&mut self, word: u32) {
        let product = (self.0 ^ u64::from(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Words before the first instruction.
pub(super) const HEADER: usize = 5;

/// The word of the header that all ids are below.
pub(super) const BOUND: usize = 3;

/// What the grammar says of an instruction.
#[derive(Debug)]
struct Known {
    grammar: &'static Grammar,
    /// How many words follow the first at least.
    least: usize,
    has_type: bool,
    has_result: bool,
}

impl Known {
    fn of(grammar: &'static Grammar) -> Self {
        let has = |kind: OperandKind| grammar.operands.iter().take(2).any(|o| o.kind == kind);
        let least =
            grammar.operands.iter().filter(|o| o.quantifier == OperandQuantifier::One).count();
        let (has_type, has_result) = (has(OperandKind::IdResultType), has(OperandKind::IdResult));
        Self { grammar, least, has_type, has_result }
    }
}

/// The grammar by opcode.
static GRAMMAR: LazyLock<Vec<Option<Known>>> = LazyLock::new(|| {
    let mut known = Vec::new();
    for grammar in INSTRUCTION_TABLE.iter() {
        let at = usize::from(grammar.opcode as u16);
        known.resize_with(known.len().max(at + 1), || None);
        known[at] = Some(Known::of(grammar));
    }
    known
});

/// One instruction of a module. It has all the operands that its grammar demands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction<'a> {
    /// All its words.
    pub(super) words: &'a [u32],
    /// `None` where the grammar does not know it.
    known: Option<&'static Known>,
    /// What it does where it is newer than the grammar.
    pub(super) newer: Option<MixedDot>,
}

impl<'a> Instruction<'a> {
    /// What it does; `None` where the grammar does not know it.
    pub(super) fn op(self) -> Option<Op> {
        self.known.map(|known| known.grammar.opcode)
    }

    /// Whether it is this one.
    pub(super) fn is(self, op: Op) -> bool {
        self.op() == Some(op)
    }

    /// What it is called in messages.
    pub(super) fn name(self) -> String {
        match (self.known, self.newer) {
            (Some(known), _) => format!("Op{}", known.grammar.opname),
            (None, Some(newer)) => format!("Op{}", newer.name()),
            (None, None) => format!("the instruction {}", self.words[0] & 0xffff),
        }
    }

    fn has_type(self) -> bool {
        self.known.map_or(self.newer.is_some(), |known| known.has_type)
    }

    fn has_result(self) -> bool {
        self.known.map_or(self.newer.is_some(), |known| known.has_result)
    }

    /// The type of its result, where it has one.
    pub(super) fn result_type(self) -> Option<Id> {
        self.has_type().then(|| self.words[1])
    }

    /// Its result, where it has one.
    pub(super) fn result(self) -> Option<Id> {
        self.has_result().then(|| self.words[1 + usize::from(self.has_type())])
    }

    /// Its operands after the result and the result's type.
    pub(super) fn operands(self) -> &'a [u32] {
        &self.words[1 + usize::from(self.has_type()) + usize::from(self.has_result())..]
    }

    /// The ids that it uses: all of its operands that are ids, save for those that only say how memory is
    /// accessed. Of an instruction that the grammar does not know it is all words that might be one.
    pub(super) fn each_use(self, mut visit: impl FnMut(Id)) {
        let operands = self.operands();
        let Some(Known { grammar, .. }) = self.known else {
            return operands.iter().copied().for_each(visit);
        };
        // The rest of it are labels and literals.
        if self.is(Op::Switch) {
            return visit(operands[0]);
        }
        let kinds = grammar.operands.iter().filter(|operand| {
            !matches!(operand.kind, OperandKind::IdResultType | OperandKind::IdResult)
        });
        let mut at = 0;
        for operand in kinds {
            let often = match operand.quantifier {
                OperandQuantifier::One | OperandQuantifier::ZeroOrOne => 1,
                OperandQuantifier::ZeroOrMore => usize::MAX,
            };
            for _ in 0..often {
                let Some(&word) = operands.get(at) else { break };
                let rest = &operands[at + 1..];
                at += 1;
                match operand.kind {
                    OperandKind::IdRef | OperandKind::IdScope | OperandKind::IdMemorySemantics => {
                        visit(word);
                    }
                    OperandKind::PairIdRefIdRef => {
                        visit(word);
                        rest.first().copied().into_iter().for_each(&mut visit);
                        at += 1;
                    }
                    OperandKind::PairIdRefLiteralInteger => {
                        visit(word);
                        at += 1;
                    }
                    OperandKind::ImageOperands => {
                        return rest.iter().copied().for_each(visit);
                    }
                    OperandKind::MemoryAccess => return,
                    OperandKind::LiteralString => at += text(&operands[at - 1..]).1 - 1,
                    // A literal or an enumerant of one word.
                    _ => {}
                }
            }
        }
    }
}

/// The instructions of a module.
///
/// # Errors
/// What is not SPIR-V about the words.
pub(super) fn instructions(words: &[u32]) -> Result<Vec<Instruction<'_>>, String> {
    match words.first() {
        Some(&MAGIC_NUMBER) if words.len() >= HEADER => {}
        Some(word) if word.swap_bytes() == MAGIC_NUMBER => {
            return Err("its words are in the byte order of another machine".into());
        }
        Some(&MAGIC_NUMBER) => return Err("it ends within its head of five words".into()),
        None => return Err("it is empty".into()),
        Some(_) => return Err("it does not begin as SPIR-V does".into()),
    }
    let (mut instructions, mut at) = (Vec::new(), HEADER);
    while at < words.len() {
        let length = (words[at] >> 16) as usize;
        let known = GRAMMAR.get(usize::from(words[at] as u16)).and_then(Option::as_ref);
        let newer = MixedDot::of(words[at] as u16).filter(|_| known.is_none());
        let least = known.map(|known| known.least).or(newer.map(|_| MixedDot::OPERANDS));
        let its = words.get(at..at + length).filter(|its| its.len() > least.unwrap_or(0));
        let its = its.ok_or_else(|| format!("the instruction at word {at} is cut off"))?;
        instructions.push(Instruction { words: its, known, newer });
        at += length;
    }
    Ok(instructions)
}

/// The text that begins with these words, and how many words it takes.
pub(super) fn text(words: &[u32]) -> (String, usize) {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), (end / 4 + 1).min(words.len()))
}

/// Appends an instruction.
pub(super) fn push(words: &mut Vec<u32>, op: Op, operands: &[u32]) {
    words.push((operands.len() as u32 + 1) << 16 | op as u32);
    words.extend(operands);
}

/// Appends an instruction whose last operand is a text.
pub(super) fn push_text(words: &mut Vec<u32>, op: Op, text: &str) {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize((bytes.len() / 4 + 1) * 4, 0);
    let (words_of_text, _) = bytes.as_chunks();
    let text: Vec<u32> = words_of_text.iter().map(|&word| u32::from_le_bytes(word)).collect();
    push(words, op, &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_back() {
        for said in ["", "abc", "abcd", "a longer text"] {
            let mut words = Vec::new();
            push_text(&mut words, Op::Extension, said);
            assert_eq!(text(&words[1..]), (said.to_owned(), words.len() - 1));
        }
    }

    #[test]
    fn what_is_no_module_is_said() {
        assert!(instructions(&[]).is_err());
        assert!(instructions(&[1, 2, 3, 4, 5]).is_err());
        assert!(
            instructions(&[MAGIC_NUMBER.swap_bytes(), 0, 0, 0, 0]).unwrap_err().contains("order")
        );
        // An instruction of no words; one that goes past the end; one without its operands.
        for cut in [[0, 0], [3 << 16 | 61, 0], [1 << 16 | 61, 1 << 16]] {
            let words = [vec![MAGIC_NUMBER, 0x1_0000, 0, 1, 0], cut.to_vec()].concat();
            assert!(instructions(&words).unwrap_err().contains("cut off"), "{cut:?}");
        }
    }

    #[test]
    fn only_ids_are_uses() {
        let mut words = vec![MAGIC_NUMBER, 0x1_0000, 0, 1, 0];
        push(&mut words, Op::Load, &[1, 2, 3, 2, 16]);
        push(&mut words, Op::CompositeExtract, &[1, 4, 2, 9]);
        push(&mut words, Op::Switch, &[4, 10, 0, 11]);
        push(&mut words, Op::ExtInst, &[1, 5, 6, 31, 4]);
        let instructions = instructions(&words).unwrap();
        let uses = instructions.iter().map(|instruction| {
            let mut uses = Vec::new();
            instruction.each_use(|id| uses.push(id));
            uses
        });
        let uses: Vec<_> = uses.collect();
        assert_eq!(uses, [vec![3], vec![2], vec![4], vec![6, 4]]);
    }
}
