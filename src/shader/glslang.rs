//! GLSL through a compiler that is installed, for what naga's reader does not take: glslang's own, or glslc. Knows how
//! each is called, and where in what it says it names a line; nothing of the module that it writes.

use std::{
    borrow::Cow,
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
    /// Its errors, each with its line from 1, where it has one, and what is wrong there.
    errors: Vec<(Option<u32>, String)>,
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

/// A text whose lines a compiler numbers as they stand: without `#line`, in whose place there are empty lines. One that
/// asks for the number of a line computes with it, and stays as it is, and so does a `#line` that is faulty, which the
/// compiler is to refuse.
fn numbered_by_itself(text: &str) -> Cow<'_, str> {
    if text.contains("__LINE__") {
        return text.into();
    }
    let is_numbering = |line: &str| {
        let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
        let rest = directive.and_then(|its| its.strip_prefix("line"));
        let is_faulty = |rest: &str| {
            let too_large = |word: &str| {
                word.bytes().all(|digit| digit.is_ascii_digit()) && word.parse::<i32>().is_err()
            };
            !rest.matches('"').count().is_multiple_of(2) || rest.split_whitespace().any(too_large)
        };
        rest.is_some_and(|rest| rest.starts_with([' ', '\t', '\\']) && !is_faulty(rest))
    };
    let mut goes_on = false;
    let lines = text.split_inclusive('\n').map(|line| {
        let is_of_it = goes_on || is_numbering(line);
        goes_on = is_of_it && line.trim_end_matches(['\n', '\r']).ends_with('\\');
        if is_of_it { "\n" } else { line }
    });
    lines.collect::<String>().into()
}

