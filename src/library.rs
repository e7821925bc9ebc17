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
    ///
    /// # Errors
    /// Where there is no such kernel, or an override has neither a value nor a default.
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
    ///
    /// # Errors
    /// Where there is no such shader file.
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

#[cfg(test)]
mod tests {
    use naga::{AddressSpace, ScalarKind, TypeInner};

    use super::*;
    use crate::operation::meaning;

    /// The members of uniform blocks of a file that are whole numbers.
    fn dimensions(parsed: &Parsed) -> Vec<String> {
        let module = &parsed.module;
        let uniforms = module.global_variables.iter().map(|(_, variable)| variable);
        let blocks = uniforms.filter(|variable| variable.space == AddressSpace::Uniform);
        let members = blocks.flat_map(|block| match &module.types[block.ty].inner {
            TypeInner::Struct { members, .. } => members.as_slice(),
            _ => &[],
        });
        let whole = members
            .filter(|member| module.types[member.ty].inner.scalar_kind() == Some(ScalarKind::Uint));
        whole.filter_map(|member| member.name.clone()).collect()
    }

    #[test]
    fn the_legend_has_every_dimension() {
        let mut seen = 0;
        for (file, text) in SOURCES {
            let dimensions = dimensions(&Parsed::wgsl(file, text).unwrap());
            seen += dimensions.len();
            for name in dimensions {
                assert!(meaning(&name).is_some(), "{file}: the legend does not say what {name} is");
            }
        }
        assert!(seen > 40, "only {seen} dimensions were found");
        assert_eq!(meaning("Z"), None);
    }
}
