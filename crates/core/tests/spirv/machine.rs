//! A small machine that executes SPIR-V, one invocation in a subgroup of its own: what it computes and how often
//! each instruction executed. Its tally knows neither blocks nor flow.

use std::collections::{BTreeMap, HashMap};

use rspirv::{
    dr::{Instruction, Module, Operand, load_words},
    spirv::{Decoration, Op, StorageClass},
};

/// Which memory, and where in it.
type Place = (u32, Vec<u64>);

#[derive(Clone, Debug)]
enum Value {
    Number(u64),
    Pointer(Place),
    Composite(Vec<Value>),
}

/// What one run left.
pub struct Run {
    /// What buffers hold: by binding, or under [`ADDRESSED`], and by index.
    pub buffers: HashMap<u32, BTreeMap<u64, u64>>,
    /// How often each instruction was executed.
    pub executed: BTreeMap<u32, u64>,
}

/// The buffer behind a device address.
pub const ADDRESSED: u32 = u32::MAX;

pub struct Machine {
    module: Module,
    bindings: HashMap<u32, u32>,
    values: HashMap<u32, Value>,
    memory: HashMap<Place, Value>,
    executed: BTreeMap<u32, u64>,
}

/// Runs `main` once with what `given` says in the buffer that is bound at 0.
pub fn run(words: &[u32], given: &[u64]) -> Run {
    let module = load_words(words).unwrap();
    let mut machine = Machine {
        bindings: HashMap::new(),
        values: HashMap::new(),
        memory: HashMap::new(),
        executed: BTreeMap::new(),
        module,
    };
    for annotation in &machine.module.annotations {
        if let [Operand::IdRef(id), Operand::Decoration(Decoration::Binding), at] =
            &annotation.operands[..]
        {
            machine.bindings.insert(*id, number(at) as u32);
        }
    }
    for global in machine.module.types_global_values.clone() {
        machine.global(&global);
    }
    for (&id, _) in machine.bindings.clone().iter().filter(|&(_, &binding)| binding == 0) {
        for (index, &value) in (0..).zip(given) {
            machine.memory.insert((id, vec![0, index]), Value::Number(value));
        }
    }
    let entry = id(&machine.module.entry_points[0].operands[1]);
    machine.call(entry);
    let mut buffers: HashMap<u32, BTreeMap<u64, u64>> = HashMap::new();
    for ((root, path), value) in &machine.memory {
        let binding =
            if *root == ADDRESSED { Some(ADDRESSED) } else { machine.bindings.get(root).copied() };
        if let (Some(binding), Value::Number(value), [0, index]) = (binding, value, &path[..]) {
            buffers.entry(binding).or_default().insert(*index, *value);
        }
    }
    Run { buffers, executed: machine.executed }
}

fn id(operand: &Operand) -> u32 {
    operand.id_ref_any().unwrap()
}

fn number(operand: &Operand) -> u64 {
    match *operand {
        Operand::LiteralBit32(value) => value.into(),
        Operand::LiteralBit64(value) => value,
        ref other => panic!("{other:?} is no number"),
    }
}

impl Machine {
    fn global(&mut self, instruction: &Instruction) {
        let Some(result) = instruction.result_id else { return };
        let operands = &instruction.operands;
        let value = match instruction.class.opcode {
            Op::Constant | Op::SpecConstant => Value::Number(number(&operands[0])),
            Op::ConstantTrue | Op::SpecConstantTrue => Value::Number(1),
            Op::ConstantFalse | Op::SpecConstantFalse => Value::Number(0),
            Op::ConstantComposite => {
                Value::Composite(operands.iter().map(|o| self.values[&id(o)].clone()).collect())
            }
            Op::Variable => {
                if let Some(initial) = operands.get(1) {
                    self.memory.insert((result, Vec::new()), self.values[&id(initial)].clone());
                } else if operands[0] == Operand::StorageClass(StorageClass::Input) {
                    let zeros = vec![Value::Number(0); 3];
                    self.memory.insert((result, Vec::new()), Value::Composite(zeros));
                }
                Value::Pointer((result, Vec::new()))
            }
            _ => return,
        };
        self.values.insert(result, value);
    }

    fn width(&self, ty: u32) -> u32 {
        let its = |i: &&Instruction| i.result_id == Some(ty);
        match self.module.types_global_values.iter().find(its).unwrap() {
            i if matches!(i.class.opcode, Op::TypeInt | Op::TypeFloat) => {
                number(&i.operands[0]) as u32
            }
            _ => 64,
        }
    }

