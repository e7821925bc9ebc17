// Token plus position embedding, and its gradients. T = B N tokens in B sequences.

override LANES: u32;

struct Dims {
    B: u32,
    N: u32,
    D: u32,
    V: u32,
    P: u32, // positions the table has, at least N
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;          // (B,N), each below V
@group(0) @binding(2) var<storage, read> token_weight: array<f32>;    // (V,D)
@group(0) @binding(3) var<storage, read> position_weight: array<f32>; // (P,D)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;         // (B,N,D)
@group(0) @binding(1) var<storage, read> dy: array<f32>;              // (B,N,D)
@group(0) @binding(2) var<storage, read> offsets: array<u32>;         // (V+1)  where each token's group begins
@group(0) @binding(3) var<storage, read> order: array<u32>;           // (T)    places in the batch, by token
@group(0) @binding(4) var<storage, read_write> dtoken: array<f32>;    // (V,D)
@group(0) @binding(4) var<storage, read_write> dposition: array<f32>; // (P,D)

// The element of this invocation; two grid dimensions, because one ends at 65535 workgroups.
fn element(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
}

// One invocation computes one element of y (B,N,D).
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.B * dims.N * dims.D {
        return;
    }
    let place = i / dims.D;
    let d = i % dims.D;
    let n = place % dims.N;
    y[i] = token_weight[tokens[place] * dims.D + d] + position_weight[n * dims.D + d];
}

// One invocation computes one element of dtoken (V,D): the sum of dy over the places that hold its
// token, in batch order; 0 where no place does. Every place is in one group, so all invocations
// together add T D elements, whatever the tokens are.
@compute @workgroup_size(LANES)
fn backward_token(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.V * dims.D {
        return;
    }
    let token = i / dims.D;
    let d = i % dims.D;
    let end = offsets[token + 1u];
    var sum = 0.0;
    for (var s = offsets[token]; s < end; s++) {
        sum += dy[order[s] * dims.D + d];
    }
    dtoken[i] = sum;
}

// One invocation computes one element of dposition (P,D): the sum of dy over the B sequences; 0 for
// positions that no sequence reaches.
@compute @workgroup_size(LANES)
fn backward_position(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P * dims.D {
        return;
    }
    let sequence = dims.N * dims.D;
    var sum = 0.0;
    if i < sequence {
        let end = dims.B * sequence;
        for (var place = i; place < end; place += sequence) {
            sum += dy[place];
        }
    }
    dposition[i] = sum;
}
