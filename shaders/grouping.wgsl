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

const NO_KEY = 0xffffffffu;

// What each lane of a workgroup found: a number of assignments, or a key.
var<workgroup> found: array<u32, LANES>;

// The element of this invocation; two grid dimensions, because one ends at 65535 workgroups.
fn element(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
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
// has a run of neighbouring keys. The counts go back to zero, ready for `place`.
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
    var next = 0u;
    for (var other = 0u; other < lane; other++) {
        next += found[other];
    }
    for (var g = begin; g < end; g++) {
        offsets[g] = next;
        next += atomicExchange(&counts[g], 0u);
    }
    if lane == LANES - 1u {
        offsets[dims.G] = next;
    }
}

// One workgroup places all A assignments, LANES at a time and in their order, so that each finds in
// `counts` how many of its key were placed before, and among its neighbours how many more. That is
// A LANES comparisons whatever G is; comparing each with all earlier ones is A^2 / 2.
@compute @workgroup_size(LANES)
fn place(@builtin(local_invocation_index) lane: u32) {
    for (var first = 0u; first < dims.A; first += LANES) {
        let a = first + lane;
        let busy = a < dims.A;
        var key = NO_KEY;
        if busy {
            key = keys[a];
        }
        found[lane] = key;
        workgroupBarrier();
        var before = 0u; // neighbours of this key, up to this lane
        var all = 0u;
        for (var other = 0u; other < LANES; other++) {
            let same = u32(found[other] == key);
            before += same * u32(other < lane);
            all += same;
        }
        if busy {
            let at = offsets[key] + atomicLoad(&counts[key]) + before;
            order[at] = a;
            slot[a] = at;
        }
        storageBarrier();
        workgroupBarrier();
        // The last of a key speaks for all of them.
        if busy && before + 1u == all {
            atomicAdd(&counts[key], all);
        }
        storageBarrier();
        workgroupBarrier();
    }
}