    fn call(&mut self, function: u32) {
        let its =
            self.module.functions.iter().find(|f| f.def_id() == Some(function)).unwrap().clone();
        let (mut block, mut from) = (&its.blocks[0], 0);
        'blocks: loop {
            for instruction in &block.instructions {
                *self.executed.entry(instruction.class.opcode as u32).or_default() += 1;
                let operands = &instruction.operands;
                let to = match instruction.class.opcode {
                    Op::Return => return,
                    Op::Branch => id(&operands[0]),
                    Op::BranchConditional if self.number(&operands[0]) != 0 => id(&operands[1]),
                    Op::BranchConditional => id(&operands[2]),
                    Op::Switch => {
                        let selected = self.number(&operands[0]);
                        let arm = operands[2..].chunks(2).find(|arm| number(&arm[0]) == selected);
                        id(arm.map_or(&operands[1], |arm| &arm[1]))
                    }
                    Op::Phi => {
                        let arm = operands.chunks(2).find(|arm| id(&arm[1]) == from).unwrap();
                        let value = self.values[&id(&arm[0])].clone();
                        self.values.insert(instruction.result_id.unwrap(), value);
                        continue;
                    }
                    _ => {
                        self.execute(instruction);
                        continue;
                    }
                };
                from = block.label_id().unwrap();
                block = its.blocks.iter().find(|block| block.label_id() == Some(to)).unwrap();
                continue 'blocks;
            }
            panic!("a block has no end");
        }
    }

    fn number(&self, operand: &Operand) -> u64 {
        match &self.values[&id(operand)] {
            Value::Number(value) => *value,
            other => panic!("{other:?} is no number"),
        }
    }

    fn place(&self, operand: &Operand) -> Place {
        match &self.values[&id(operand)] {
            Value::Pointer(place) => place.clone(),
            other => panic!("{other:?} is no pointer"),
        }
    }

    fn load(&self, place: &Place) -> Value {
        self.memory.get(place).cloned().unwrap_or(Value::Number(0))
    }

    fn execute(&mut self, instruction: &Instruction) {
        let operands = &instruction.operands;
        let n = |at: usize| self.number(&operands[at]);
        let float = |at: usize| f32::from_bits(n(at) as u32);
        let of_float = |value: f32| u64::from(value.to_bits());
        let value = match instruction.class.opcode {
            Op::SelectionMerge | Op::LoopMerge | Op::Nop => return,
            Op::Store => {
                let (place, value) =
                    (self.place(&operands[0]), self.values[&id(&operands[1])].clone());
                self.memory.insert(place, value);
                return;
            }
            Op::FunctionCall => {
                self.call(id(&operands[0]));
                return;
            }
            Op::Load => self.load(&self.place(&operands[0])),
            Op::AccessChain => {
                let (root, mut path) = self.place(&operands[0]);
                path.extend((1..operands.len()).map(n));
                Value::Pointer((root, path))
            }
            Op::Variable => Value::Pointer((instruction.result_id.unwrap(), Vec::new())),
            Op::Bitcast => Value::Pointer((ADDRESSED, Vec::new())),
            Op::CompositeExtract => match &self.values[&id(&operands[0])] {
                Value::Composite(parts) => parts[number(&operands[1]) as usize].clone(),
                other => panic!("{other:?} is no composite"),
            },
            Op::AtomicIAdd => {
                let place = self.place(&operands[0]);
                let Value::Number(old) = self.load(&place) else {
                    panic!("no number in {place:?}")
                };
                let width = self.width(instruction.result_type.unwrap());
                let new = old.wrapping_add(n(3)) & (u64::MAX >> (64 - width));
                self.memory.insert(place, Value::Number(new));
                Value::Number(old)
            }
            op => {
                let value = match op {
                    Op::IAdd => n(0).wrapping_add(n(1)),
                    Op::IMul => n(0).wrapping_mul(n(1)),
                    Op::BitwiseAnd => n(0) & n(1),
                    Op::BitwiseOr => n(0) | n(1),
                    Op::ShiftRightLogical => n(0) >> n(1),
                    Op::ShiftLeftLogical => n(0) << n(1),
                    Op::UConvert => n(0),
                    Op::ULessThan => (n(0) < n(1)).into(),
                    Op::INotEqual => (n(0) != n(1)).into(),
                    Op::Select => {
                        if n(0) != 0 {
                            n(1)
                        } else {
                            n(2)
                        }
                    }
                    Op::FAdd => of_float(float(0) + float(1)),
                    Op::FMul => of_float(float(0) * float(1)),
                    Op::FDiv => of_float(float(0) / float(1)),
                    // One invocation is its whole subgroup.
                    Op::GroupNonUniformIAdd => n(2),
                    Op::GroupNonUniformElect => 1,
                    op => panic!("the machine knows no {op:?}"),
                };
                Value::Number(
                    value & (u64::MAX >> (64 - self.width(instruction.result_type.unwrap()))),
                )
            }
        };
        self.values.insert(instruction.result_id.unwrap(), value);
    }
}
