//! Every kernel around the matrix products on small, odd shapes: values against plain f64 references,
//! gradients against finite differences of the same references. The bench holds every launch's count
//! against its closed form besides.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod bk_core;
mod cross_entropy;
mod decoder;
mod elementwise;
mod embedding;
mod grouping;
mod launch;
mod layer_norm;
mod linear;
mod moe;
mod optimizer;

use flopmeter::{
    formula,
    kernel::ResourceKind,
    library::{self, SOURCES},
    plan::{Dims, KernelName},
};

/// Whatever kernel a plan may run has a closed form, which is what `check` holds it against. The kernels that measure
/// ceilings are in no plan.
#[test]
fn every_entry_point_of_every_shader_file_has_a_closed_form() {
    let modules = SOURCES.iter().map(|(stem, source)| {
        let module = naga::front::wgsl::parse_str(source);
        (*stem, module.unwrap_or_else(|error| panic!("{}", error.emit_to_string(source))))
    });
    let modules: Vec<_> = modules.collect();
    // A dimension is an override or a member of a uniform block, of one file or another.
    let overrides = modules.iter().flat_map(|(_, module)| module.overrides.iter());
    let mut dims: Dims = overrides.filter_map(|(_, o)| Some((o.name.clone()?, 4))).collect();
    let mut kernels = Vec::new();
    for (stem, module) in &modules {
        for entry in &module.entry_points {
            let name = KernelName { file: (*stem).to_owned(), entry: entry.name.clone() };
            let kernel = library::load(&name, &dims).unwrap_or_else(|error| panic!("{error}"));
            for resource in &kernel.resources {
                if let ResourceKind::Uniform { members, .. } = &resource.kind {
                    dims.extend(members.iter().map(|member| (member.name.clone(), 4)));
                }
            }
            kernels.push(name);
        }
    }
    assert!(kernels.len() > 80, "{} kernels", kernels.len());
    for kernel in kernels {
        let has = formula::exact(&kernel, &dims).is_some();
        assert_eq!(has, kernel.file != "roofline", "{kernel}");
        assert_eq!(has, formula::recomputed(&kernel, &dims).is_some(), "{kernel}");
    }
}

#[test]
fn every_entry_point_loads_and_has_a_closed_form() {
    let families = ["embedding", "grouping", "layer_norm", "mix", "moe", "optimizer", "relu"];
    let names =
        "A B CHUNK D E G K LANES LANES_PER_COLUMN LANES_PER_ROW M N P PARTIALS ROWS T V accumulate";
    let dims: Dims = names.split(' ').map(|name| (name.to_owned(), 4)).collect();
    for (stem, source) in SOURCES.iter().filter(|(stem, _)| families.contains(stem)) {
        let module = naga::front::wgsl::parse_str(source).unwrap();
        assert!(!module.entry_points.is_empty(), "{stem}");
        for entry in module.entry_points {
            let kernel = KernelName { file: (*stem).to_owned(), entry: entry.name };
            library::load(&kernel, &dims).unwrap_or_else(|e| panic!("{e}"));
            assert!(formula::exact(&kernel, &dims).is_some(), "{kernel}");
            assert_eq!(formula::exact(&kernel, &Dims::new()).is_none(), *stem != "grouping");
        }
    }
}
