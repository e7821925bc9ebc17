//! Rewrites a kernel so that the device counts what it executes. Knows naga's IR and what its
//! operations cost; never a shape, a formula or a device beyond its limits.
//!
//! *Executed operations* are every arithmetic operation, load and store that an active invocation
//! executes, as the kernel's naga IR states it: after constant evaluation and with overrides
//! resolved, before anything a back end adds or removes. A constant expression that naga's reader does not evaluate
//! (a call of `mix`, `smoothstep`, `determinant`, `pack4x8unorm` and their like) is left to the device, and counts.
//!
//! A kernel is read as runs of statements between the points where control may part or meet
//! (`block`), each run is priced (`price`), and conservation of flow says which few runs must be
//! counted for the rest to follow (`flow`). Each of those gets one private `u32`, incremented at the
//! run's start; counter 0 is the invocations that came to their end. The entry point is wrapped: when the old
//! one has returned, counters are added up and handed to a storage buffer (`flush`), where they are exact to
//! 64 bits. Runs that execute equally often by conservation are one metered block of the
//! resulting table (`table`).
//!
//! A private counter wraps at 2^32, which nested loops may reach within seconds. An invocation looks at the counters of
//! a loop each time before it executes that (`overflow`). Those that find one at 2^31 are counted behind the others, and
//! the host refuses what was counted. A single execution of a loop that goes 2^32 rounds is counted too low.
//! Sums over invocations and dispatches do not wrap. Conservation holds for programs
//! that end as they say. Some drivers cut a program off: Mesa's llvmpipe used to end the loops of a subgroup
//! after 65535 rounds of all of them together, and what is computed then is wrong. Where an adapter has such
//! a budget ([`Limits::loop_rounds`]), each invocation says whether it lasted; and on every adapter the host
//! holds counter 0 against the invocations that it launched ([`BlockTable::decode`]).

mod binding;
mod block;
mod change;
mod code;
mod flush;
mod price;
mod root;
mod set;

use std::collections::BTreeMap;

use naga::{AddressSpace, Function, Handle, Module, Span};

pub use self::binding::{CounterBinding, takes_all_storage_bindings};
pub use self::flush::TEXEL_COLUMNS;
pub use self::set::{CounterSet, CountingKernel, KernelCounts};
use self::{
    block::{Site, Unpriced},
    change::FunctionSite,
    flush::{Budget, Counter, Destination, FlushMeans, Types},
    price::Pricer,
};
pub use crate::table::{BlockTable, Line, UnevenBarrier};
use crate::{
    Error,
    device::Limits,
    flow::Flow,
    guard::Stage,
    kernel::{KernelModule, diagnosis, resources, validate},
    keyed::keyed,
    overflow::{Look, Loops, changes},
    table::{Block, Loop, Rows, Written, without_idle_counters},
};

/// A kernel that counts, and what its counters mean.
#[derive(Clone, Debug)]
pub struct Instrumented {
    /// The rewritten kernel. It binds what the original binds, and the counters.
    pub kernel: KernelModule,
    /// Where it wants its counter buffer.
    pub counters: CounterBinding,
    /// What the counters mean.
    pub table: BlockTable,
}

/// Rewrites `kernel` so that it counts the executions of its metered blocks, within `limits`.
///
/// The result computes bit for bit what the original computes. It takes one storage binding more, and
/// eight bytes of workgroup memory for each counter where they are to be had and it is not made of whole subgroups.
///
/// # Errors
/// Where an operation has no price, naming its line, and where the limits leave no room for the counters.
pub fn instrument(kernel: &KernelModule, limits: &Limits) -> Result<Instrumented, Error> {
    kernel.guarded(Stage::Rewriting, || {
        let counters = CounterBinding::free(&kernel.name, &kernel.resources, limits)?;
        rewrite(kernel, limits, counters, Destination::Buffer)
    })
}

/// Rewrites `kernel` as [`instrument`] does, with the counter buffer bound where the caller says: the caller
/// knows which bindings the layout of its pipeline leaves free.
///
/// # Errors
/// As [`instrument`], and where the kernel itself uses that binding.
pub fn instrument_at(
    kernel: &KernelModule,
    limits: &Limits,
    counters: CounterBinding,
) -> Result<Instrumented, Error> {
    is_free(kernel, counters)?;
    kernel.guarded(Stage::Rewriting, || rewrite(kernel, limits, counters, Destination::Buffer))
}

