//! Writing SPIR-V an instruction at a time: types that a module already has are used again, new ones stand
//! behind its own. Knows nothing of counters.

use std::collections::HashMap;

use rspirv::spirv::{BuiltIn, Decoration, Op, StorageClass};

use super::{
    module::{Module, Type},
    words::{BOUND, Id, push},
};

/// What is added to a module.
pub(super) struct Builder<'m, 'a> {
    module: &'m Module<'a>,
    next: Id,
    /// Decorations.
    pub(super) annotations: Vec<u32>,
    /// Types, constants and variables.
    pub(super) globals: Vec<u32>,
    /// Code.
    pub(super) code: Vec<u32>,
    types: Vec<(Type, Id)>,
    constants: HashMap<(Id, u64), Id>,
}

impl<'m, 'a> Builder<'m, 'a> {
    pub(super) fn new(module: &'m Module<'a>) -> Self {
        let mut types: Vec<_> = module.types.iter().map(|(&id, ty)| (ty.clone(), id)).collect();
        types.sort_unstable_by_key(|&(_, id)| id);
        Self {
            module,
            next: module.header[BOUND],
            annotations: Vec::new(),
            globals: Vec::new(),
            code: Vec::new(),
            types,
            constants: HashMap::new(),
        }
    }

    /// A new id.
    pub(super) fn id(&mut self) -> Id {
        self.next += 1;
        self.next - 1
    }

    /// More than any id.
    pub(super) fn bound(&self) -> u32 {
        self.next
    }

    /// All words of the module with what was added in front of its functions, and with this code in their place.
    pub(super) fn rewritten(self) -> Vec<u32> {
        let mut words = self.module.header.to_vec();
        words[BOUND] = self.bound();
        words.extend(self.module.in_two().0.iter().flat_map(|it| it.words));
        [words, self.globals, self.code].concat()
    }

    /// A type that is no aggregate, of which a module has one at most.
    pub(super) fn ty(&mut self, ty: Type) -> Id {
        if let Some(&(_, id)) = self.types.iter().find(|(its, _)| *its == ty) {
            return id;
        }
        let id = self.id();
        let (op, operands) = match ty {
            Type::Void => (Op::TypeVoid, vec![id]),
            Type::Bool => (Op::TypeBool, vec![id]),
            Type::Int { width, signed } => (Op::TypeInt, vec![id, width, signed.into()]),
            Type::Vector { component, count } => (Op::TypeVector, vec![id, component, count]),
            Type::Pointer { class, pointee } => (Op::TypePointer, vec![id, class, pointee]),
            Type::Float { .. }
            | Type::Matrix { .. }
            | Type::Array { .. }
            | Type::RuntimeArray { .. }
            | Type::Struct { .. }
            | Type::Cooperative { .. }
            | Type::Other(_) => unreachable!("counting takes no such type"),
        };
        push(&mut self.globals, op, &operands);
        self.types.push((ty, id));
        id
    }

    /// `u32`
    pub(super) fn uint(&mut self) -> Id {
        self.ty(Type::Int { width: 32, signed: false })
    }

    /// `u64`
    pub(super) fn ulong(&mut self) -> Id {
        self.ty(Type::Int { width: 64, signed: false })
    }

    pub(super) fn pointer(&mut self, class: StorageClass, pointee: Id) -> Id {
        self.ty(Type::Pointer { class: class as u32, pointee })
    }

    /// A number of a type.
    pub(super) fn constant(&mut self, ty: Id, value: u64) -> Id {
        if let Some(&id) = self.constants.get(&(ty, value)) {
            return id;
        }
        let id = self.id();
        let (low, high) = (value as u32, (value >> 32) as u32);
        let wide = self.types.contains(&(Type::Int { width: 64, signed: false }, ty));
        let operands = [ty, id, low, high];
        push(&mut self.globals, Op::Constant, &operands[..if wide { 4 } else { 3 }]);
        self.constants.insert((ty, value), id);
        id
    }

    /// A `u32`.
    pub(super) fn number(&mut self, value: u32) -> Id {
        let uint = self.uint();
        self.constant(uint, value.into())
    }

    /// A pair of `u32`.
    pub(super) fn pair(&mut self, [x, y]: [u32; 2]) -> Id {
        let (uint, x, y) = (self.uint(), self.number(x), self.number(y));
        let ty = self.ty(Type::Vector { component: uint, count: 2 });
        let id = self.id();
        push(&mut self.globals, Op::ConstantComposite, &[ty, id, x, y]);
        id
    }

    /// An array of so many elements.
    pub(super) fn array_of(&mut self, element: Id, length: u32) -> Id {
        let (array, length) = (self.id(), self.number(length));
        push(&mut self.globals, Op::TypeArray, &[array, element, length]);
        array
    }

    /// A struct whose only member is an array of `element` that ends with its buffer.
    pub(super) fn buffer_of(&mut self, element: Id, stride: u32) -> Id {
        let (array, block) = (self.id(), self.id());
        push(&mut self.globals, Op::TypeRuntimeArray, &[array, element]);
        push(&mut self.globals, Op::TypeStruct, &[block, array]);
        self.decorate(array, Decoration::ArrayStride, &[stride]);
        self.decorate(block, Decoration::Block, &[]);
        push(&mut self.annotations, Op::MemberDecorate, &[block, 0, Decoration::Offset as u32, 0]);
        block
    }

