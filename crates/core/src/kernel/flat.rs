//! Subgroups in a workgroup of several dimensions. naga's validator takes a subgroup's or a lane's number only where the
//! workgroup has one dimension, because which invocations make a subgroup is the implementation's choice otherwise. A
//! kernel that asks for the numbers takes the choice as it comes. So it is given a workgroup of one dimension whose
//! invocations find their place in the others from their index, which is a choice that every implementation may make.

use std::collections::BTreeMap;

use naga::{
    Arena, BinaryOperator, Binding, Block, BuiltIn, EntryPoint, Expression, Function,
    FunctionArgument, Handle, Literal, Module, Range, Scalar, Span, Statement, Type, TypeInner,
    VectorSize,
};

use crate::ir::Operand;

/// Whether an entry point of several dimensions asks for the number of its subgroup or lane.
pub(super) fn has_subgroups_in_several_dimensions(module: &Module) -> bool {
    let number = |binding: &Option<Binding>| {
        let number = [BuiltIn::SubgroupId, BuiltIn::SubgroupInvocationId];
        number.iter().any(|&number| *binding == Some(Binding::BuiltIn(number)))
    };
    module.entry_points.iter().any(|entry| {
        entry.workgroup_size[1..].iter().any(|&extent| extent > 1)
            && entry.function.arguments.iter().any(|argument| {
                number(&argument.binding)
                    || members(module, argument.ty).iter().any(|(_, binding)| number(binding))
            })
    })
}

/// The types and bindings of the members of a struct; none of anything else.
fn members(module: &Module, ty: Handle<Type>) -> Vec<(Handle<Type>, Option<Binding>)> {
    match &module.types[ty].inner {
        TypeInner::Struct { members, .. } => {
            members.iter().map(|member| (member.ty, member.binding.clone())).collect()
        }
        _ => Vec::new(),
    }
}

/// A module of one entry point whose workgroup has one dimension.
pub(super) fn flattened(mut module: Module) -> Module {
    let entry = module.entry_points.swap_remove(0);
    let EntryPoint { name, workgroup_size: size, function: mut inner, .. } = entry.clone();
    let mut insert = |inner| module.types.insert(Type { name: None, inner }, Span::UNDEFINED);
    let number = insert(TypeInner::Scalar(Scalar::U32));
    let vector = insert(TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 });
    let mut outer = Outer {
        size,
        vector,
        number,
        arguments: Vec::new(),
        expressions: Arena::new(),
        body: Block::new(),
        known: BTreeMap::new(),
    };
    let mut passed = Vec::new();
    for argument in &mut inner.arguments {
        let value = match argument.binding.take() {
            Some(Binding::BuiltIn(built_in)) => outer.value(built_in, argument.ty),
            _ => {
                let components = members(&module, argument.ty).into_iter();
                let components = components
                    .filter_map(|(ty, binding)| match binding {
                        Some(Binding::BuiltIn(built_in)) => Some(outer.value(built_in, ty)),
                        _ => None,
                    })
                    .collect();
                outer.emit(Expression::Compose { ty: argument.ty, components })
            }
        };
        passed.push(value);
    }
    inner.name = Some(name);
    let inner = module.functions.append(inner, Span::UNDEFINED);
    let call = Statement::Call { function: inner, arguments: passed, result: None };
    outer.body.push(call, Span::UNDEFINED);
    let function = Function {
        arguments: outer.arguments,
        expressions: outer.expressions,
        body: outer.body,
        ..Function::default()
    };
    let workgroup_size = [size.iter().product(), 1, 1];
    module.entry_points.push(EntryPoint { workgroup_size, function, ..entry });
    module
}

/// The new entry point, under construction.
struct Outer {
    size: [u32; 3],
    vector: Handle<Type>,
    number: Handle<Type>,
    arguments: Vec<FunctionArgument>,
    expressions: Arena<Expression>,
    body: Block,
    /// The built-in values that it has, by how they are called.
    known: BTreeMap<String, Operand>,
}

impl Outer {
    /// A built-in value as the old entry point is given it.
    fn value(&mut self, built_in: BuiltIn, ty: Handle<Type>) -> Operand {
        let key = format!("{built_in:?}");
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let value = match built_in {
            BuiltIn::LocalInvocationId => self.local(),
            BuiltIn::GlobalInvocationId => {
                let group = self.value(BuiltIn::WorkGroupId, self.vector);
                let size = self.extents();
                let first = self.binary(BinaryOperator::Multiply, group, size);
                let local = self.value(BuiltIn::LocalInvocationId, self.vector);
                self.binary(BinaryOperator::Add, first, local)
            }
            BuiltIn::WorkGroupSize => self.extents(),
            given => {
                let binding = Some(Binding::BuiltIn(given));
                self.arguments.push(FunctionArgument { name: None, ty, binding });
                let index = self.arguments.len() as u32 - 1;
                self.expressions.append(Expression::FunctionArgument(index), Span::UNDEFINED)
            }
        };
        self.known.insert(key, value);
        value
    }

    /// The place of an invocation in its workgroup, from its index: the first dimension moves fastest.
    fn local(&mut self) -> Operand {
        let index = self.value(BuiltIn::LocalInvocationIndex, self.number);
        let [width, height, _] = self.size.map(|extent| self.literal(extent));
        let x = self.binary(BinaryOperator::Modulo, index, width);
        let row = self.binary(BinaryOperator::Divide, index, width);
        let y = self.binary(BinaryOperator::Modulo, row, height);
        let z = self.binary(BinaryOperator::Divide, row, height);
        self.emit(Expression::Compose { ty: self.vector, components: vec![x, y, z] })
    }

    fn extents(&mut self) -> Operand {
        let components = self.size.map(|extent| self.literal(extent)).to_vec();
        let extents = Expression::Compose { ty: self.vector, components };
        self.emit(extents)
    }

    fn literal(&mut self, value: u32) -> Operand {
        self.expressions.append(Expression::Literal(Literal::U32(value)), Span::UNDEFINED)
    }

    fn binary(&mut self, op: BinaryOperator, left: Operand, right: Operand) -> Operand {
        self.emit(Expression::Binary { op, left, right })
    }

    fn emit(&mut self, expression: Expression) -> Operand {
        let handle = self.expressions.append(expression, Span::UNDEFINED);
        let emit = Statement::Emit(Range::new_from_bounds(handle, handle));
        self.body.push(emit, Span::UNDEFINED);
        handle
    }
}