/// Rewrites `kernel` as [`instrument`] does, for a pipeline that has no storage buffer left: what each workgroup has
/// counted goes to a texture, a write-only storage texture of `r32uint` with [`TEXEL_COLUMNS`] columns, bound where
/// the caller says, or else where the kernel leaves room. Workgroup `g`, by its number in the grid, writes the low and
/// the high half of counter `c` to the texels `2 (n g + c)` and the next one, row by row, where `n` is
/// [`BlockTable::counters`]. The caller adds them to a buffer as the table describes it.
///
/// # Errors
/// As [`instrument_at`], where the kernel leaves too little workgroup memory to add counters up in, and where the
/// adapter has a budget of loop rounds: whether that lasted, no texel says.
pub fn instrument_into_texture(
    kernel: &KernelModule,
    limits: &Limits,
    counters: Option<CounterBinding>,
) -> Result<Instrumented, Error> {
    let counters = match counters {
        Some(at) => is_free(kernel, at).map(|()| at)?,
        None => CounterBinding::free_of_any_kind(&kernel.name, &kernel.resources, limits)?,
    };
    kernel.guarded(Stage::Rewriting, || rewrite(kernel, limits, counters, Destination::Texture))
}

/// Makes sure that a kernel does not use the binding that is wanted for its counters.
fn is_free(
    kernel: &KernelModule,
    CounterBinding { group, binding }: CounterBinding,
) -> Result<(), Error> {
    if kernel.resources.iter().any(|r| (r.group, r.binding) == (group, binding)) {
        return Err(Error::Uncountable {
            kernel: kernel.name.clone(),
            problem: format!("it uses binding {group}.{binding}, which is wanted for the counters"),
            line: None,
        });
    }
    Ok(())
}

fn rewrite(
    kernel: &KernelModule,
    limits: &Limits,
    counters: CounterBinding,
    destination: Destination,
) -> Result<Instrumented, Error> {
    let Plan { blocks, loops, points, looks } = plan(kernel, limits)?;

    let mut module = kernel.module.clone();
    let types = Types::new(&mut module);
    let mut private = Vec::with_capacity(points.len());
    for (point, name) in points.iter().zip(1..) {
        let name = format!("flopmeter_counter_{name}");
        let variable =
            flush::declare(&mut module, &name, AddressSpace::Private, types.number, None);
        private.push(Counter { variable, once: point.once });
    }
    let overflow = (!looks.is_empty()).then(|| {
        flush::declare(&mut module, "flopmeter_overflow", AddressSpace::Private, types.number, None)
    });
    let counting = points.into_iter().zip(&private).map(|(point, to)| (point.place, to.variable));
    change::write(&mut module, &changes(counting, &looks, overflow));
    let budget = limits.loop_rounds.filter(|_| !loops.is_empty());
    let cut = if budget.is_some() { loops.len() as u32 + 1 } else { 0 };
    let rows = Rows { counters: 1 + private.len() as u32 + u32::from(overflow.is_some()), cut };
    let means = FlushMeans {
        at: counters,
        destination,
        room: u64::from(limits.workgroup_bytes).saturating_sub(kernel.workgroup_bytes()),
        lanes: limits.subgroup_lanes.filter(|lanes| lanes.is_power_of_two()),
        lockstep: limits.lockstep,
        budget: budget.map(|_| Budget { loops: &loops }),
    };
    if destination == Destination::Texture && budget.is_some() {
        return Err(Error::Uncountable {
            kernel: kernel.name.clone(),
            problem: "it takes all storage bindings of an adapter that ends loops early".into(),
            line: None,
        });
    }
    if destination == Destination::Texture && !means.has_room(rows.counters) {
        return Err(Error::Uncountable {
            kernel: kernel.name.clone(),
            problem: format!(
                "it takes all storage bindings, and leaves {} bytes of workgroup memory for {} counters of 8",
                means.room, rows.counters
            ),
            line: None,
        });
    }
    flush::wrap(&mut module, &types, (&private, overflow), rows, &means);

    let info = validate(&module).map_err(|error| Error::Shader {
        kernel: kernel.name.clone(),
        details: diagnosis(&error, &kernel.name, kernel.source.as_ref()),
    })?;
    let resources = resources(&module, &info);
    let name = kernel.name.clone();
    let workgroup = kernel.entry_point().workgroup_size.map(u64::from).iter().product();
    let (kernel_name, counts_overflow) = (name.clone(), overflow.is_some());
    let table =
        BlockTable { kernel: kernel_name, workgroup, rows, counts_overflow, budget, loops, blocks };
    let kernel = KernelModule {
        name,
        source: kernel.source.clone(),
        directives: kernel.directives.clone(),
        plain: kernel.plain.clone(),
        module,
        info,
        resources,
        immediates: kernel.immediates.clone(),
        // Counters are handed over in any order.
        heeds_order: kernel.heeds_order,
        is_proven: kernel.is_proven,
    };
    Ok(Instrumented { kernel, counters, table })
}

/// Where to count.
struct Point {
    place: FunctionSite,
    /// Whether an invocation comes by once at most.
    once: bool,
}

