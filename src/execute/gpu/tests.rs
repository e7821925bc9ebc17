//! A device that goes away.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeMap;

use super::*;
use crate::execute::Bound;

/// A device that goes away is an error of whatever is under way, not a panic.
#[test]
#[allow(clippy::print_stdout, reason = "the log must say what was skipped")]
fn a_lost_device_is_an_error_that_says_so() {
    let Ok(mut gpu) = Gpu::open("auto") else {
        let required = std::env::var_os("FLOPMETER_REQUIRE_ADAPTER").is_some_and(|v| v == "1");
        assert!(!required, "an adapter is required");
        println!("SKIPPED: no adapter");
        return;
    };
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn main() { x[0] += 1.0; }";
    let kernel = KernelModule::from_wgsl("increment", source, "main", &BTreeMap::new()).unwrap();
    let program = gpu.compile(&kernel).unwrap();
    let buffer = gpu.allocate("x", 4).unwrap();
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size: 4 }];
    let launch = Dispatch { label: "increment", program, bindings: &bindings, grid: [1; 3] };
    gpu.dispatch(&launch).unwrap();

    gpu.device.destroy();
    let errors =
        [gpu.dispatch(&launch).map(|_| ()).unwrap_err(), gpu.read(buffer, 0, 4).unwrap_err()];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("lost"), "{text}");
        assert!(text.contains(&gpu.adapter.name), "{text}");
    }
}
