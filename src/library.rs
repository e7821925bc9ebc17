//! The crate's own kernels: which shader files there are, and one kernel of them by its name. What a binding
//! or a uniform is called in WGSL is stated there alone; shapes reach a kernel as overrides.

use std::collections::BTreeMap;

use flopmeter_core::read::Parsed;

use crate::{
    Error, KernelError,
    kernel::KernelModule,
    plan::{Dims, KernelName},
};

macro_rules! shaders {
    ($($stem:literal $(+ $part:literal)*),* $(,)?) => {
        /// Every kernel family: the stem of its file and its source, with that of the files it is
        /// continued in behind it, so that lines of the first are what they are called.
        pub const SOURCES: &[(&str, &str)] = &[$((
            $stem,
            concat!(
                include_str!(concat!("../shaders/", $stem, ".wgsl"))
                $(, "\n", include_str!(concat!("../shaders/", $part, ".wgsl")))*
            ),
        )),*];
    };
}

shaders![
    "attention" + "attention_tiles" + "attention_common" + "products",
    "attention_subgroup" + "attention_common" + "products",
    "bk_core",
    "columns",
    "cross_entropy",
    "embedding",
    "geglu",
    "grouping",
    "layer_norm",
    "linear" + "linear_tiles" + "linear_common" + "products",
    "linear_subgroup" + "linear_common" + "products",
    "mix",
    "moe",
    "optimizer",
    "relu",
    "rms_norm" + "products",
    "roofline",
    "rope",
    "shared_expert",
    "soft_cap",
    "swiglu",
];

/// The crate's own kernels, each file parsed at most once.
#[derive(Default)]
pub struct Library {
    parsed: BTreeMap<String, Parsed>,
}

/// What distinguishes one loaded kernel from another: its name and the overrides it was given.
pub type KernelKey = (KernelName, Vec<(String, u32)>);

impl Library {
    /// One kernel with its overrides taken from `dims` by name, and the key under which a caller
    /// may keep it. Dimensions that are no overrides are left alone: they are uniforms.
    pub fn load(
        &mut self,
        kernel: &KernelName,
        dims: &Dims,
    ) -> Result<(KernelKey, KernelModule), Error> {
        let key = self.key(kernel, dims)?;
        let overrides =
            key.1.iter().map(|(name, value)| (name.clone(), f64::from(*value))).collect();
        let parsed = &self.parsed[&kernel.file];
        let mut module = KernelModule::from_parsed(parsed, &kernel.entry, &overrides)?;
        module.name = kernel.to_string();
        Ok((key, module))
    }

    /// The key that [`Library::load`] would return, without the work of loading.
    pub fn key(&mut self, kernel: &KernelName, dims: &Dims) -> Result<KernelKey, Error> {
        if !self.parsed.contains_key(&kernel.file) {
            let source = source(&kernel.file).ok_or_else(|| KernelError::Kernel {
                kernel: kernel.to_string(),
                problem: format!("there is no shader file '{}.wgsl'", kernel.file),
            })?;
            let parsed = Parsed::wgsl(&kernel.file, source)?;
            self.parsed.insert(kernel.file.clone(), parsed);
        }
        let overrides = self.parsed[&kernel.file]
            .module
            .overrides
            .iter()
            .filter_map(|(_, o)| o.name.as_ref())
            .filter_map(|name| dims.get(name).map(|&value| (name.clone(), value)))
            .collect();
        Ok((kernel.clone(), overrides))
    }
}

fn source(file: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(stem, _)| *stem == file).map(|(_, source)| *source)
}

/// Loads one of the crate's own kernels, taking its overrides from `dims` by name.
///
/// # Errors
/// Where there is no such kernel, or an override has neither a value nor a default.
pub fn load(kernel: &KernelName, dims: &Dims) -> Result<KernelModule, Error> {
    Library::default().load(kernel, dims).map(|(_, module)| module)
}
