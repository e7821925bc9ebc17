//! How long it takes to make a kernel count, for the largest kernels of the crate.
//! `cargo bench --bench instrument`

#![allow(clippy::unwrap_used, reason = "a bench stops where it cannot go on")]

use std::collections::BTreeMap;

use criterion::Criterion;
use flopmeter::{
    execute::Limits,
    instrument::instrument,
    kernel::{KernelModule, SOURCES},
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let limits = Limits {
        binding_bytes: 1 << 27,
        buffer_bytes: 1 << 28,
        offset_alignment: 256,
        workgroups: 65535,
        invocations: 256,
        workgroup_bytes: 16384,
        storage_bindings: 10,
        bind_groups: 4,
        bindings_per_group: 1000,
        subgroup_lanes: None,
    };
    for (file, source) in SOURCES {
        let module = naga::front::wgsl::parse_str(source).unwrap();
        // Overrides have no defaults; what they are does not matter here.
        let overrides: BTreeMap<_, _> =
            module.overrides.iter().filter_map(|(_, o)| Some((o.name.clone()?, 8.0))).collect();
        for entry in &module.entry_points {
            let name = format!("{file}.{}", entry.name);
            let kernel =
                KernelModule::from_module(&name, source, &module, &entry.name, &overrides).unwrap();
            criterion.bench_function(&name, |bencher| {
                bencher.iter(|| instrument(&kernel, &limits).unwrap());
            });
        }
    }
    criterion.final_summary();
}
