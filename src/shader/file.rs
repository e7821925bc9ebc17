//! A shader file as a user has it: WGSL, GLSL or SPIR-V, told apart by its first bytes, then by its name's ending.
//! Reads it and picks one compute entry point; what it binds and how often it runs is decided elsewhere.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use flopmeter_core::read::Parsed;
use naga::{Override, ScalarKind, ShaderStage, TypeInner};

use super::{
    Immediate, immediate,
    text::{self, SourceOptions},
};
use crate::{
    Error, KernelError, Remedy,
    kernel::{KernelModule, Outline},
    observe::Countable,
};

/// A shader that has been read.
#[derive(Clone, Debug)]
pub struct ShaderFile {
    parsed: Parsed,
}

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// What a shader is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Wgsl,
    Glsl,
    SpirV,
}

impl Language {
    /// SPIR-V begins with its magic number and GLSL with `#version`; without either, `.spv` is SPIR-V, `.comp` and
    /// `.glsl` are GLSL, and anything else is WGSL.
    fn of(bytes: &[u8], path: &Path) -> Self {
        const MAGIC: u32 = 0x0723_0203;
        if bytes.starts_with(&MAGIC.to_le_bytes()) || bytes.starts_with(&MAGIC.to_be_bytes()) {
            return Self::SpirV;
        }
        if begins_with_version(bytes) {
            return Self::Glsl;
        }
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("spv") => Self::SpirV,
            Some("comp" | "glsl") => Self::Glsl,
            _ => Self::Wgsl,
        }
    }
}

/// What a file is written in, by its ending, where that is no language of shaders that are read here.
fn foreign(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "cu" | "cuh" => "CUDA",
        "ptx" => "PTX",
        "hip" => "HIP",
        "cl" => "OpenCL",
        "metal" => "Metal",
        "hlsl" => "HLSL",
        _ => return None,
    })
}

/// Whether the first line that is neither empty nor a `//` comment is GLSL's version.
fn begins_with_version(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(|line| line.trim_ascii());
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"//"));
    first
        .and_then(|line| line.strip_prefix(b"#"))
        .is_some_and(|directive| directive.trim_ascii_start().starts_with(b"version"))
}

impl ShaderFile {
    /// What a file is called in messages.
    pub fn name(path: &Path) -> String {
        if path == Path::new(STANDARD_INPUT) {
            return "standard input".to_owned();
        }
        path.display().to_string()
    }

