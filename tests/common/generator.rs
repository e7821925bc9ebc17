//! Random compute kernels that are valid, end, and mean one thing: control flow of every form, integers,
//! floats and vectors, functions with pointers, storage and workgroup memory, barriers where all
//! invocations are.
//!
//! Floats are whole numbers of magnitude 1024 at most, and what is computed of them stays below 2^24: no
//! operation rounds, so whatever a compiler contracts or reorders, the bits are the same. Operations that
//! round are applied once, to such numbers, and only stored. Invocations write to places of their own,
//! or atomically by operations that commute; what others wrote is read behind a barrier.

use std::fmt::Write;

use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// Invocations of a workgroup.
pub const LANES: u32 = 24;
/// Words of each buffer that an invocation owns.
pub const OWN: u32 = 8;
/// Counters that all invocations share.
pub const COUNTERS: u32 = 4;

/// A type of values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scalar {
    I32,
    U32,
    F32,
    Bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Type {
    scalar: Scalar,
    /// 1 for a scalar.
    width: u32,
}

impl Type {
    const BOOL: Self = Self { scalar: Scalar::Bool, width: 1 };
    const I32: Self = Self { scalar: Scalar::I32, width: 1 };
    const U32: Self = Self { scalar: Scalar::U32, width: 1 };
    const F32: Self = Self { scalar: Scalar::F32, width: 1 };

    fn name(self) -> String {
        let scalar = match self.scalar {
            Scalar::I32 => "i32",
            Scalar::U32 => "u32",
            Scalar::F32 => "f32",
            Scalar::Bool => "bool",
        };
        if self.width == 1 { scalar.to_owned() } else { format!("vec{}<{scalar}>", self.width) }
    }
}

/// A function that may be called: what it takes by value, points to, and returns.
struct Function {
    parameters: Vec<Type>,
    pointer: Type,
    result: Type,
}

#[derive(Clone)]
struct Variable {
    name: String,
    ty: Type,
    writable: bool,
}

/// What a statement may do at its place.
#[derive(Clone, Copy, Default)]
struct Place {
    breaks: bool,
    continues: bool,
    /// The function's result, where it has one.
    returns: Option<Type>,
    /// Nested so deep.
    depth: u32,
}

struct Generator {
    random: ChaCha8Rng,
    text: String,
    scope: Vec<Variable>,
    functions: Vec<Function>,
    names: u32,
    /// Statements that may still be written.
    fuel: u32,
}

/// The kernel of a seed.
pub fn kernel(seed: u64) -> String {
    let mut generator = Generator {
        random: ChaCha8Rng::seed_from_u64(seed),
        text: format!(
            "struct Both {{ number: i32, place: vec3<f32>, list: array<u32, 3> }}
@group(0) @binding(0) var<storage, read_write> ints: array<u32>;
@group(0) @binding(1) var<storage, read_write> floats: array<f32>;
@group(0) @binding(2) var<storage, read_write> rounded: array<f32>;
@group(0) @binding(3) var<storage, read_write> counters: array<atomic<u32>, {COUNTERS}>;
@group(0) @binding(4) var<uniform> given: array<vec4<u32>, 4>;
var<workgroup> tile: array<i32, {LANES}>;
var<workgroup> heap: array<vec2<f32>, {LANES}>;
var<workgroup> votes: atomic<u32>;
var<private> own: u32;
var<private> state: i32 = 7;
// Zero, which constant evaluation, refusing what overflows, must not know, nor an optimizer: the one within
// SwiftShader folds `==`, `<=` and `>=` of two vectors of constant zeros to false.
var<private> none: i32;
"
        ),
        scope: Vec::new(),
        functions: Vec::new(),
        names: 0,
        fuel: 45,
    };
    for _ in 0..generator.random.random_range(1..4) {
        generator.function();
    }
    generator.main();
    generator.text
}

impl Generator {
    fn roll(&mut self, sides: u32) -> u32 {
        self.random.next_u32() % sides
    }

