//! A shader file as a user has it: WGSL, WESL, GLSL or SPIR-V. Reads it and picks one compute entry point; what it binds
//! and how often it runs is decided elsewhere.

use std::{collections::BTreeMap, fs::File, io, path::Path, sync::Arc};

use flopmeter_core::read::Parsed;
#[cfg(feature = "glsl")]
use flopmeter_core::source::Source;
#[cfg(feature = "spirv")]
use flopmeter_core::spirv::SpirvModule;
use naga::ShaderStage;

#[cfg(feature = "spirv")]
use super::spirv::{self, Compilation, SpirvShader};
use super::{
    Immediate, immediate,
    language::{Language, foreign, hint, other_stage},
    overrides::{check, defaults, meant},
    text::{self, SourceOptions},
};
use crate::{
    Error, KernelError, Remedy,
    kernel::{KernelModule, Outline},
    observe::Countable,
};

/// A shader that has been read.
#[derive(Clone, Debug)]
pub struct ShaderFile(Read);

/// What a file was read as.
#[derive(Clone, Debug)]
enum Read {
    /// naga's module.
    Naga(Box<Parsed>),
    /// The words themselves, and where they were compiled from a text just now, that and by what.
    #[cfg(feature = "spirv")]
    Spirv(SpirvModule, Option<Compilation>),
}

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";

impl ShaderFile {
    /// What a file is called in messages.
    pub fn name(path: &Path) -> String {
        if path == Path::new(STANDARD_INPUT) {
            return "standard input".to_owned();
        }
        path.display().to_string()
    }

