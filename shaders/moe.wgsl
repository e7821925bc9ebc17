// Continued in elements.wgsl.
//
// Mixture of experts around the experts themselves: routing, moving tokens to their experts and back,
// and the gradients. T tokens, E experts, K chosen for each token. Assignment a = t K + k is token t's
// k-th choice, A = T K; slot[a] is its row among the assignments grouped by expert, order its inverse.
// No floating-point operation depends on who is chosen.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    T: u32,
    E: u32,
    K: u32,
    D: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> logits: array<f32>;        // (T,E)
@group(0) @binding(2) var<storage, read_write> choice: array<u32>;  // (T,K)  written by route, else read
@group(0) @binding(3) var<storage, read_write> gate: array<f32>;    // (T,K)  likewise
@group(0) @binding(1) var<storage, read> order: array<u32>;         // (A)
@group(0) @binding(2) var<storage, read> slot: array<u32>;          // (A)
@group(0) @binding(4) var<storage, read> x: array<f32>;             // (T,D)
@group(0) @binding(5) var<storage, read_write> xs: array<f32>;      // (A,D)  x by slot
@group(0) @binding(4) var<storage, read> ys: array<f32>;            // (A,D)  the experts' outputs by slot
@group(0) @binding(5) var<storage, read_write> y: array<f32>;       // (T,D)
@group(0) @binding(5) var<storage, read> dy: array<f32>;            // (T,D)
@group(0) @binding(6) var<storage, read_write> dys: array<f32>;     // (A,D)
@group(0) @binding(6) var<storage, read_write> dgate: array<f32>;   // (T,K)  written by backward_gate, else read
@group(0) @binding(4) var<storage, read> dxs: array<f32>;           // (A,D)
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;      // (T,D)
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>; // (T,E)
@group(0) @binding(7) var<storage, read_write> p: array<f32>;       // (T,E)  written by route_all, else read

@group(0) @binding(4) var<storage, read> x_vec4: array<vec4<f32>>;         // (T,D / 4)
@group(0) @binding(5) var<storage, read_write> xs_vec4: array<vec4<f32>>;  // (A,D / 4)
@group(0) @binding(4) var<storage, read> ys_vec4: array<vec4<f32>>;        // (A,D / 4)
@group(0) @binding(5) var<storage, read_write> y_vec4: array<vec4<f32>>;   // (T,D / 4)
@group(0) @binding(5) var<storage, read> dy_vec4: array<vec4<f32>>;        // (T,D / 4)
@group(0) @binding(6) var<storage, read_write> dys_vec4: array<vec4<f32>>; // (A,D / 4)
@group(0) @binding(4) var<storage, read> dxs_vec4: array<vec4<f32>>;       // (A,D / 4)
@group(0) @binding(5) var<storage, read_write> dx_vec4: array<vec4<f32>>;  // (T,D / 4)

const NOBODY = 0xffffffffu;

// Whether expert e is among the first k choices that begin at `first`.
fn is_chosen(e: u32, first: u32, k: u32) -> bool {
    var found = false;
    for (var a = first; a < first + k; a++) {
        found |= choice[a] == e;
    }
    return found;
}

// One invocation computes one token's choice and gate (T): the K largest logits, of equals the one
// with the lower index first, and the softmax over those K. Each choice compares with all E logits,
// chosen ones included, so that the count does not depend on the logits; whatever they are, NaN
// too, K different experts come out.
@compute @workgroup_size(LANES)
fn route(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = element(group, groups, lane);
    if t >= dims.T {
        return;
    }
    let row = t * dims.E;
    let first = t * dims.K;
    var largest = 0.0;
    var sum = 0.0;
    for (var k = 0u; k < dims.K; k++) {
        var best = NOBODY;
        var best_logit = 0.0;
        for (var e = 0u; e < dims.E; e++) {
            let logit = logits[row + e];
            let better = ((logit > best_logit) | (best == NOBODY)) & !is_chosen(e, first, k);
            best = select(best, e, better);
            best_logit = select(best_logit, logit, better);
        }
        largest = select(largest, best_logit, k == 0u);
        let weight = exp(best_logit - largest);
        sum += weight;
        choice[first + k] = best;
        gate[first + k] = weight;
    }
    for (var k = 0u; k < dims.K; k++) {
        gate[first + k] /= sum;
    }
}

// One invocation copies one element of xs (A,D): each slot has the row of its token.
@compute @workgroup_size(LANES)
fn gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.T * dims.K * dims.D {
        return;
    }
    let token = order[i / dims.D] / dims.K;
    xs[i] = x[token * dims.D + i % dims.D];
}

// One invocation copies four elements of xs (A,D).
@compute @workgroup_size(LANES)
fn gather_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.T * dims.K * columns {
        return;
    }
    let token = order[i / columns] / dims.K;
    xs_vec4[i] = x_vec4[token * columns + i % columns];
}

// One invocation computes one element of y (T,D): its token's K expert outputs, weighted by the gates.
@compute @workgroup_size(LANES)
fn combine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.T * dims.D {
        return;
    }
    let d = i % dims.D;
    let first = i / dims.D * dims.K;
    var sum = 0.0;
    for (var a = first; a < first + dims.K; a++) {
        sum = fma(gate[a], ys[slot[a] * dims.D + d], sum);
    }
    y[i] = sum;
}

