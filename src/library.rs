//! The crate's own kernels: which shader files there are, and one kernel of them by its name. What a binding
//! or a uniform is called in WGSL is stated there alone; shapes reach a kernel as overrides.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter_core::{read::Parsed, source::Source};

use crate::{
    Error, KernelError, continued,
    kernel::KernelModule,
    plan::{Dims, KernelName},
};

macro_rules! shaders {
    ($($stem:literal),* $(,)?) => {
        /// Every shader file by its stem. One that is continued in another says so in its first line.
        pub const FILES: &[(&str, &str)] =
            &[$(($stem, include_str!(concat!("../shaders/", $stem, ".wgsl")))),*];
    };
}

shaders![
    "attention",
    "attention_common",
    "attention_lanes",
    "attention_pairs",
    "attention_rows",
    "attention_shares",
    "attention_shares_4",
    "attention_subgroup",
    "attention_subgroup_4",
    "attention_tiles",
    "attention_workgroup",
    "bk_core",
    "bk_core_chunks",
    "bk_core_chunks_exact",
    "bk_core_workgroup",
    "bounded",
    "columns",
    "complex",
    "cross_entropy",
    "cross_entropy_workgroup",
    "elements",
    "embedding",
    "gated",
    "erf_gelu",
    "geglu",
    "gelu",
    "gelu_erf",
    "grouping",
    "grouping_workgroup",
    "half",
    "lanes",
    "lanes_4",
    "layer_norm",
    "layer_norm_workgroup",
    "linear",
    "linear_common",
    "linear_f16",
    "linear_lanes",
    "linear_lanes_4",
    "linear_matrix",
    "linear_matrix_8",
    "linear_numbers",
    "linear_odd",
    "linear_odd_f16",
    "linear_odd_lanes",
    "linear_odd_subgroup",
    "linear_outputs",
    "linear_pieces",
    "linear_shares",
    "linear_shares_f16",
    "linear_staged",
    "linear_subgroup",
    "linear_subgroup_4",
    "linear_sums",
    "linear_tiles",
    "linear_workgroup",
    "linear_workgroup_f16",
    "matrices_16",
    "matrices_8",
    "mix",
    "mix_workgroup",
    "moe",
    "moe_workgroup",
    "operands",
    "operands_f16",
    "optimizer",
    "powers",
    "products",
    "relu",
    "rms_norm",
    "rms_norm_workgroup",
    "roofline",
    "rope",
    "shared_expert",
    "soft_cap",
    "swiglu",
    "tanh_gelu",
    "teams",
];

/// Every file that continues no other as it stands, and that stands for none, with all that it is continued in.
pub fn sources() -> Vec<(&'static str, Source)> {
    let follows = |stem: &str| {
        let name = format!("{stem}.wgsl");
        FILES.iter().filter_map(|(_, text)| continued::continuation(text)).any(|on| {
            match on.instead {
                None => on.next == name,
                Some([stands, _]) => stands == name,
            }
        })
    };
    let first = FILES.iter().map(|(stem, _)| *stem).filter(|stem| !follows(stem));
    first.filter_map(|stem| Some((stem, source(stem)?))).collect()
}

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
        // The tests run every file's kernels where each access is checked.
        module.is_proven = true;
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
            let parsed = Parsed::wgsl_source(&kernel.file, source)?;
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

/// A file with all that it is continued in; `None` where there is none of that stem.
pub fn source(stem: &str) -> Option<Source> {
    let text = |name: &str| {
        let found = FILES.iter().find(|(stem, _)| name.strip_suffix(".wgsl") == Some(stem));
        found.map(|(_, text)| Cow::Borrowed(*text)).ok_or_else(|| format!("no shader file {name}"))
    };
    let name = format!("{stem}.wgsl");
    let first = text(&name).ok()?;
    let files = continued::whole((name, first), text).expect("the crate's files have an end");
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    Some(Source::joined(&files))
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
    use naga::{AddressSpace, Expression, Literal, ScalarKind, TypeInner};

    use super::*;
    use crate::{
        choice::{
            ATTENTION_BLOCK, ATTENTION_KEYS, ATTENTION_QUERIES, ATTENTION_TILE, RECURSION_LANES,
        },
        operation::meaning,
    };

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
        for (file, source) in sources() {
            let dimensions = dimensions(&Parsed::wgsl_source(file, source).unwrap());
            seen += dimensions.len();
            for name in dimensions {
                assert!(meaning(&name).is_some(), "{file}: the legend does not say what {name} is");
            }
        }
        assert!(seen > 40, "only {seen} dimensions were found");
        assert_eq!(meaning("Z"), None);
    }
    /// Every file reads by itself, whatever it is continued in, and so it does for a user who names it.
    #[test]
    fn every_file_stands_by_itself() {
        for (stem, _) in FILES {
            let source = source(stem).unwrap();
            let own = Parsed::wgsl_source(stem, source).map_err(|error| error.to_string());
            assert!(own.is_ok(), "{stem}: {}", own.unwrap_err());
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
        let there = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(there, FILES.len(), "a file of shaders/ is not in the list");
    }

    /// The length of an array and the members of a struct take no override. A block of attention is a panel, which
    /// states its keys; attention's shaders state the rows that a workgroup stages themselves, and those of BK-Core's
    /// chunks the lanes that share a row.
    #[test]
    fn lengths_that_shaders_state_are_those_that_are_chosen() {
        const STATING: [&str; 2] = ["attention", "bk_core_chunks"];
        let mut seen = 0;
        for (stem, source) in sources()
            .into_iter()
            .filter(|(stem, _)| STATING.iter().any(|its| stem.starts_with(its)))
        {
            let module = Parsed::wgsl_source(stem, source).unwrap().module;
            for (_, ty) in module.types.iter().filter(|(_, ty)| ty.name.as_deref() == Some("Panel"))
            {
                let TypeInner::Struct { members, .. } = &ty.inner else {
                    panic!("a block is a struct")
                };
                let keys = members.iter().map(|member| match module.types[member.ty].inner {
                    TypeInner::Matrix { columns, rows, .. } => {
                        assert_eq!(columns as u32, ATTENTION_TILE, "{stem}: rows of a tile");
                        rows as u32
                    }
                    _ => panic!("{stem}: a block is made of matrices"),
                });
                assert_eq!(keys.sum::<u32>(), ATTENTION_BLOCK, "{stem}: keys of a block");
                seen += 1;
            }
            for (_, constant) in module.constants.iter() {
                let chosen = match constant.name.as_deref() {
                    Some("WHOLE") => ATTENTION_BLOCK,
                    Some("QUERIES" | "ROWS") => ATTENTION_QUERIES,
                    Some("KEYS") => ATTENTION_KEYS,
                    Some("MOST") => RECURSION_LANES,
                    _ => continue,
                };
                let value = &module.global_expressions[constant.init];
                assert_eq!(*value, Expression::Literal(Literal::U32(chosen)), "{stem}");
                seen += 1;
            }
        }
        assert_eq!(seen, 10, "the blocks of four files, and six constants");
    }

    #[test]
    fn what_is_wrong_is_told_by_file_and_line() {
        let source =
            Source::joined(&[("a.wgsl", "fn a() {}\n"), ("b.wgsl", "\nfn b() { c(); }\n")]);
        let error = Parsed::wgsl_source("a.wgsl", source).unwrap_err().to_string();
        assert!(error.contains("b.wgsl:2") && error.contains("c();"), "{error}");
    }
}
