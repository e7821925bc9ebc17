//! The size of subgroups in what the program runs: adapters have their own, and the embedded executor takes it over.

use std::fs;

use flopmeter::execute::Executor as _;
use predicates::{prelude::*, str::contains};
use serde_json::Value;

use crate::command::{SMALL, flopmeter, json, refused};

/// What each invocation does depends on how many others its subgroup has.
const LANES: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(subgroup_size) lanes: u32,
) {
    for (var i = 0u; i < lanes; i++) {
        x[id.x] = x[id.x] + 1.0;
    }
}
";

/// How many invocations the adapter's subgroups have; `None` where there is no adapter, or none with one size.
fn of_the_adapter() -> Option<u32> {
    common::gpu()?.adapter().limits.subgroup_lanes
}

#[test]
fn a_kernel_is_checked_in_the_subgroups_that_the_adapter_has() {
    let Some(lanes) = of_the_adapter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lanes.wgsl");
    fs::write(&file, LANES).unwrap();
    let check = ["check", file.to_str().unwrap(), "--dispatch=2", "--bind=0.0=zeros:16"];
    let report = json(&[&check[..], &["--json=-"]].concat());
    assert_eq!(report["report"]["ops"]["f32.add"], 16 * lanes);
    let others = [&check[..], &["--subgroup-size=64"]].concat();
    let its = contains(format!("{lanes} invocations on "));
    let embedded = contains("64 invocations on embedded").and(contains("--subgroup-size"));
    flopmeter(&others).assert().code(1).stdout(its.and(embedded));
}

/// An adapter without cooperative matrices says nothing of the subgroups that share them: four of eight would multiply
/// four times.
#[test]
fn cooperative_matrices_are_checked_in_the_subgroups_that_the_executor_has() {
    let Some(gpu) = common::gpu() else { return };
    if gpu.adapter().limits.matrix_side.is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("product.wgsl");
    let source = "
        enable wgpu_cooperative_matrix;
        @group(0) @binding(0) var<storage, read> a: array<f32>;
        @group(0) @binding(1) var<storage, read_write> c: array<f32>;
        @compute @workgroup_size(32) fn main() {
            let x = coopLoad<coop_mat8x8<f32, A>>(&a[0], 8u);
            let y = coopLoad<coop_mat8x8<f32, B>>(&a[64], 8u);
            var z = coopLoad<coop_mat8x8<f32, C>>(&c[0], 8u);
            z = coopMultiplyAdd(x, y, z);
            coopStore(z, &c[0], 8u);
        }";
    fs::write(&file, source).unwrap();
    let check = ["check", file.to_str().unwrap(), "--dispatch=1", "--allow=missing", "--json=-"];
    let buffers = ["--bind=0.0=iota:128", "--bind=0.1=zeros:64"];
    let report = json(&[&check[..], &buffers].concat());
    assert_eq!(report["report"]["flops"], 1024);
}

#[test]
fn a_model_is_checked_by_the_kernels_that_a_profile_runs() {
    if of_the_adapter().is_none() {
        return;
    }
    let chosen = |report: Value| report["kernels_chosen"].clone();
    let profile = ["profile", "resnet-bk", "--repeat=0", "--no-tune", "--json=-"];
    let profiled = chosen(json(&[&profile[..], &SMALL].concat()));
    assert_eq!(profiled, chosen(json(&[&["check", "resnet-bk", "--json=-"], &SMALL[..]].concat())));
}

#[test]
fn an_adapter_or_a_model_that_lacks_a_set_of_kernels_is_named() {
    let lanes = ["--adapter=embedded", "--subgroup-size=2", "--kernels=subgroup"];
    let says = ["embedded: kernels whose subgroups", "subgroups of 2"];
    refused(&[&["check", "resnet-bk"], &SMALL[..], &lanes].concat(), &says);
    let none = ["--adapter=embedded", "--kernels=matrix"];
    let says = ["no such products", "--precision f16"];
    refused(&[&["check", "resnet-bk"], &SMALL[..], &none].concat(), &says);
    if of_the_adapter().is_some_and(|lanes| lanes == 8) {
        let both = ["--subgroup-size=32", "--kernels=subgroup"];
        let says = [" has subgroups of 8, embedded has subgroups of 32, and one plan is for all"];
        refused(&[&["check", "resnet-bk"], &SMALL[..], &both].concat(), &says);
    }
}
