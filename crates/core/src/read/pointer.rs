//! Pointers that functions take. naga's validator lets functions take pointers to variables of their own kind only
//! (`function` and `private`), and its SPIR-V writer only such as point to whole variables; WGSL lets them take
//! any (`ptr<workgroup, ..>`, `ptr<storage, ..>`, `&a[i]`). A function that is called with another one is written anew
//! for the place that it is called with: what the caller points to is named in it, and the numbers that the
//! caller indexes with become arguments. The statements, and so the counts and their lines, stay what they are.

use std::collections::BTreeMap;

use naga::{
    AddressSpace, Arena, Block, Expression, Function, FunctionArgument, GlobalVariable, Handle,
    Module, Range, Span, Statement, Type, TypeInner, front::Typifier, proc::ResolveContext,
};

use crate::{
    ir::{Operand, arms, arms_mut},
    rewriting::prepend,
};

/// Writes the functions of a module anew that take pointers which naga does not pass.
pub(super) fn resolve(module: &mut Module) {
    if !is_needed(module) {
        return;
    }
    let mut old = module.clone();
    let mut writer = Writer { old: &mut old, written: Arena::new(), known: BTreeMap::new() };
    for entry in &mut module.entry_points {
        entry.function = writer.write(entry.function.clone(), &[]);
    }
    module.functions = writer.written;
    module.types = old.types;
}

/// Whether some function takes a pointer that naga does not pass, or is given one.
fn is_needed(module: &Module) -> bool {
    let takes =
        module.functions.iter().flat_map(|(_, function)| &function.arguments).any(|argument| {
            let space = module.types[argument.ty].inner.pointer_space();
            space.is_some_and(|space| !is_passed(space))
        });
    let functions = module.functions.iter().map(|(_, function)| function);
    let mut functions = functions.chain(module.entry_points.iter().map(|entry| &entry.function));
    takes || functions.any(|function| gives(module, function, &function.body))
}

/// Whether naga's validator lets functions take pointers into an address space.
fn is_passed(space: AddressSpace) -> bool {
    matches!(space, AddressSpace::Function | AddressSpace::Private)
}

/// Whether a call in a block passes a pointer to a part of a variable.
fn gives(module: &Module, function: &Function, block: &Block) -> bool {
    block.iter().any(|statement| {
        if let Statement::Call { function: callee, arguments, result: _ } = statement {
            let formal = &module.functions[*callee].arguments;
            let part = formal.iter().zip(arguments).any(|(formal, actual)| {
                module.types[formal.ty].inner.pointer_space().is_some()
                    && matches!(
                        function.expressions[*actual],
                        Expression::Access { .. } | Expression::AccessIndex { .. }
                    )
            });
            if part {
                return true;
            }
        }
        arms(statement).into_iter().any(|arm| gives(module, function, arm))
    })
}

/// What a pointer argument points to, as far as the function that takes it must know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    root: Root,
    path: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Root {
    /// A variable of the module.
    Global(Handle<GlobalVariable>),
    /// A variable of a caller: a pointer of this type to the whole of it is passed.
    Passed(Handle<Type>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A member, or an element whose index is known.
    Index(u32),
    /// An element whose index, of this type, is passed.
    Element(Handle<Type>),
}

/// A function of the old module, and the places that its arguments point to; `None` is an argument as it is.
type Version = (Handle<Function>, Vec<Option<Place>>);

struct Writer<'a> {
    /// The module as it was read; types are added to it.
    old: &'a mut Module,
    written: Arena<Function>,
    known: BTreeMap<Version, Handle<Function>>,
}