    pub(super) fn decorate(&mut self, id: Id, decoration: Decoration, operands: &[u32]) {
        let operands = [&[id, decoration as u32], operands].concat();
        push(&mut self.annotations, Op::Decorate, &operands);
    }

    /// A variable of the whole module.
    pub(super) fn variable(&mut self, class: StorageClass, ty: Id, initial: Option<Id>) -> Id {
        let (pointer, id) = (self.pointer(class, ty), self.id());
        let operands: Vec<u32> = [pointer, id, class as u32].into_iter().chain(initial).collect();
        push(&mut self.globals, Op::Variable, &operands);
        id
    }

    /// A variable of the function, in whose first block this is.
    pub(super) fn local(&mut self, ty: Id) -> Id {
        let pointer = self.pointer(StorageClass::Function, ty);
        self.value(Op::Variable, pointer, &[StorageClass::Function as u32])
    }

    /// The input that is a built-in of three `u32`, one of `interface` where that has it.
    pub(super) fn place(&mut self, built_in: BuiltIn, interface: &[Id]) -> Id {
        let inputs = self.module.inputs(built_in);
        let its = inputs.iter().find(|id| interface.contains(id)).or(inputs.first());
        if let Some(&id) = its {
            return id;
        }
        let uint = self.uint();
        let ty = self.ty(Type::Vector { component: uint, count: 3 });
        let id = self.variable(StorageClass::Input, ty, None);
        self.decorate(id, Decoration::BuiltIn, &[built_in as u32]);
        id
    }

    /// What a variable of the module or of this builder points to.
    pub(super) fn pointee(&self, variable: Id, otherwise: Id) -> Id {
        let ty = self.module.type_of.get(&variable).and_then(|ty| self.module.types.get(ty));
        match ty {
            Some(&Type::Pointer { pointee, .. }) => pointee,
            _ => otherwise,
        }
    }

    /// What a vector is made of.
    pub(super) fn component(&self, vector: Id, otherwise: Id) -> Id {
        match self.module.types.get(&vector) {
            Some(&Type::Vector { component, .. }) => component,
            _ => otherwise,
        }
    }

    /// An instruction without a result.
    pub(super) fn statement(&mut self, op: Op, operands: &[u32]) {
        push(&mut self.code, op, operands);
    }

    /// An instruction with a result.
    pub(super) fn value(&mut self, op: Op, ty: Id, operands: &[u32]) -> Id {
        let id = self.id();
        let operands = [&[ty, id], operands].concat();
        push(&mut self.code, op, &operands);
        id
    }

    /// A computation of `u32` from `u32`.
    pub(super) fn uints(&mut self, op: Op, operands: &[u32]) -> Id {
        let uint = self.uint();
        self.value(op, uint, operands)
    }

    /// 1 where `left < right`, else 0.
    pub(super) fn less(&mut self, left: Id, right: Id) -> Id {
        let (boolean, one, zero) = (self.ty(Type::Bool), self.number(1), self.number(0));
        let less = self.value(Op::ULessThan, boolean, &[left, right]);
        self.uints(Op::Select, &[less, one, zero])
    }

    /// Does what `write` writes where the condition holds.
    pub(super) fn where_true(&mut self, condition: Id, write: impl FnOnce(&mut Self)) {
        let (then, merge) = (self.id(), self.id());
        self.statement(Op::SelectionMerge, &[merge, 0]);
        self.statement(Op::BranchConditional, &[condition, then, merge]);
        self.statement(Op::Label, &[then]);
        write(self);
        self.statement(Op::Branch, &[merge]);
        self.statement(Op::Label, &[merge]);
    }

    /// Does what `write` writes for 0, `step` and so on, each less than `end`. `variable` is one of the function's, of type
    /// `u32`. The loop asks first and adds then.
    pub(super) fn for_each(
        &mut self,
        variable: Id,
        (step, end): (Id, Id),
        write: impl FnOnce(&mut Self, Id),
    ) {
        let (uint, boolean) = (self.uint(), self.ty(Type::Bool));
        let zero = self.number(0);
        let [head, test, body, next, merge] = [(); 5].map(|()| self.id());
        self.statement(Op::Store, &[variable, zero]);
        self.statement(Op::Branch, &[head]);
        self.statement(Op::Label, &[head]);
        self.statement(Op::LoopMerge, &[merge, next, 0]);
        self.statement(Op::Branch, &[test]);
        self.statement(Op::Label, &[test]);
        let at = self.value(Op::Load, uint, &[variable]);
        let more = self.value(Op::ULessThan, boolean, &[at, end]);
        self.statement(Op::BranchConditional, &[more, body, merge]);
        self.statement(Op::Label, &[body]);
        write(self, at);
        let after = self.uints(Op::IAdd, &[at, step]);
        self.statement(Op::Store, &[variable, after]);
        self.statement(Op::Branch, &[next]);
        self.statement(Op::Label, &[next]);
        self.statement(Op::Branch, &[head]);
        self.statement(Op::Label, &[merge]);
    }
}
