//! Reading: from the text or the words of a shader to a naga module that states what the shader states. Knows
//! naga's readers, and mends what they refuse or change; never picks an entry point and never counts.
//!
//! | file | what it mends |
//! |---|---|
//! | `directive` | `enable subgroups;`, `requires ...;` and `diagnostic(...)`, which naga refuses |
//! | `nesting` | expressions and blocks that are nested deeper than a thread's stack is |
//! | `shuffle` | `subgroupShuffle(x, 0)`, whose lane naga takes for an `i32` |
//! | `late` | what stores of cooperative matrices are given, which naga evaluates behind them |
//! | `align` | WGSL's structures within others that naga does not align, which are refused |
//! | `pointer` | functions that take pointers which naga does not pass |
//! | `misread` | GLSL that naga takes for something else, which is refused |
//! | `extent` | GLSL's arrays of arrays that naga makes others of, which are refused |
//! | `shared` | structures in GLSL's shared memory, which naga lays out as those of uniform blocks |
//! | `layout` | GLSL's blocks whose members naga puts elsewhere, which are refused |
//! | `dropped` | GLSL of which naga leaves something out, which is refused |
//! | `logic` | GLSL's `&&` and `\|\|`, of which naga evaluates both sides |
//! | `updated` | GLSL's `a[i] += b`, of which naga evaluates the index twice |
//! | `unused` | loads that naga adds to GLSL and whose values are never used |
//! | `component` | loads of more of a value than GLSL uses |
//! | `negated` | conditions of GLSL's loops, which naga negates |
//! | `local_constant` | constants within GLSL's functions, of which naga makes variables |
//! | `special` | the types of what `FrexpStruct` and `ModfStruct` of SPIR-V give, which naga does not add |
//! | `enumerant` | the words of naga's SPIR-V reader, which have numbers for names |
//! | `uses` | nothing: who uses what in a function |
//! | `unreachable` | statements that control never reaches, over which naga's validator and SPIR-V writer fail |
//! | `fall_through` | cases that fall through, which naga's SPIR-V writer loses |

mod align;
#[cfg(feature = "glsl")]
mod barrier;
#[cfg(feature = "glsl")]
mod component;
mod directive;
#[cfg(feature = "glsl")]
mod dropped;
#[cfg(feature = "spirv")]
mod enumerant;
#[cfg(feature = "glsl")]
mod extent;
mod fall_through;
mod late;
#[cfg(feature = "glsl")]
mod layout;
#[cfg(feature = "glsl")]
mod local_constant;
#[cfg(feature = "glsl")]
mod logic;
#[cfg(feature = "glsl")]
mod misread;
#[cfg(feature = "glsl")]
mod negated;
mod nesting;
mod plain;
mod pointer;
#[cfg(feature = "glsl")]
mod shared;
mod shuffle;
#[cfg(feature = "spirv")]
mod special;
mod token;
mod unreachable;
#[cfg(feature = "glsl")]
mod unused;
#[cfg(feature = "glsl")]
mod updated;
#[cfg(feature = "glsl")]
mod uses;

use naga::{AddressSpace, Module, Span, StorageAccess};

#[cfg(feature = "glsl")]
use self::misread::Misread;
pub use self::{directive::Directives, nesting::levels, plain::PlainAccesses};
pub(crate) use self::{
    nesting::blocks,
    token::{Token, tokens},
};
use crate::{
    Error,
    guard::{Stage, guarded, with_room},
    source::Source,
};

/// A shader that has been read: all of its entry points, not validated.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Name for labels and messages.
    pub name: String,
    /// The text; `None` for SPIR-V, unless the caller has the text whose lines it states.
    pub source: Option<Source>,
    /// The module.
    pub module: Module,
    /// What the text asks of its implementation, which the module does not say.
    pub directives: Directives,
    /// Which accesses are no atomics, where the module says that they are.
    pub plain: PlainAccesses,
}

impl Parsed {
    /// Reads WGSL.
    ///
    /// # Errors
    /// Where naga does not parse it, with the line as naga shows it; where it is nested too deep to be read.
    pub fn wgsl(name: &str, text: &str) -> Result<Self, Error> {
        Self::wgsl_source(name, Source::new(text))
    }

    /// Reads WGSL that lies in several files, each of which goes on where the one before it ends, as
    /// [`Source::joined`] has them.
    ///
    /// # Errors
    /// As [`Self::wgsl`], with the file and its own line.
    pub fn wgsl_source(name: &str, source: Source) -> Result<Self, Error> {
        let text = source.text();
        let (bare, directives) = directive::without(text);
        let module = on_text(name, text, |invalid| {
            let parsed = naga::front::wgsl::parse_str(&bare);
            let module = parsed.map_err(|error| {
                let places = error.labels().map(|(span, what)| (span, what.to_owned()));
                let why = error.notes().map(str::to_owned);
                let elsewhere = source.elsewhere(name, error.message(), places, why);
                invalid(elsewhere.unwrap_or_else(|| error.emit_to_string_with_path(text, name)))
            })?;
            match align::find(text, &module) {
                Some((span, problem)) => Err(refused(name, &source, span, &problem)),
                None => Ok(mended(module)),
            }
        })?;
        let plain = PlainAccesses::default();
        Ok(Self { name: name.to_owned(), source: Some(source), module, directives, plain })
    }

    /// Reads a GLSL compute shader.
    ///
    /// # Errors
    /// As for WGSL.
    #[cfg(feature = "glsl")]
    pub fn glsl(name: &str, text: &str) -> Result<Self, Error> {
        Self::glsl_source(name, Source::new(text))
    }

