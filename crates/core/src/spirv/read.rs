//! A module as this crate needs to see it: types, constants with the values of one pipeline, names, entry
//! points, functions. Knows nothing of counting.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use rspirv::spirv::{BuiltIn, Decoration, ExecutionMode, FPEncoding, Op};

use super::{
    fold,
    words::{HEADER, Id, Instruction, instructions, text},
};
use crate::{composition::Shape, op::Scalar};

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Void,
    Bool,
    Int {
        width: u32,
        signed: bool,
    },
    /// A float, and how it is encoded where that is not IEEE 754's way.
    Float {
        width: u32,
        encoding: Option<u32>,
    },
    Vector {
        component: Id,
        count: u32,
    },
    Matrix {
        column: Id,
        columns: u32,
    },
    Array {
        element: Id,
        length: Id,
    },
    RuntimeArray {
        element: Id,
    },
    Struct {
        members: Vec<Id>,
    },
    Pointer {
        class: u32,
        pointee: Id,
    },
    /// A matrix that a subgroup holds together.
    Cooperative {
        component: Id,
        rows: Id,
        columns: Id,
    },
    /// Anything else, by the name of its instruction.
    Other(String),
}

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) id: Id,
    /// Its instructions, `OpFunction` and `OpFunctionEnd` included.
    pub(super) range: Range<usize>,
}

