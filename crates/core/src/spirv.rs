//! Rewrites SPIR-V so that it counts, for modules that naga does not read or that must stay what they are. Knows
//! SPIR-V and what its instructions cost; never Vulkan, a shape or a formula.
//!
//! *Executed operations* are every arithmetic instruction, load and store that an active invocation executes, as
//! the module states it: specialised with the values of one pipeline, before the driver's compiler. What the
//! module states and never uses counts as stated, and is known apart as [`dead`](crate::table::Block::dead).
//!
//! The rewriter works on words. An instruction that it does not know is copied as it is, and is an error by name
//! only where it executes. No descriptor set, push constant or workgroup memory of the kernel is touched.
//!
//! | file | its one job |
//! |---|---|
//! | `words`, `newer` | words and instructions, by the grammar, and some that are newer |
//! | `shader`, `interface`, `outline` | a module as a file holds it, and what it asks of its host |
//! | `handles` | what its textures and samplers are |
//! | `groups`, `stages` | groups of decorations, written out, and what is declared for other stages, left out |
//! | `combined` | combined image samplers, taken apart |
//! | `constants` | which constants a pipeline may give values |
//! | `layout`, `members` | how the numbers of a block lie, and what its members are called |
//! | `module`, `read`, `fold` | types, constants with the pipeline's values, functions |
//! | `nesting` | how deep control flow stands within itself |
//! | `price`, `memory` | what an instruction costs |
//! | `dead` | which instructions compute unused results |
//! | `settled`, `misread` | a module as naga's reader is given it, and what that reader makes something else of |
//! | `signs`, `resign` | which operations of integers have a sign of their own, and types that have it |
//! | `coordinates` | types of coordinates that naga's reader needs |
//! | `picked` | components of vectors that a computed index picks |
//! | `aggregates` | aggregates that are copied as another type, or chosen |
//! | `repeated` | conditions for which loops go on |
//! | `choice` | functions that choose between two values |
//! | `undefined` | values that nobody defines |
//! | `parted` | floats that are taken apart into a result and a variable |
//! | `listing`, `lines` | the text whose lines costs are charged to, and which of them an instruction is of |
//! | `literal` | numbers as WGSL writes them |
//! | `cfg`, `breaks` | basic blocks and the graph for `flow`, and where control leaves several constructs at once |
//! | `rewrite`, `flush`, `build` | increments and the wrapper around the entry point |

mod aggregates;
mod breaks;
mod build;
mod cfg;
mod choice;
mod combined;
mod constants;
mod coordinates;
mod dead;
mod flush;
mod fold;
mod groups;
mod handles;
mod interface;
mod layout;
mod lines;
mod listing;
mod literal;
mod means;
mod members;
mod memory;
mod misread;
mod module;
mod nesting;
mod newer;
mod outline;
mod parted;
mod picked;
mod price;
mod read;
mod repeated;
mod resign;
mod rewrite;
mod settled;
mod shader;
mod signs;
mod silent;
mod stages;
mod undefined;
mod words;

use std::collections::{BTreeMap, HashMap};

use rspirv::spirv::Op;

pub use rspirv::spirv::Capability;

pub use self::{
    interface::Interface,
    means::{Counters, Means},
    settled::Settled,
    shader::{SpecConstant, SpirvModule},
};

use self::{
    module::Module,
    price::{SpirvPricer, is_free},
    rewrite::Point,
    words::Id,
};
use crate::{
    Error,
    flow::Flow,
    guard::{Stage, guarded},
    op::Price,
    overflow::{Look, Loops},
    table::{Block, BlockTable, Rows, Written, without_idle_counters},
};

/// The values of a pipeline's specialisation constants, as the bits of their types, by `SpecId`.
pub type Specialization = HashMap<u32, u64>;

/// A file that a module was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedFile {
    /// What the module calls it.
    pub name: Option<String>,
    /// Its text, where the module carries that.
    pub text: Option<String>,
}

/// One entry point of a SPIR-V module, read and priced for one pipeline.
pub struct SpirvKernel<'a> {
    name: String,
    module: Module<'a>,
    entry: Id,
    points: Vec<Point>,
    looks: Vec<Look<usize>>,
    has_loops: bool,
    table: BlockTable,
}