impl Writer<'_> {
    /// A function as it is written for these places of its arguments.
    fn function(
        &mut self,
        callee: Handle<Function>,
        places: Vec<Option<Place>>,
    ) -> Handle<Function> {
        let key = (callee, places);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let written = self.write(self.old.functions[callee].clone(), &key.1);
        let span = self.old.functions.get_span(callee);
        let handle = self.written.append(written, span);
        self.known.insert(key, handle);
        handle
    }

    fn write(&mut self, mut function: Function, places: &[Option<Place>]) -> Function {
        if places.iter().any(Option::is_some) {
            settle(&mut function, places);
        }
        let mut body = std::mem::take(&mut function.body);
        let mut results = Vec::new();
        self.calls(&function, &mut body, &mut Typifier::new(), &mut results);
        function.body = body;
        // Not before, since a value's type is told by the old functions.
        for (result, callee) in results {
            function.expressions[result] = Expression::CallResult(callee);
        }
        function
    }

    /// Has the calls of a block call functions that are written; which of them gives each result is added to `results`.
    fn calls(
        &mut self,
        function: &Function,
        block: &mut Block,
        typifier: &mut Typifier,
        results: &mut Vec<(Operand, Handle<Function>)>,
    ) {
        for statement in block.iter_mut() {
            if let Statement::Call { function: callee, arguments, result } = statement {
                let mut places = Vec::new();
                let mut passed = Vec::new();
                for (index, &argument) in arguments.iter().enumerate() {
                    let formal = self.old.functions[*callee].arguments[index].ty;
                    let is_pointer = self.old.types[formal].inner.pointer_space().is_some();
                    let place = if is_pointer {
                        self.place(function, argument, typifier, &mut passed)
                    } else {
                        None
                    };
                    if place.is_none() {
                        passed.push(argument);
                    }
                    places.push(place);
                }
                *callee = self.function(*callee, places);
                *arguments = passed;
                results.extend(result.map(|result| (result, *callee)));
            }
            for arm in arms_mut(statement) {
                self.calls(function, arm, typifier, results);
            }
        }
    }

    /// What a pointer points to, where it cannot be passed as it is; what has to be passed for it is added to
    /// `passed`.
    fn place(
        &mut self,
        function: &Function,
        pointer: Operand,
        typifier: &mut Typifier,
        passed: &mut Vec<Operand>,
    ) -> Option<Place> {
        let mut path = Vec::new();
        let mut indices = Vec::new();
        let mut root = pointer;
        loop {
            if let Expression::AccessIndex { base, index } = function.expressions[root] {
                path.push(Step::Index(index));
                root = base;
            } else if let Expression::Access { base, index } = function.expressions[root] {
                path.push(Step::Element(self.type_of(function, index, typifier)?));
                indices.push(index);
                root = base;
            } else {
                break;
            }
        }
        path.reverse();
        let (root, pointed) = match function.expressions[root] {
            Expression::GlobalVariable(variable) => {
                let space = self.old.global_variables[variable].space;
                if path.is_empty() && is_passed(space) {
                    return None;
                }
                (Root::Global(variable), None)
            }
            Expression::LocalVariable(variable) => {
                let base = function.local_variables[variable].ty;
                let inner = TypeInner::Pointer { base, space: AddressSpace::Function };
                let ty = self.old.types.insert(Type { name: None, inner }, Span::UNDEFINED);
                (Root::Passed(ty), Some(root))
            }
            Expression::FunctionArgument(index) => {
                (Root::Passed(function.arguments[index as usize].ty), Some(root))
            }
            // No pointer that naga makes begins otherwise.
            _ => return None,
        };
        if path.is_empty() && pointed.is_some() {
            return None;
        }
        passed.extend(pointed);
        passed.extend(indices.into_iter().rev());
        Some(Place { root, path })
    }

    fn type_of(
        &mut self,
        function: &Function,
        value: Operand,
        typifier: &mut Typifier,
    ) -> Option<Handle<Type>> {
        let context =
            ResolveContext::with_locals(self.old, &function.local_variables, &function.arguments);
        typifier.grow(value, &function.expressions, &context).ok()?;
        let inner = typifier.get(value, &self.old.types).clone();
        Some(self.old.types.insert(Type { name: None, inner }, Span::UNDEFINED))
    }
}

/// Has a function name the places that its arguments point to.
fn settle(function: &mut Function, places: &[Option<Place>]) {
    let mut prefix = Arena::new();
    let mut arguments: Vec<FunctionArgument> = Vec::new();
    let mut take = |name: &Option<String>, ty| {
        arguments.push(FunctionArgument { name: name.clone(), ty, binding: None });
        Expression::FunctionArgument(arguments.len() as u32 - 1)
    };
    // What stands for each of the old arguments, and the indices of each of its elements.
    let mut roots = Vec::new();
    for (argument, place) in std::mem::take(&mut function.arguments).iter().zip(places) {
        let Some(Place { root, path }) = place else {
            roots.push((take(&argument.name, argument.ty), Vec::new()));
            continue;
        };
        let root = match *root {
            Root::Global(variable) => Expression::GlobalVariable(variable),
            Root::Passed(ty) => take(&argument.name, ty),
        };
        let indices = path.iter().filter_map(|step| match *step {
            Step::Index(_) => None,
            Step::Element(ty) => Some(prefix.append(take(&argument.name, ty), Span::UNDEFINED)),
        });
        roots.push((root, indices.collect::<Vec<_>>()));
    }
    function.arguments = arguments;
    // What is emitted comes last, in one piece.
    let bases: Vec<Operand> =
        roots.iter().map(|(root, _)| prefix.append(root.clone(), Span::UNDEFINED)).collect();
    let mut emitted: Option<(Operand, Operand)> = None;
    let mut pointers = Vec::new();
    for ((&base, (_, indices)), place) in bases.iter().zip(&roots).zip(places) {
        let mut indices = indices.iter();
        let mut pointer = base;
        for step in place.iter().flat_map(|place| &place.path) {
            let part = match *step {
                Step::Index(index) => Expression::AccessIndex { base: pointer, index },
                Step::Element(_) => {
                    let Some(&index) = indices.next() else { continue };
                    Expression::Access { base: pointer, index }
                }
            };
            pointer = prefix.append(part, Span::UNDEFINED);
            emitted = Some((emitted.map_or(pointer, |(first, _)| first), pointer));
        }
        pointers.push(pointer);
    }
    // The old arguments stay where they are as names that nothing refers to.
    let mut replaced = BTreeMap::new();
    for (handle, expression) in function.expressions.iter_mut() {
        if let Expression::FunctionArgument(index) = *expression {
            replaced.insert(handle, pointers[index as usize]);
            *expression = roots[index as usize].0.clone();
        }
    }
    prepend(function, prefix, &replaced);
    if let Some((first, last)) = emitted {
        let body = std::mem::take(&mut function.body);
        function.body.push(Statement::Emit(Range::new_from_bounds(first, last)), Span::UNDEFINED);
        function.body.extend_block(body);
    }
}