    /// Reads and parses a file; `-` is standard input, which is no WESL, since what that imports lies beside it. GLSL,
    /// SPIR-V and WESL take the features `glsl`, `spirv` and `wesl`.
    ///
    /// # Errors
    /// Where it cannot be read, or not parsed: with the source line, as naga shows it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::read_with(path, &SourceOptions::default())
    }

    /// As [`Self::read`], with macros that are defined (features of WESL) and folders in which included files and
    /// imported modules lie.
    ///
    /// # Errors
    /// Those of [`Self::read`]; where the preprocessor meets something wrong, with its file and line; where a macro is
    /// defined that the shader does not have.
    pub fn read_with(path: &Path, options: &SourceOptions) -> Result<Self, Error> {
        let problem = |problem: String| Error::File { path: path.to_owned(), problem };
        let name = Self::name(path);
        let bytes = if path == Path::new(STANDARD_INPUT) {
            text::whole(io::stdin())
        } else {
            File::open(path).and_then(text::whole)
        };
        let bytes = bytes.map_err(|e| problem(format!("cannot be read: {e}")))?;
        let utf8 = |bytes| {
            text::utf8(bytes).map_err(|_| {
                problem("is neither text nor SPIR-V, which begins with 0x07230203".into())
            })
        };
        if bytes.trim_ascii().is_empty() {
            return Err(problem(
                "is empty, and a shader with a compute entry point is wanted".into(),
            ));
        }
        let language = Language::of(&bytes, path);
        if let Some(stage) = other_stage(path).filter(|_| language != Language::SpirV) {
            return Err(problem(format!(
                "is a {stage} shader by its ending, and compute shaders alone run here: if it is one, give it the \
                 ending .comp"
            )));
        }
        let parsed = match language {
            Language::SpirV => match options.defines.keys().next() {
                None => return Ok(Self(spirv(&name, &bytes)?)),
                Some(define) => {
                    return Err(problem(format!(
                        "is SPIR-V, compiled already, so that '{define}' cannot be defined for it: define it where \
                         it is compiled"
                    )));
                }
            },
            Language::Wesl => wesl(&name, path, utf8(bytes)?, options)?,
            Language::Glsl => return glsl(&name, path, utf8(bytes)?, options).map(Self),
            Language::Wgsl => match foreign(path) {
                None => {
                    let source = text::wgsl(&name, path, utf8(bytes)?, options)?;
                    let hint = hint(source.text());
                    Parsed::wgsl_source(&name, source).map_err(|error| hinted(error, hint))?
                }
                Some((language, way)) => {
                    return Err(problem(format!(
                        "is {language}, and a compute shader is WGSL, WESL, GLSL or SPIR-V: {way}"
                    )));
                }
            },
        };
        Ok(Self(Read::Naga(Box::new(parsed))))
    }

    /// What it leaves to its host, workgroups as these values of overrides make them.
    ///
    /// # Errors
    /// Where an override is unknown or its value does not fit; where the module is not valid.
    pub fn outline(&self, overrides: &BTreeMap<String, f64>) -> Result<Outline, Error> {
        match &self.0 {
            Read::Naga(parsed) => {
                check(parsed, overrides)?;
                Ok(Outline::of(parsed, overrides)?)
            }
            #[cfg(feature = "spirv")]
            Read::Spirv(module, _) => Ok(module.outline(overrides)?),
        }
    }

    /// The files that its text is continued in, includes or imports, as reports name them.
    pub fn others(&self) -> Vec<String> {
        let source = match &self.0 {
            Read::Naga(parsed) => parsed.source.as_ref(),
            #[cfg(feature = "spirv")]
            Read::Spirv(_, compilation) => compilation.as_ref().map(|its| &its.source),
        };
        let parts = source.into_iter().flat_map(|source| source.parts());
        parts.filter_map(|part| part.file.as_deref().map(str::to_owned)).collect()
    }

    /// What the shader calls an override that has this name or this number, and its number where it has one.
    ///
    /// # Errors
    /// Where the words of SPIR-V are no module.
    pub(super) fn called(&self, said: &str) -> Result<(String, Option<u32>), Error> {
        Ok(match &self.0 {
            Read::Naga(parsed) => meant(parsed, said),
            #[cfg(feature = "spirv")]
            Read::Spirv(module, _) => spirv::constant(&module.constants()?, said),
        })
    }

    /// The value that each override has where nobody sets it, by the shader's name for it, where that is a number.
    ///
    /// # Errors
    /// Where the words of SPIR-V are no module.
    pub(super) fn override_defaults(&self) -> Result<BTreeMap<String, f64>, Error> {
        Ok(match &self.0 {
            Read::Naga(parsed) => defaults(parsed),
            #[cfg(feature = "spirv")]
            Read::Spirv(module, _) => spirv::defaults(&module.constants()?),
        })
    }

    /// What it is called in messages.
    pub fn shader(&self) -> &str {
        match &self.0 {
            Read::Naga(parsed) => &parsed.name,
            #[cfg(feature = "spirv")]
            Read::Spirv(module, _) => &module.name,
        }
    }

    /// The names of its compute entry points, in the order of the file.
    ///
    /// # Errors
    /// Where the words of SPIR-V are no module.
    pub fn entries(&self) -> Result<Vec<String>, Error> {
        match &self.0 {
            Read::Naga(parsed) => {
                let compute =
                    parsed.module.entry_points.iter().filter(|e| e.stage == ShaderStage::Compute);
                Ok(compute.map(|entry| entry.name.clone()).collect())
            }
            #[cfg(feature = "spirv")]
            Read::Spirv(module, _) => Ok(module.entries()?),
        }
    }

    /// The entry point that is meant: `entry`, or the only one there is.
    fn meant(&self, entry: Option<&str>) -> Result<String, Error> {
        let mut entries = match entry {
            Some(entry) => return Ok(entry.to_owned()),
            None => self.entries()?,
        };
        match entries.len() {
            1 => Ok(entries.remove(0)),
            0 => {
                let problem = "it has no compute entry point".to_owned();
                Err(KernelError::Kernel { kernel: self.shader().to_owned(), problem }.into())
            }
            _ => Err(Error::Refused {
                problem: format!("kernel '{}': it has several entry points", self.shader()),
                remedy: Remedy::EntryPoint(entries),
            }),
        }
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
        match &self.0 {
            Read::Naga(_) => {
                let mut kernel = self.kernel(entry, overrides)?;
                let variable = kernel.immediate_layout();
                let variable = variable.map(|(name, layout)| (name.to_owned(), layout));
                let variable = variable.as_ref().map(|(name, layout)| (&**name, layout));
                let data = &mut kernel.immediates;
                let immediates = immediate::set(&kernel.name, variable, data, immediates)?;
                Ok((Arc::new(kernel), immediates))
            }
            #[cfg(feature = "spirv")]
            Read::Spirv(module, compilation) => {
                let entry = self.meant(entry)?;
                let mut shader = SpirvShader::new(module, compilation.as_ref(), &entry, overrides)?;
                let immediates = shader.set(immediates)?;
                Ok((Arc::new(shader), immediates))
            }
        }
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
        let entry = self.meant(entry)?;
        match &self.0 {
            Read::Naga(parsed) => {
                check(parsed, overrides)?;
                Ok(KernelModule::from_parsed(parsed, &entry, overrides)?)
            }
            #[cfg(feature = "spirv")]
            Read::Spirv(module, compilation) => {
                let module = module.specialized(overrides)?;
                let source = spirv::source(&module, compilation.as_ref())?;
                Ok(spirv::read(&module, &entry, source.as_ref())?)
            }
        }
    }
}

