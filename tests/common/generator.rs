//! Random compute kernels that are valid, end, and mean one thing: control flow of every form, integers,
//! floats and vectors, functions with pointers, storage and workgroup memory, barriers where all
//! invocations are.
//!
//! Floats are whole numbers of magnitude 1024 at most, and what is computed of them stays below 2^24: no
//! operation rounds, so whatever a compiler contracts or reorders, the bits are the same. Operations that
//! round are applied once, to such numbers, and only stored. Invocations write to places of their own,
//! or atomically by operations that commute; what others wrote is read behind a barrier.

mod statement;
mod value;

use std::fmt::Write;

use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use self::statement::Place;

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
}
