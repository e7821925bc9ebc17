//! Lowering: from a naga module to a [`Program`]. Functions are inlined, values split into scalars,
//! variables kept in registers wherever no index is computed, and every operation counted where it is
//! emitted: what is tallied is what the interpreter is told to do, one instruction after the other.
//! Compositions are emitted by their definitions. Nothing here knows how instructions run.

mod access;
mod call;
mod constant;
mod convert;
mod cooperative;
mod emit;
mod expression;
mod indexed;
mod math;
mod matrix;
mod operator;
mod pack;
mod place;
mod state;
mod statement;
mod subgroup;
#[cfg(feature = "textures")]
mod texture;
mod types;

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::AtomicU32,
};

use naga::{AddressSpace, Barrier, BuiltIn, Handle, Span, TypeInner};

use self::{
    indexed::Indexed,
    state::{Frame, Index, Lower, Lowered, Lowering, Pointee, Returns, Sum},
    types::Types,
};
use super::{
    allocate,
    alu::{Alu, Chunk},
    forward, inits,
    limits::LIMITS,
    pass::Simplification,
    program::{Block, Given, Kind, Node, Num, Program, Watch},
    straighten,
};
use crate::{Error, KernelError, kernel::KernelModule, op::Cost};

/// Instructions and statements that a kernel may be lowered to; beyond it inlining has got out of hand.
const MAX_INSTRUCTIONS: usize = 1 << 20;

/// Blocks that may lie within each other, those of inlined functions included.
const MAX_DEPTH: usize = 200;

/// Bytes of registers, of lanes' own memory and of workgroup memory that one workgroup may take, each.
const MAX_BYTES: usize = 1 << 28;

/// Lowers a kernel's entry point for subgroups of so many lanes, to be watched for races or not, with all passes
/// but those that are left out.
pub(super) fn lower(
    kernel: &KernelModule,
    subgroup: u32,
    detect_races: bool,
    left_out: &[Simplification],
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
        textures: BTreeMap::new(),
        watch: detect_races.then(|| Watch { unit: 4, ..Watch::default() }),
        released: Barrier::empty(),
        globals: HashMap::new(),
        inits: Vec::new(),
        workgroup_bytes: 0,
        spread: 1,
        lane_words: 0,
        size: kernel.entry_point().workgroup_size,
        subgroup,
        instructions: 0,
        depth: 0,
        span: Span::UNDEFINED,
        line: None,
        indexed: Indexed::of(&kernel.module),
    };
    let refused = |what: String, line| -> Error {
        let problem = format!("on the embedded executor: {what}");
        KernelError::Uncountable { kernel: kernel.name.clone(), problem, line }.into()
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
    let program = lowering.finish(body, left_out);
    let own = 4 * program.lane_words as usize * program.lanes();
    let all = [program.chunks * size_of::<Chunk>(), own, program.workgroup_bytes as usize];
    if all.into_iter().any(|bytes| bytes > MAX_BYTES) {
        return Err(refused("variables of more than 256 MiB in a workgroup".into(), None));
    }
    Ok(program)
}

/// Bytes as words of memory, which no launch writes.
fn words(bytes: &[u8]) -> Box<[AtomicU32]> {
    let words = bytes.as_chunks::<4>().0.iter();
    words.map(|word| AtomicU32::new(u32::from_le_bytes(*word))).collect()
}

impl<'a> Lowering<'a> {
    fn types(&self) -> Types<'a> {
        Types { module: self.module, subgroup: self.subgroup }
    }

    fn entry(&mut self) -> Lower<Block> {
        let module = self.module;
        let entry = &module.entry_points[0];
        let used = self.kernel.info.get_entry_point(0);
        for (handle, variable) in module.global_variables.iter() {
            if !used[handle].is_empty()
                && variable.space == AddressSpace::WorkGroup
                && types::kinds(self.types(), &module.types[variable.ty].inner)?
                    .contains(&Kind::Bool)
            {
                self.spread = size_of::<u32>() as u32;
            }
        }
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

    fn finish(mut self, mut body: Block, left_out: &[Simplification]) -> Program {
        let runs = |pass| !left_out.contains(&pass);
        inits::place(&mut body, runs(Simplification::Sink));
        if runs(Simplification::Straighten) {
            straighten::straighten(&mut body, &mut self.costs);
        }
        if runs(Simplification::Forward) {
            forward::forward(&mut body, &self.virtuals);
        }
        let mut program = Program {
            name: self.kernel.name.clone(),
            body,
            costs: self.costs,
            sites: self.sites,
            memories: self.memories,
            variables: self.variables,
            textures: self.textures,
            watch: self.watch,
            heeds_order: self.kernel.heeds_order,
            immediates: words(&self.kernel.immediates),
            workgroup_bytes: self.workgroup_bytes.saturating_mul(self.spread),
            spread: self.spread,
            lane_words: self.lane_words,
            size: self.size,
            subgroup: self.subgroup,
            given: self.given.into_iter().collect(),
            chunks: 0,
        };
        program.given.sort_by_key(|(_, reg)| *reg);
        allocate::allocate(
            &mut program,
            &self.virtuals,
            runs(Simplification::Share),
            runs(Simplification::Pack),
        );
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
}
