//! A shader file as a user has it: WGSL, GLSL or SPIR-V, told apart by the name's ending. Parses it and
//! picks one compute entry point; what it binds and how often it runs is decided elsewhere.

use std::{collections::BTreeMap, fs, path::Path};

use naga::{Module, Override, ScalarKind, ShaderStage, TypeInner};

use crate::{Error, KernelError, kernel::KernelModule};

/// A parsed shader.
#[derive(Clone, Debug)]
pub struct ShaderFile {
    name: String,
    source: String,
    module: Module,
}

impl ShaderFile {
    /// Reads and parses a file: `.spv` is SPIR-V, `.comp` and `.glsl` are GLSL compute shaders, anything
    /// else is WGSL. GLSL and SPIR-V take the features `glsl` and `spirv`.
    ///
    /// # Errors
    /// Where it cannot be read, or not parsed: with the source line, as naga shows it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let problem = |problem: String| Error::File { path: path.to_owned(), problem };
        let bytes = fs::read(path).map_err(|e| problem(format!("cannot be read: {e}")))?;
        let name = path.display().to_string();
        let invalid = |details: String| -> Error {
            KernelError::Shader { kernel: name.clone(), details }.into()
        };
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if extension == "spv" {
            let module = spirv(&bytes).map_err(invalid)?;
            return Ok(Self { name, source: String::new(), module });
        }
        let source = String::from_utf8(bytes)
            .map_err(|_| problem("is not text; SPIR-V is told by the ending .spv".into()))?;
        let module = match extension {
            "comp" | "glsl" => glsl(&source, &name).map_err(invalid)?,
            _ => naga::front::wgsl::parse_str(&source)
                .map_err(|error| invalid(error.emit_to_string_with_path(&source, &name)))?,
        };
        Ok(Self { name, source, module })
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
            Err(KernelError::Kernel { kernel: self.name.clone(), problem }.into())
        };
        let entries = self.module.entry_points.iter();
        let entries: Vec<&str> =
            entries.filter(|e| e.stage == ShaderStage::Compute).map(|e| e.name.as_str()).collect();
        let entry = match (entry, &entries[..]) {
            (Some(entry), _) => entry,
            (None, &[only]) => only,
            (None, []) => return problem("it has no compute entry point".into()),
            (None, _) => {
                let entries = entries.join(", ");
                return problem(format!(
                    "it has several entry points; choose with --entry: {entries}"
                ));
            }
        };
        for (name, value) in overrides {
            let mut known = self.module.overrides.iter().map(|(_, known)| known);
            let Some(found) = known.find(|known| is_called(known, name)) else {
                let known: Vec<String> =
                    self.module.overrides.iter().filter_map(|(_, known)| called(known)).collect();
                return problem(match known[..] {
                    [] => format!("no override '{name}': it has none"),
                    _ => format!("no override '{name}': it has {}", known.join(", ")),
                });
            };
            let whole = match self.module.types[found.ty].inner {
                TypeInner::Scalar(scalar) => scalar.kind != ScalarKind::Float,
                _ => false,
            };
            if whole && value.fract() != 0.0 {
                return problem(format!("its override '{name}' is a whole number, not {value}"));
            }
        }
        Ok(KernelModule::from_module(&self.name, &self.source, &self.module, entry, overrides)?)
    }
}

#[cfg(feature = "spirv")]
fn spirv(bytes: &[u8]) -> Result<Module, String> {
    let options = naga::front::spv::Options::default();
    naga::front::spv::parse_u8_slice(bytes, &options).map_err(|error| error.to_string())
}

#[cfg(not(feature = "spirv"))]
fn spirv(_: &[u8]) -> Result<Module, String> {
    Err("it is SPIR-V, and this flopmeter was built without its feature 'spirv'".to_owned())
}

#[cfg(feature = "glsl")]
fn glsl(source: &str, name: &str) -> Result<Module, String> {
    let options = naga::front::glsl::Options::from(ShaderStage::Compute);
    let parsed = naga::front::glsl::Frontend::default().parse(&options, source);
    parsed.map_err(|error| error.emit_to_string_with_path(source, name))
}

#[cfg(not(feature = "glsl"))]
fn glsl(_: &str, _: &str) -> Result<Module, String> {
    Err("it is GLSL, and this flopmeter was built without its feature 'glsl'".to_owned())
}

/// What a user may call an override: its name, else its number.
fn called(known: &Override) -> Option<String> {
    known.name.clone().or_else(|| known.id.map(|id| id.to_string()))
}

fn is_called(known: &Override, name: &str) -> bool {
    known.name.as_deref() == Some(name) || known.id.is_some_and(|id| id.to_string() == name)
}
