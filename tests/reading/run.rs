//! Runs a shader that was read, plain and counting, on data of a test's own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use flopmeter::{
    execute::{Bound, BufferId, Dispatch, Executor},
    instrument::instrument,
    kernel::KernelModule,
    op::Cost,
    shader::ShaderFile,
};
use tempfile::TempDir;

/// What a shader did.
pub struct Ran {
    /// What it cost.
    pub cost: Cost,
    /// The same by line.
    pub lines: BTreeMap<u32, Cost>,
    /// What it left in its first buffer.
    pub left: Vec<u32>,
}

impl Ran {
    /// What it left in its first buffer, as floats.
    pub fn floats(&self) -> Vec<f32> {
        self.left.iter().copied().map(f32::from_bits).collect()
    }

    /// Its operations, by key.
    pub fn ops(&self) -> BTreeMap<String, u64> {
        ops(&self.cost)
    }
}

/// Operations by key.
pub fn ops(cost: &Cost) -> BTreeMap<String, u64> {
    let ops = cost.ops.iter().filter(|&(_, _, count)| count > 0);
    ops.map(|(scalar, op, count)| (format!("{}.{}", scalar.name(), op.name()), count)).collect()
}

/// Keys and counts as [`ops`] has them.
pub fn expected(ops: &[(&str, u64)]) -> BTreeMap<String, u64> {
    ops.iter().map(|&(key, count)| (key.to_owned(), count)).collect()
}

/// A file of `tests/cases`, read.
pub fn case(name: &str) -> KernelModule {
    read(&Path::new("tests/cases").join(name))
}

/// A shader file, read, with its only entry point and no overrides set.
pub fn read(path: &Path) -> KernelModule {
    let file = ShaderFile::read(path).unwrap_or_else(|error| panic!("{error}"));
    file.kernel(None, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// A WGSL text, read.
pub fn wgsl(text: &str) -> KernelModule {
    KernelModule::from_wgsl("case", text, "main", &BTreeMap::new())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A GLSL file of `tests/cases` as SPIR-V; `None`, and says so, where glslangValidator is not here.
pub fn spirv(name: &str) -> Option<KernelModule> {
    let folder = TempDir::new().unwrap();
    compiled(&folder, name).map(|path| read(&path))
}

/// The path of a GLSL file of `tests/cases`, compiled to SPIR-V in a folder.
#[allow(clippy::print_stdout, reason = "the log must say what was skipped")]
pub fn compiled(folder: &TempDir, name: &str) -> Option<PathBuf> {
    let path = folder.path().join("case.spv");
    let (from, to) = (Path::new("tests/cases").join(name), &path);
    let mut command = Command::new("glslangValidator");
    let Ok(output) = command.args(["-V", "--quiet", "-o"]).args([to, &from]).output() else {
        println!("SKIPPED: no glslangValidator");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(path)
}

/// Runs a kernel plain and counting on the same contents of its buffers, in the order of their bindings. The two
/// leave the same, and what an executor tallies is what was counted.
pub fn ran(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    grid: [u32; 3],
    buffers: &[Vec<u32>],
) -> Ran {
    assert_eq!(kernel.resources.len(), buffers.len(), "each binding has its contents");
    let counting = instrument(kernel, &executor.adapter().limits).unwrap();
    let table = counting.table;
    let launch = |executor: &mut dyn Executor, kernel: &KernelModule, more: Option<Bound>| {
        let mut bindings: Vec<Bound> = more.into_iter().collect();
        for (resource, words) in kernel_buffers(kernel, more).zip(buffers) {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let (group, binding) = resource;
            let size = bytes.len() as u64;
            let buffer = executor.allocate("data", size).unwrap();
            executor.write(buffer, 0, &bytes).unwrap();
            bindings.push(Bound { group, binding, buffer, offset: 0, size });
        }
        let first = bindings[usize::from(more.is_some())];
        let program = executor.compile(kernel).unwrap_or_else(|error| panic!("{error}"));
        let dispatch = Dispatch { label: "case", program, bindings: &bindings, grid };
        let outcome = executor.dispatch(&dispatch).unwrap();
        (words(executor, first.buffer, first.size), outcome.witness)
    };
    let (left, witness) = launch(executor, kernel, None);
    let size = table.bytes();
    let buffer = executor.allocate("counters", size).unwrap();
    executor.write(buffer, 0, &vec![0; size as usize]).unwrap();
    let (group, binding) = (counting.counters.group, counting.counters.binding);
    let counters = Bound { group, binding, buffer, offset: 0, size };
    let (counted, _) = launch(executor, &counting.kernel, Some(counters));
    assert_eq!(left, counted, "counting changed a result");
    let raw = executor.read(buffer, 0, size).unwrap();
    let executions = table.decode(&raw, table.invocations(grid)).unwrap();
    let cost = table.cost(&executions);
    if let Some(witness) = witness {
        assert_eq!(cost, witness.tally, "counted and tallied");
    }
    let lines = table.lines(&executions).into_iter().map(|(line, l)| (line, l.cost)).collect();
    executor.clear();
    Ran { cost, lines, left }
}

/// Where a kernel's buffers are bound, the counters left out.
fn kernel_buffers(
    kernel: &KernelModule,
    counters: Option<Bound>,
) -> impl Iterator<Item = (u32, u32)> {
    let places = kernel.resources.iter().map(|resource| (resource.group, resource.binding));
    places.filter(move |&at| counters.is_none_or(|bound| at != (bound.group, bound.binding)))
}

fn words(executor: &mut dyn Executor, buffer: BufferId, size: u64) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(&executor.read(buffer, 0, size).unwrap())
}

/// 0, 1, 2 and so on, as floats.
pub fn iota(count: u32) -> Vec<u32> {
    (0..count).map(|i| (i as f32).to_bits()).collect()
}
