//! Any kernel: a user's shader file, buffers filled as the user says, one dispatch counted and timed.
//! Composes the arms of the crate for a single kernel, on any executor; knows neither arguments nor how
//! a report looks.

mod file;
mod fill;
mod npy;

use std::collections::BTreeMap;

pub use file::ShaderFile;
pub use fill::BufferFill;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, KernelError, Remedy,
    execute::{Executor, Limits},
    kernel::{KernelModule, Resource},
    observe::{Observed, Timing, Trial},
};

/// A binding: group and number within it.
pub type BindingKey = (u32, u32);

/// One launch of one kernel.
#[derive(Clone, Debug)]
pub struct ShaderRequest<'a> {
    /// What runs.
    pub kernel: &'a KernelModule,
    /// Workgroups.
    pub grid: [u32; 3],
    /// What the user puts into buffers. What is not here and has a fixed size is zeroed.
    pub fills: &'a BTreeMap<BindingKey, BufferFill>,
    /// Which buffers to read back.
    pub dumps: &'a [BindingKey],
    /// Timed runs of the plain kernel.
    pub repeats: u32,
}

/// What a launch left.
#[derive(Clone, Debug)]
pub struct ShaderRun {
    /// What it did.
    pub observed: Observed,
    /// What each resource of the kernel was bound to.
    pub bindings: Vec<Binding>,
    /// How times were taken.
    pub timing: Timing,
    /// Contents of the buffers asked for, after one run.
    pub dumps: BTreeMap<BindingKey, Vec<u8>>,
}

/// What a resource of a kernel was bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// Its group.
    pub group: u32,
    /// Its number within the group.
    pub binding: u32,
    /// What the kernel calls it.
    pub name: String,
    /// Bytes of the buffer.
    pub bytes: u64,
    /// What filled it, as the user said it; `None` where nothing was bound, and it holds zeros.
    pub fill: Option<String>,
}

/// Runs a request: once instrumented, then `repeats` times plain, each time from the same contents.
///
/// # Errors
/// Where buffers and grid do not fit the kernel or the executor, where the kernel cannot be counted,
/// or where the executor fails.
pub fn run(executor: &mut dyn Executor, request: &ShaderRequest<'_>) -> Result<ShaderRun, Error> {
    let ShaderRequest { kernel, grid, fills, dumps, repeats } = *request;
    let limits = executor.adapter().limits;
    check_grid(kernel, grid, &limits)?;
    let (bindings, contents) = contents(kernel, fills, &limits)?.into_iter().unzip();
    for key in dumps {
        find(kernel, *key)?;
    }
    let trial = Trial::new(executor, kernel, contents)?;
    let (observed, timing) = trial.observe(executor, grid, repeats)?;
    let mut left = BTreeMap::new();
    for &key in dumps {
        left.extend(trial.buffers().read(executor, key)?.map(|bytes| (key, bytes)));
    }
    Ok(ShaderRun { observed, bindings, timing, dumps: left })
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

/// What each resource of the kernel is bound to, and its contents, a multiple of four bytes.
fn contents(
    kernel: &KernelModule,
    fills: &BTreeMap<BindingKey, BufferFill>,
    limits: &Limits,
) -> Result<Vec<(Binding, Vec<u8>)>, Error> {
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
        let zeros = BufferFill::Zeros(layout.least_scalars());
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
        let bound = Binding {
            group: *group,
            binding: *binding,
            name: name.clone(),
            bytes: bytes.len() as u64,
            fill: fills.get(&(*group, *binding)).map(BufferFill::to_string),
        };
        Ok((bound, bytes))
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
