//! The kernels of a pre-norm decoder with grouped-query attention, on small, odd shapes: values against
//! plain f64 references, gradients against finite differences of the same references. The bench holds
//! every launch's count against its closed form besides.

mod attention;
mod rms_norm;
mod rope;
mod rows;
mod swiglu;

use flopmeter::{
    formula,
    library::{self, SOURCES},
    plan::{Dims, KernelName},
};

#[test]
fn every_entry_point_loads_and_has_a_closed_form() {
    let families = ["attention", "attention_subgroup", "columns", "rms_norm", "rope", "swiglu"];
    let names =
        "B COLUMN D HEADS KV_HEADS LANES LANES_PER_COLUMN LANES_PER_ROW M N P S V WIDTH accumulate";
    let dims: Dims = names.split(' ').map(|name| (name.to_owned(), 4)).collect();
    for (stem, source) in SOURCES.iter().filter(|(stem, _)| families.contains(stem)) {
        let module = naga::front::wgsl::parse_str(source)
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string(source)));
        assert!(!module.entry_points.is_empty(), "{stem}");
        for entry in module.entry_points {
            let kernel = KernelName { file: (*stem).to_owned(), entry: entry.name };
            library::load(&kernel, &dims).unwrap_or_else(|e| panic!("{e}"));
            assert!(formula::exact(&kernel, &dims).is_some(), "{kernel}");
            assert!(formula::recomputed(&kernel, &dims).is_some(), "{kernel}");
            assert!(formula::exact(&kernel, &Dims::new()).is_none(), "{kernel}");
        }
    }
}
