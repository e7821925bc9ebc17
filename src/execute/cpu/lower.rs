//! Lowering: from a naga module to a [`Program`]. Functions are inlined, values split into scalars,
//! variables kept in registers wherever no index is computed, and every operation counted where it is
//! emitted: what is tallied is what the interpreter is told to do, one instruction after the other.
//! Compositions are emitted by their definitions. Nothing here knows how instructions run.

mod expression;
mod math;
mod matrix;
mod pack;
mod place;
mod statement;
mod subgroup;
mod types;

use std::collections::{HashMap, HashSet};

use naga::{
    Arena, BuiltIn, Expression, Function, GlobalVariable, Handle, LocalVariable, Module, Span,
    TypeInner, valid::FunctionInfo,
};

use self::place::Place;
use super::{
    LIMITS, allocate,
    alu::{Alu, Chunk},
    forward,
    program::{
        Address, Block, Given, Inst, Kind, Memory, Node, Num, Program, Reg, Variable, Virtual,
        Watch,
    },
    straighten,
};
use crate::{
    Error,
    execute::Access,
    kernel::KernelModule,
    op::{Cost, Op, OpCounts, Scalar},
};

/// Instructions and statements that a kernel may be lowered to; beyond it inlining has got out of hand.
const MAX_INSTRUCTIONS: usize = 1 << 20;

/// Blocks that may lie within each other, those of inlined functions included.
const MAX_DEPTH: usize = 200;

/// Bytes of registers, of lanes' own memory and of workgroup memory that one workgroup may take, each.
const MAX_BYTES: usize = 1 << 28;

/// A result, or what it is that cannot be lowered.
type Lower<T> = Result<T, String>;

/// An expression, lowered.
#[derive(Clone)]
enum Lowered {
    Value(Vec<Num>),
    Place(Place),
}

/// What becomes of a `return`.
enum Returns {
    /// It ends the invocation.
    Entry,
    /// It is the function's last statement; the value is kept here.
    Last(Option<Vec<Num>>),
    /// Lanes come together behind the call, with the value in these variables.
    Join(Vec<Num>),
}

/// A function being lowered.
struct Frame<'a> {
    function: &'a Function,
    info: &'a FunctionInfo,
    expressions: HashMap<Handle<Expression>, Lowered>,
    arguments: Vec<Lowered>,
    locals: HashMap<Handle<LocalVariable>, Place>,
    returns: Returns,
}

/// The state of lowering one kernel.
struct Lowering<'a> {
    kernel: &'a KernelModule,
    module: &'a Module,
    virtuals: Vec<Virtual>,
    given: HashMap<Given, Reg>,
    block: Block,
    insts: Vec<Inst>,
    cost: Cost,
    costs: Vec<Cost>,
    sites: Vec<Option<u32>>,
    memories: Vec<Memory>,
    variables: Vec<Variable>,
    watch: Option<Watch>,
    globals: HashMap<Handle<GlobalVariable>, Place>,
    inits: Vec<(Reg, Reg)>,
    workgroup_bytes: u32,
    lane_words: u32,
    size: [u32; 3],
    subgroup: u32,
    instructions: usize,
    depth: usize,
    /// Where the statement being lowered is.
    span: Span,
    line: Option<u32>,
    /// Pointers to function or private memory through which an index is computed.
    indexed: Indexed,
}

/// Variables that some computed index reaches into, so that they need addresses.
#[derive(Default)]
struct Indexed {
    locals: HashSet<(Option<Handle<Function>>, Handle<LocalVariable>)>,
    arguments: HashSet<(Option<Handle<Function>>, u32)>,
    globals: HashSet<Handle<GlobalVariable>>,
}

