//! Ray queries: steps are told, and what the device does by itself in them is in no count, as what a sampler filters is in
//! none.

use flopmeter::{
    execute::Limits,
    instrument::instrument,
    op::{Cost, Traffic},
};

use super::{super::harness::kernel, Ops, ops};

const SOURCE: &str = "enable wgpu_ray_query;
@group(0) @binding(0) var scene: acceleration_structure;
@group(0) @binding(1) var<storage, read_write> far: f32;
@compute @workgroup_size(1) fn main() {
    var query: ray_query;
    rayQueryInitialize(&query, scene, RayDesc(0u, 255u, 0.1, 9.0, vec3f(far), vec3f(1.0)));
    let more = rayQueryProceed(&query);
    let at = rayQueryGetCandidateIntersection(&query).t * 2.0;
    rayQueryGenerateIntersection(&query, at);
    rayQueryConfirmIntersection(&query);
    rayQueryTerminate(&query);
    far = rayQueryGetCommittedIntersection(&query).t + 1.0;
}";

/// What it costs.
pub const OPS: Ops<'static> = &[("int.trace", 1), ("f32.mul", 1), ("f32.add", 1)];

#[test]
fn a_step_of_a_ray_query_is_a_trace_and_no_flop() {
    let instrumented = instrument(&kernel(SOURCE, "main", &[]), &Limits::WEBGPU).unwrap();
    let cost: Cost = instrumented.table.blocks().iter().map(|block| block.price.times(1)).sum();
    let traffic = Traffic { storage_load: 4, storage_store: 4, ..Traffic::default() };
    assert_eq!(cost, Cost { ops: ops(OPS), traffic });
}