    /// Reads a GLSL compute shader that lies in several files, as [`Source::pieced`] has them.
    ///
    /// # Errors
    /// As [`Self::glsl`], with the file and its own line.
    #[cfg(feature = "glsl")]
    pub fn glsl_source(name: &str, source: Source) -> Result<Self, Error> {
        let text = source.text();
        let module = on_text(name, text, |invalid| {
            let mut options = naga::front::glsl::Options::from(naga::ShaderStage::Compute);
            for (name, value) in glsl_macros(text) {
                options.defines.insert(name.to_owned(), value.to_owned());
            }
            let parsed = naga::front::glsl::Frontend::default().parse(&options, text);
            let mut module = parsed.map_err(|error| {
                let elsewhere = error.errors.first().and_then(|first| {
                    let place = (first.meta, String::new());
                    source.elsewhere(name, &first.kind.to_string(), [place], [])
                });
                invalid(elsewhere.unwrap_or_else(|| error.emit_to_string_with_path(text, name)))
            })?;
            let refused = |span, what: &str| {
                let problem = format!(
                    "naga's GLSL reader {what}; compile it to SPIR-V with glslangValidator or glslc"
                );
                refused(name, &source, span, &problem)
            };
            shared::lay_out(&mut module);
            let (code, directives) = misread::parted(text);
            let misread = misread::find(text, &directives, &module)
                .or_else(|| extent::find(&code, &module))
                .or_else(|| layout::find(&code, &module))
                .or_else(|| dropped::find(&code, &directives, &module));
            if let Some(Misread { what, span }) = misread {
                return Err(refused(span, what));
            }
            negated::take_out(&mut module);
            logic::short_circuit(&mut module).map_err(|logic::Unclear { why, span }| {
                let what = format!(
                    "evaluates both sides of && and ||, and with {why} on the left they cannot be told apart"
                );
                refused(span, &what)
            })?;
            local_constant::fold(&mut module, &code);
            if let Some(Misread { what, span }) = updated::evaluate_once(&mut module, &code) {
                return Err(refused(span, what));
            }
            unused::take_out(&mut module);
            component::narrow(&mut module);
            barrier::of_workgroups(&mut module);
            name_blocks(&mut module);
            Ok(mended(module))
        })?;
        let (directives, plain) = Default::default();
        Ok(Self { name: name.to_owned(), source: Some(source), module, directives, plain })
    }

    /// Reads SPIR-V, as naga's reader has it: `SpirvModule::settled` refuses what that reader makes something else of.
    ///
    /// # Errors
    /// Where naga does not parse it.
    #[cfg(feature = "spirv")]
    pub fn spirv(name: &str, words: &[u8]) -> Result<Self, Error> {
        let module = guarded(name, Stage::Reading, || {
            let options = naga::front::spv::Options::default();
            let parsed = naga::front::spv::parse_u8_slice(words, &options);
            let module = parsed.map_err(|error| Error::Shader {
                kernel: name.to_owned(),
                details: enumerant::told(&error),
            })?;
            let mut module = mended(module);
            special::declare(&mut module);
            name_blocks(&mut module);
            Ok::<_, Error>(module)
        })?;
        let (directives, plain) = Default::default();
        Ok(Self { name: name.to_owned(), source: None, module, directives, plain })
    }

    /// Takes a module that was read elsewhere; its spans are offsets in `text`.
    ///
    /// # Errors
    /// Where it is nested too deep.
    pub fn module(name: &str, text: Option<&str>, module: Module) -> Result<Self, Error> {
        let module = guarded(name, Stage::Reading, || {
            with_room(name, blocks(&module), || Ok::<_, Error>(mended(module.clone())))
        })?;
        let source = text.map(Source::new);
        let (directives, plain) = Default::default();
        Ok(Self { name: name.to_owned(), source, module, directives, plain })
    }
}

/// The macros that every compiler of GLSL for Vulkan defines, by name and what they stand for; `__VERSION__` is what the
/// text says of itself.
#[cfg(feature = "glsl")]
fn glsl_macros(text: &str) -> [(&'static str, &str); 3] {
    let mut words = tokens(text).map(|token| token.text).skip_while(|word| *word != "version");
    let version = words.nth(1).filter(|word| word.chars().all(|digit| digit.is_ascii_digit()));
    // GLSL's own rule for a text that does not say.
    [("VULKAN", "100"), ("GL_core_profile", "1"), ("__VERSION__", version.unwrap_or("110"))]
}

/// The error of a text of which something is refused, with its line.
fn refused(name: &str, source: &Source, span: Span, problem: &str) -> Error {
    let line = source.line(span).map(|line| source.place(line));
    let at = line.map_or_else(String::new, |line| format!("{line}: "));
    Error::Kernel { kernel: name.to_owned(), problem: format!("{at}{problem}") }
}

/// A module with what naga's validator and back ends refuse or lose put into words that they know.
fn mended(mut module: Module) -> Module {
    make_outputs_readable(&mut module);
    unreachable::take_out(&mut module);
    shuffle::retype(&mut module);
    late::bring_forward(&mut module);
    pointer::resolve(&mut module);
    fall_through::write_out(&mut module);
    module
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

/// Gives buffers that GLSL declares without an instance, which its compilers leave without a name, the names of their
/// blocks. Members of the immediate data go by their own names there.
#[cfg(any(feature = "glsl", feature = "spirv"))]
fn name_blocks(module: &mut Module) {
    for (_, variable) in module.global_variables.iter_mut() {
        let is_named = variable.name.as_ref().is_some_and(|name| !name.is_empty());
        if variable.binding.is_some() && !is_named {
            variable.name.clone_from(&module.types[variable.ty].name);
        }
    }
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
