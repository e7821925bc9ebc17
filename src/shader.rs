//! Any kernel: a user's shader file, buffers filled as the user says, one dispatch counted and timed.
//! Composes the arms of the crate for a single kernel, on any executor; knows neither arguments nor how
//! a report looks.

mod file;
mod fill;
mod npy;

use std::collections::BTreeMap;

pub use file::ShaderFile;
pub use fill::Fill;

use crate::{
    Error, KernelError, Remedy,
    execute::{Adapter, Bound, BufferId, Clock, Dispatch, Executor, Limits, ProgramId, Witness},
    instrument::{BlockTable, instrument},
    kernel::{KernelModule, Resource, ResourceKind},
    measure::{Source, Timing, median, source},
};

/// A binding: group and number within it.
pub type BindingKey = (u32, u32);

/// One launch of one kernel.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What runs.
    pub kernel: &'a KernelModule,
    /// Workgroups.
    pub grid: [u32; 3],
    /// What the user puts into buffers. What is not here and has a fixed size is zeroed.
    pub fills: &'a BTreeMap<BindingKey, Fill>,
    /// Which buffers to read back.
    pub dumps: &'a [BindingKey],
    /// Timed runs of the plain kernel.
    pub repeats: u32,
}

/// What a launch left.
#[derive(Clone, Debug)]
pub struct Run {
    /// Who ran it.
    pub adapter: Adapter,
    /// What the counters mean.
    pub table: BlockTable,
    /// How often each block of `table` was executed.
    pub executions: Vec<u64>,
    /// What the executor itself saw of the plain kernel, where it looks.
    pub witness: Option<Witness>,
    /// How long it took.
    pub timing: Timing,
    /// Contents of the buffers asked for, after one run.
    pub dumps: BTreeMap<BindingKey, Vec<u8>>,
}

/// Runs a request: once instrumented, then `repeats` times plain, each time from the same contents.
///
/// # Errors
/// Where buffers and grid do not fit the kernel or the executor, where the kernel cannot be counted,
/// or where the executor fails.
pub fn run(executor: &mut dyn Executor, request: &Request<'_>) -> Result<Run, Error> {
    let Request { kernel, grid, fills, dumps, repeats } = *request;
    let adapter = executor.adapter().clone();
    check_grid(kernel, grid, &adapter.limits)?;
    let contents = contents(kernel, fills, &adapter.limits)?;
    for key in dumps {
        find(kernel, *key)?;
    }
    let instrumented = instrument(kernel, &adapter.limits)?;
    let table = instrumented.table;

    executor.clear();
    let mut buffers: Vec<Placed<'_>> = Vec::new();
    for (resource, bytes) in &contents {
        let id = executor.allocate(&resource.name, bytes.len() as u64)?;
        executor.write(id, 0, bytes)?;
        buffers.push(Placed { resource, bytes, id });
    }
    let counters = executor.allocate("counters", table.bytes())?;
    let plain: Vec<Bound> = buffers.iter().map(Placed::bound).collect();
    let counter = Bound {
        group: instrumented.counters.group,
        binding: instrumented.counters.binding,
        buffer: counters,
        offset: 0,
        size: table.bytes(),
    };
    let counted = [&plain[..], &[counter]].concat();
    let programs = (executor.compile(kernel)?, executor.compile(&instrumented.kernel)?);
    let label = kernel.name.as_str();
    let launch = |executor: &mut dyn Executor, program: ProgramId, grid| {
        let bindings = if program == programs.0 { &plain } else { &counted };
        executor.dispatch(&Dispatch { label, program, bindings, grid })
    };
    let restore = |executor: &mut dyn Executor| {
        let mut written = buffers.iter().filter(|placed| placed.is_written());
        written.try_for_each(|placed| executor.write(placed.id, 0, placed.bytes))
    };

    if repeats > 0 {
        // Some drivers compile at the first dispatch; that is nobody's time.
        launch(executor, programs.0, [1; 3])?;
        launch(executor, programs.1, [1; 3])?;
        restore(executor)?;
    }
    executor.write(counters, 0, &vec![0; table.bytes() as usize])?;
    let outcome = launch(executor, programs.1, grid)?;
    let executions =
        table.decode(&executor.read(counters, 0, table.bytes())?, table.invocations(grid))?;
    let mut times: Vec<Vec<(f64, Clock)>> = Vec::new();
    let mut witness = None;
    // What is seen of the instrumented kernel has the counting in it.
    let looks = u32::from(outcome.witness.is_some());
    for run in 0..repeats.max(looks) {
        restore(executor)?;
        let outcome = launch(executor, programs.0, grid)?;
        if run < repeats {
            times.push(vec![(outcome.seconds, outcome.clock)]);
        }
        witness = outcome.witness;
    }
    let dumps = buffers
        .iter()
        .filter(|placed| dumps.contains(&placed.key()))
        .map(|placed| {
            let bytes = executor.read(placed.id, 0, placed.bytes.len() as u64)?;
            Ok((placed.key(), bytes))
        })
        .collect::<Result<_, Error>>()?;
    let timing = Timing {
        source: if times.is_empty() { Source::None } else { source(&times) },
        repeats,
        plain_seconds: median(times.iter().flatten().map(|(seconds, _)| *seconds).collect()),
        counted_seconds: outcome.seconds,
    };
    Ok(Run { adapter, table, executions, witness, timing, dumps })
}