    /// Reads and parses a file; `-` is standard input. GLSL and SPIR-V take the features `glsl` and `spirv`.
    ///
    /// # Errors
    /// Where it cannot be read, or not parsed: with the source line, as naga shows it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_with(path, &SourceOptions::default())
    }

    /// As [`Self::read`], with macros that are defined and folders in which included files lie.
    ///
    /// # Errors
    /// Those of [`Self::read`]; where the preprocessor meets something wrong, with its file and line; where a macro is
    /// defined that the shader does not have.
    pub fn read_with(path: &Path, options: &SourceOptions) -> Result<Self, Error> {
        let problem = |problem: String| Error::File { path: path.to_owned(), problem };
        let name = Self::name(path);
        let bytes = if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        let bytes = bytes.map_err(|e| problem(format!("cannot be read: {e}")))?;
        let utf8 = |bytes| {
            String::from_utf8(bytes).map_err(|_| {
                problem("is neither text nor SPIR-V, which begins with 0x07230203".into())
            })
        };
        let parsed = match Language::of(&bytes, path) {
            Language::SpirV => match options.defines.keys().next() {
                None => spirv(&name, &bytes)?,
                Some(define) => {
                    return Err(problem(format!(
                        "is SPIR-V, compiled already, so that '{define}' cannot be defined for it: define it where \
                         it is compiled"
                    )));
                }
            },
            Language::Glsl => glsl(&name, path, utf8(bytes)?, options)?,
            Language::Wgsl => match foreign(path) {
                None => {
                    let source = text::wgsl(&name, path, utf8(bytes)?, options)?;
                    Parsed::wgsl_source(&name, source)?
                }
                Some(language) => {
                    return Err(problem(format!(
                        "is {language}, and a compute shader is WGSL, GLSL or SPIR-V: translate it to one of these"
                    )));
                }
            },
        };
        Ok(Self { parsed })
    }

    /// What it leaves to its host, workgroups as these values of overrides make them.
    ///
    /// # Errors
    /// Where an override is unknown or its value does not fit; where the module is not valid.
    pub fn outline(&self, overrides: &BTreeMap<String, f64>) -> Result<Outline, Error> {
        self.check(overrides)?;
        Ok(Outline::of(&self.parsed, overrides)?)
    }

    /// What it is called in messages.
    pub fn shader(&self) -> &str {
        &self.parsed.name
    }

    /// The names of its compute entry points, in the order of the file.
    pub fn entries(&self) -> Vec<&str> {
        let entries = self.parsed.module.entry_points.iter();
        entries.filter(|e| e.stage == ShaderStage::Compute).map(|e| e.name.as_str()).collect()
    }

    /// One entry point with its overrides and its immediate data set, to be launched and counted: `entry`, or the only
    /// one there is; and what each member of the immediate data then holds.
    ///
    /// # Errors
    /// Those of [`Self::kernel`]; where a value does not fit its member.
    pub fn countable(
        &self,
        entry: Option<&str>,
        overrides: &BTreeMap<String, f64>,
        immediates: &BTreeMap<String, String>,
    ) -> Result<(Arc<dyn Countable>, Vec<Immediate>), Error> {
        let mut kernel = self.kernel(entry, overrides)?;
        let immediates = immediate::set(&mut kernel, immediates)?;
        Ok((Arc::new(kernel), immediates))
    }

    /// One entry point with its overrides set: `entry`, or the only one there is.
    ///
    /// # Errors
    /// Where there is none, or several and `entry` says which of them not; where an override is unknown
    /// or has neither value nor default; where the module is not valid.
    pub fn kernel(
        &self,
        entry: Option<&str>,
        overrides: &BTreeMap<String, f64>,
    ) -> Result<KernelModule, Error> {
        let problem = |problem: String| {
            Err(KernelError::Kernel { kernel: self.parsed.name.clone(), problem }.into())
        };
        let entries = self.entries();
        let entry = match (entry, &entries[..]) {
            (Some(entry), _) => entry,
            (None, &[only]) => only,
            (None, []) => return problem("it has no compute entry point".into()),
            (None, _) => {
                return Err(Error::Refused {
                    problem: format!("kernel '{}': it has several entry points", self.parsed.name),
                    remedy: Remedy::EntryPoint(entries.into_iter().map(str::to_owned).collect()),
                });
            }
        };
        self.check(overrides)?;
        Ok(KernelModule::from_parsed(&self.parsed, entry, overrides)?)
    }

    /// Whether each of these overrides is one of the shader's, and a whole number where it must be.
    fn check(&self, overrides: &BTreeMap<String, f64>) -> Result<(), Error> {
        let problem = |problem: String| {
            Err(KernelError::Kernel { kernel: self.parsed.name.clone(), problem }.into())
        };
        for (name, value) in overrides {
            let mut known = self.parsed.module.overrides.iter().map(|(_, known)| known);
            let Some(found) = known.find(|known| is_called(known, name)) else {
                let known: Vec<String> = self
                    .parsed
                    .module
                    .overrides
                    .iter()
                    .filter_map(|(_, known)| called(known))
                    .collect();
                return problem(match known[..] {
                    [] => format!("no override '{name}': it has none"),
                    _ => format!("no override '{name}': it has {}", known.join(", ")),
                });
            };
            let whole = match self.parsed.module.types[found.ty].inner {
                TypeInner::Scalar(scalar) => scalar.kind != ScalarKind::Float,
                _ => false,
            };
            if whole && value.fract() != 0.0 {
                return problem(format!("its override '{name}' is a whole number, not {value}"));
            }
        }
        Ok(())
    }
}

#[cfg(feature = "spirv")]
fn spirv(name: &str, words: &[u8]) -> Result<Parsed, KernelError> {
    Parsed::spirv(name, words)
}

#[cfg(feature = "glsl")]
fn glsl(name: &str, path: &Path, text: String, options: &SourceOptions) -> Result<Parsed, Error> {
    let source = text::glsl(name, path, text, options)?;
    Ok(Parsed::glsl_source(name, source)?)
}

#[cfg(not(feature = "spirv"))]
fn spirv(name: &str, _: &[u8]) -> Result<Parsed, KernelError> {
    Err(missing(name, "SPIR-V", "spirv"))
}

#[cfg(not(feature = "glsl"))]
fn glsl(name: &str, _: &Path, _: String, _: &SourceOptions) -> Result<Parsed, Error> {
    Err(missing(name, "GLSL", "glsl").into())
}

#[cfg(not(all(feature = "glsl", feature = "spirv")))]
fn missing(name: &str, language: &str, feature: &str) -> KernelError {
    let details =
        format!("it is {language}, and this flopmeter was built without its feature '{feature}'");
    KernelError::Shader { kernel: name.to_owned(), details }
}

/// What a user may call an override: its name, else its number.
fn called(known: &Override) -> Option<String> {
    known.name.clone().or_else(|| known.id.map(|id| id.to_string()))
}

fn is_called(known: &Override, name: &str) -> bool {
    known.name.as_deref() == Some(name) || known.id.is_some_and(|id| id.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_first_bytes_and_then_by_its_ending() {
        let language = |bytes: &[u8], path: &str| Language::of(bytes, Path::new(path));
        for magic in [[3, 2, 0x23, 7], [7, 0x23, 2, 3]] {
            assert_eq!(language(&magic, "x.wgsl"), Language::SpirV);
        }
        for version in ["#version 450", "// a\n\n  # version 310 es\nvoid"] {
            assert_eq!(language(version.as_bytes(), "-"), Language::Glsl);
        }
        assert_eq!(language(b"#define A\n", "x.comp"), Language::Glsl);
        assert_eq!(language(b"fn", "x.glsl"), Language::Glsl);
        assert_eq!(language(b"fn", "x.spv"), Language::SpirV);
        assert_eq!(language(b"// #version 450\nfn", "x"), Language::Wgsl);
    }
}
