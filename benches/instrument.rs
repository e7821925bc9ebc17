//! How long it takes to make a kernel count, for the largest kernels of the crate.
//! `cargo bench --bench instrument`

#![allow(clippy::unwrap_used, reason = "a bench stops where it cannot go on")]

use std::collections::BTreeMap;

use criterion::Criterion;
use flopmeter::{execute::Limits, instrument::instrument, kernel::KernelModule, library};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let limits = Limits { storage_bindings: 10, ..Limits::WEBGPU };
    for (file, source) in library::sources() {
        let source = source.text();
        let module = naga::front::wgsl::parse_str(source).unwrap();
        // Overrides have no defaults; what they are does not matter here.
        let overrides: BTreeMap<_, _> =
            module.overrides.iter().filter_map(|(_, o)| Some((o.name.clone()?, 8.0))).collect();
        for entry in &module.entry_points {
            let name = format!("{file}.{}", entry.name);
            let kernel =
                KernelModule::from_module(&name, Some(source), &module, &entry.name, &overrides)
                    .unwrap();
            criterion.bench_function(&name, |bencher| {
                bencher.iter(|| instrument(&kernel, &limits).unwrap());
            });
        }
    }
    criterion.final_summary();
}
