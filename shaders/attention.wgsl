// Continued in attention_tiles.wgsl.
//
// Causal attention with grouped queries, forward beside backward: o_i = the sum over i - WINDOW < j <= i of
// p_ij v_j with p_ij = exp(scale * score_ij - the logarithm of the row's sum), where a score is q_i . k_j or,
// bounded, tanh(inner * q_i . k_j). HEADS / KV_HEADS heads share one head of keys and values. The S x S square
// is never written: forward, a row's maximum, sum and output are carried from one block of keys to the next
// and rescaled where the maximum grows; backward, p is computed again from the row's `lse`, in both entries
// that need it.
//
// Here an invocation takes a row, whatever the WIDTH and the WINDOW are. The `_vec4` entries are in
// attention_tiles.wgsl, what both need in attention_common.wgsl.

@group(0) @binding(1) var<storage, read> q: array<f32>;                   // (B, S, HEADS, WIDTH)
@group(0) @binding(2) var<storage, read> k: array<f32>;                   // (B, S, KV_HEADS, WIDTH)
@group(0) @binding(3) var<storage, read> v: array<f32>;                   // (B, S, KV_HEADS, WIDTH)
@group(0) @binding(4) var<storage, read> d_o: array<f32>;                 // (B, S, HEADS, WIDTH)
@group(0) @binding(7) var<storage, read_write> o: array<f32>;             // (B, S, HEADS, WIDTH)
@group(0) @binding(7) var<storage, read_write> dq: array<f32>;            // (B, S, HEADS, WIDTH)
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;            // (B, S, KV_HEADS, WIDTH)
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;            // (B, S, KV_HEADS, WIDTH)

// Keys that a row without tiles takes between two rescalings. The length of an array in an invocation's own
// memory cannot be an override.
const WHOLE: u32 = 32u;

// One invocation computes one row of o and of lse.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.HEADS * dims.S {
        return;
    }
    let width = dims.WIDTH;
    let i = at % dims.S;
    let head = head_at(at / dims.S / dims.HEADS, at / dims.S % dims.HEADS, width);
    let q_row = head.q + i * head.q_step;
    var p: array<f32, WHOLE>;
    var top = LOWEST;
    var sum = 0.0;
    let start = first_key(i);
    for (var first = start; first <= i; first += WHOLE) {
        let count = min(WHOLE, i + 1u - first);
        let kv_first = head.kv + first * head.kv_step;
        var higher = top;
        for (var c = 0u; c < count; c++) {
            p[c] = bent(scalar_score(q_row, kv_first + c * head.kv_step));
            higher = max(higher, p[c]);
        }
        var block_sum = 0.0;
        for (var c = 0u; c < count; c++) {
            p[c] = exp((p[c] - higher) * dims.scale);
            block_sum += p[c];
        }
        var shrink = 0.0;
        if first == start {
            sum = block_sum;
        } else {
            shrink = exp((top - higher) * dims.scale);
            sum = fma(sum, shrink, block_sum);
        }
        top = higher;
        for (var d = 0u; d < width; d++) {
            var out = 0.0;
            if first > start {
                out = o[q_row + d] * shrink;
            }
            for (var c = 0u; c < count; c++) {
                out = fma(p[c], v[kv_first + c * head.kv_step + d], out);
            }
            o[q_row + d] = out;
        }
    }
    let share = 1.0 / sum;
    for (var d = 0u; d < width; d++) {
        o[q_row + d] *= share;
    }
    lse[head.rows + i] = top + log(sum) / dims.scale;
}

// The first key that query i meets.
fn first_key(i: u32) -> u32 {
    return i + 1u - min(i + 1u, dims.WINDOW);
}

// q . k of the rows that begin there.
fn scalar_score(q_row: u32, k_row: u32) -> f32 {
    var sum = 0.0;
    for (var d = 0u; d < dims.WIDTH; d++) {
        sum = fma(q[q_row + d], k[k_row + d], sum);
    }
    return sum;
}

// d_o . v of the rows that begin there: the gradient by p.
fn scalar_slope(q_row: u32, v_row: u32) -> f32 {
    var sum = 0.0;
    for (var d = 0u; d < dims.WIDTH; d++) {
        sum = fma(d_o[q_row + d], v[v_row + d], sum);
    }
    return sum;
}

// One invocation computes one element of delta, for row (b, i, h) of o.
@compute @workgroup_size(LANES)
fn backward_delta(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.HEADS * dims.S {
        return;
    }
    let end = (at + 1u) * dims.WIDTH;
    var sum = 0.0;
    for (var d = at * dims.WIDTH; d < end; d++) {
        sum = fma(o[d], d_o[d], sum);
    }
    delta[delta_of(at)] = sum;
}

// One invocation computes one row of dq.
@compute @workgroup_size(LANES)
fn backward_query(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.HEADS * dims.S {
        return;
    }
    let i = at % dims.S;
    let head = head_at(at / dims.S / dims.HEADS, at / dims.S % dims.HEADS, dims.WIDTH);
    let q_row = head.q + i * head.q_step;
    for (var d = 0u; d < dims.WIDTH; d++) {
        dq[q_row + d] = 0.0;
    }
    for (var j = first_key(i); j <= i; j++) {
        let kv_row = head.kv + j * head.kv_step;
        let score = bent(scalar_score(q_row, kv_row));
        let p = exp((score - lse[head.rows + i]) * dims.scale);
        let ds = score_slope(score, p, scalar_slope(q_row, kv_row) - delta[head.rows + i]);
        for (var d = 0u; d < dims.WIDTH; d++) {
            dq[q_row + d] = fma(ds, k[kv_row + d], dq[q_row + d]);
        }
    }
}

// One invocation computes one row of dk and of dv: the sums over the heads that share it.
@compute @workgroup_size(LANES)
fn backward_key_value(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.KV_HEADS * dims.S {
        return;
    }
    let j = at % dims.S;
    let sharing = dims.HEADS / dims.KV_HEADS;
    let b = at / dims.S / dims.KV_HEADS;
    let first = at / dims.S % dims.KV_HEADS * sharing;
    let kv_row = (b * dims.S + j) * dims.KV_HEADS * dims.WIDTH + first / sharing * dims.WIDTH;
    for (var d = 0u; d < dims.WIDTH; d++) {
        dk[kv_row + d] = 0.0;
        dv[kv_row + d] = 0.0;
    }
    for (var h = first; h < first + sharing; h++) {
        let head = head_at(b, h, dims.WIDTH);
        for (var i = j; i < j + min(dims.S - j, dims.WINDOW); i++) {
            let q_row = head.q + i * head.q_step;
            let score = bent(scalar_score(q_row, kv_row));
            let p = exp((score - lse[head.rows + i]) * dims.scale);
            let ds = score_slope(score, p, scalar_slope(q_row, kv_row) - delta[head.rows + i]);
            for (var d = 0u; d < dims.WIDTH; d++) {
                dk[kv_row + d] = fma(ds, q[q_row + d], dk[kv_row + d]);
                dv[kv_row + d] = fma(p, d_o[q_row + d], dv[kv_row + d]);
            }
        }
    }
}
