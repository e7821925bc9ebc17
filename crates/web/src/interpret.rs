//! One dispatch on the embedded executor: no GPU, the same counters, and a tally of its own beside them.

use std::collections::BTreeMap;

use flopmeter::{
    execute::cpu::Cpu,
    observe::KernelLaunch,
    shader::{self, BindingKey, BufferFill, ShaderRequest},
};
use flopmeter_core::{kernel::KernelModule, keyed::keyed};
use serde::{Deserialize, Serialize};

use crate::{counts::Counts, meter};

/// Lanes in a subgroup: what most GPUs have.
const SUBGROUP_LANES: u32 = 32;

/// What is to be run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    source: String,
    entry: Option<String>,
    #[serde(default)]
    overrides: BTreeMap<String, f64>,
    /// Workgroups.
    dispatch: [u32; 3],
    /// What is put into buffers, by GROUP.BINDING: `zeros:COUNT`, `iota:COUNT`, `random:COUNT[:SEED]`, `values:1,2`.
    #[serde(default)]
    bind: BTreeMap<String, String>,
}

/// What a run leaves.
#[derive(Serialize)]
struct Reply {
    #[serde(flatten)]
    counts: Counts,
    entry: String,
    /// Whether the executor's own tally has the same operations and bytes as the counters.
    tally_agrees: bool,
    /// Accesses out of bounds, by line.
    out_of_bounds: Vec<Outside>,
    /// What each buffer held before the run, by GROUP.BINDING, as hexadecimal digits.
    fills: BTreeMap<String, String>,
    /// What each buffer that the kernel may write holds after it.
    buffers: BTreeMap<String, String>,
}

/// Accesses out of bounds of one line.
#[derive(Serialize)]
struct Outside {
    /// From 1; absent where the kernel has no source there.
    line: Option<u32>,
    accesses: u64,
    /// How many, and where the first of them went, in words.
    what: String,
}

/// Runs a kernel once.
///
/// # Errors
/// Where the request is not understood, the kernel is not valid or cannot be counted, or buffers and grid do not fit it.
pub(crate) fn interpret(request: &[u8]) -> Result<String, String> {
    let request: Request = serde_json::from_slice(request).map_err(|error| error.to_string())?;
    let Request { source, entry, overrides, dispatch, bind } = &request;
    let kernel = meter::kernel("kernel", source, entry.as_deref(), overrides);
    let kernel = kernel.map_err(|error| error.to_string())?;
    let mut fills: BTreeMap<BindingKey, BufferFill> = BTreeMap::new();
    for (at, fill) in bind {
        fills.insert(key(at)?, fill.parse()?);
    }
    let mut cpu = Cpu::new(SUBGROUP_LANES).map_err(|error| error.to_string())?;
    let written: Vec<BindingKey> =
        kernel.resources.iter().map(|resource| (resource.group, resource.binding)).collect();
    let launch = KernelLaunch { kernel: &kernel, grid: *dispatch };
    let request = ShaderRequest {
        launches: &[launch],
        fills: &fills,
        dumps: &written,
        runs: 0.into(),
        under_way: &Default::default(),
    };
    let run = shader::run(&mut cpu, &request).map_err(|error| error.to_string())?;
    let observed = &run.series.launches[0];
    let outside = observed.witness.iter().flat_map(|witness| &witness.out_of_bounds);
    let outside =
        outside.map(|its| Outside { line: its.line, accesses: its.accesses, what: its.in_words() });
    let reply = Reply {
        counts: Counts::of(&observed.cost, &observed.lines)?,
        entry: kernel.entry_point().name.clone(),
        tally_agrees: observed
            .witness
            .as_ref()
            .is_some_and(|witness| witness.tally == observed.cost),
        out_of_bounds: outside.collect(),
        fills: contents(&kernel, &fills)?,
        buffers: keyed(run.dumps.iter().map(|(&at, bytes)| (name(at), hexadecimal(bytes)))),
    };
    serde_json::to_string(&reply).map_err(|error| error.to_string())
}

/// What each buffer holds before the run, so that a GPU can be given the same.
fn contents(
    kernel: &KernelModule,
    fills: &BTreeMap<BindingKey, BufferFill>,
) -> Result<BTreeMap<String, String>, String> {
    let resources = kernel.resources.iter().filter_map(|resource| {
        let layout = kernel.layout(resource)?;
        Some(((resource.group, resource.binding), layout))
    });
    let mut contents = BTreeMap::new();
    for (at, layout) in resources {
        let zeros = BufferFill::Zeros(layout.least_scalars());
        let bytes = fills.get(&at).unwrap_or(&zeros).bytes(&layout, u64::from(u32::MAX))?;
        contents.insert(name(at), hexadecimal(&bytes));
    }
    Ok(contents)
}

fn key(text: &str) -> Result<BindingKey, String> {
    let parts = text.split_once('.').and_then(|(g, b)| Some((g.parse().ok()?, b.parse().ok()?)));
    parts.ok_or_else(|| format!("'{text}' is no GROUP.BINDING"))
}

fn name((group, binding): BindingKey) -> String {
    format!("{group}.{binding}")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
