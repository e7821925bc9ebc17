//! GLSL through a compiler that is installed, for what naga's reader does not take: glslang's own, or glslc. Knows how
//! each is called; nothing of what it writes.

use std::{
    fs, io,
    path::Path,
    process::{Command, Output, Stdio},
};

/// What a compiler made of a shader.
pub(super) enum Compiled {
    /// SPIR-V, and the compiler with its version.
    Module(Vec<u8>, String),
    /// Nothing, and what it said.
    Refused(String),
}

/// A compiler, and how it is asked for SPIR-V for Vulkan 1.1 that says which line an instruction is of.
struct Compiler {
    program: &'static str,
    arguments: &'static [&'static str],
}

/// Those that are looked for on the path, in order.
const COMPILERS: [Compiler; 3] = [
    Compiler { program: "glslangValidator", arguments: GLSLANG },
    Compiler { program: "glslang", arguments: GLSLANG },
    Compiler {
        program: "glslc",
        arguments: &["-fshader-stage=compute", "--target-env=vulkan1.1", "-g"],
    },
];

const GLSLANG: &[&str] = &["-V", "-S", "comp", "--target-env", "vulkan1.1", "-g"];

/// Their names, for messages.
pub(super) fn names() -> String {
    let [others @ .., last] = COMPILERS.map(|compiler| compiler.program);
    format!("{} nor {last}", others.join(" nor "))
}

/// Compiles a compute shader with the first compiler that is there; `None` where there is none.
///
/// # Errors
/// Where a compiler cannot be run, or a file that it reads or writes cannot be had.
pub(super) fn compile(text: &str) -> io::Result<Option<Compiled>> {
    for Compiler { program, arguments } in &COMPILERS {
        let folder = tempfile::tempdir()?;
        let [source, module] = ["shader.comp", "shader.spv"].map(|name| folder.path().join(name));
        fs::write(&source, text)?;
        let mut command = Command::new(program);
        command.args(*arguments).arg("-o").arg(&module).arg(&source);
        let Output { status, stdout, stderr } = match command.stdin(Stdio::null()).output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            output => output?,
        };
        if !status.success() {
            let said = [stdout, stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
            return Ok(Some(Compiled::Refused(refusal(program, &said.concat(), &source))));
        }
        let version = Command::new(program).arg("--version").output()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let version = version.lines().next().unwrap_or_default().trim();
        return Ok(Some(Compiled::Module(fs::read(&module)?, format!("{program} ({version})"))));
    }
    Ok(None)
}

/// What a compiler said, without the name of a file that nobody knows.
fn refusal(program: &str, said: &str, source: &Path) -> String {
    let own = source.display().to_string();
    let lines = said.lines().map(|line| line.replace(&own, "line").trim_end().to_owned());
    let lines: Vec<String> = lines.filter(|line| !line.is_empty() && line != "line").collect();
    format!("{program}: {}", lines.join("\n"))
}
