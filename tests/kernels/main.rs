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
    library::{self, SOURCES},
    plan::{Dims, KernelName},
};

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
