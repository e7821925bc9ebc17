// Stable counting sort of A assignments by key, G keys, where a workgroup's invocations run side by side: after
// grouping.wgsl's clear and count, scan and place, which leave the counts as they are. Integers only.

override LANES: u32;

struct Dims {
    A: u32,
    G: u32,
    CHUNK: u32, // assignments that are counted together
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> keys: array<u32>;          // (A), each below G
@group(0) @binding(2) var<storage, read> counts: array<u32>;        // (G, chunks)
@group(0) @binding(3) var<storage, read_write> offsets: array<u32>; // (G+1)  written by scan, read by place
@group(0) @binding(4) var<storage, read_write> order: array<u32>;   // (A)  assignment of each slot
@group(0) @binding(5) var<storage, read_write> slot: array<u32>;    // (A)  slot of each assignment

const NO_KEY = 0xffffffffu;

// Assignments up to each lane: of the lanes' own keys, and of earlier ones.
var<workgroup> sums: array<vec2<u32>, LANES>;
// Neighbouring keys, four of each lane.
var<workgroup> neighbours: array<vec4<u32>, LANES>;

fn chunks() -> u32 {
    return (dims.A + dims.CHUNK - 1u) / dims.CHUNK;
}

// One workgroup computes where LANES neighbouring keys begin, and with the last key where all end. It counts what comes
// before them by itself, so that no workgroup waits for another.
@compute @workgroup_size(LANES)
fn scan(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let per_key = chunks();
    let first = (group.y * groups.x + group.x) * LANES;
    let key = first + lane;
    let end = min(first, dims.G) * per_key;
    var earlier = 0u;
    var i = lane;
    // Eight loads at once, which wait for none of each other.
    for (; i + 7u * LANES < end; i += 8u * LANES) {
        let some = counts[i] + counts[i + LANES] + counts[i + 2u * LANES] + counts[i + 3u * LANES];
        let more = counts[i + 4u * LANES] + counts[i + 5u * LANES] + counts[i + 6u * LANES] + counts[i + 7u * LANES];
        earlier += some + more;
    }
    for (; i < end; i += LANES) {
        earlier += counts[i];
    }
    var own = 0u;
    if key < dims.G {
        for (var chunk = 0u; chunk < per_key; chunk++) {
            own += counts[key * per_key + chunk];
        }
    }
    sums[lane] = vec2(own, earlier);
    for (var reach = 1u; reach < LANES; reach *= 2u) {
        workgroupBarrier();
        var before = vec2<u32>();
        if lane >= reach {
            before = sums[lane - reach];
        }
        workgroupBarrier();
        sums[lane] += before;
    }
    workgroupBarrier();
    let next = sums[LANES - 1u].y + sums[lane].x;
    if key < dims.G {
        offsets[key] = next - own;
    }
    if key + 1u == dims.G {
        offsets[dims.G] = next;
    }
}

// One workgroup places LANES neighbouring assignments: each comes after those of its key in earlier chunks, which were
// counted, and in its own, with which it compares itself. LANES is a multiple of four and divides CHUNK.
@compute @workgroup_size(LANES)
fn place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (group.y * groups.x + group.x) * LANES;
    let a = first + lane;
    let chunk = first / dims.CHUNK;
    var key = NO_KEY;
    if a < dims.A {
        key = keys[a];
    }
    var same = vec4<u32>();
    for (var run = chunk * dims.CHUNK; run <= first; run += 4u * LANES) {
        // Keys past the last one are those of no assignment before this one.
        let four = min(vec4(run + 4u * lane) + vec4(0u, 1u, 2u, 3u), vec4(dims.A - 1u));
        neighbours[lane] = vec4(keys[four.x], keys[four.y], keys[four.z], keys[four.w]);
        workgroupBarrier();
        let earlier = a - run;
        // Up to the last lane's own.
        let fours = min(LANES, (first + LANES - run + 3u) / 4u);
        for (var four = 0u; four < fours; four++) {
            let before = vec4(0u, 1u, 2u, 3u) + 4u * four < vec4(earlier);
            same += select(vec4(0u), vec4(1u), before & (neighbours[four] == vec4(key)));
        }
        workgroupBarrier();
    }
    if a < dims.A {
        var at = offsets[key] + same.x + same.y + same.z + same.w;
        for (var other = 0u; other < chunk; other++) {
            at += counts[key * chunks() + other];
        }
        order[at] = a;
        slot[a] = at;
    }
}
