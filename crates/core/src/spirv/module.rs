//! A module as this crate needs to see it: types, constants with the values of one pipeline, names, entry
//! points, functions; and what is asked of it. How it is read is not known here.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use rspirv::spirv::{BuiltIn, Decoration, ExecutionMode, ExecutionModel, FPEncoding, Op, Scope};

use super::words::{HEADER, Id, Ids, Instruction, text};
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
    /// A matrix that the invocations of a scope, a subgroup or a workgroup, hold together.
    Cooperative {
        component: Id,
        scope: Id,
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
    pub(super) types: Ids<Type>,
    /// The types of results.
    pub(super) type_of: Ids<Id>,
    /// The instructions of which ids are results.
    pub(super) definitions: Ids<usize>,
    /// The bits of scalar constants.
    pub(super) values: Ids<u64>,
    pub(super) names: Ids<String>,
    /// What members of structures are called.
    pub(super) member_names: HashMap<(Id, u32), String>,
    /// Pointer types that are declared behind those that contain them.
    pub(super) forward: HashSet<Id>,
    /// Sets of extended instructions by name.
    pub(super) imports: Ids<String>,
    /// Decorations with their first operand, if any, by what they decorate.
    pub(super) decorations: HashMap<(Id, u32), u32>,
    /// The same of members.
    pub(super) member_decorations: HashMap<(Id, u32, u32), u32>,
}

impl<'a> Module<'a> {
    /// Its instructions in front of all functions, and those of functions.
    pub(super) fn in_two(&self) -> (&[Instruction<'a>], &[Instruction<'a>]) {
        let functions = self.functions.first().map(|function| function.range.start);
        self.instructions.split_at(functions.unwrap_or(self.instructions.len()))
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

    /// What something is called, where it has a name.
    pub(super) fn named(&self, id: Id) -> Option<&String> {
        self.names.get(&id).filter(|name| !name.is_empty())
    }

    /// What a function or variable is called, by its number where it has no name.
    pub(super) fn name(&self, id: Id) -> String {
        self.named(id).cloned().unwrap_or_else(|| format!("%{id}"))
    }

    /// What a member of a structure is called, by its place where it has no name.
    pub(super) fn member_name(&self, id: Id, member: u32) -> String {
        let named = self.member_names.get(&(id, member)).filter(|name| !name.is_empty());
        named.cloned().unwrap_or_else(|| format!("_{member}"))
    }

    /// The compute entry points, in order: what each is called, and its function.
    pub(super) fn entries(&self) -> impl Iterator<Item = (String, Id)> + Clone {
        let points = self.instructions.iter().filter(|its| its.is(Op::EntryPoint));
        let compute = points.filter(|i| i.operands()[0] == ExecutionModel::GLCompute as u32);
        compute.map(|its| (text(&its.operands()[2..]).0, its.operands()[1]))
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

    /// Whether an instruction is a barrier at which a subgroup waits, and no workgroup does.
    pub(super) fn waits_for_subgroup(&self, instruction: Instruction<'_>) -> bool {
        let scope = || self.constant(instruction.operands()[0]);
        instruction.is(Op::ControlBarrier) && scope() == Ok(Scope::Subgroup as u64)
    }

    /// What values of a type are made of; of a cooperative matrix, all its elements.
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
            &Type::Cooperative { component, scope: _, rows, columns } => {
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
        let by_id: Ids<&Function> = self.functions.iter().map(|f| (f.id, f)).collect();
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

    /// Invocations of a workgroup along each dimension.
    pub(super) fn workgroup(&self, entry: Id) -> Result<[u32; 3], String> {
        let extent = |id: &Id| {
            let extent = self.constant(*id)?;
            u32::try_from(extent).map_err(|_| format!("a workgroup of {extent} invocations"))
        };
        let extents = |ids: &[Id]| match ids {
            [x, y, z] => Ok([extent(x)?, extent(y)?, extent(z)?]),
            _ => Err("its workgroup has other than three dimensions".to_owned()),
        };
        let built_in = self.decorations.iter().find(|&(&(_, decoration), &value)| {
            decoration == Decoration::BuiltIn as u32 && value == BuiltIn::WorkgroupSize as u32
        });
        if let Some(constant) = built_in.and_then(|(&(id, _), _)| self.definition(id)) {
            return extents(constant.operands());
        }
        for instruction in &self.instructions {
            let operands = instruction.operands();
            let Some((&its, mode)) = operands.split_first() else { continue };
            match (instruction.op(), mode) {
                (Some(Op::ExecutionMode), &[mode, x, y, z])
                    if its == entry && mode == ExecutionMode::LocalSize as u32 =>
                {
                    return Ok([x, y, z]);
                }
                (Some(Op::ExecutionModeId), [mode, ids @ ..])
                    if its == entry && *mode == ExecutionMode::LocalSizeId as u32 =>
                {
                    return extents(ids);
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