/// A module and the values of its constants in one pipeline.
pub(super) struct Module<'a> {
    pub(super) header: [u32; HEADER],
    pub(super) instructions: Vec<Instruction<'a>>,
    pub(super) functions: Vec<Function>,
    pub(super) types: HashMap<Id, Type>,
    /// The types of results.
    pub(super) type_of: HashMap<Id, Id>,
    /// The instructions of which ids are results.
    pub(super) definitions: HashMap<Id, usize>,
    /// The bits of scalar constants.
    pub(super) values: HashMap<Id, u64>,
    names: HashMap<Id, String>,
    /// Pointer types that are declared behind those that contain them.
    forward: HashSet<Id>,
    /// Sets of extended instructions by name.
    pub(super) imports: HashMap<Id, String>,
    /// Decorations with their first operand, if any, by what they decorate.
    decorations: HashMap<(Id, u32), u32>,
    /// The same of members.
    member_decorations: HashMap<(Id, u32, u32), u32>,
}

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
            types: HashMap::new(),
            type_of: HashMap::new(),
            definitions: HashMap::new(),
            values: HashMap::new(),
            names: HashMap::new(),
            forward: HashSet::new(),
            imports: HashMap::new(),
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

    /// The first operand of a decoration, 0 where it has none.
    pub(super) fn decoration(&self, id: Id, decoration: Decoration) -> Option<u32> {
        self.decorations.get(&(id, decoration as u32)).copied()
    }

    /// The same of a member.
    pub(super) fn member(&self, id: Id, member: u32, decoration: Decoration) -> Option<u32> {
        self.member_decorations.get(&(id, member, decoration as u32)).copied()
    }

    /// The instruction of which an id is the result.
    pub(super) fn definition(&self, id: Id) -> Option<Instruction<'a>> {
        self.definitions.get(&id).map(|&index| self.instructions[index])
    }

    /// What a function or variable is called.
    pub(super) fn name(&self, id: Id) -> String {
        let name = self.names.get(&id).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| format!("%{id}"))
    }

    /// The type of a value.
    pub(super) fn value_type(&self, id: Id) -> Result<Id, String> {
        self.type_of.get(&id).copied().ok_or_else(|| format!("%{id} has no type"))
    }

    /// A type.
    pub(super) fn ty(&self, id: Id) -> Result<&Type, String> {
        self.types.get(&id).ok_or_else(|| format!("%{id} is no type"))
    }

    /// The value of a constant.
    pub(super) fn constant(&self, id: Id) -> Result<u64, String> {
        self.values.get(&id).copied().ok_or_else(|| format!("the value of %{id} is not known"))
    }

    /// What values of a type are made of; of a cooperative matrix, all that its subgroup holds.
    pub(super) fn shape(&self, ty: Id) -> Result<Shape, String> {
        let of = |id: Id, times: u64| {
            let Shape { scalar, count } = self.shape(id)?;
            Ok(Shape { scalar, count: count * times })
        };
        let one = |scalar| Ok(Shape { scalar, count: 1 });
        match self.ty(ty)? {
            Type::Bool | Type::Int { .. } => one(Scalar::Int),
            &Type::Float { width, encoding } => one(float(width, encoding)?),
            &Type::Vector { component, count } => of(component, count.into()),
            &Type::Matrix { column, columns } => of(column, columns.into()),
            &Type::Cooperative { component, rows, columns } => {
                of(component, self.constant(rows)? * self.constant(columns)?)
            }
            Type::Void
            | Type::Array { .. }
            | Type::RuntimeArray { .. }
            | Type::Struct { .. }
            | Type::Pointer { .. }
            | Type::Other(_) => {
                Err("an arithmetic operation on something that is no number".into())
            }
        }
    }

    /// The functions that an entry point calls, itself included, each before those that it calls.
    pub(super) fn reachable(&self, entry: Id) -> Result<Vec<&Function>, String> {
        let by_id: HashMap<Id, &Function> = self.functions.iter().map(|f| (f.id, f)).collect();
        let calls = |function: &Function| -> Vec<Id> {
            let body = &self.instructions[function.range.clone()];
            body.iter().filter(|i| i.is(Op::FunctionCall)).map(|i| i.operands()[0]).collect()
        };
        let (mut order, mut done, mut open) = (Vec::new(), HashSet::new(), HashSet::new());
        let mut stack = vec![(entry, false)];
        while let Some((id, left)) = stack.pop() {
            let function = *by_id.get(&id).ok_or_else(|| format!("%{id} is no function"))?;
            if left {
                open.remove(&id);
                done.insert(id);
                order.push(function);
            } else if !done.contains(&id) {
                open.insert(id);
                stack.push((id, true));
                for callee in calls(function) {
                    if open.contains(&callee) {
                        return Err(format!("'{}' calls itself", self.name(callee)));
                    }
                    stack.push((callee, false));
                }
            }
        }
        order.reverse();
        Ok(order)
    }

    /// The input variables that are a built-in.
    pub(super) fn inputs(&self, built_in: BuiltIn) -> Vec<Id> {
        let key = Decoration::BuiltIn as u32;
        let its = |&(&(id, decoration), &value): &(&(Id, u32), &u32)| {
            let variable = || self.definition(id).filter(|definition| definition.is(Op::Variable));
            decoration == key && value == built_in as u32 && variable().is_some()
        };
        let mut inputs: Vec<Id> =
            self.decorations.iter().filter(its).map(|(&(id, _), _)| id).collect();
        inputs.sort_unstable();
        inputs
    }

    /// Invocations of a workgroup.
    pub(super) fn workgroup(&self, entry: Id) -> Result<u64, String> {
        let built_in = self.decorations.iter().find(|&(&(_, decoration), &value)| {
            decoration == Decoration::BuiltIn as u32 && value == BuiltIn::WorkgroupSize as u32
        });
        if let Some(constant) = built_in.and_then(|(&(id, _), _)| self.definition(id)) {
            return constant.operands().iter().map(|&id| self.constant(id)).product();
        }
        for instruction in &self.instructions {
            let operands = instruction.operands();
            let Some((&its, mode)) = operands.split_first() else { continue };
            match (instruction.op(), mode) {
                (Some(Op::ExecutionMode), &[mode, x, y, z])
                    if its == entry && mode == ExecutionMode::LocalSize as u32 =>
                {
                    return Ok([x, y, z].into_iter().map(u64::from).product());
                }
                (Some(Op::ExecutionModeId), &[mode, x, y, z])
                    if its == entry && mode == ExecutionMode::LocalSizeId as u32 =>
                {
                    return [x, y, z].into_iter().map(|id| self.constant(id)).product();
                }
                _ => {}
            }
        }
        Err("it states no workgroup size".into())
    }
}

fn float(width: u32, encoding: Option<u32>) -> Result<Scalar, String> {
    const BFLOAT16: u32 = FPEncoding::BFloat16KHR as u32;
    const E4M3: u32 = FPEncoding::Float8E4M3EXT as u32;
    const E5M2: u32 = FPEncoding::Float8E5M2EXT as u32;
    match (width, encoding) {
        (16, None) => Ok(Scalar::F16),
        (32, None) => Ok(Scalar::F32),
        (64, None) => Ok(Scalar::F64),
        (16, Some(BFLOAT16)) => Ok(Scalar::Bf16),
        (8, Some(E4M3 | E5M2)) => Ok(Scalar::F8),
        (width, _) => Err(format!("a float of {width} bits that is not known")),
    }
}