/// Lowers a kernel's entry point for subgroups of so many lanes, to be watched for races or not.
pub(super) fn lower(
    kernel: &KernelModule,
    subgroup: u32,
    detect_races: bool,
) -> Result<Program, Error> {
    let mut lowering = Lowering {
        kernel,
        module: &kernel.module,
        virtuals: Vec::new(),
        given: HashMap::new(),
        block: Vec::new(),
        insts: Vec::new(),
        cost: Cost::default(),
        costs: Vec::new(),
        sites: Vec::new(),
        memories: Vec::new(),
        variables: Vec::new(),
        watch: detect_races.then(|| Watch { unit: 4, written: HashSet::new() }),
        globals: HashMap::new(),
        inits: Vec::new(),
        workgroup_bytes: 0,
        lane_words: 0,
        size: kernel.entry_point().workgroup_size,
        subgroup,
        instructions: 0,
        depth: 0,
        span: Span::UNDEFINED,
        line: None,
        indexed: Indexed::of(&kernel.module),
    };
    let refused = |what: String, line| Error::Uncountable {
        kernel: kernel.name.clone(),
        problem: format!("on the embedded executor: {what}"),
        line,
    };
    let invocations = lowering.size.iter().map(|&extent| u64::from(extent)).product::<u64>();
    if invocations > LIMITS.invocations.into() {
        let most = LIMITS.invocations;
        return Err(refused(
            format!("a workgroup of {invocations} invocations, more than {most}"),
            None,
        ));
    }
    let body = lowering.entry().map_err(|what| refused(what, kernel.line(lowering.span)))?;
    let program = lowering.finish(body);
    let own = 4 * program.lane_words as usize * program.lanes();
    let all = [program.chunks * size_of::<Chunk>(), own, program.workgroup_bytes as usize];
    if all.into_iter().any(|bytes| bytes > MAX_BYTES) {
        return Err(refused("variables of more than 256 MiB in a workgroup".into(), None));
    }
    Ok(program)
}

impl<'a> Lowering<'a> {
    fn entry(&mut self) -> Lower<Block> {
        let module = self.module;
        let entry = &module.entry_points[0];
        let used = self.kernel.info.get_entry_point(0);
        for (handle, variable) in module.global_variables.iter() {
            if !used[handle].is_empty() {
                self.span = module.global_variables.get_span(handle);
                let place = self.global(handle, variable)?;
                self.globals.insert(handle, place);
            }
        }
        let mut arguments = Vec::new();
        for argument in &entry.function.arguments {
            let value = self.built_ins(argument.ty, argument.binding.as_ref())?;
            arguments.push(Lowered::Value(value));
        }
        let mut frame = self.frame(None, &entry.function, used, arguments, Returns::Entry)?;
        self.statements(&mut frame, &entry.function.body)?;
        self.flush();
        let inits = std::mem::take(&mut self.inits);
        let body = std::mem::take(&mut self.block);
        Ok(vec![Node::Call { body, inits }])
    }

    fn finish(mut self, mut body: Block) -> Program {
        forward::place_inits(&mut body);
        straighten::straighten(&mut body, &mut self.costs);
        forward::forward(&mut body, &self.virtuals);
        let mut program = Program {
            name: self.kernel.name.clone(),
            body,
            costs: self.costs,
            sites: self.sites,
            memories: self.memories,
            variables: self.variables,
            watch: self.watch,
            workgroup_bytes: self.workgroup_bytes,
            lane_words: self.lane_words,
            size: self.size,
            subgroup: self.subgroup,
            given: self.given.into_iter().collect(),
            chunks: 0,
        };
        program.given.sort_by_key(|(_, reg)| *reg);
        allocate::allocate(&mut program, &self.virtuals);
        program
    }

