//! Every instruction of the grammar has a price, is free, or is refused by its name: none is counted as nothing because
//! nobody thought of it. What has a price and what is free is written down beside this file, to be read where it changes.

use std::collections::BTreeMap;

use flopmeter_core::op::Cost;
use rspirv::{
    dr::{Builder, InsertPoint, Instruction, Operand},
    grammar::{INSTRUCTION_TABLE, OperandKind, OperandQuantifier},
    spirv::*,
};

use crate::hand::{cost, module_of};

/// Instructions of which a function is made: without them in their places there is no module.
const STRUCTURE: [Op; 12] = [
    Op::Function,
    Op::FunctionEnd,
    Op::Label,
    Op::Branch,
    Op::BranchConditional,
    Op::Switch,
    Op::Return,
    Op::ReturnValue,
    Op::Unreachable,
    Op::Kill,
    Op::TerminateInvocation,
    // Executes what it names, which has to be there.
    Op::FunctionCall,
];

/// What an instruction may make and take; of numbers, it makes wider ones than it takes.
#[derive(Clone, Copy, Debug)]
enum Of {
    Floats,
    Integers,
    Word,
    Truth,
    Matrix,
    Pointer,
    /// The instruction makes a number of what it is pointed to.
    Pointed,
    Cooperative,
}

const ALL: [Of; 8] = [
    Of::Floats,
    Of::Integers,
    Of::Word,
    Of::Truth,
    Of::Matrix,
    Of::Pointer,
    Of::Pointed,
    Of::Cooperative,
];

impl Of {
    /// What an instruction makes, and what it is given.
    fn types(self, b: &mut Builder) -> [u32; 2] {
        let (float, uint, boolean) = (b.type_float(32, None), b.type_int(32, 0), b.type_bool());
        let vector = |b: &mut Builder, ty| b.type_vector(ty, 4);
        let pointer = b.type_pointer(None, StorageClass::StorageBuffer, float);
        let ty = match self {
            Self::Floats => {
                let wide = b.type_float(64, None);
                return [wide, float].map(|ty| vector(b, ty));
            }
            Self::Integers => vector(b, uint),
            Self::Word => uint,
            Self::Truth => vector(b, boolean),
            Self::Matrix => {
                let column = vector(b, float);
                b.type_matrix(column, 4)
            }
            Self::Pointer => pointer,
            Self::Pointed => return [float, pointer],
            Self::Cooperative => {
                let [scope, extent, used] =
                    [Scope::Subgroup as u32, 16, 0].map(|n| b.constant_bit32(uint, n));
                b.type_cooperative_matrix_khr(float, scope, extent, extent, used)
            }
        };
        [ty, ty]
    }
}

/// What one invocation of a subgroup of one pays for an instruction, given what it may take.
fn priced(grammar: &rspirv::grammar::Instruction<'static>, of: Of) -> Result<Cost, String> {
    let words = module_of(
        1,
        |_| (),
        |b, ()| {
            let [makes, takes] = of.types(b);
            let value = b.undef(takes, None);
            let has = |kind| grammar.operands.iter().any(|operand| operand.kind == kind);
            let result = has(OperandKind::IdResult).then(|| b.id());
            let ty = has(OperandKind::IdResultType).then_some(makes);
            let needed = grammar.operands.iter().filter(|operand| {
                operand.quantifier == OperandQuantifier::One
                    && !matches!(operand.kind, OperandKind::IdResult | OperandKind::IdResultType)
            });
            let operands = needed.map(|_| Operand::IdRef(value)).collect();
            let instruction = Instruction::new(grammar.opcode, ty, result, operands);
            b.insert_into_block(InsertPoint::End, instruction).unwrap();
        },
    );
    let (cost, _) = cost(&words, &[].into(), Some(1)).map_err(|error| error.to_string())?;
    Ok(cost)
}

/// The first price that an instruction has for anything that it may take, else why it has none.
fn known(grammar: &rspirv::grammar::Instruction<'static>) -> Result<Cost, String> {
    let mut why = None;
    for of in ALL {
        match priced(grammar, of) {
            Ok(cost) => return Ok(cost),
            Err(error) => why = Some(why.unwrap_or(error)),
        }
    }
    Err(why.unwrap_or_default())
}

fn said(cost: &Cost) -> String {
    let ops = cost.ops.iter().filter(|&(_, _, count)| count > 0);
    let mut said: Vec<String> =
        ops.map(|(scalar, op, count)| format!("{count} {}.{}", scalar.name(), op.name())).collect();
    let traffic = serde_json::to_value(cost.traffic).unwrap();
    let traffic = traffic.as_object().unwrap().iter();
    let moved = traffic.filter(|(_, count)| count.as_u64() != Some(0));
    said.extend(moved.map(|(what, count)| format!("{count} {what}")));
    if said.is_empty() { "free".to_owned() } else { said.join(", ") }
}

#[test]
fn every_instruction_is_priced_or_free_or_refused_by_its_name() {
    let mut by_price: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for grammar in INSTRUCTION_TABLE.iter() {
        if STRUCTURE.contains(&grammar.opcode) {
            continue;
        }
        let name = grammar.opname;
        let price = match known(grammar) {
            Ok(cost) => said(&cost),
            Err(why) if why.contains(&format!("Op{name} has no price")) => continue,
            Err(_) => "depends on what only its own operands have".to_owned(),
        };
        by_price.entry(price).or_default().push(name);
    }
    let lines = by_price.into_iter().map(|(price, names)| {
        let names: String = names.iter().map(|name| format!("    {name}\n")).collect();
        format!("{price}\n{names}")
    });
    insta::assert_snapshot!("prices", lines.collect::<String>());
}
