//! Statements: control flow of every form, declarations, assignments, stores and calls.

use rand::seq::IndexedRandom;

use super::{Function, Generator, OWN, Scalar, Type, Variable};

/// What a statement may do at its place.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) breaks: bool,
    pub(super) continues: bool,
    /// The function's result, where it has one.
    pub(super) returns: Option<Type>,
    /// Nested so deep.
    pub(super) depth: u32,
}

impl Generator {
    pub(super) fn store(&mut self, place: &str, ty: Type, value: &str) {
        match ty.scalar {
            Scalar::F32 => self.line(&format!("floats[{place}] = {value};")),
            Scalar::I32 => self.line(&format!("ints[{place}] = bitcast<u32>({value});")),
            Scalar::U32 | Scalar::Bool => self.line(&format!("ints[{place}] = u32({value});")),
        }
    }

    pub(super) fn block(&mut self, place: Place, most: u32) {
        let known = self.scope.len();
        for _ in 0..self.roll(most) + 1 {
            if self.fuel == 0 {
                break;
            }
            self.fuel -= 1;
            if self.statement(place) {
                break;
            }
        }
        self.scope.truncate(known);
    }

    /// Writes one statement; whether nothing may follow it.
    fn statement(&mut self, place: Place) -> bool {
        let inner = Place { depth: place.depth + 1, ..place };
        match self.roll(if place.depth < 4 { 16 } else { 10 }) {
            0 | 1 => {
                let (ty, name) = (self.ty(), self.fresh());
                let (value, writable) = (self.value(ty, 3), self.roll(3) > 0);
                let keyword = if writable { "var" } else { "let" };
                self.line(&format!("{keyword} {name} = {value};"));
                self.scope.push(Variable { name, ty, writable });
            }
            2..=4 => self.assign(),
            5 => {
                let (ty, place) = (self.ty(), self.value(Type::U32, 1));
                let ty = Type { width: 1, ..ty };
                let value = self.value(ty, 3);
                self.store(&format!("own + ({place}) % {OWN}u"), ty, &value);
            }
            6 => {
                let function = *["Add", "Max", "Min", "Or", "Xor", "And"]
                    .choose(&mut self.random)
                    .unwrap_or(&"Add");
                // Operations of one kind on one counter commute, those of several do not.
                let counter = match function {
                    "Add" => 0,
                    "Max" => 1,
                    "Or" => 2,
                    _ => 3,
                };
                let function = if counter == 3 { "Xor" } else { function };
                let value = self.value(Type::U32, 2);
                self.line(&format!("atomic{function}(&counters[{counter}], {value});"));
            }
            7 if place.breaks => {
                self.line("break;");
                return true;
            }
            7 if place.returns.is_some() => {
                let value = place.returns.map(|ty| self.value(ty, 2)).unwrap_or_default();
                self.line(&format!("return {value};"));
                return true;
            }
            8 if place.continues => {
                self.line("continue;");
                return true;
            }
            7..=9 => self.call(),
            10..=12 => {
                let condition = self.value(Type::BOOL, 3);
                self.line(&format!("if {condition} {{"));
                self.block(inner, 3);
                if self.roll(2) == 0 {
                    self.line("} else {");
                    self.block(inner, 3);
                }
                self.line("}");
            }
            13 => {
                let selector = self.value(Type::I32, 2);
                self.line(&format!("switch ({selector}) & 3 {{"));
                let inner = Place { breaks: true, ..inner };
                for case in ["case 0: {", "case 1, 3: {", "default: {"] {
                    self.line(case);
                    self.block(inner, 2);
                    self.line("}");
                }
                self.line("}");
            }
            _ => self.repeat(inner),
        }
        false
    }

    fn repeat(&mut self, place: Place) {
        let (name, rounds) = (self.fresh(), self.roll(4) + 1);
        let inner = Place { breaks: true, continues: true, ..place };
        self.scope.push(Variable { name: name.clone(), ty: Type::U32, writable: false });
        match self.roll(3) {
            0 => {
                self.line(&format!("for (var {name} = 0u; {name} < {rounds}u; {name}++) {{"));
                self.block(inner, 4);
            }
            1 => {
                self.line(&format!("var {name} = 0u;\nwhile {name} < {rounds}u {{\n{name} += 1u;"));
                self.block(inner, 4);
            }
            _ => {
                self.line(&format!(
                    "var {name} = 0u;\nloop {{\nif {name} >= {rounds}u {{ break; }}"
                ));
                self.block(inner, 4);
                // What the body declares behind a continue may not be seen here.
                let condition = self.value(Type::BOOL, 1);
                self.line(&format!("continuing {{\n{name} += 1u;\nbreak if {condition};\n}}"));
            }
        }
        self.line("}");
        self.scope.retain(|variable| variable.name != name);
    }

    fn assign(&mut self) {
        let writable: Vec<Variable> = self.scope.iter().filter(|v| v.writable).cloned().collect();
        let Some(Variable { name, ty, .. }) = writable.choose(&mut self.random).cloned() else {
            let value = self.value(Type::I32, 3);
            return self.line(&format!("state = {value};"));
        };
        if ty.width > 1 && self.roll(2) == 0 {
            let value = self.value(Type { width: 1, ..ty }, 3);
            let index = self.value(Type::U32, 1);
            let width = ty.width;
            return if self.roll(2) == 0 {
                self.line(&format!("{name}[({index}) % {width}u] = {value};"))
            } else {
                self.line(&format!("{name}.y = {value};"))
            };
        }
        let value = self.value(ty, 3);
        self.line(&format!("{name} = {value};"));
    }

    fn call(&mut self) {
        if self.functions.is_empty() {
            return self.assign();
        }
        let number = self.roll(self.functions.len() as u32) as usize;
        let Function { parameters, pointer, result } = &self.functions[number];
        let (parameters, pointer, result) = (parameters.clone(), *pointer, *result);
        let (target, name) = (self.fresh(), self.fresh());
        let before = self.value(pointer, 1);
        let arguments: Vec<String> = parameters.into_iter().map(|ty| self.value(ty, 2)).collect();
        self.line(&format!("var {target} = {before};"));
        self.line(&format!("var {name} = f{number}(&{target}, {});", arguments.join(", ")));
        for (name, ty) in [(target, pointer), (name, result)] {
            self.scope.push(Variable { name, ty, writable: true });
        }
    }
}