/// An error with what may help against it behind what it says.
fn hinted(error: KernelError, hint: Option<&str>) -> KernelError {
    match (error, hint) {
        (KernelError::Shader { kernel, details }, Some(hint)) => {
            KernelError::Shader { kernel, details: format!("{}\n{hint}", details.trim_end()) }
        }
        (error, _) => error,
    }
}

#[cfg(feature = "spirv")]
fn spirv(name: &str, bytes: &[u8]) -> Result<Read, KernelError> {
    SpirvModule::read(name, bytes).map(|module| Read::Spirv(module, None))
}

#[cfg(feature = "glsl")]
fn glsl(name: &str, path: &Path, text: String, options: &SourceOptions) -> Result<Read, Error> {
    let source = text::glsl(name, path, text, options)?;
    let parsed = source.read.and_then(|source| Parsed::glsl_source(name, source));
    // What naga's reader takes its validator may not.
    match parsed.and_then(|parsed| Outline::of(&parsed, &BTreeMap::new()).map(|_| parsed)) {
        Ok(parsed) => Ok(Read::Naga(Box::new(parsed))),
        Err(refused) => compiled(name, source.compiled, refused),
    }
}

/// GLSL that naga does not take, by a compiler that is installed.
#[cfg(all(feature = "glsl", feature = "spirv"))]
fn compiled(name: &str, source: Source, refused: KernelError) -> Result<Read, Error> {
    use super::glslang::{Compiled, compile, names};

    let and = |more: String| match refused {
        KernelError::Shader { ref kernel, ref details } => KernelError::Shader {
            kernel: kernel.clone(),
            details: format!("{}\n{more}", details.trim_end()),
        },
        KernelError::Kernel { ref kernel, ref problem } => {
            KernelError::Kernel { kernel: kernel.clone(), problem: format!("{problem}; {more}") }
        }
        ref other => other.clone(),
    };
    match compile(source.text()) {
        Ok(Some(Compiled::Module(bytes, compiler))) => {
            log::info!("{name}: compiled by {compiler}, since naga does not take it: {refused}");
            let module = SpirvModule::read(name, &bytes)?;
            Ok(Read::Spirv(module, Some(Compilation { source, compiler })))
        }
        Ok(Some(Compiled::Refused(refusal))) => Err(match refused {
            KernelError::Shader { kernel, details } if refusal.says_what() => {
                KernelError::Shader { details: refusal.drawn(&kernel, &source, &details), kernel }
            }
            _ => and(refusal.said),
        }
        .into()),
        Ok(None) => {
            let more = format!(
                "naga's reader takes no more of GLSL, and neither {} is on the path to compile it",
                names()
            );
            Err(and(more).into())
        }
        Err(error) => Err(and(format!("a compiler of GLSL cannot be run: {error}")).into()),
    }
}

#[cfg(all(feature = "glsl", not(feature = "spirv")))]
fn compiled(_: &str, _: Source, refused: KernelError) -> Result<Read, Error> {
    Err(refused.into())
}

#[cfg(not(feature = "spirv"))]
fn spirv(name: &str, _: &[u8]) -> Result<Read, KernelError> {
    Err(missing(name, "SPIR-V", "spirv"))
}

#[cfg(not(feature = "glsl"))]
fn glsl(name: &str, _: &Path, _: String, _: &SourceOptions) -> Result<Read, Error> {
    Err(missing(name, "GLSL", "glsl").into())
}

#[cfg(feature = "wesl")]
fn wesl(name: &str, path: &Path, text: String, options: &SourceOptions) -> Result<Parsed, Error> {
    let source = super::wesl::source(name, path, text, options)?;
    Ok(Parsed::wgsl_source(name, source)?)
}

#[cfg(not(feature = "wesl"))]
fn wesl(name: &str, _: &Path, _: String, _: &SourceOptions) -> Result<Parsed, Error> {
    Err(missing(name, "WESL", "wesl").into())
}

#[cfg(not(all(feature = "glsl", feature = "spirv", feature = "wesl")))]
fn missing(name: &str, language: &str, feature: &str) -> KernelError {
    let details =
        format!("it is {language}, and this flopmeter was built without its feature '{feature}'");
    KernelError::Shader { kernel: name.to_owned(), details }
}