// One invocation computes four elements of y (T,D).
@compute @workgroup_size(LANES)
fn combine_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.T * columns {
        return;
    }
    let d = i % columns;
    let first = i / columns * dims.K;
    var sum = vec4<f32>();
    for (var a = first; a < first + dims.K; a++) {
        sum = fma(vec4<f32>(gate[a]), ys_vec4[slot[a] * columns + d], sum);
    }
    y_vec4[i] = sum;
}

// One invocation computes one element of dys (A,D): its token's dy, weighted by the gate.
@compute @workgroup_size(LANES)
fn backward_combine(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.T * dims.K * dims.D {
        return;
    }
    let a = order[i / dims.D];
    dys[i] = gate[a] * dy[a / dims.K * dims.D + i % dims.D];
}

// One invocation computes four elements of dys (A,D).
@compute @workgroup_size(LANES)
fn backward_combine_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.T * dims.K * columns {
        return;
    }
    let a = order[i / columns];
    dys_vec4[i] = gate[a] * dy_vec4[a / dims.K * columns + i % columns];
}

// One invocation computes one element of dgate (T,K): the dot product of its token's dy with its expert's output.
@compute @workgroup_size(LANES)
fn backward_gate(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let a = element(group, groups, lane);
    if a >= dims.T * dims.K {
        return;
    }
    let dy_row = a / dims.K * dims.D;
    let ys_row = slot[a] * dims.D;
    var sum = 0.0;
    for (var d = 0u; d < dims.D; d++) {
        sum = fma(dy[dy_row + d], ys[ys_row + d], sum);
    }
    dgate[a] = sum;
}

// One invocation computes one element of dx (T,D): the sum over its token's K slots.
@compute @workgroup_size(LANES)
fn backward_gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.T * dims.D {
        return;
    }
    let d = i % dims.D;
    let first = i / dims.D * dims.K;
    var sum = 0.0;
    for (var a = first; a < first + dims.K; a++) {
        sum += dxs[slot[a] * dims.D + d];
    }
    dx[i] = sum;
}

// One invocation computes four elements of dx (T,D).
@compute @workgroup_size(LANES)
fn backward_gather_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.T * columns {
        return;
    }
    let d = i % columns;
    let first = i / columns * dims.K;
    var sum = vec4<f32>();
    for (var a = first; a < first + dims.K; a++) {
        sum += dxs_vec4[slot[a] * columns + d];
    }
    dx_vec4[i] = sum;
}

// One invocation computes one token's dlogits (T,E) through the softmax over its choice:
// gate * (dgate - sum of gate * dgate), and 0 for experts that were not chosen.
@compute @workgroup_size(LANES)
fn backward_route(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = element(group, groups, lane);
    if t >= dims.T {
        return;
    }
    let row = t * dims.E;
    for (var e = 0u; e < dims.E; e++) {
        dlogits[row + e] = 0.0;
    }
    let first = t * dims.K;
    var mean = 0.0; // of dgate, weighted by the gates
    for (var a = first; a < first + dims.K; a++) {
        mean = fma(gate[a], dgate[a], mean);
    }
    for (var a = first; a < first + dims.K; a++) {
        dlogits[row + choice[a]] = gate[a] * (dgate[a] - mean);
    }
}

// One invocation computes one token's choice and gate (T), as `route` does, but the weights are those of the
// softmax over all E logits, which `p` keeps.
@compute @workgroup_size(LANES)
fn route_all(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = element(group, groups, lane);
    if t >= dims.T {
        return;
    }
    let row = t * dims.E;
    let first = t * dims.K;
    var largest = 0.0;
    for (var k = 0u; k < dims.K; k++) {
        var best = NOBODY;
        var best_logit = 0.0;
        for (var e = 0u; e < dims.E; e++) {
            let logit = logits[row + e];
            let better = ((logit > best_logit) | (best == NOBODY)) & !is_chosen(e, first, k);
            best = select(best, e, better);
            best_logit = select(best_logit, logit, better);
        }
        largest = select(largest, best_logit, k == 0u);
        choice[first + k] = best;
    }
    var sum = 0.0;
    for (var e = 0u; e < dims.E; e++) {
        let weight = exp(logits[row + e] - largest);
        sum += weight;
        p[row + e] = weight;
    }
    for (var e = 0u; e < dims.E; e++) {
        p[row + e] /= sum;
    }
    for (var a = first; a < first + dims.K; a++) {
        gate[a] = p[row + choice[a]];
    }
}

// One invocation computes one token's dlogits (T,E) through the softmax over all E logits:
// p * (dgate - sum of gate * dgate), where dgate is 0 for experts that were not chosen.
@compute @workgroup_size(LANES)
fn backward_route_all(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = element(group, groups, lane);
    if t >= dims.T {
        return;
    }
    let row = t * dims.E;
    let first = t * dims.K;
    var mean = 0.0; // of dgate, weighted by the gates
    for (var a = first; a < first + dims.K; a++) {
        mean = fma(gate[a], dgate[a], mean);
    }
    let down = -mean;
    for (var e = 0u; e < dims.E; e++) {
        dlogits[row + e] = p[row + e] * down;
    }
    for (var a = first; a < first + dims.K; a++) {
        let at = row + choice[a];
        dlogits[at] = fma(gate[a], dgate[a], dlogits[at]);
    }
}