    fn ty(&mut self) -> Type {
        let scalar = *[Scalar::I32, Scalar::U32, Scalar::F32]
            .choose(&mut self.random)
            .unwrap_or(&Scalar::I32);
        Type { scalar, width: [1, 1, 2, 3, 4][self.roll(5) as usize] }
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn function(&mut self) {
        let number = self.functions.len();
        let parameters: Vec<Type> = (0..self.roll(3) + 1).map(|_| self.ty()).collect();
        let (pointer, result) = (self.ty(), self.ty());
        let mut head = format!("fn f{number}(p: ptr<function, {}>", pointer.name());
        for (i, ty) in parameters.iter().enumerate() {
            let _ = write!(head, ", a{i}: {}", ty.name());
            self.scope.push(Variable { name: format!("a{i}"), ty: *ty, writable: false });
        }
        self.scope.push(Variable { name: "(*p)".into(), ty: pointer, writable: true });
        self.line(&format!("{head}) -> {} {{", result.name()));
        self.block(Place { returns: Some(result), ..Place::default() }, 4);
        let value = self.value(result, 2);
        self.line(&format!("return {value};\n}}"));
        self.scope.clear();
        self.functions.push(Function { parameters, pointer, result });
    }

    fn main(&mut self) {
        self.line(&format!(
            "@compute @workgroup_size({LANES}) fn main(@builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {{
own = (group.x * {LANES}u + lane) * {OWN}u;
none = i32(lane / {LANES}u);
var both = Both(none, vec3<f32>(f32(none)), array<u32, 3>(u32(none), u32(none), u32(none)));"
        ));
        for (name, ty) in [("lane", Type::U32), ("group.x", Type::U32), ("groups.x", Type::U32)] {
            self.scope.push(Variable { name: name.into(), ty, writable: false });
        }
        let vec3 = Type { scalar: Scalar::F32, width: 3 };
        for (name, ty) in
            [("both.number", Type::I32), ("both.place", vec3), ("both.list[1]", Type::U32)]
        {
            self.scope.push(Variable { name: name.into(), ty, writable: true });
        }
        for _ in 0..self.roll(3) + 1 {
            self.block(Place::default(), 5);
            self.phase();
        }
        // What is left in variables is seen.
        for (i, ty) in [Type::I32, Type::U32, Type::F32].into_iter().enumerate() {
            let value = self.value(ty, 2);
            let place = format!("own + {i}u");
            self.store(&place, ty, &value);
        }
        self.round();
        self.line("}");
    }

    /// Everybody writes a place of workgroup memory, and behind a barrier reads somebody's.
    fn phase(&mut self) {
        let (number, pair) =
            (self.value(Type::I32, 2), self.value(Type { scalar: Scalar::F32, width: 2 }, 2));
        let loops = self.roll(3) == 0;
        if loops {
            let name = self.fresh();
            self.line(&format!("for (var {name} = 0u; {name} < 2u; {name}++) {{"));
        }
        let vote = self.value(Type::U32, 1);
        self.line(&format!(
            "tile[lane] = {number};\nheap[lane] = {pair};\natomicAdd(&votes, {vote});"
        ));
        self.line("workgroupBarrier();");
        let (from, other) = (self.value(Type::U32, 1), self.value(Type::U32, 1));
        self.line(&format!("state ^= tile[{from} % {LANES}u] + i32(atomicLoad(&votes));"));
        self.line(&format!("both.place = clamp(heap[{other} % {LANES}u].xyx + both.place, vec3(-1024.0), vec3(1024.0));"));
        self.line("workgroupBarrier();");
        if loops {
            self.line("}");
        }
        if self.roll(2) == 0 {
            self.line(&format!(
                "both.list[0] ^= u32(workgroupUniformLoad(&tile[{}]));",
                self.names % LANES
            ));
        }
        self.scope.push(Variable { name: "both.list[0]".into(), ty: Type::U32, writable: true });
        if self.roll(2) == 0 {
            self.line("storageBarrier();");
        }
    }

    /// Operations that round, each on whole numbers.
    fn round(&mut self) {
        for (i, form) in [
            "# / @",
            "sqrt(abs(#) + 1.0)",
            "inverseSqrt(abs(#) + 1.0)",
            "exp2(# * 0.01)",
            "log2(abs(#) + 2.0)",
        ]
        .into_iter()
        .enumerate()
        {
            let (a, b) = (self.value(Type::F32, 2), self.value(Type::F32, 1));
            let form = form.replace('#', &a).replace('@', &format!("(abs({b}) + 1.0)"));
            self.line(&format!("rounded[own + {i}u] = {form};"));
        }
    }

    fn store(&mut self, place: &str, ty: Type, value: &str) {
        match ty.scalar {
            Scalar::F32 => self.line(&format!("floats[{place}] = {value};")),
            Scalar::I32 => self.line(&format!("ints[{place}] = bitcast<u32>({value});")),
            Scalar::U32 | Scalar::Bool => self.line(&format!("ints[{place}] = u32({value});")),
        }
    }

    fn block(&mut self, place: Place, most: u32) {
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

    /// An expression of a type, without effects.
    fn value(&mut self, ty: Type, depth: u32) -> String {
        if depth == 0 || self.roll(6) == 0 {
            return self.leaf(ty);
        }
        let one = Type { width: 1, ..ty };
        if ty.width > 1 && self.roll(4) == 0 {
            let parts: Vec<String> = (0..ty.width).map(|_| self.value(one, depth - 1)).collect();
            return format!("{}({})", ty.name(), parts.join(", "));
        }
        if self.roll(8) == 0 {
            let condition = self.value(Type::BOOL, depth - 1);
            let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
            return format!("select({a}, {b}, {condition})");
        }
        match ty.scalar {
            Scalar::Bool => self.truth(depth),
            Scalar::F32 => self.float(ty, depth),
            Scalar::I32 | Scalar::U32 => self.integer(ty, depth),
        }
    }

    fn truth(&mut self, depth: u32) -> String {
        if self.roll(3) == 0 {
            let (a, b) = (self.value(Type::BOOL, depth - 1), self.value(Type::BOOL, depth - 1));
            return match self.roll(4) {
                0 => format!("(({a}) && ({b}))"),
                1 => format!("(({a}) || ({b}))"),
                2 => format!("(({a}) != ({b}))"),
                _ => format!("!({a})"),
            };
        }
        let ty = self.ty();
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let operator = *["<", "<=", ">", ">=", "==", "!="].choose(&mut self.random).unwrap_or(&"<");
        let compared = format!("({a} {operator} {b})");
        match (ty.width, self.roll(2)) {
            (1, _) => compared,
            (_, 0) => format!("any{compared}"),
            _ => format!("all{compared}"),
        }
    }

    fn integer(&mut self, ty: Type, depth: u32) -> String {
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let unsigned = Type { scalar: Scalar::U32, ..ty };
        let other =
            Type { scalar: if ty.scalar == Scalar::I32 { Scalar::U32 } else { Scalar::I32 }, ..ty };
        match self.roll(18) {
            0..=6 => {
                let operator = ["+", "-", "*", "/", "%", "&", "^"][self.roll(7) as usize];
                format!("({a} {operator} {b})")
            }
            7 => format!("({a} | ~{b})"),
            8 => {
                let (count, width) = (self.value(unsigned, depth - 1), unsigned.name());
                let operator = if self.roll(2) == 0 { "<<" } else { ">>" };
                format!("({a} {operator} ({count} & {width}(31u)))")
            }
            9 => {
                let function = [
                    "countOneBits",
                    "firstLeadingBit",
                    "firstTrailingBit",
                    "reverseBits",
                    "countLeadingZeros",
                    "abs",
                ];
                format!("{}({a})", function[self.roll(6) as usize])
            }
            10 => format!("min({a}, {b})"),
            11 => {
                let c = self.value(ty, depth - 1);
                format!("clamp({c}, min({a}, {b}), max({a}, {b}))")
            }
            12 => {
                let (offset, count) = (self.value(Type::U32, 1), self.value(Type::U32, 1));
                format!("extractBits({a}, {offset} % 40u, {count} % 40u)")
            }
            13 => {
                let (offset, count) = (self.value(Type::U32, 1), self.value(Type::U32, 1));
                format!("insertBits({a}, {b}, {offset} % 40u, {count} % 40u)")
            }
            14 => format!("bitcast<{}>({})", ty.name(), self.value(other, depth - 1)),
            15 => format!("{}({})", ty.name(), self.value(other, depth - 1)),
            16 if ty.width == 1 => {
                let wide = Type { width: self.roll(3) + 2, ..ty };
                format!("dot({}, {})", self.value(wide, depth - 1), self.value(wide, depth - 1))
            }
            17 => {
                let float = self.value(Type { scalar: Scalar::F32, ..ty }, depth - 1);
                format!("{}({float})", ty.name())
            }
            _ => format!("({a} - {b})"),
        }
    }

    fn float(&mut self, ty: Type, depth: u32) -> String {
        let (a, b) = (self.value(ty, depth - 1), self.value(ty, depth - 1));
        let name = ty.name();
        let exact = match self.roll(12) {
            0 | 1 => format!("({a} + {b})"),
            2 => format!("({a} - {b})"),
            3 => format!("({a} * {b})"),
            4 => format!("fma({a}, {b}, {})", self.value(ty, depth - 1)),
            5 => format!("floor({a} * {name}(0.25))"),
            6 => format!("round({a} * {name}(0.5))"),
            7 => return format!("min({a}, {b})"),
            8 => return format!("abs({a})"),
            9 => return format!("-({a})"),
            10 if ty.width == 1 => {
                let wide = Type { width: self.roll(3) + 2, ..ty };
                format!("dot({}, {})", self.value(wide, depth - 1), self.value(wide, depth - 1))
            }
            10 => format!("trunc({a} * {name}(0.125)) + ceil({b} * {name}(0.5))"),
            _ => {
                let whole = self.value(Type { scalar: Scalar::I32, ..ty }, depth - 1);
                format!("{name}({whole})")
            }
        };
        // A whole number again, of 1024 at most. Integers of any size round before they are cut off, but
        // whichever way they do.
        format!("clamp({exact}, {name}(-1024.0), {name}(1024.0))")
    }

    fn leaf(&mut self, ty: Type) -> String {
        let mut known: Vec<String> = Vec::new();
        for Variable { name, ty: of, .. } in &self.scope {
            if *of == ty {
                known.push(name.clone());
            } else if of.scalar == ty.scalar && of.width > ty.width && ty.width > 1 {
                known.push(format!(
                    "{name}.{}",
                    &"yxzw"[..ty.width as usize].replace(['z', 'w'], "x")
                ));
            } else if of.scalar == ty.scalar && of.width > 1 && ty.width == 1 {
                known.push(format!("{name}.x"));
                known.push(format!("{name}[(own / {OWN}u) % {}u]", of.width));
            }
        }
        if let Some(name) = known.choose(&mut self.random).filter(|_| self.names % 5 != 4).cloned()
        {
            return name;
        }
        let number = self.random.random_range(-40_i32..1000);
        if ty.width > 1 {
            let one = self.leaf(Type { width: 1, ..ty });
            return format!("{}({one})", ty.name());
        }
        match (ty.scalar, self.roll(3)) {
            (Scalar::I32, 0) => "state".into(),
            (Scalar::I32, 1) => "i32(given[1].y)".into(),
            (Scalar::I32, _) => format!("(none + {number})"),
            (Scalar::U32, 0) => format!("ints[own + {}u]", number.unsigned_abs() % OWN),
            (Scalar::U32, 1) => format!("given[{}].z", number.unsigned_abs() % 4),
            (Scalar::U32, _) => {
                let bits = number.unsigned_abs().wrapping_mul(2_654_435_761);
                format!("(u32(none) + {bits}u)")
            }
            (Scalar::F32, 0) => format!("floats[own + {}u]", number.unsigned_abs() % OWN),
            (Scalar::F32, _) => format!("f32(none + {number})"),
            (Scalar::Bool, 0) => "(state > 3)".into(),
            (Scalar::Bool, _) => format!("(own % {}u == 0u)", number.unsigned_abs() % 5 + 1),
        }
    }
}