/// Compiles a compute shader with the first compiler that is there; `None` where there is none.
///
/// # Errors
/// Where a compiler cannot be run, or a file that it reads or writes cannot be had.
pub(super) fn compile(text: &str) -> io::Result<Option<Compiled>> {
    for Compiler { program, arguments } in &COMPILERS {
        let folder = tempfile::tempdir()?;
        let [source, module] = ["shader.comp", "shader.spv"].map(|name| folder.path().join(name));
        fs::write(&source, &*numbered_by_itself(text))?;
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

/// Whether the first compiler that is there defines a name, for what stands behind `#version`; `None` where there is
/// none, or it says nothing of it.
pub(super) fn is_defined(version: &str, name: &str) -> Option<bool> {
    let text = format!(
        "#version {version}\n#ifndef {name}\n#error {ABSENT}\n#endif\nlayout(local_size_x = 1) in;\nvoid main() {{}}\n"
    );
    match compile(&text).ok()?? {
        Compiled::Module(..) => Some(true),
        Compiled::Refused(refusal) => {
            let says_so = refusal.errors.iter().any(|(_, what)| what.contains(ABSENT));
            says_so.then_some(false)
        }
    }
}

/// What a compiler is made to say where a name is not defined.
const ABSENT: &str = "the name is absent";

impl Refusal {
    /// What a compiler said, without the name of the temporary file.
    fn new(program: &'static str, said: &str, source: &Path) -> Self {
        let own = source.display().to_string();
        let lines = said.lines().map(|line| line.replace(&own, "line").trim_end().to_owned());
        let lines: Vec<String> = lines.filter(|line| !line.is_empty() && line != "line").collect();
        let mut errors: Vec<_> = lines.iter().filter_map(|line| error(line)).collect();
        // What cannot be linked follows from what could not be compiled.
        if errors.iter().any(|(line, _)| line.is_some()) {
            errors.retain(|(line, _)| line.is_some());
        }
        Self { errors, said: format!("{program}: {}", lines.join("\n")), program }
    }

    /// Whether it said what is wrong.
    pub(super) fn says_what(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Its errors, with their lines of a source that is called `name`, and the first thing that naga does not know, which
    /// need not be wrong.
    pub(super) fn drawn(&self, name: &str, source: &Source, naga: &str) -> String {
        let mut drawn = String::new();
        for (line, what) in &self.errors {
            drawn += &format!("error: {what}\n");
            let Some(line) = *line else { continue };
            let SourceLine { file, number } = source.place(line);
            let file = file.as_deref().unwrap_or(name);
            let stated = source.stated().lines().nth(line as usize - 1).unwrap_or_default();
            drawn += &format!("  --> {file}:{number}\n");
            // The end of a text is on an empty line.
            if !stated.trim().is_empty() {
                drawn += &format!("{number:>5} | {stated}\n");
            }
        }
        let first = naga.lines().find_map(|line| line.strip_prefix("error: "));
        let first = first.or(naga.lines().next()).unwrap_or_default();
        drawn + &format!("{} says so; naga's reader, which was asked first: {first}", self.program)
    }
}

/// An error of a compiler: its line, where it names one, and what it says of it. How many there are and that it ends
/// there says nothing.
fn error(said: &str) -> Option<(Option<u32>, String)> {
    let said = said.strip_prefix("ERROR: ").unwrap_or(said);
    let (line, what) = match said.strip_prefix("line:") {
        Some(placed) => match placed.split_once(':') {
            Some((line, what)) if line.parse().is_ok_and(|line: u32| line > 0) => {
                (line.parse().ok(), what)
            }
            _ => (None, placed),
        },
        None if said.starts_with("Linking ") => (None, said),
        None => return None,
    };
    let what = what.trim_start();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let what = what.strip_prefix("'' :").map_or(what, str::trim_start);
    let says_nothing = ["compilation terminated", "warning", "note"];
    (!says_nothing.iter().any(|word| what.starts_with(word))).then(|| (line, what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_defines_the_extensions_that_it_has() {
        let names = ["GL_EXT_shader_16bit_storage", "GL_EXT_of_nobody", "GL_ES"];
        let said = names.map(|name| is_defined("450", name));
        let required = std::env::var_os("FLOPMETER_REQUIRE_GLSLANG").is_some_and(|v| v == "1");
        if said == [None; 3] && !required {
            println!("SKIPPED: no compiler of GLSL is on the path");
            return;
        }
        assert_eq!(said, [Some(true), Some(false), Some(false)]);
        assert_eq!(is_defined("310 es", "GL_ES"), Some(true));
        assert_eq!(is_defined("4x", "GL_ES"), None);
    }

    #[test]
    fn lines_are_numbered_as_they_stand() {
        let own = numbered_by_itself("a\n # line 100\nb\n#line \\\n50\nc\n#lines\n");
        assert_eq!(own, "a\n\nb\n\n\nc\n#lines\n");
        for faulty in ["#line 5 \"x\n", "#line 99999999999\n"] {
            assert_eq!(numbered_by_itself(faulty), faulty);
        }
        let asks = "#line 100\nint x = __LINE__;\n";
        assert_eq!(numbered_by_itself(asks), asks);
    }

    #[test]
    fn an_error_has_its_line_and_what_is_wrong() {
        let errors = |said: &str| Refusal::new("x", said, Path::new("/t/shader.comp")).errors;
        let of = |line, what: &str| vec![(Some(line), what.to_owned())];
        assert_eq!(
            errors(
                "/t/shader.comp\nERROR: /t/shader.comp:7: 'barier' : no function\nERROR: 1 compilation errors."
            ),
            of(7, "'barier' : no function")
        );
        assert_eq!(errors("/t/shader.comp:9: error: '' : syntax error\n"), of(9, "syntax error"));
        let link = "Linking compute stage: Missing entry point";
        let linked = format!("ERROR: {link}\n\nSPIR-V is not generated");
        assert_eq!(errors(&linked), vec![(None, link.to_owned())]);
        let both = format!("ERROR: /t/shader.comp:7: 'x' : undeclared\nERROR: {link}\n");
        assert_eq!(errors(&both), of(7, "'x' : undeclared"));
        let of_glslc = "/t/shader.comp: error: Linking compute stage: no main\n1 error generated.";
        assert_eq!(errors(of_glslc), vec![(None, "Linking compute stage: no main".to_owned())]);
        let aside = "WARNING: /t/shader.comp:3: unused\nERROR: /t/shader.comp:7: '' : compilation terminated \n";
        assert_eq!(errors(aside), vec![]);
    }
}