impl<'a> SpirvKernel<'a> {
    /// Reads the compute entry point `entry` of a module. `subgroup` is how many invocations a whole subgroup
    /// has, where that is known; cooperative matrices are priced by it.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the words are no module with such an entry point.
    pub fn read(
        name: &str,
        words: &'a [u32],
        entry: &str,
        specialization: &Specialization,
        subgroup: Option<u32>,
    ) -> Result<Self, Error> {
        guarded(name, Stage::Reading, || {
            read(name, words, entry, specialization, subgroup, |_| Lines::Stated)
                .map_err(|problem| Error::Kernel { kernel: name.to_owned(), problem })
        })
    }

    /// The same for an adapter that ends the loops of an invocation after so many rounds, where it does: the module
    /// that counts looks whether they have lasted, and what is decoded is an error where they have not.
    #[must_use]
    pub fn within_budget(mut self, loop_rounds: Option<u32>) -> Self {
        let budget = loop_rounds.filter(|_| self.has_loops);
        self.table.budget = budget;
        self.table.rows.cut = budget.map_or(0, |_| 1);
        self
    }

    /// How deep its control flow stands within itself, as [`Interface::nesting`] has it.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the module is wrong.
    pub fn nesting(&self) -> Result<u32, Error> {
        let problem = |problem| Error::Kernel { kernel: self.name.clone(), problem };
        nesting::of(&self.module, self.entry).map_err(problem)
    }

    /// The file that the lines of its table are of, where it was read as [`Self::read`] does and the module states lines.
    pub fn file(&self) -> Option<StatedFile> {
        let file = lines::stated(&self.module, Some(self.entry)).file?;
        let name = listing::string(&self.module, file).filter(|name| !name.is_empty());
        Some(StatedFile { name, text: listing::source(&self.module, file) })
    }

    /// What its counters mean. A block with an instruction that has no price is an error of
    /// [`BlockTable::decode`] where it was executed.
    pub fn table(&self) -> &BlockTable {
        &self.table
    }

    /// The module that counts. It computes bit for bit what the original computes.
    ///
    /// # Errors
    /// [`Error::Kernel`] where the module cannot be extended.
    pub fn counting(&self, means: &Means) -> Result<Vec<u32>, Error> {
        guarded(&self.name, Stage::Rewriting, || {
            let rows = self.table.rows;
            rewrite::counting(&self.module, self.entry, (&self.points, &self.looks), rows, means)
                .map_err(|problem| Error::Kernel { kernel: self.name.clone(), problem })
        })
    }
}

fn read<'a>(
    name: &str,
    words: &'a [u32],
    entry: &str,
    specialization: &Specialization,
    subgroup: Option<u32>,
    lines: impl FnOnce(&Module<'_>) -> Lines,
) -> Result<SpirvKernel<'a>, String> {
    let module = Module::read(words, specialization)?;
    let id = entry_point(&module, entry)?;
    let Plan { blocks, points, looks, has_loops } =
        plan(&module, id, entry, subgroup, lines(&module))?;
    let workgroup = module.workgroup(id)?.into_iter().map(u64::from).product();
    let counts_overflow = !looks.is_empty();
    let rows = Rows { counters: 1 + points.len() as u32 + u32::from(counts_overflow), cut: 0 };
    let (budget, loops) = (None, Vec::new());
    let table = BlockTable {
        kernel: name.to_owned(),
        workgroup,
        rows,
        counts_overflow,
        budget,
        loops,
        blocks,
    };
    Ok(SpirvKernel { name: name.to_owned(), module, entry: id, points, looks, has_loops, table })
}

fn entry_point(module: &Module<'_>, entry: &str) -> Result<Id, String> {
    let mut points = module.entries();
    let id = points.clone().find(|(name, _)| name == entry).map(|(_, id)| id);
    let id = id.ok_or_else(|| {
        let names: Vec<_> = points.by_ref().map(|(name, _)| name).collect();
        format!("it has no compute entry point '{entry}'; it has [{}]", names.join(", "))
    })?;
    if rewrite::is_entry(module, id) { Ok(id) } else { Err(format!("'{entry}' is no function")) }
}

/// What costs are charged to.
#[derive(Clone, Copy, PartialEq)]
enum Lines {
    /// The lines that the module states.
    Stated,
    /// Those of its listing, an instruction a line.
    Listed,
}

