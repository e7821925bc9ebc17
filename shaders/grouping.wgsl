// Stable counting sort of A assignments by key, G keys: which expert has which tokens, which token
// stands in which places. Run in the order clear, count, scan, place. Integers only.

override LANES: u32;

struct Dims {
    A: u32,
    G: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> keys: array<u32>;                   // (A), each below G
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;   // (G)
@group(0) @binding(3) var<storage, read_write> offsets: array<u32>;          // (G+1)
@group(0) @binding(4) var<storage, read_write> order: array<u32>;            // (A)  assignment of each slot
@group(0) @binding(5) var<storage, read_write> slot: array<u32>;             // (A)  slot of each assignment

// What each lane of a workgroup found.
var<workgroup> found: array<u32, LANES>;

// The element of this invocation; two grid dimensions, because one ends at 65535 workgroups.
fn element(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
}

// What the lanes before this one found, together.
fn found_before(lane: u32) -> u32 {
    var sum = 0u;
    for (var other = 0u; other < lane; other++) {
        sum += found[other];
    }
    return sum;
}

// One invocation zeroes one of the G counts.
@compute @workgroup_size(LANES)
fn clear(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let g = element(group, groups, lane);
    if g < dims.G {
        atomicStore(&counts[g], 0u);
    }
}

// One invocation counts one of the A assignments.
@compute @workgroup_size(LANES)
fn count(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let a = element(group, groups, lane);
    if a < dims.A {
        atomicAdd(&counts[keys[a]], 1u);
    }
}

// One workgroup computes all offsets (G+1): where the slots of each key begin, and the end. A lane
// has a run of neighbouring keys.
@compute @workgroup_size(LANES)
fn scan(@builtin(local_invocation_index) lane: u32) {
    let run = (dims.G + LANES - 1u) / LANES;
    let begin = min(lane * run, dims.G);
    let end = min(begin + run, dims.G);
    var sum = 0u;
    for (var g = begin; g < end; g++) {
        sum += atomicLoad(&counts[g]);
    }
    found[lane] = sum;
    workgroupBarrier();
    var next = found_before(lane);
    for (var g = begin; g < end; g++) {
        offsets[g] = next;
        next += atomicLoad(&counts[g]);
    }
    if lane == LANES - 1u {
        offsets[dims.G] = next;
    }
}

// One invocation places one of the A assignments: behind the earlier keys, and behind the earlier
// assignments of its own key. Looking through all earlier ones takes A^2 / 2 integer comparisons, which
// neighbouring lanes make at the same addresses; what is sorted here is a batch, not a corpus.
@compute @workgroup_size(LANES)
fn place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let a = element(group, groups, lane);
    if a >= dims.A {
        return;
    }
    let key = keys[a];
    var at = offsets[key];
    for (var earlier = 0u; earlier < a; earlier++) {
        at += u32(keys[earlier] == key);
    }
    order[at] = a;
    slot[a] = at;
}
