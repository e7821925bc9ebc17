//! Runs a shader that was read, plain and counting, on data of a test's own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use flopmeter::{
    execute::Executor,
    instrument::Line,
    kernel::KernelModule,
    observe::{Observed, Trial},
    op::Cost,
    shader::ShaderFile,
};
use tempfile::TempDir;

/// What a shader did.
pub struct Ran {
    /// What it cost.
    pub cost: Cost,
    /// The same by line.
    pub lines: BTreeMap<u32, Line>,
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

/// A GLSL text, read.
pub fn glsl_of(text: &str) -> KernelModule {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("case.comp");
    std::fs::write(&path, text).unwrap();
    read(&path)
}

/// A GLSL file of `tests/cases` as SPIR-V; `None`, and says so, where glslangValidator is not here.
pub fn spirv(name: &str) -> Option<KernelModule> {
    let folder = TempDir::new().unwrap();
    compiled(&folder, &Path::new("tests/cases").join(name), &[]).map(|path| read(&path))
}

/// A GLSL text as SPIR-V, as [`spirv`].
pub fn spirv_of(text: &str) -> Option<KernelModule> {
    spirv_by(text, &[])
}

/// The same, with the text and its lines.
pub fn spirv_with_lines(text: &str) -> Option<KernelModule> {
    spirv_by(text, &["-gVS"])
}

fn spirv_by(text: &str, options: &[&str]) -> Option<KernelModule> {
    let folder = TempDir::new().unwrap();
    let from = folder.path().join("case.comp");
    std::fs::write(&from, text).unwrap();
    compiled(&folder, &from, options).map(|path| read(&path))
}

/// The path of a GLSL file, compiled to SPIR-V in a folder.
fn compiled(folder: &TempDir, from: &Path, options: &[&str]) -> Option<PathBuf> {
    let to = folder.path().join("case.spv");
    let mut command = Command::new("glslangValidator");
    command
        .args(["--target-env", "vulkan1.1", "--quiet"])
        .args(options)
        .arg("-o")
        .arg(&to)
        .arg(from);
    let Ok(output) = command.output() else {
        common::skipped("GLSLANG", "glslangValidator cannot be started");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(to)
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
    let contents = buffers.iter().map(|words| bytemuck::cast_slice(words).to_vec()).collect();
    let trial = Trial::new(executor, kernel, contents).unwrap_or_else(|error| panic!("{error}"));
    let (observed, [counted, plain]) = trial.compare(executor, grid).unwrap();
    assert_eq!(counted, plain, "counting changed a result");
    let first = &kernel.resources[0];
    let left = trial.buffers().read(executor, (first.group, first.binding)).unwrap().unwrap();
    let Observed { cost, lines, witness, .. } = observed;
    if let Some(witness) = witness {
        assert_eq!(cost, witness.tally, "counted and tallied");
    }
    executor.clear();
    Ran { cost, lines, left: bytemuck::pod_collect_to_vec(&left) }
}

/// 0, 1, 2 and so on, as floats.
pub fn iota(count: u32) -> Vec<u32> {
    (0..count).map(|i| (i as f32).to_bits()).collect()
}
