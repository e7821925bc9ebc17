//! How far apart what executors leave may be: as much as the arithmetic of the kernel lets them.

use std::collections::BTreeMap;

use flopmeter::{
    kernel::KernelModule,
    observe::KernelLaunch,
    shader::{Leeway, ShaderRequest, run},
};

/// How far apart what a statement of a kernel leaves in a buffer of halves and one of singles may be.
fn leeways(statement: &str) -> [Leeway; 2] {
    let source = format!(
        "enable f16;
        @group(0) @binding(0) var<storage, read_write> h: array<f16, 8>;
        @group(0) @binding(1) var<storage, read_write> x: array<f32, 8>;
        @compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
            _ = h[i]; _ = x[i];
            {statement}
        }}"
    );
    let kernel = KernelModule::from_wgsl("kernel", &source, "main", &BTreeMap::new()).unwrap();
    let launches = [KernelLaunch { kernel: &kernel, grid: [1; 3] }];
    let (fills, dumps) = (BTreeMap::new(), [(0, 0), (0, 1)]);
    let request = ShaderRequest {
        launches: &launches,
        fills: &fills,
        dumps: &dumps,
        runs: 1.into(),
        under_way: &Default::default(),
    };
    let ran = run(&mut common::embedded(), &request).unwrap();
    dumps.map(|key| ran.leeways[&key])
}

#[test]
fn what_is_computed_in_halves_may_differ_by_their_last_bits() {
    let exact = [Leeway::ARITHMETIC; 2];
    let halves = exact.map(Leeway::in_halves);
    // A half that is only moved, or computed with as a single, is rounded nowhere.
    for statement in ["h[i] = h[7u - i];", "x[i] = f32(h[i]) * 3.0;", "x[i] = exp(x[i]);"] {
        assert_eq!(leeways(statement), exact, "{statement}");
    }
    // The last bit of a half is more than a ten thousandth of it.
    for statement in ["h[i] = exp(h[i]);", "h[i] = f16(x[i]);", "x[i] = f32(h[i] / 3h);"] {
        assert_eq!(leeways(statement), halves, "{statement}");
    }
}
