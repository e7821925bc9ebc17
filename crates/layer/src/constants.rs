//! What a module says of its specialisation constants: their types and their names. Knows SPIR-V's words, and no Vulkan.

use std::collections::{BTreeMap, HashMap};

use flopmeter_core::recording::SpecType;

/// Words before the first instruction.
const HEADER: usize = 5;

/// What is known of the constants with a number, by that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Stated {
    /// Their types, as far as they are ones that a report has.
    pub(crate) types: BTreeMap<u32, SpecType>,
    /// What they are called, as far as they have names.
    pub(crate) names: BTreeMap<u32, String>,
}

impl Stated {
    /// What these words of a module say.
    pub(crate) fn of(words: &[u32]) -> Self {
        let mut numbers: Vec<(u32, u32)> = Vec::new();
        let mut types: HashMap<u32, SpecType> = HashMap::new();
        let mut constants: HashMap<u32, SpecType> = HashMap::new();
        let mut names: HashMap<u32, &[u32]> = HashMap::new();
        let mut rest = words.get(HEADER..).unwrap_or_default();
        while let [first, ..] = rest {
            let length = (first >> 16) as usize;
            let Some((instruction, behind)) = rest.split_at_checked(length.max(1)) else { break };
            rest = behind;
            match (first & 0xffff, &instruction[1..]) {
                // OpName.
                (5, [id, name @ ..]) => drop(names.insert(*id, name)),
                // OpDecorate with SpecId.
                (71, &[id, 1, number]) => numbers.push((number, id)),
                // OpTypeBool, OpTypeInt, OpTypeFloat without an encoding of its own.
                (20, &[id]) => drop(types.insert(id, SpecType::Bool)),
                (21, &[id, width, signed]) => {
                    types.insert(id, SpecType::Int { width, signed: signed != 0 });
                }
                (22, &[id, width]) => drop(types.insert(id, SpecType::Float { width })),
                // OpSpecConstantTrue, OpSpecConstantFalse, OpSpecConstant.
                (48..=50, &[ty, id, ..]) => {
                    if let Some(&ty) = types.get(&ty) {
                        constants.insert(id, ty);
                    }
                }
                // OpFunction: constants stand before it.
                (54, _) => break,
                _ => {}
            }
        }
        let typed = numbers.iter();
        let typed = typed.filter_map(|&(number, id)| Some((number, *constants.get(&id)?)));
        let named = numbers.iter();
        let named = named.filter_map(|&(number, id)| Some((number, text(names.get(&id)?)?)));
        Self { types: typed.collect(), names: named.collect() }
    }
}

/// The text in these words, up to its zero; `None` where there is none.
fn text(words: &[u32]) -> Option<String> {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes()).take_while(|&byte| byte != 0);
    let bytes: Vec<u8> = bytes.collect();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use flopmeter_core::recording::{NotFinite, SpecValue};

    use super::*;

    /// A module of these instructions, each its code and its operands.
    fn module(instructions: &[&[u32]]) -> Vec<u32> {
        let words = instructions.iter().flat_map(|words| {
            let (op, operands) = words.split_first().unwrap();
            std::iter::once((words.len() as u32) << 16 | op).chain(operands.iter().copied())
        });
        [0; HEADER].into_iter().chain(words).collect()
    }

    #[test]
    fn values_are_numbers_of_their_types() {
        let words = module(&[
            &[5, 12, u32::from_le_bytes(*b"BLOC"), u32::from_le_bytes(*b"K\0\0\0")],
            &[5, 13, 0],
            &[5, 19, u32::from_le_bytes(*b"sum\0")],
            &[71, 11, 1, 0],
            &[71, 12, 1, 2],
            &[71, 13, 1, 3],
            &[71, 14, 1, 4],
            &[71, 15, 1, 5],
            &[71, 16, 1, 6],
            &[71, 17, 1, 7],
            &[71, 18, 1, 8],
            &[20, 1],
            &[21, 2, 32, 0],
            &[21, 3, 32, 1],
            &[22, 4, 16],
            &[22, 5, 32],
            &[22, 6, 64],
            &[22, 7, 16, 0],
            &[48, 1, 11],
            &[50, 2, 12, 7],
            &[50, 3, 13, 7],
            &[50, 4, 14, 0],
            &[50, 5, 15, 0],
            &[50, 6, 16, 0, 0],
            &[50, 7, 17, 0],
        ]);
        let Stated { types, names } = Stated::of(&words);
        assert_eq!(names, [(2, "BLOCK".to_owned())].into(), "the others have none, or no number");
        let of = |number: u32, bits: u64| types.get(&number).map(|&ty| SpecValue::of(bits, ty));
        assert_eq!(of(0, 1), Some(SpecValue::Bool(true)));
        assert_eq!(of(2, 0xffff_fff6), Some(SpecValue::Unsigned(4_294_967_286)));
        assert_eq!(of(3, 0xffff_fff6), Some(SpecValue::Signed(-10)));
        assert_eq!(of(3, 9), Some(SpecValue::Unsigned(9)));
        assert_eq!(of(4, 14336), Some(SpecValue::Float(0.5)));
        assert_eq!(of(5, 1_048_576_000), Some(SpecValue::Float(0.25)));
        assert_eq!(of(5, 0x3dcc_cccd), Some(SpecValue::Float(0.1)));
        assert_eq!(of(5, 0x7f80_0000), Some(SpecValue::NotFinite(NotFinite::Infinite)));
        assert_eq!(of(6, 4_616_189_618_054_758_400), Some(SpecValue::Float(4.0)));
        // An encoding that has no name here, and a constant that is not stated.
        assert_eq!((of(7, 1), of(8, 1)), (None, None));
        for value in [of(0, 1), of(2, 1 << 31), of(3, 1 << 31), of(5, 0xff80_0000), of(6, 0)] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Option<SpecValue>>(&text).unwrap(), value, "{text}");
        }
    }
}