    /// The values that the launch gives to an argument of the entry point.
    fn built_ins(
        &mut self,
        ty: Handle<naga::Type>,
        binding: Option<&naga::Binding>,
    ) -> Lower<Vec<Num>> {
        let Some(binding) = binding else {
            let TypeInner::Struct { members, .. } = &self.module.types[ty].inner else {
                return Err("an entry point's argument without a binding".into());
            };
            let mut value = Vec::new();
            for member in members {
                value.extend(self.built_ins(member.ty, member.binding.as_ref())?);
            }
            return Ok(value);
        };
        let naga::Binding::BuiltIn(built_in) = binding else {
            return Err("an entry point's argument from another stage".into());
        };
        let lanes = self.size.iter().product::<u32>();
        let given: Vec<Given> = match built_in {
            BuiltIn::LocalInvocationId => (0..3).map(Given::Local).collect(),
            BuiltIn::LocalInvocationIndex => vec![Given::LocalIndex],
            BuiltIn::WorkGroupId => (0..3).map(Given::WorkGroup).collect(),
            BuiltIn::NumWorkGroups => (0..3).map(Given::WorkGroups).collect(),
            BuiltIn::WorkGroupSize => self.size.map(Given::Constant).to_vec(),
            BuiltIn::NumSubgroups => vec![Given::Constant(lanes.div_ceil(self.subgroup))],
            BuiltIn::SubgroupSize => vec![Given::Constant(self.subgroup)],
            BuiltIn::SubgroupId => vec![Given::SubgroupId],
            BuiltIn::SubgroupInvocationId => vec![Given::SubgroupLane],
            BuiltIn::GlobalInvocationId => {
                return Ok((0..3)
                    .map(|axis| {
                        let group = self.given(Given::WorkGroup(axis));
                        let size = self.constant(self.size[axis]);
                        let local = self.given(Given::Local(axis));
                        let first = self.alu(Alu::MulI, &[group, size]);
                        let global = self.alu(Alu::AddI, &[first, local]);
                        self.num(global)
                    })
                    .collect());
            }
            other => return Err(format!("the built-in value {other:?}")),
        };
        Ok(given.into_iter().map(|given| Num { low: self.given(given), high: None }).collect())
    }

