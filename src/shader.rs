//! Any kernel: a user's shader file, buffers filled as the user says, one dispatch or several counted and timed.
//! Composes the arms of the crate for a user's kernels, on any executor; knows neither arguments nor how
//! a report looks.

mod elements;
mod expect;
mod file;
mod fill;
#[cfg(all(feature = "glsl", feature = "spirv"))]
mod glslang;
mod immediate;
mod launched;
mod npy;
mod preprocess;
#[cfg(feature = "spirv")]
mod spirv;
mod tensor;
mod text;

use std::collections::BTreeMap;

pub use expect::{Expectation, other_values};
pub use file::ShaderFile;
pub use fill::{BufferFill, MemberFill};
pub use immediate::Immediate;
pub use launched::Launched;
pub use npy::npy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use text::SourceOptions;

use crate::{
    Error, KernelError, Remedy,
    execute::{Executor, Limits},
    kernel::{Layout, Resource, ResourceKind},
    observe::{Countable, KernelLaunch, Runs, Sequence, Series},
};

/// A binding: group and number within it.
pub type BindingKey = (u32, u32);

/// Launches of a shader's kernels, one after the other on the same buffers.
#[derive(Clone, Debug)]
pub struct ShaderRequest<'a> {
    /// What runs, in order.
    pub launches: &'a [KernelLaunch<'a>],
    /// What the user puts into buffers. What is not here and has a fixed size is zeroed.
    pub fills: &'a BTreeMap<BindingKey, BufferFill>,
    /// Which buffers to read back.
    pub dumps: &'a [BindingKey],
    /// Timed runs of the plain kernels.
    pub runs: Runs,
}

/// What the launches of a request left.
#[derive(Clone, Debug)]
pub struct ShaderRun {
    /// What they did.
    pub series: Series,
    /// What each resource of the kernels was bound to.
    pub bindings: Vec<Binding>,
    /// How the numbers of each buffer lie.
    pub layouts: BTreeMap<BindingKey, Layout>,
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
    /// Its members that were left zeros, where others were filled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zeros: Vec<String>,
}

/// Runs a request: once instrumented, then plain as often as is asked, each time from the same contents.
///
/// # Errors
/// Where buffers and grid do not fit the kernel or the executor, where the kernel cannot be counted,
/// or where the executor fails.
pub fn run(executor: &mut dyn Executor, request: &ShaderRequest<'_>) -> Result<ShaderRun, Error> {
    let ShaderRequest { launches, fills, dumps, runs } = *request;
    let limits = executor.adapter().limits;
    for KernelLaunch { kernel, grid } in launches {
        check_grid(*kernel, *grid, &limits)?;
    }
    let used = used(launches);
    for key in fills.keys().chain(dumps) {
        find(launches, &used, *key)?;
    }
    let mut bindings = Vec::new();
    let mut layouts = BTreeMap::new();
    let mut contents = Vec::new();
    for one in &used {
        let (bound, bytes) = filled(one, fills.get(&one.key), &limits)?;
        bindings.push(bound);
        layouts.extend(one.kernel.layout(one.resource).map(|layout| (one.key, layout)));
        contents.push((one.resource, bytes));
    }
    let sequence = Sequence::new(executor, launches, contents)?;
    let series = sequence.observe(executor, runs)?;
    let mut left = BTreeMap::new();
    for &key in dumps {
        left.extend(sequence.buffers().read(executor, key)?.map(|bytes| (key, bytes)));
    }
    Ok(ShaderRun { series, bindings, layouts, dumps: left })
}

fn check_grid(kernel: &dyn Countable, grid: [u32; 3], limits: &Limits) -> Result<(), Error> {
    let problem = |problem: String| {
        Err(KernelError::Kernel { kernel: kernel.name().to_owned(), problem }.into())
    };
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
    let size = kernel.workgroup_size();
    let invocations: u64 = size.iter().map(|&extent| u64::from(extent)).product();
    if invocations > limits.invocations.into() {
        return problem(format!(
            "a workgroup of {invocations} invocations is beyond the adapter's {}",
            limits.invocations
        ));
    }
    Ok(())
}

