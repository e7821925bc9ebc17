//! Reading: from the text or the words of a shader to a naga module that states what the shader states. Knows
//! naga's readers, and mends what they refuse or change; never picks an entry point and never counts.
//!
//! | file | what it mends |
//! |---|---|
//! | `directive` | `enable subgroups;`, `requires ...;` and `diagnostic(...)`, which naga refuses |
//! | `nesting` | expressions and blocks that are nested deeper than a thread's stack is |

mod directive;
mod nesting;
mod token;

use naga::{AddressSpace, Module, StorageAccess};

pub use self::directive::Directives;
pub(crate) use self::nesting::blocks;
use crate::{
    Error,
    guard::{Stage, guarded, with_room},
    kernel::Source,
};

/// A shader that has been read: all of its entry points, not validated.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Name for labels and messages.
    pub name: String,
    /// The text; `None` for SPIR-V, which has none.
    pub source: Option<Source>,
    /// The module.
    pub module: Module,
    /// What the text asks of its implementation, which the module does not say.
    pub directives: Directives,
}

impl Parsed {
    /// Reads WGSL.
    ///
    /// # Errors
    /// Where naga does not parse it, with the line as naga shows it; where it is nested too deep to be read.
    pub fn wgsl(name: &str, text: &str) -> Result<Self, Error> {
        let (bare, directives) = directive::without(text);
        let module = on_text(name, text, |invalid| {
            let parsed = naga::front::wgsl::parse_str(&bare);
            parsed.map_err(|error| invalid(error.emit_to_string_with_path(text, name)))
        })?;
        Ok(Self::mended(name, Some(text), module, directives))
    }

    /// Reads a GLSL compute shader.
    ///
    /// # Errors
    /// As for WGSL.
    #[cfg(feature = "glsl")]
    pub fn glsl(name: &str, text: &str) -> Result<Self, Error> {
        let module = on_text(name, text, |invalid| {
            let options = naga::front::glsl::Options::from(naga::ShaderStage::Compute);
            let parsed = naga::front::glsl::Frontend::default().parse(&options, text);
            parsed.map_err(|error| invalid(error.emit_to_string_with_path(text, name)))
        })?;
        Ok(Self::mended(name, Some(text), module, Directives::default()))
    }

    /// Reads SPIR-V.
    ///
    /// # Errors
    /// Where naga does not parse it.
    #[cfg(feature = "spirv")]
    pub fn spirv(name: &str, words: &[u8]) -> Result<Self, Error> {
        let module = guarded(name, Stage::Reading, || {
            let options = naga::front::spv::Options::default();
            naga::front::spv::parse_u8_slice(words, &options).map_err(|error| Error::Shader {
                kernel: name.to_owned(),
                details: error.to_string(),
            })
        })?;
        Ok(Self::mended(name, None, module, Directives::default()))
    }

    fn mended(name: &str, text: Option<&str>, mut module: Module, directives: Directives) -> Self {
        make_outputs_readable(&mut module);
        Self { name: name.to_owned(), source: text.map(Source::new), module, directives }
    }
}

/// Reads a text with room for its nesting. The reader is given what makes an error of a diagnostic.
fn on_text(
    name: &str,
    text: &str,
    read: impl FnOnce(&dyn Fn(String) -> Error) -> Result<Module, Error> + Send,
) -> Result<Module, Error> {
    let invalid = |details: String| Error::Shader { kernel: name.to_owned(), details };
    guarded(name, Stage::Reading, || with_room(name, nesting::levels(text), || read(&invalid)))
}

/// Lets write-only storage buffers be read. naga's validator knows no such buffers, and GLSL's `writeonly` forbids
/// nothing that could be counted.
fn make_outputs_readable(module: &mut Module) {
    for (_, variable) in module.global_variables.iter_mut() {
        if let AddressSpace::Storage { access } = &mut variable.space {
            *access |= StorageAccess::LOAD;
        }
    }
}