    /// Opens a function: its local variables get their places and first values.
    fn frame(
        &mut self,
        handle: Option<Handle<Function>>,
        function: &'a Function,
        info: &'a FunctionInfo,
        arguments: Vec<Lowered>,
        returns: Returns,
    ) -> Lower<Frame<'a>> {
        let mut frame = Frame {
            function,
            info,
            expressions: HashMap::new(),
            arguments,
            locals: HashMap::new(),
            returns,
        };
        for (local, variable) in function.local_variables.iter() {
            self.span = function.local_variables.get_span(local);
            let indexed = self.indexed.locals.contains(&(handle, local));
            let init = match variable.init {
                Some(init) => Some(self.value(&mut frame, init)?),
                None => None,
            };
            let place = self.variable(variable.ty, indexed, init)?;
            frame.locals.insert(local, place);
        }
        Ok(frame)
    }

    // Registers.

    fn register(&mut self, variable: bool) -> Reg {
        self.virtuals.push(Virtual { variable, given: None });
        Reg(self.virtuals.len() as u32 - 1)
    }

    fn given(&mut self, given: Given) -> Reg {
        if let Some(reg) = self.given.get(&given) {
            return *reg;
        }
        self.virtuals.push(Virtual { variable: false, given: Some(given) });
        let reg = Reg(self.virtuals.len() as u32 - 1);
        self.given.insert(given, reg);
        reg
    }

    fn constant(&mut self, word: u32) -> Reg {
        self.given(Given::Constant(word))
    }

    fn new_num(&mut self, kind: Kind, variable: bool) -> Num {
        let low = self.register(variable);
        let high = kind.wide().then(|| self.register(variable));
        Num { low, high }
    }

    fn constant_num(&mut self, kind: Kind, bits: u64) -> Num {
        let low = self.constant(bits as u32);
        let high = kind.wide().then(|| self.constant((bits >> 32) as u32));
        Num { low, high }
    }

    fn num(&self, low: Reg) -> Num {
        Num { low, high: None }
    }

    // Emitting.

    fn emit(&mut self, inst: Inst) {
        self.instructions += 1;
        self.insts.push(inst);
    }

    /// Emits a 32-bit operation that is not counted by itself.
    fn alu(&mut self, op: Alu, operands: &[Reg]) -> Reg {
        let to = self.register(false);
        self.alu_to(op, to, operands);
        to
    }

    fn alu_to(&mut self, op: Alu, to: Reg, operands: &[Reg]) {
        let mut from = [operands[0]; 3];
        from[..operands.len()].copy_from_slice(operands);
        self.emit(Inst::Alu { op, to, from });
    }

    fn copy(&mut self, to: Num, from: Num) {
        for (to, from) in to.regs().zip(from.regs()) {
            self.alu_to(Alu::Copy, to, &[from]);
        }
    }

    /// Emits an operation on scalars of one type; nothing is counted.
    fn plain(&mut self, op: Alu, kind: Kind, operands: &[Num]) -> Num {
        if !kind.wide() || op == Alu::Select {
            let high = operands[0].high.map(|_| {
                let halves: Vec<_> = operands.iter().map(|num| num.pair()[1]).collect();
                self.alu(op, &halves)
            });
            let lows: Vec<_> = operands.iter().map(|num| num.low).collect();
            let low = self.alu(op, &lows);
            return Num { low: self.narrow(op, kind, low), high };
        }
        let to = match op {
            Alu::EqF
            | Alu::NeF
            | Alu::LtF
            | Alu::LeF
            | Alu::Eq
            | Alu::Ne
            | Alu::LtS
            | Alu::LeS
            | Alu::LtU
            | Alu::LeU
            | Alu::IsNanF
            | Alu::IsInfF
            | Alu::FrexpExponentF => self.new_num(Kind::U32, false),
            _ => self.new_num(kind, false),
        };
        let mut from = [operands[0].pair(); 3];
        for (slot, operand) in from.iter_mut().zip(operands) {
            *slot = operand.pair();
        }
        self.emit(Inst::Wide { op, to: to.pair(), from });
        to
    }

    /// Brings a result back to the 16 bits of its type.
    fn narrow(&mut self, op: Alu, kind: Kind, value: Reg) -> Reg {
        let result_is_other = matches!(
            op,
            Alu::EqF
                | Alu::NeF
                | Alu::LtF
                | Alu::LeF
                | Alu::Eq
                | Alu::Ne
                | Alu::LtS
                | Alu::LeS
                | Alu::LtU
                | Alu::LeU
                | Alu::IsNanF
                | Alu::IsInfF
                | Alu::Select
                | Alu::Copy
                | Alu::FrexpExponentF
        );
        match kind {
            _ if result_is_other => value,
            Kind::F16 => self.alu(Alu::RoundHalf, &[value]),
            Kind::I16 => self.alu(Alu::SignExtendHalf, &[value]),
            Kind::U16 => {
                let low = self.constant(0xffff);
                self.alu(Alu::And, &[value, low])
            }
            Kind::F32 | Kind::F64 | Kind::I32 | Kind::I64 | Kind::U32 | Kind::U64 | Kind::Bool => {
                value
            }
        }
    }

    /// Emits an operation and counts it.
    fn counted(&mut self, count: Op, op: Alu, kind: Kind, operands: &[Num]) -> Num {
        self.count(kind, count, 1);
        self.plain(op, kind, operands)
    }

    fn count(&mut self, kind: Kind, op: Op, times: u64) {
        let scalar = match kind {
            Kind::F16 => Scalar::F16,
            Kind::F32 => Scalar::F32,
            Kind::F64 => Scalar::F64,
            Kind::I16 | Kind::I32 | Kind::I64 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::Bool => {
                Scalar::Int
            }
        };
        self.cost.ops = self.cost.ops + OpCounts::of(scalar, op, times);
    }

    /// Lets an access be seen by whoever looks for races.
    fn watched(&mut self, at: Address, bytes: u32, access: Access) {
        let Some(watch) = &mut self.watch else { return };
        watch.unit = watch.unit.min(bytes);
        if matches!(access, Access::Store | Access::AtomicUpdate) {
            watch.written.insert(at.memory);
        }
        self.emit(Inst::Watch { at, bytes, access });
    }

    /// A place to count accesses out of bounds of the statement being lowered.
    fn site(&mut self) -> usize {
        if self.sites.last() != Some(&self.line) || self.sites.is_empty() {
            self.sites.push(self.line);
        }
        self.sites.len() - 1
    }

    // Structure.

    /// Ends a run of instructions.
    fn flush(&mut self) {
        let insts = std::mem::take(&mut self.insts);
        let cost = std::mem::take(&mut self.cost);
        if !insts.is_empty() || !cost.is_zero() {
            self.block.push(Node::Run { insts, cost: Some(self.costs.len()) });
            self.costs.push(cost);
        }
    }

    fn push(&mut self, node: Node) {
        self.flush();
        self.block.push(node);
    }

    /// Lowers something into a block of its own.
    fn inside<T>(&mut self, f: impl FnOnce(&mut Self) -> Lower<T>) -> Lower<(Block, T)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!(
                "more than {MAX_DEPTH} blocks within each other, called ones included"
            ));
        }
        self.flush();
        let outer = std::mem::take(&mut self.block);
        let result = f(self);
        self.depth -= 1;
        self.flush();
        let block = std::mem::replace(&mut self.block, outer);
        Ok((block, result?))
    }

    /// Calls a function: its body stands where the call was.
    fn call(
        &mut self,
        handle: Handle<Function>,
        arguments: Vec<Lowered>,
    ) -> Lower<Option<Vec<Num>>> {
        let function = &self.module.functions[handle];
        let info = &self.kernel.info[handle];
        let returns = if statement::returns_early(&function.body) {
            let mut variables = Vec::new();
            if let Some(result) = &function.result {
                for kind in types::kinds(self.module, &self.module.types[result.ty].inner)? {
                    let variable = self.new_num(kind, true);
                    let zero = self.constant_num(kind, 0);
                    self.copy(variable, zero);
                    variables.push(variable);
                }
            }
            Returns::Join(variables)
        } else {
            Returns::Last(None)
        };
        let outer = std::mem::take(&mut self.inits);
        let (span, line) = (self.span, self.line);
        let (body, returns) = self.inside(|this| {
            let mut frame = this.frame(Some(handle), function, info, arguments, returns)?;
            this.statements(&mut frame, &function.body)?;
            Ok(frame.returns)
        })?;
        (self.span, self.line) = (span, line);
        let inits = std::mem::replace(&mut self.inits, outer);
        Ok(match returns {
            Returns::Entry => None,
            Returns::Last(value) => {
                // Without a joint its body is simply what happens next.
                if inits.is_empty() {
                    self.block.extend(body);
                } else {
                    self.block.push(Node::Call { body, inits });
                }
                value
            }
            Returns::Join(variables) => {
                self.block.push(Node::Call { body, inits });
                function.result.as_ref().map(|_| variables)
            }
        })
    }
}

