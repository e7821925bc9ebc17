// Continued in elements.wgsl.
//
// Stable counting sort of A assignments by key, G keys: which expert has which tokens, which token
// stands in which places. Run in the order clear, count, scan, place. Integers only.

struct Dims {
    A: u32,
    G: u32,
    CHUNK: u32, // assignments that one workgroup places; the last chunk may have fewer
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> keys: array<u32>;                   // (A), each below G
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>; // (G, chunks)
@group(0) @binding(3) var<storage, read_write> offsets: array<u32>;          // (G+1)
@group(0) @binding(4) var<storage, read_write> order: array<u32>;            // (A)  assignment of each slot
@group(0) @binding(5) var<storage, read_write> slot: array<u32>;             // (A)  slot of each assignment

const NO_KEY = 0xffffffffu;

// What each lane of a workgroup found: a number of assignments, or a key.
var<workgroup> found: array<u32, LANES>;

fn chunks() -> u32 {
    return (dims.A + dims.CHUNK - 1u) / dims.CHUNK;
}

// One invocation zeroes one of the counts (G, chunks).
@compute @workgroup_size(LANES)
fn clear(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i < dims.G * chunks() {
        atomicStore(&counts[i], 0u);
    }
}

// One invocation counts one of the A assignments, under its key and chunk.
@compute @workgroup_size(LANES)
fn count(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let a = element(group, groups, lane);
    if a < dims.A {
        atomicAdd(&counts[keys[a] * chunks() + a / dims.CHUNK], 1u);
    }
}

// One workgroup turns the counts into slots: where each chunk of each key begins, and with them the
// offsets (G+1) where each key begins. A lane has a run of neighbouring counts.
@compute @workgroup_size(LANES)
fn scan(@builtin(local_invocation_index) lane: u32) {
    let per_key = chunks();
    let length = dims.G * per_key;
    let run = (length + LANES - 1u) / LANES;
    let begin = min(lane * run, length);
    let end = min(begin + run, length);
    var sum = 0u;
    for (var i = begin; i < end; i++) {
        sum += atomicLoad(&counts[i]);
    }
    found[lane] = sum;
    workgroupBarrier();
    var next = 0u;
    for (var other = 0u; other < lane; other++) {
        next += found[other];
    }
    for (var i = begin; i < end; i++) {
        if i % per_key == 0u {
            offsets[i / per_key] = next;
        }
        next += atomicExchange(&counts[i], next);
    }
    if lane == LANES - 1u {
        offsets[dims.G] = next;
    }
}

// One workgroup places one chunk, LANES assignments at a time and in their order: each finds in
// `counts` the next slot of its key, and among its neighbours how many of its key go first. That is
// A LANES comparisons whatever G is; comparing each with all earlier ones would be A^2 / 2.
@compute @workgroup_size(LANES)
fn place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let chunk = group.y * groups.x + group.x;
    let begin = min(chunk, chunks()) * dims.CHUNK;
    let end = min(begin + dims.CHUNK, dims.A);
    for (var first = begin; first < end; first += LANES) {
        let a = first + lane;
        let busy = a < end;
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
        let cursor = key * chunks() + chunk;
        if busy {
            let at = atomicLoad(&counts[cursor]) + before;
            order[at] = a;
            slot[a] = at;
        }
        storageBarrier();
        workgroupBarrier();
        // The last of a key speaks for all of them.
        if busy && before + 1u == all {
            atomicAdd(&counts[cursor], all);
        }
        storageBarrier();
        workgroupBarrier();
    }
}