/// A buffer on the device, and what it holds before each run.
struct Placed<'a> {
    resource: &'a Resource,
    bytes: &'a [u8],
    id: BufferId,
}

impl Placed<'_> {
    fn key(&self) -> BindingKey {
        (self.resource.group, self.resource.binding)
    }

    fn bound(&self) -> Bound {
        let (group, binding) = self.key();
        Bound { group, binding, buffer: self.id, offset: 0, size: self.bytes.len() as u64 }
    }

    fn is_written(&self) -> bool {
        self.resource.kind == ResourceKind::Storage { writable: true }
    }
}

fn check_grid(kernel: &KernelModule, grid: [u32; 3], limits: &Limits) -> Result<(), Error> {
    let problem =
        |problem: String| Err(KernelError::Kernel { kernel: kernel.name.clone(), problem }.into());
    let [x, y, z] = grid;
    if grid.contains(&0) {
        return problem(format!("a dispatch of {x} x {y} x {z} workgroups runs nothing"));
    }
    if grid.iter().any(|&extent| extent > limits.workgroups) {
        return problem(format!(
            "a dispatch of {x} x {y} x {z} workgroups is beyond the adapter's {} along a dimension",
            limits.workgroups
        ));
    }
    let size = kernel.entry_point().workgroup_size;
    let invocations: u64 = size.iter().map(|&extent| u64::from(extent)).product();
    if invocations > limits.invocations.into() {
        return problem(format!(
            "a workgroup of {invocations} invocations is beyond the adapter's {}",
            limits.invocations
        ));
    }
    Ok(())
}

/// The contents of each buffer that the kernel binds, a multiple of four bytes.
fn contents<'a>(
    kernel: &'a KernelModule,
    fills: &BTreeMap<BindingKey, Fill>,
    limits: &Limits,
) -> Result<Vec<(&'a Resource, Vec<u8>)>, Error> {
    for key in fills.keys() {
        find(kernel, *key)?;
    }
    let problem = |problem: String| -> Error {
        KernelError::Kernel { kernel: kernel.name.clone(), problem }.into()
    };
    let contents = kernel.resources.iter().map(|resource| {
        let Resource { name, group, binding, .. } = resource;
        let layout = kernel.layout(resource).ok_or_else(|| {
            problem(format!(
                "'{name}' at {group}.{binding} is no buffer of numbers; only those can be bound"
            ))
        })?;
        let zeros = Fill::Zeros(layout.least_scalars());
        let fill = match fills.get(&(*group, *binding)) {
            Some(fill) => fill,
            None if layout.is_runtime_sized() => {
                return Err(Error::Refused {
                    problem: format!("kernel '{}': '{name}' has no fixed size", kernel.name),
                    remedy: Remedy::Contents { group: *group, binding: *binding },
                });
            }
            None => &zeros,
        };
        let mut bytes = fill.bytes(&layout, limits.binding_bytes).map_err(|what| {
            problem(format!("'{name}' cannot be {group}.{binding}={fill}: {what}"))
        })?;
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Ok((resource, bytes))
    });
    contents.collect()
}

/// The resource at a binding.
fn find(kernel: &KernelModule, key: BindingKey) -> Result<&Resource, Error> {
    let mut resources = kernel.resources.iter();
    resources.find(|resource| (resource.group, resource.binding) == key).ok_or_else(|| {
        let entry = &kernel.entry_point().name;
        let bound = kernel.resources.iter();
        let bound: Vec<_> =
            bound.map(|r| format!("{}.{} ('{}')", r.group, r.binding, r.name)).collect();
        let bound = if bound.is_empty() { "nothing".to_owned() } else { bound.join(", ") };
        KernelError::Kernel {
            kernel: kernel.name.clone(),
            problem: format!("no binding {}.{}: '{entry}' uses {bound}", key.0, key.1),
        }
        .into()
    })
}
