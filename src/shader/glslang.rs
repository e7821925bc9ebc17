//! GLSL through a compiler that is installed, for what naga's reader does not take: glslang's own, or glslc. Knows how
//! each is called, and where in what it says it names a line; nothing of the module that it writes.

use std::{
    fs, io,
    path::Path,
    process::{Command, Output, Stdio},
};

use flopmeter_core::source::{Source, SourceLine};

/// What a compiler made of a shader.
pub(super) enum Compiled {
    /// SPIR-V, and the compiler with its version.
    Module(Vec<u8>, String),
    /// Nothing, and what it said.
    Refused(Refusal),
}

/// Why a compiler made nothing.
pub(super) struct Refusal {
    /// The compiler, and all that it said.
    pub(super) said: String,
    program: &'static str,
    /// The errors that it has a line for, from 1, each with what is wrong there.
    errors: Vec<(u32, String)>,
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
            return Ok(Some(Compiled::Refused(Refusal::new(program, &said.concat(), &source))));
        }
        let version = Command::new(program).arg("--version").output()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let version = version.lines().next().unwrap_or_default().trim();
        return Ok(Some(Compiled::Module(fs::read(&module)?, format!("{program} ({version})"))));
    }
    Ok(None)
}

impl Refusal {
    /// What a compiler said, without the name of a file that nobody knows.
    fn new(program: &'static str, said: &str, source: &Path) -> Self {
        let own = source.display().to_string();
        let lines = said.lines().map(|line| line.replace(&own, "line").trim_end().to_owned());
        let lines: Vec<String> = lines.filter(|line| !line.is_empty() && line != "line").collect();
        Self {
            errors: lines.iter().filter_map(|line| error(line)).collect(),
            said: format!("{program}: {}", lines.join("\n")),
            program,
        }
    }

    /// What it said beside what naga said of a source that is called `name`. Where naga found the same line wrong first,
    /// that is drawn; else the errors of the compiler are, since what naga does not know need not be wrong.
    pub(super) fn beside(&self, name: &str, source: &Source, naga: &str) -> String {
        let place = |line: u32| {
            let SourceLine { file, number } = source.place(line);
            (file.as_deref().unwrap_or(name).to_owned(), number)
        };
        let is_first = |line: u32| {
            let (file, number) = place(line);
            let mut drawn =
                naga.lines().filter(|line| line.contains("┌─ ") || line.contains("--> "));
            drawn.next().is_some_and(|drawn| {
                let column = format!("{file}:{number}:");
                drawn.contains(&column) || drawn.ends_with(column.trim_end_matches(':'))
            })
        };
        if self.errors.first().is_none_or(|(line, _)| is_first(*line)) {
            return format!("{}\n{}", naga.trim_end(), self.said);
        }
        let mut drawn = String::new();
        for (line, what) in &self.errors {
            let (file, number) = place(*line);
            let stated = source.stated().lines().nth(*line as usize - 1).unwrap_or_default();
            drawn += &format!("error: {what}\n  --> {file}:{number}\n{number:>5} | {stated}\n");
        }
        let first = naga.lines().find_map(|line| line.strip_prefix("error: "));
        let first = first.or(naga.lines().next()).unwrap_or_default();
        drawn + &format!("{} says so; naga's reader, which was asked first: {first}", self.program)
    }
}

/// An error of a compiler: its line, and what it says of it. That it ends there says nothing of the line.
fn error(said: &str) -> Option<(u32, String)> {
    let (kind, placed) = said.split_once("line:")?;
    if kind.starts_with("WARNING") {
        return None;
    }
    let (line, what) = placed.split_once(':')?;
    let line = line.parse().ok().filter(|&line| line > 0)?;
    let what = what.trim_start();
    let what = what.strip_prefix("error:").map_or(what, str::trim_start);
    let what = what.strip_prefix("'' :").map_or(what, str::trim_start);
    (!what.starts_with("compilation terminated") && !what.starts_with("warning"))
        .then(|| (line, what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_line_and_what_is_wrong() {
        let errors = |said: &str| Refusal::new("x", said, Path::new("/t/shader.comp")).errors;
        let of = |line, what: &str| vec![(line, what.to_owned())];
        assert_eq!(
            errors(
                "/t/shader.comp\nERROR: /t/shader.comp:7: 'barier' : no function\nERROR: 1 compilation errors."
            ),
            of(7, "'barier' : no function")
        );
        assert_eq!(errors("/t/shader.comp:9: error: '' : syntax error\n"), of(9, "syntax error"));
        let aside =
            "ERROR: /t/shader.comp:7: '' : compilation terminated \nERROR: Linking compute stage";
        assert_eq!(errors(aside), vec![]);
    }
}
