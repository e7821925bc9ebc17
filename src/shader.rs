//! Any kernel: a user's shader file, buffers filled as the user says, one dispatch or several counted and timed.
//! Composes the arms of the crate for a user's kernels, on any executor; knows neither arguments nor how
//! a report looks.

mod bound;
mod elements;
mod expect;
mod file;
mod fill;
#[cfg(all(feature = "glsl", feature = "spirv"))]
mod glslang;
mod immediate;
mod language;
mod launched;
pub mod meant;
mod npy;
mod overrides;
mod preprocess;
#[cfg(feature = "spirv")]
mod spirv;
mod tensor;
mod text;
#[cfg(feature = "textures")]
mod texture;
#[cfg(feature = "wesl")]
mod wesl;

use std::collections::BTreeMap;

pub use bound::{Binding, BindingKey};
pub use expect::{Expectation, Leeway, not_finite, other_values};
pub use file::ShaderFile;
#[cfg(feature = "textures")]
pub use fill::TextureSize;
pub use fill::{BufferFill, MemberFill, RandomRange};
pub use immediate::Immediate;
pub use language::shader_endings;
pub use launched::Launched;
pub use npy::npy;
pub use text::SourceOptions;

use flopmeter_core::keyed::keyed;

use self::bound::{Left, Used, filled, used};
use crate::{
    Error, KernelError,
    execute::{Executor, Limits},
    kernel::Layout,
    observe::{Countable, KernelLaunch, Runs, Sequence, Series, UnderWay},
    op::{OpCounts, Scalar},
};

/// Launches of a shader's kernels, one after the other on the same buffers.
#[derive(Clone, Debug)]
pub struct ShaderRequest<'a> {
    /// What runs, in order.
    pub launches: &'a [KernelLaunch<'a>],
    /// What the user puts into buffers. What is not here and has a fixed size is zeroed, and a sampler takes the
    /// nearest texel.
    pub fills: &'a BTreeMap<BindingKey, BufferFill>,
    /// Which buffers to read back.
    pub dumps: &'a [BindingKey],
    /// Timed runs of the plain kernels.
    pub runs: Runs,
    /// Told which launch is compiled or run.
    pub under_way: &'a UnderWay,
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
    /// How the numbers of a texture lie in a file that has a byte for each, of those that may be in one.
    pub in_bytes: BTreeMap<BindingKey, Layout>,
    /// How far apart what executors leave in each buffer may be.
    pub leeways: BTreeMap<BindingKey, Leeway>,
    /// Contents of the buffers asked for, after one run.
    pub dumps: BTreeMap<BindingKey, Vec<u8>>,
}

/// Runs a request: once instrumented, then plain as often as is asked, each time from the same contents.
///
/// # Errors
/// Where buffers and grid do not fit the kernel or the executor, where the kernel cannot be counted,
/// or where the executor fails.
pub fn run(executor: &mut dyn Executor, request: &ShaderRequest<'_>) -> Result<ShaderRun, Error> {
    let ShaderRequest { launches, fills, dumps, runs, under_way } = *request;
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
        let filled = filled(one, fills.get(&one.key), &limits)?;
        bindings.push(filled.bound);
        layouts.extend(filled.layout.map(|layout| (one.key, layout)));
        contents.push((one.resource, filled.contents));
    }
    if let Some((group, binding)) = dumps.iter().find(|key| !layouts.contains_key(key)) {
        let kernel = launches.first().map_or_else(String::new, |one| one.kernel.name().to_owned());
        let problem =
            format!("{group}.{binding} is a sampler, in which nothing is left to be read");
        return Err(KernelError::Kernel { kernel, problem }.into());
    }
    let left = Left::of(&contents);
    let sequence = Sequence::new(executor, launches, contents, under_way)?;
    let series = sequence.observe(executor, runs)?;
    let mut read = BTreeMap::new();
    for &key in dumps {
        let bytes = sequence.buffers().read(executor, key)?;
        read.extend(bytes.map(|bytes| (key, left.numbers(key, bytes))));
    }
    let is_in_halves = series.launches.iter().any(|launch| has_halves(&launch.cost.ops));
    let leeways = keyed(dumps.iter().map(|&key| {
        let leeway = left.leeway(key);
        (key, if is_in_halves { leeway.in_halves() } else { leeway })
    }));
    let in_bytes = keyed(dumps.iter().filter_map(|&key| Some((key, left.in_bytes(key)?))));
    Ok(ShaderRun { series, bindings, layouts, in_bytes, leeways, dumps: read })
}

/// Whether there are operations on halves among these.
fn has_halves(ops: &OpCounts) -> bool {
    ops.iter().any(|(scalar, _, count)| scalar == Scalar::F16 && count > 0)
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
            "a dispatch of {x} x {y} x {z} workgroups is beyond the adapter's {} along a dimension: have each \
             invocation do more, or spread them over several dimensions",
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
