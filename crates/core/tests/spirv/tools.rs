//! Programs of Khronos that a machine may have or not. Where one is missing, what it would have said is SKIPPED.

use std::{io::Write, process::Command, sync::Once};

/// The words of a module in little-endian bytes.
fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[expect(clippy::print_stderr, reason = "what a test leaves out is said")]
fn skipped(tool: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| eprintln!("SKIPPED: no {tool} here"));
}

/// What `spirv-val` says against a module; `None` where it has nothing to say or is missing.
pub fn complaint(words: &[u32]) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(&bytes(words)).unwrap();
    let run =
        Command::new("spirv-val").args(["--target-env", "vulkan1.3"]).arg(file.path()).output();
    let Ok(output) = run else {
        skipped("spirv-val");
        return None;
    };
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Whether there is a `spirv-val`.
pub fn can_validate() -> bool {
    Command::new("spirv-val").arg("--version").output().is_ok()
}

/// Panics where a module is not valid.
pub fn validate(words: &[u32]) {
    if let Some(complaint) = complaint(words) {
        panic!("{complaint}");
    }
}

/// What glslang makes of a compute shader; `None` where it is missing.
pub fn glslang(source: &str, arguments: &[&str]) -> Option<Vec<u32>> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("kernel.comp"), folder.path().join("kernel.spv"));
    std::fs::write(&from, source).unwrap();
    let run = Command::new("glslangValidator")
        .args(["--target-env", "vulkan1.3", "-V"])
        .args(arguments)
        .arg("-o")
        .args([&to, &from])
        .output();
    let Ok(output) = run else {
        skipped("glslangValidator");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let bytes = std::fs::read(&to).unwrap();
    Some(bytes.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect())
}

/// What `spirv-as` makes of a listing; `None` where it is missing.
pub fn assembled(listing: &str) -> Option<Vec<u32>> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("module.spvasm"), folder.path().join("module.spv"));
    std::fs::write(&from, listing).unwrap();
    let arguments = ["--target-env", "vulkan1.1", "-o"];
    let Ok(output) = Command::new("spirv-as").args(arguments).args([&to, &from]).output() else {
        skipped("spirv-as");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(&to).unwrap();
    Some(bytes.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect())
}