impl Indexed {
    /// Functions come before their callers, so what a callee does with an argument is known.
    fn of(module: &Module) -> Self {
        let mut indexed = Self::default();
        for (handle, function) in module.functions.iter() {
            indexed.function(Some(handle), function);
        }
        for entry in &module.entry_points {
            indexed.function(None, &entry.function);
        }
        indexed
    }

    fn function(&mut self, handle: Option<Handle<Function>>, function: &Function) {
        for (_, expression) in function.expressions.iter() {
            if let Expression::Access { base, .. } = *expression {
                self.reach(handle, &function.expressions, base);
            }
        }
        self.calls(handle, function, &function.body);
    }

    fn calls(
        &mut self,
        handle: Option<Handle<Function>>,
        function: &Function,
        block: &naga::Block,
    ) {
        for statement in block {
            match statement {
                naga::Statement::Call { function: callee, arguments, .. } => {
                    for (index, argument) in (0..).zip(arguments) {
                        if self.arguments.contains(&(Some(*callee), index)) {
                            self.reach(handle, &function.expressions, *argument);
                        }
                    }
                }
                other => {
                    for inner in statement::blocks(other) {
                        self.calls(handle, function, inner);
                    }
                }
            }
        }
    }

    /// Marks the variable that an expression points into, if it does.
    fn reach(
        &mut self,
        function: Option<Handle<Function>>,
        expressions: &Arena<Expression>,
        mut at: Handle<Expression>,
    ) {
        loop {
            match expressions[at] {
                Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => at = base,
                Expression::LocalVariable(local) => {
                    self.locals.insert((function, local));
                    return;
                }
                Expression::FunctionArgument(index) => {
                    self.arguments.insert((function, index));
                    return;
                }
                Expression::GlobalVariable(global) => {
                    self.globals.insert(global);
                    return;
                }
                _ => return,
            }
        }
    }
}
