//! Reading a module: its types, its constants with the values of one pipeline, its names and its functions.
//! Knows nothing of counting.

use std::collections::{HashMap, HashSet};

use rspirv::spirv::{Decoration, Op};

use super::{
    fold,
    module::{Function, Module, Type},
    words::{HEADER, Id, Ids, Instruction, instructions, text},
};

impl<'a> Module<'a> {
    /// Reads a module; `specialization` has the bits of specialisation constants by their number.
    ///
    /// # Errors
    /// What is wrong with the module.
    pub(super) fn read(
        words: &'a [u32],
        specialization: &HashMap<u32, u64>,
    ) -> Result<Self, String> {
        let mut module = Self {
            instructions: instructions(words)?,
            header: words[..HEADER].try_into().map_err(|_| "it has no header")?,
            functions: Vec::new(),
            types: Ids::default(),
            type_of: Ids::default(),
            definitions: Ids::default(),
            values: Ids::default(),
            names: Ids::default(),
            member_names: HashMap::new(),
            forward: HashSet::new(),
            imports: Ids::default(),
            decorations: HashMap::new(),
            member_decorations: HashMap::new(),
        };
        let mut start = None;
        for index in 0..module.instructions.len() {
            let instruction = module.instructions[index];
            if let Some(id) = instruction.result() {
                if module.definitions.insert(id, index).is_some() {
                    return Err(format!("%{id} is defined twice"));
                }
                if let Some(ty) = instruction.result_type() {
                    module.type_of.insert(id, ty);
                }
                match instruction.op() {
                    Some(Op::Function) => start = Some((id, index)),
                    Some(_) if start.is_none() => {
                        module.declare(id, instruction, specialization)?
                    }
                    _ => {}
                }
            } else if instruction.is(Op::FunctionEnd) {
                let (id, start) = start.take().ok_or("a function ends that did not begin")?;
                module.functions.push(Function { id, range: start..index + 1 });
            } else {
                module.annotate(instruction);
            }
        }
        if start.is_some() {
            return Err("its last function has no end".into());
        }
        Ok(module)
    }

    fn annotate(&mut self, instruction: Instruction<'_>) {
        let operands = instruction.operands();
        let first = |at: usize| operands.get(at).copied().unwrap_or(0);
        match instruction.op() {
            Some(Op::Name) => {
                self.names.insert(operands[0], text(&operands[1..]).0);
            }
            Some(Op::MemberName) => {
                self.member_names.insert((operands[0], operands[1]), text(&operands[2..]).0);
            }
            Some(Op::Decorate | Op::DecorateId) => {
                self.decorations.insert((operands[0], operands[1]), first(2));
            }
            Some(Op::TypeForwardPointer) => {
                self.forward.insert(operands[0]);
            }
            Some(Op::MemberDecorate) => {
                self.member_decorations.insert((operands[0], operands[1], operands[2]), first(3));
            }
            _ => {}
        }
    }

    /// A type, a constant or an import.
    fn declare(
        &mut self,
        id: Id,
        instruction: Instruction<'_>,
        specialization: &HashMap<u32, u64>,
    ) -> Result<(), String> {
        let operands = instruction.operands();
        let given = self.decoration(id, Decoration::SpecId).and_then(|id| specialization.get(&id));
        let Some(op) = instruction.op() else { return Ok(()) };
        let ty = match op {
            Op::ExtInstImport => {
                self.imports.insert(id, text(operands).0);
                return Ok(());
            }
            Op::ConstantTrue | Op::ConstantFalse | Op::SpecConstantTrue | Op::SpecConstantFalse => {
                let stated = matches!(op, Op::ConstantTrue | Op::SpecConstantTrue);
                let value = given.map_or(stated, |&given| given != 0);
                self.values.insert(id, u64::from(value));
                return Ok(());
            }
            Op::Constant | Op::SpecConstant => {
                let high = operands.get(1).copied().unwrap_or(0);
                let stated = u64::from(operands[0]) | u64::from(high) << 32;
                let ty = instruction.result_type().unwrap_or(0);
                self.values.insert(id, fold::narrowed(self, ty, *given.unwrap_or(&stated)));
                return Ok(());
            }
            Op::ConstantNull => {
                self.values.insert(id, 0);
                return Ok(());
            }
            Op::SpecConstantOp => {
                if let Some(value) = fold::fold(self, instruction) {
                    self.values.insert(id, value);
                }
                return Ok(());
            }
            Op::TypeVoid => Type::Void,
            Op::TypeBool => Type::Bool,
            Op::TypeInt => Type::Int { width: operands[0], signed: operands[1] != 0 },
            Op::TypeFloat => Type::Float { width: operands[0], encoding: operands.get(1).copied() },
            Op::TypeVector => Type::Vector { component: operands[0], count: operands[1] },
            Op::TypeMatrix => Type::Matrix { column: operands[0], columns: operands[1] },
            Op::TypeArray => Type::Array { element: operands[0], length: operands[1] },
            Op::TypeRuntimeArray => Type::RuntimeArray { element: operands[0] },
            Op::TypeStruct => Type::Struct { members: operands.to_vec() },
            Op::TypePointer => Type::Pointer { class: operands[0], pointee: operands[1] },
            Op::TypeCooperativeMatrixKHR => Type::Cooperative {
                component: operands[0],
                scope: operands[1],
                rows: operands[2],
                columns: operands[3],
            },
            _ if instruction.result_type().is_none() => Type::Other(instruction.name()),
            // A variable, or a constant that is no scalar.
            _ => return Ok(()),
        };
        // Nothing but a pointer may name what is declared behind it, so no type contains itself.
        let parts = match &ty {
            Type::Vector { component, .. } | Type::Cooperative { component, .. } => {
                vec![*component]
            }
            Type::Matrix { column, .. } => vec![*column],
            Type::Array { element, .. } | Type::RuntimeArray { element } => vec![*element],
            Type::Struct { members } => members.clone(),
            Type::Void
            | Type::Bool
            | Type::Int { .. }
            | Type::Float { .. }
            | Type::Pointer { .. }
            | Type::Other(_) => Vec::new(),
        };
        let early = |part: &Id| !self.types.contains_key(part) && !self.forward.contains(part);
        if let Some(part) = parts.into_iter().find(early) {
            return Err(format!("the type %{id} is made of %{part}, which is no type"));
        }
        if self.forward.contains(&id) && !matches!(ty, Type::Pointer { .. }) {
            return Err(format!("%{id} is announced as a pointer and is none"));
        }
        self.types.insert(id, ty);
        Ok(())
    }
}
