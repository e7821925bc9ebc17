//! Kernels in GLSL as SPIR-V, by a `glslangValidator` that a machine may have or not.

use std::{fs, process::Command};

/// What glslang makes of a compute shader.
pub fn compile(source: &str) -> Vec<u32> {
    compile_with(source, &[])
}

/// The same with further options.
pub fn compile_with(source: &str, options: &[&str]) -> Vec<u32> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("kernel.comp"), folder.path().join("kernel.spv"));
    fs::write(&from, source).unwrap();
    let target = ["--target-env", "vulkan1.1", "-V", "-o"];
    let mut glslang = Command::new("glslangValidator");
    let run = glslang.args(options).args(target).args([&to, &from]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    let bytes = fs::read(&to).unwrap();
    bytes.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect()
}

/// Whether there is one.
pub fn is_here() -> bool {
    Command::new("glslangValidator").arg("--version").output().is_ok()
}