/// The metered blocks and the loops, and where to count for them: the counters from 1 on.
struct Plan {
    blocks: Vec<Block>,
    loops: Vec<Loop>,
    points: Vec<Point>,
    /// Where to look at counters.
    looks: Vec<Look<FunctionSite>>,
}

/// Prices the entry point and what it calls, and decides where to count: for every block that costs
/// something, and for every loop where the adapter has a budget of their rounds.
fn plan(kernel: &KernelModule, limits: &Limits) -> Result<Plan, Error> {
    let KernelModule { module, info, .. } = kernel;
    // How often each function is called, which is known once all its callers are done: they come after
    // it in the arena, the entry point last.
    let mut calls: BTreeMap<Handle<Function>, Flow> = BTreeMap::new();
    let (mut blocks, mut loops, mut points) = (Vec::new(), Vec::new(), Vec::new());
    let mut counting = Loops::default();
    let entry = &kernel.entry_point().function;
    let functions = std::iter::once((None, entry))
        .chain(module.functions.iter().rev().map(|(handle, function)| (Some(handle), function)));
    for (handle, function) in functions {
        let (executions, info) = match handle {
            None => (Flow::counter(0), info.get_entry_point(0)),
            Some(handle) => match calls.remove(&handle) {
                Some(flow) => (flow, &info[handle]),
                None => continue,
            },
        };
        let pricer = Pricer::new(module, &kernel.plain, function, info, limits.subgroup_lanes);
        let body = block::read(function, &pricer, kernel.source.as_ref()).map_err(
            |Unpriced { what, span }| Error::Uncountable {
                kernel: kernel.name.clone(),
                problem: what,
                line: kernel.line(span),
            },
        )?;
        let place = |site: &Site| FunctionSite { function: handle, site: site.clone() };
        let once = executions == Flow::counter(0);
        let mut counted = vec![None; body.graph.edges.len()];
        let flows = {
            let runs = keyed(body.runs.iter().map(|run| (run.edge, run)));
            body.graph.solve(body.ends, &executions, |edge| {
                let run = runs[&edge];
                points.push(Point { place: place(&run.site), once: once && run.inner.is_none() });
                *counted[edge].insert(points.len() as u32)
            })
        };
        let its_loops = body.loops.iter().map(|its| (vec![place(&its.site)], its.nested));
        let runs = body.runs.iter();
        let runs = runs.map(|run| {
            (run.inner, counted[run.edge], run.calls.iter().copied().map(Some).collect())
        });
        counting.add(handle, once, its_loops, runs);
        for block::StatedLoop { head, line, .. } in
            body.loops.into_iter().filter(|_| limits.loop_rounds.is_some())
        {
            let first = body.graph.edges.iter().position(|edge| edge.from == head);
            let rounds = first.map(|edge| flows[edge].clone()).unwrap_or_default();
            loops.push(Loop { line, rounds });
        }
        let name = match handle {
            None => &kernel.entry_point().name,
            Some(_) => function.name.as_ref().unwrap_or(&kernel.name),
        };
        let written = handle.map_or(ENTRY, |handle| written(module, handle));
        let mut merged: BTreeMap<(&Flow, u64), Block> = BTreeMap::new();
        for run in body.runs {
            let flow = &flows[run.edge];
            for callee in run.calls {
                *calls.entry(callee).or_default() += flow;
            }
            for (together, charge) in run.charges {
                let block = merged.entry((flow, together)).or_insert_with(|| Block {
                    function: name.clone(),
                    written,
                    price: Default::default(),
                    dead: Default::default(),
                    unpriced: None,
                    lines: BTreeMap::new(),
                    span: Span::UNDEFINED,
                    executions: flow.clone(),
                    together,
                });
                block.price += &charge.price;
                block.span.subsume(run.span);
                for (line, price) in charge.lines {
                    *block.lines.entry(line).or_default() += &price;
                }
            }
        }
        blocks.extend(merged.into_values());
    }
    blocks.sort_by_key(|block| block.span.to_range().map(|range| range.start));
    let used = without_idle_counters(&mut blocks, &mut loops);
    let looks = counting.looks(&used);
    let points = (1..).zip(points).filter(|(counter, _)| used.contains(counter));
    Ok(Plan { blocks, loops, points: points.map(|(_, point)| point).collect(), looks })
}

/// The entry point, which is written once.
const ENTRY: Written = Written { source: u32::MAX, copy: u32::MAX };

/// Which function of the source a function is: the copies of one have its name, and its place in the source.
fn written(module: &Module, handle: Handle<Function>) -> Written {
    let stated = |handle| (module.functions.get_span(handle), &module.functions[handle].name);
    let first = match stated(handle) {
        (Span::UNDEFINED, _) => None,
        of => module.functions.iter().find(|&(other, _)| stated(other) == of),
    };
    let index = |handle: Handle<Function>| handle.index() as u32;
    Written { source: index(first.map_or(handle, |(first, _)| first)), copy: index(handle) }
}
