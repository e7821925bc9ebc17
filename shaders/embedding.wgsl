// Continued in elements.wgsl.
//
// Token embedding, with a position added or without one, and its gradients. T = B N tokens in B
// sequences. A table too long for one binding is cut into windows of rows.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    B: u32,
    N: u32,
    D: u32,
    V: u32,
    P: u32, // positions the table has, at least N
}

struct Window {
    T: u32,
    D: u32,
    FIRST: u32, // row of the table at which the window begins
    ROWS: u32,  // rows of the window
}

struct Sums {
    T: u32,
    D: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(0) var<uniform> window: Window;
@group(0) @binding(0) var<uniform> sums: Sums;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;          // (B,N), each below V
@group(0) @binding(2) var<storage, read> token_weight: array<f32>;    // (V,D)
@group(0) @binding(3) var<storage, read> position_weight: array<f32>; // (P,D)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;         // (B,N,D)
@group(0) @binding(1) var<storage, read> dy: array<f32>;              // (B,N,D)
@group(0) @binding(2) var<storage, read> offsets: array<u32>;         // (V+1)  where each token's group begins
@group(0) @binding(3) var<storage, read> order: array<u32>;           // (T)    places in the batch, by token
@group(0) @binding(4) var<storage, read_write> dtoken: array<f32>;    // (V,D)
@group(0) @binding(4) var<storage, read_write> dposition: array<f32>; // (P,D)
@group(0) @binding(5) var<storage, read> keys: array<u32>;            // (T)    the tokens again
@group(0) @binding(6) var<storage, read_write> dsum: array<f32>;      // (T,D)  a token's sum, where its group begins; written by backward_rows

@group(0) @binding(2) var<storage, read> token_weight_vec4: array<vec4<f32>>;    // (V,D / 4)
@group(0) @binding(3) var<storage, read> position_weight_vec4: array<vec4<f32>>; // (P,D / 4)
@group(0) @binding(4) var<storage, read_write> y_vec4: array<vec4<f32>>;         // (B,N,D / 4)
@group(0) @binding(1) var<storage, read> dy_vec4: array<vec4<f32>>;              // (B,N,D / 4)
@group(0) @binding(4) var<storage, read_write> dtoken_vec4: array<vec4<f32>>;    // (V,D / 4)

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

// One invocation computes four elements of y (B,N,D).
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.B * dims.N * columns {
        return;
    }
    let place = i / columns;
    let d = i % columns;
    let n = place % dims.N;
    y_vec4[i] = token_weight_vec4[tokens[place] * columns + d] + position_weight_vec4[n * columns + d];
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

// One invocation computes four elements of dtoken (V,D).
@compute @workgroup_size(LANES)
fn backward_token_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.V * columns {
        return;
    }
    let token = i / columns;
    let d = i % columns;
    let end = offsets[token + 1u];
    var sum = vec4<f32>();
    for (var s = offsets[token]; s < end; s++) {
        sum += dy_vec4[order[s] * columns + d];
    }
    dtoken_vec4[i] = sum;
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

// One invocation computes one element of y (T,D): the token's own, where the window has the token's
// row. Together the windows of a table write all of y.
@compute @workgroup_size(LANES)
fn gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= window.T * window.D {
        return;
    }
    let row = tokens[i / window.D] - window.FIRST;
    if row < window.ROWS {
        y[i] = token_weight[row * window.D + i % window.D];
    }
}

// One invocation computes one element of dsum (T,D): the sum of dy over the places that hold the token
// of slot s, in batch order, where s is the first slot of its token; 0 where it is not. All
// invocations together add T D elements, whatever the tokens are and however the table is cut.
@compute @workgroup_size(LANES)
fn backward_rows(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= sums.T * sums.D {
        return;
    }
    let d = i % sums.D;
    let first = i / sums.D;
    let token = keys[order[first]];
    var sum = 0.0;
    if first == 0u || keys[order[max(first, 1u) - 1u]] != token {
        // A round that ended with a `break` had lanes of SwiftShader lose the sums with which they left.
        var s = first;
        var goes_on = true;
        while goes_on {
            sum += dy[order[s] * sums.D + d];
            s += 1u;
            goes_on = s < sums.T && keys[order[min(s, sums.T - 1u)]] == token;
        }
    }
    dsum[i] = sum;
}

// One invocation computes one element of dtoken (ROWS,D), a window of the table's gradient: its
// token's sum, and 0 where no place holds the token.
@compute @workgroup_size(LANES)
fn scatter(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= window.ROWS * window.D {
        return;
    }
    let token = window.FIRST + i / window.D;
    let slot = offsets[token];
    var value = 0.0;
    if slot < offsets[token + 1u] {
        value = dsum[slot * window.D + i % window.D];
    }
    dtoken[i] = value;
}
