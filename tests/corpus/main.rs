//! Shaders that nobody here wrote: every compute entry point that naga can parse in published packages is
//! instrumented, which must give a valid module or a refusal that names what is in the way. Those whose
//! buffers can be filled without knowing what they mean are run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::print_stdout, reason = "the counts are what this test is read for")]

mod runs;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use common::corpus::shaders;
use flopmeter::{KernelError, execute::Limits, instrument::instrument, kernel::KernelModule};

/// An adapter as they commonly are, without and with subgroups.
fn limits() -> [Limits; 2] {
    let common = Limits {
        binding_bytes: 1 << 30,
        buffer_bytes: 1 << 30,
        invocations: 1024,
        workgroup_bytes: 32 << 10,
        storage_bindings: 16,
        ..Limits::WEBGPU
    };
    [common, Limits { subgroup_lanes: Some(32), ..common }]
}

#[derive(Default)]
struct Tally {
    files: BTreeSet<String>,
    /// Entry points, by package, file and name, that are instrumented in at least one variant.
    instrumented: BTreeSet<String>,
    /// Entry points refused by name, and why.
    refused: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
    /// Files of which no variant is a valid module, and what is wrong with the first.
    unreadable: BTreeMap<String, String>,
    modules: usize,
    seconds: Vec<f64>,
}

#[test]
fn published_shaders_are_instrumented_or_refused_by_name() {
    let mut tally = Tally::default();
    let here = shaders::each(&mut |name, variant| {
        tally.files.insert(name.to_owned());
        let kernels = variant.and_then(|(source, module)| shaders::kernels(name, &source, &module));
        match kernels {
            Ok(kernels) => {
                kernels.iter().for_each(|(label, kernel)| tally.try_kernel(label, kernel))
            }
            Err(problem) => {
                tally.unreadable.entry(name.to_owned()).or_insert(problem);
            }
        }
    });
    if !here {
        return;
    }
    tally.refused.retain(|entry, _| !tally.instrumented.contains(entry));
    let Tally { files, instrumented, refused, failed, unreadable, modules, seconds } = &mut tally;
    let known: Vec<&String> =
        instrumented.iter().chain(refused.keys()).chain(failed.keys()).collect();
    unreadable.retain(|name, _| !known.iter().any(|entry| entry.starts_with(name.as_str())));
    seconds.sort_by(f64::total_cmp);
    println!("{} files with compute entry points, {modules} modules instrumented", files.len());
    println!(
        "entry points: {} instrumented, {} refused, {} failed; {} files that naga cannot parse",
        instrumented.len(),
        refused.len(),
        failed.len(),
        unreadable.len()
    );
    for (entry, why) in refused.iter().chain(failed.iter()).chain(unreadable.iter()) {
        println!("  {entry}: {}", why.lines().take(4).collect::<Vec<_>>().join(" "));
    }
    println!("instrumenting took {:.0} us (median)", 1e6 * seconds[seconds.len() / 2]);
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(instrumented.len() >= 100, "the corpus is no corpus");
}

impl Tally {
    fn try_kernel(&mut self, label: &str, kernel: &KernelModule) {
        for limits in limits() {
            let start = Instant::now();
            let result = instrument(kernel, &limits);
            self.seconds.push(start.elapsed().as_secs_f64());
            match result {
                // That it is valid is checked on the way.
                Ok(instrumented) => {
                    let table = instrumented.table;
                    let none = table.decode(&vec![0; table.bytes() as usize], 0).unwrap();
                    assert!(table.cost(&none).is_zero(), "{label}: what was not run costs nothing");
                    self.instrumented.insert(label.to_owned());
                    self.modules += 1;
                }
                Err(error @ KernelError::Uncountable { .. }) => {
                    self.refused.insert(label.to_owned(), error.to_string());
                }
                Err(error) => {
                    self.failed.insert(label.to_owned(), error.to_string());
                }
            }
        }
    }
}