/// What is counted of an entry point.
struct Plan {
    /// The metered blocks.
    blocks: Vec<Block>,
    /// Where to count for them: the counters from 1 on.
    points: Vec<Point>,
    /// Where to look at counters.
    looks: Vec<Look<usize>>,
    has_loops: bool,
}

fn plan(
    module: &Module<'_>,
    entry: Id,
    entry_name: &str,
    subgroup: Option<u32>,
    lines: Lines,
) -> Result<Plan, String> {
    let workgroup = module.workgroup(entry)?.into_iter().map(u64::from).product();
    let pricer = SpirvPricer { module, subgroup, workgroup };
    let mut calls: HashMap<Id, Flow> = HashMap::from([(entry, Flow::counter(0))]);
    let (mut blocks, mut points) = (Vec::new(), Vec::new());
    let (mut has_loops, mut counting) = (false, Loops::default());
    let stated = match lines {
        Lines::Stated => lines::stated(module, Some(entry)).lines,
        Lines::Listed => Vec::new(),
    };
    for function in module.reachable(entry)? {
        // Callers come before what they call; what is called in blocks out of reach is not.
        let Some(executions) = calls.remove(&function.id) else { continue };
        let flow = cfg::read(module, function)?;
        has_loops |= !flow.loops.is_empty();
        let once = executions == Flow::counter(0);
        let mut counted = vec![None; flow.blocks.len()];
        let flows = flow.graph.solve(flow.ends, &executions, |block| {
            let cfg::BasicBlock { site, inner, .. } = flow.blocks[block];
            points.push(Point { site, once: once && inner.is_none() });
            *counted[block].insert(points.len() as u32)
        });
        let its_loops = flow.loops.iter().map(|its| (its.sites.clone(), its.nested));
        let runs = flow.blocks.iter().zip(counted).map(|(block, counted)| {
            let calls = module.instructions[block.range.clone()].iter();
            let calls = calls.filter(|its| its.is(Op::FunctionCall)).map(|its| its.operands()[0]);
            (block.inner, counted, calls.collect())
        });
        counting.add(function.id, once, its_loops, runs);
        let dead = dead::dead(module, function);
        let name = match function.id == entry {
            true => entry_name.to_owned(),
            false => module.name(function.id),
        };
        let mut merged: BTreeMap<(&Flow, u64), Block> = BTreeMap::new();
        for (block, flow) in flow.blocks.iter().zip(&flows) {
            for index in block.range.clone() {
                let instruction = module.instructions[index];
                let line = match lines {
                    Lines::Stated => stated[index],
                    Lines::Listed => u32::try_from(index + 1).ok(),
                };
                if instruction.is(Op::FunctionCall) {
                    *calls.entry(instruction.operands()[0]).or_default() += flow;
                }
                // Most instructions cost nothing, and finding a price takes long.
                if instruction.op().is_some_and(is_free) {
                    continue;
                }
                let priced = match pricer.price(instruction) {
                    Ok(price) if price.is_zero() => continue,
                    Ok(price) => pricer.together(instruction).map(|lanes| (price, lanes)),
                    Err(problem) => Err(problem),
                };
                let together = priced.as_ref().map_or(1, |&(_, lanes)| lanes);
                let executed = merged.entry((flow, together)).or_insert_with(|| Block {
                    function: name.clone(),
                    written: Written { source: function.id, copy: function.id },
                    price: Price::default(),
                    dead: Price::default(),
                    unpriced: None,
                    lines: BTreeMap::new(),
                    span: naga::Span::UNDEFINED,
                    executions: flow.clone(),
                    together,
                });
                match priced {
                    Ok((price, _)) => {
                        executed.price += &price;
                        if dead[index - function.range.start] {
                            executed.dead += &price;
                        }
                        if let Some(line) = line {
                            *executed.lines.entry(line).or_default() += &price;
                        }
                    }
                    Err(problem) => executed.unpriced = executed.unpriced.take().or(Some(problem)),
                }
            }
        }
        blocks.extend(merged.into_values());
    }
    let used = without_idle_counters(&mut blocks, &mut []);
    let looks = counting.looks(&used);
    let points = (1..).zip(points).filter(|(counter, _)| used.contains(counter));
    let points = points.map(|(_, point)| point).collect();
    Ok(Plan { blocks, points, looks, has_loops })
}
