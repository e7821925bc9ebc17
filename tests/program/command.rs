//! The program as a user starts it, for tests of what it prints, writes and refuses.

use std::{
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Where the program is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_flopmeter");

/// A folder that is not there, nor can be made.
const NO_CACHE: &str = "/dev/null/cache";

/// The program with these arguments, for a user who has nothing cached.
pub fn flopmeter(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("XDG_CACHE_HOME", NO_CACHE);
    // Mesa's cache would be in the same place, and Mesa says so where it is none.
    if std::env::var_os("MESA_SHADER_CACHE_DIR").is_none() {
        command.env("MESA_SHADER_CACHE_DIR", std::env::temp_dir());
    }
    command
}

/// Asserts that a command cannot run: exit code 2, nothing on standard output, and one message.
pub fn refused(arguments: &[&str], says: &[&str]) {
    let assert = flopmeter(arguments).assert().code(2).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for says in says {
        assert!(message.contains(says), "{arguments:?} says {message:?}, not {says:?}");
    }
    assert_eq!(message.matches("error:").count(), 1, "{message}");
}

/// The standard output of a command that must succeed, as JSON.
pub fn json(arguments: &[&str]) -> Value {
    let output = flopmeter(arguments).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

/// A model that runs in no time.
pub const SMALL: [&str; 12] = [
    "--batch",
    "2",
    "--seq",
    "5",
    "--set",
    "d_model=6",
    "--set",
    "n_layers=1",
    "--set",
    "vocab_size=23",
    "--set",
    "top_k=2",
];

/// Whether there is an adapter; skips loudly where there is none, and fails where there must be.
pub fn adapter() -> bool {
    let found = flopmeter(&["adapters"]).output().unwrap().status.success();
    if !found {
        common::skipped("ADAPTER", "the program finds none");
    }
    found
}

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Hides every adapter from a command.
pub fn without_drivers(command: &mut Command) -> &mut Command {
    command
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .env("WGPU_BACKEND", "vulkan")
}

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * 0.5 + 0.1;
}
";

/// A folder with a kernel, `kernel.wgsl`, and paths in it.
pub struct KernelFolder(TempDir);

impl KernelFolder {
    pub fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::write(folder.path("kernel.wgsl"), KERNEL).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> String {
        text(&self.0.path().join(name)).to_owned()
    }
}
