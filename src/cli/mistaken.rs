//! What is handed to one command and is for another: a program where a shader is wanted, a shader where a program, a model
//! or a report is. Knows files by their first bytes and endings, and runs none.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{anyhow, bail};

use flopmeter::shader::shader_endings;

/// What programs begin with: those of Linux, Windows and macOS, and scripts that name what runs them.
const PROGRAMS: [&[u8]; 5] = [b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!"];

/// Refuses a program where a shader is wanted.
///
/// # Errors
/// Which command runs it.
pub fn for_shader(file: &Path) -> super::Result<()> {
    // A pipe is read once, by who wants the shader.
    let opened = file.is_file().then(|| File::open(file).ok()).flatten();
    let mut first = Vec::new();
    let read = opened.and_then(|opened| opened.take(4).read_to_end(&mut first).ok());
    if read.is_some() && PROGRAMS.iter().any(|magic| first.starts_with(magic)) {
        let file = file.display();
        bail!(
            "{file}: is a program, and a shader is wanted: 'flopmeter run -- {file}' counts what its kernels execute"
        );
    }
    Ok(())
}

/// Why a program could not be started: where it is a shader, which command takes it.
pub fn for_program(name: &Path, error: flopmeter::Error) -> anyhow::Error {
    in_place_of(name, "a program").err().unwrap_or_else(|| error.into())
}

/// Refuses a shader where a model is wanted.
///
/// # Errors
/// Which command takes it.
pub fn for_model(name: &str) -> super::Result<()> {
    in_place_of(Path::new(name), "a model")
}

/// Refuses a shader where a saved report or a model is wanted.
///
/// # Errors
/// How there comes to be a report of it.
pub fn for_report(name: &str) -> super::Result<()> {
    in_place_of(Path::new(name), "a saved report or a model")
        .map_err(|error| anyhow!("{error}, and --json FILE.json saves what compare takes"))
}

fn in_place_of(name: &Path, wanted: &str) -> super::Result<()> {
    if is_shader(name) && name.is_file() {
        let name = name.display();
        bail!(
            "{name}: is a shader, and {wanted} is wanted: 'flopmeter shader {name}' lists what it takes, --dispatch \
             beside it has it run and counted"
        );
    }
    Ok(())
}

/// Whether a path ends as that of a shader.
pub fn is_shader(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    shader_endings().any(|known| known == ending)
}