/// A binding, and the kernels that use it.
struct Used<'a> {
    key: BindingKey,
    /// Whose kernel fills it: the first that may write it, else the first that uses it.
    kernel: &'a dyn Countable,
    resource: &'a Resource,
    /// What else stands there in other kernels.
    others: Vec<(&'a dyn Countable, &'a Resource)>,
}

/// Every binding that one of the launches uses, in order.
fn used<'a>(launches: &[KernelLaunch<'a>]) -> Vec<Used<'a>> {
    let mut found: BTreeMap<BindingKey, Vec<(&dyn Countable, &Resource)>> = BTreeMap::new();
    for launch in launches {
        for resource in launch.kernel.resources() {
            let users = found.entry((resource.group, resource.binding)).or_default();
            users.push((launch.kernel, resource));
        }
    }
    let writes = |resource: &Resource| resource.kind == ResourceKind::Storage { writable: true };
    let used = found.into_iter().map(|(key, mut users)| {
        let first = users.iter().position(|(_, resource)| writes(resource)).unwrap_or(0);
        let (kernel, resource) = users.remove(first);
        Used { key, kernel, resource, others: users }
    });
    used.collect()
}

/// What a binding is bound to, and its contents, a multiple of four bytes.
fn filled(
    used: &Used<'_>,
    fill: Option<&BufferFill>,
    limits: &Limits,
) -> Result<(Binding, Vec<u8>), Error> {
    let Used { key: (group, binding), kernel, resource, others } = used;
    let name = &resource.name;
    let problem = |problem: String| -> Error {
        KernelError::Kernel { kernel: kernel.name().to_owned(), problem }.into()
    };
    let layout = |kernel: &dyn Countable, resource: &Resource| {
        kernel.layout(resource).ok_or_else(|| {
            problem(format!(
                "'{name}' at {group}.{binding} is no buffer of numbers; only those can be bound, so a kernel with textures \
                 or samplers does not run here: have it read a storage buffer instead"
            ))
        })
    };
    let own = layout(*kernel, resource)?;
    let zeros = BufferFill::Zeros(own.least_scalars());
    let said = match fill {
        Some(fill) => fill,
        None if own.is_runtime_sized() => {
            return Err(Error::Refused {
                problem: format!("kernel '{}': '{name}' has no fixed size", kernel.name()),
                remedy: Remedy::Contents { group: *group, binding: *binding },
            });
        }
        None => &zeros,
    };
    let refused =
        |what: String| problem(format!("'{name}' cannot be {group}.{binding}={said}: {what}"));
    let mut bytes = said.bytes(&own, limits.binding_bytes).map_err(refused)?;
    for (kernel, resource) in others {
        let entry = kernel.entry();
        let fits = layout(*kernel, resource)?.fits(bytes.len() as u64);
        fits.map_err(|what| refused(format!("as '{}' of '{entry}' {what}", resource.name)))?;
    }
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let bound = Binding {
        group: *group,
        binding: *binding,
        name: name.clone(),
        bytes: bytes.len() as u64,
        fill: fill.map(BufferFill::to_string),
        zeros: said.left_out(&own).into_iter().map(str::to_owned).collect(),
    };
    Ok((bound, bytes))
}

/// Whether one of the launches uses a binding.
fn find(launches: &[KernelLaunch<'_>], used: &[Used<'_>], key: BindingKey) -> Result<(), Error> {
    if used.iter().any(|one| one.key == key) {
        return Ok(());
    }
    let mut entries: Vec<&str> = Vec::new();
    for launch in launches {
        let entry = launch.kernel.entry();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    let bound = used.iter();
    let bound: Vec<_> =
        bound.map(|one| format!("{}.{} ('{}')", one.key.0, one.key.1, one.resource.name)).collect();
    let bound = if bound.is_empty() { "nothing".to_owned() } else { bound.join(", ") };
    let problem =
        format!("no binding {}.{}: '{}' uses {bound}", key.0, key.1, entries.join("', '"));
    let kernel = launches.first().map_or_else(String::new, |one| one.kernel.name().to_owned());
    Err(KernelError::Kernel { kernel, problem }.into())
}
