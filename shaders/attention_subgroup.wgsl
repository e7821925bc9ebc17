// The attention of attention.wgsl for adapters with subgroups of eight lanes or more: the same entries
// with vectors, bindings, dimensions and operations; `backward_delta_vec4` is there alone. The eight
// lanes of a workgroup have adjacent tiles and meet the same blocks of 32 rows, so each of them loads an
// eighth of a block and the subgroup passes it around. On a software adapter, where a load costs as much
// as twenty multiply-adds, that trebles the speed.
//
// Grids. LANES is eight. A workgroup takes 32 rows of one head: B HEADS ceil(S / 32) workgroups, except
// where an entry says otherwise, in two dimensions. Lanes without a tile stay to pass values on, and
// compute nothing.

override LANES: u32;

struct Dims {
    B: u32,
    S: u32,
    HEADS: u32,
    KV_HEADS: u32, // divides HEADS
    WIDTH: u32,    // of a head
    scale: f32,    // positive
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;           // (B, HEADS, S)  log of a row's sum of exponentials, over scale; written forward
@group(0) @binding(6) var<storage, read_write> delta: array<f32>;         // (B, HEADS, S)  o . d_o; written by backward_delta
@group(0) @binding(1) var<storage, read> q_vec4: array<vec4<f32>>;        // (B, S, HEADS, WIDTH / 4)
@group(0) @binding(2) var<storage, read> k_vec4: array<vec4<f32>>;        // (B, S, KV_HEADS, WIDTH / 4)
@group(0) @binding(3) var<storage, read> v_vec4: array<vec4<f32>>;        // (B, S, KV_HEADS, WIDTH / 4)
@group(0) @binding(4) var<storage, read> d_o_vec4: array<vec4<f32>>;      // (B, S, HEADS, WIDTH / 4)
@group(0) @binding(7) var<storage, read_write> o_vec4: array<vec4<f32>>;  // (B, S, HEADS, WIDTH / 4)
@group(0) @binding(7) var<storage, read_write> dq_vec4: array<vec4<f32>>; // (B, S, HEADS, WIDTH / 4)
@group(0) @binding(7) var<storage, read_write> dk_vec4: array<vec4<f32>>; // (B, S, KV_HEADS, WIDTH / 4)
@group(0) @binding(8) var<storage, read_write> dv_vec4: array<vec4<f32>>; // (B, S, KV_HEADS, WIDTH / 4)

const LOWEST: f32 = -3.4028234e38;
const QUAD: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

// Where a head's rows are: the first of them, and the distance from one to the next.
struct Head {
    q: u32,       // in q, o, and their gradients
    q_step: u32,
    kv: u32,      // in k, v, and their gradients
    kv_step: u32,
    rows: u32,    // in lse and delta
}

// Head h of sequence b, in elements that a row has `width` of.
fn head_at(b: u32, h: u32, width: u32) -> Head {
    let q_step = dims.HEADS * width;
    let kv_step = dims.KV_HEADS * width;
    let kv_head = h / (dims.HEADS / dims.KV_HEADS);
    return Head(
        b * dims.S * q_step + h * width,
        q_step,
        b * dims.S * kv_step + kv_head * width,
        kv_step,
        (b * dims.HEADS + h) * dims.S,
    );
}

// Columns that a row is taken with: a few from `lead` on, then others from `first` on.
struct Columns {
    lead: u32,
    leads: u32,
    first: u32,
    count: u32, // of both
}

fn column(columns: Columns, c: u32) -> u32 {
    return select(columns.first - columns.leads, columns.lead, c < columns.leads) + c;
}

// What a row carries from block to block: the maximum so far of q . k, and the sum of exponentials.
struct Carried {
    top: f32,
    sum: f32,
}

// Below, matrices are read as WGSL stores them, one vec4 after another: m[i] is row i of a tile and
// its components are four adjacent columns, or four steps of a sum.

fn load_q(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(q_vec4[at.x], q_vec4[at.y], q_vec4[at.z], q_vec4[at.w]);
}

fn load_k(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(k_vec4[at.x], k_vec4[at.y], k_vec4[at.z], k_vec4[at.w]);
}

fn load_v(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(v_vec4[at.x], v_vec4[at.y], v_vec4[at.z], v_vec4[at.w]);
}

fn load_d_o(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(d_o_vec4[at.x], d_o_vec4[at.y], d_o_vec4[at.z], d_o_vec4[at.w]);
}

fn load_o(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(o_vec4[at.x], o_vec4[at.y], o_vec4[at.z], o_vec4[at.w]);
}

fn load_dq(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(dq_vec4[at.x], dq_vec4[at.y], dq_vec4[at.z], dq_vec4[at.w]);
}

fn load_dk(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(dk_vec4[at.x], dk_vec4[at.y], dk_vec4[at.z], dk_vec4[at.w]);
}

fn load_dv(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(dv_vec4[at.x], dv_vec4[at.y], dv_vec4[at.z], dv_vec4[at.w]);
}

fn store_o(at: vec4<u32>, c: mat4x4<f32>) {
    o_vec4[at.x] = c[0];
    o_vec4[at.y] = c[1];
    o_vec4[at.z] = c[2];
    o_vec4[at.w] = c[3];
}

fn store_dq(at: vec4<u32>, c: mat4x4<f32>) {
    dq_vec4[at.x] = c[0];
    dq_vec4[at.y] = c[1];
    dq_vec4[at.z] = c[2];
    dq_vec4[at.w] = c[3];
}

fn store_dk(at: vec4<u32>, c: mat4x4<f32>) {
    dk_vec4[at.x] = c[0];
    dk_vec4[at.y] = c[1];
    dk_vec4[at.z] = c[2];
    dk_vec4[at.w] = c[3];
}

fn store_dv(at: vec4<u32>, c: mat4x4<f32>) {
    dv_vec4[at.x] = c[0];
    dv_vec4[at.y] = c[1];
    dv_vec4[at.z] = c[2];
    dv_vec4[at.w] = c[3];
}

// Four more steps for one row: c plus the sum over s of a[s] b[s], in the order of the steps.
fn row_product(c: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return fma(a.wwww, b[3], fma(a.zzzz, b[2], fma(a.yyyy, b[1], fma(a.xxxx, b[0], c))));
}

// Four more steps for four rows: a[i] holds the steps of row i, b[s] the columns of step s.
fn product(c: mat4x4<f32>, a: mat4x4<f32>, b: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        row_product(c[0], a[0], b),
        row_product(c[1], a[1], b),
        row_product(c[2], a[2], b),
        row_product(c[3], a[3], b),
    );
}

// sum + a . b, in the order of the components.
fn chain(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

// A block: what a tile of four rows and 32 other rows have in common, four of those at a time.
struct Block {
    r0: mat4x4<f32>,
    r4: mat4x4<f32>,
    r8: mat4x4<f32>,
    r12: mat4x4<f32>,
    r16: mat4x4<f32>,
    r20: mat4x4<f32>,
    r24: mat4x4<f32>,
    r28: mat4x4<f32>,
}

// Vectors in a row of a head.
fn steps() -> u32 {
    return dims.WIDTH / 4u;
}

// The columns' maximum over `tops` and four rows more.
fn higher(tops: vec4<f32>, c: mat4x4<f32>) -> vec4<f32> {
    return max(max(max(max(tops, c[0]), c[1]), c[2]), c[3]);
}

// The columns' sum over `sums` and four rows more.
fn added(sums: vec4<f32>, c: mat4x4<f32>) -> vec4<f32> {
    return sums + c[0] + c[1] + c[2] + c[3];
}

// exp(scale * (c - level)), a level for each column.
fn exponentials(c: mat4x4<f32>, level: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        exp((c[0] - level) * dims.scale),
        exp((c[1] - level) * dims.scale),
        exp((c[2] - level) * dims.scale),
        exp((c[3] - level) * dims.scale),
    );
}

// The gradient by the product q . k, from p and the gradient by p: p * (dp - delta) * scale.
fn score_gradient(p: mat4x4<f32>, dp: mat4x4<f32>, own: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        p[0] * (dp[0] - own) * dims.scale,
        p[1] * (dp[1] - own) * dims.scale,
        p[2] * (dp[2] - own) * dims.scale,
        p[3] * (dp[3] - own) * dims.scale,
    );
}

// Rows of a matrix, each multiplied by a component.
fn shrunk(c: mat4x4<f32>, factors: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(c[0] * factors.x, c[1] * factors.y, c[2] * factors.z, c[3] * factors.w);
}

// q . k for 32 keys, of which this lane's `share` is four, and a tile of four queries as columns.
// What lanes 0 to 3 hold, in every lane.
fn low_lanes(own: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own, 0u),
        subgroupBroadcast(own, 1u),
        subgroupBroadcast(own, 2u),
        subgroupBroadcast(own, 3u),
    );
}

// What lanes 4 to 7 hold, in every lane.
fn high_lanes(own: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own, 4u),
        subgroupBroadcast(own, 5u),
        subgroupBroadcast(own, 6u),
        subgroupBroadcast(own, 7u),
    );
}

// 32 rows of which lane l holds rows l, l + 8, l + 16 and l + 24, in every lane.
fn spread(own: mat4x4<f32>) -> Block {
    return Block(
        low_lanes(own[0]),
        high_lanes(own[0]),
        low_lanes(own[1]),
        high_lanes(own[1]),
        low_lanes(own[2]),
        high_lanes(own[2]),
        low_lanes(own[3]),
        high_lanes(own[3]),
    );
}

fn scores(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = spread(load_k(share_at));
        if busy {
            let own = transpose(load_q(own_at));
            c.r0 = product(c.r0, others.r0, own);
            c.r4 = product(c.r4, others.r4, own);
            c.r8 = product(c.r8, others.r8, own);
            c.r12 = product(c.r12, others.r12, own);
            c.r16 = product(c.r16, others.r16, own);
            c.r20 = product(c.r20, others.r20, own);
            c.r24 = product(c.r24, others.r24, own);
            c.r28 = product(c.r28, others.r28, own);
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// The same for four rows.
fn scores_quad(own_row: vec4<u32>, other_row: vec4<u32>) -> mat4x4<f32> {
    var own_at = own_row;
    var other_at = other_row;
    var c = mat4x4<f32>();
    for (var step = 0u; step < steps(); step++) {
        c = product(c, load_k(other_at), transpose(load_q(own_at)));
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// d_o . v likewise: the gradient by p.
fn slopes(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = spread(load_v(share_at));
        if busy {
            let own = transpose(load_d_o(own_at));
            c.r0 = product(c.r0, others.r0, own);
            c.r4 = product(c.r4, others.r4, own);
            c.r8 = product(c.r8, others.r8, own);
            c.r12 = product(c.r12, others.r12, own);
            c.r16 = product(c.r16, others.r16, own);
            c.r20 = product(c.r20, others.r20, own);
            c.r24 = product(c.r24, others.r24, own);
            c.r28 = product(c.r28, others.r28, own);
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// The same for four rows.
fn slopes_quad(own_row: vec4<u32>, other_row: vec4<u32>) -> mat4x4<f32> {
    var own_at = own_row;
    var other_at = other_row;
    var c = mat4x4<f32>();
    for (var step = 0u; step < steps(); step++) {
        c = product(c, load_v(other_at), transpose(load_d_o(own_at)));
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// The first keys of one row: o from them, not yet divided by their sum.
fn forward_row(head: Head, i: u32, columns: Columns) -> Carried {
    let q_row = head.q + i * head.q_step;
    var p: array<f32, 7>;
    var top = LOWEST;
    for (var c = 0u; c < columns.count; c++) {
        let k_row = head.kv + column(columns, c) * head.kv_step;
        var score = 0.0;
        for (var d = 0u; d < steps(); d++) {
            score = chain(score, q_vec4[q_row + d], k_vec4[k_row + d]);
        }
        p[c] = score;
        top = max(top, score);
    }
    var sum = 0.0;
    for (var c = 0u; c < columns.count; c++) {
        p[c] = exp((p[c] - top) * dims.scale);
        sum += p[c];
    }
    for (var d = 0u; d < steps(); d++) {
        var out = vec4<f32>();
        for (var c = 0u; c < columns.count; c++) {
            out = fma(vec4(p[c]), v_vec4[head.kv + column(columns, c) * head.kv_step + d], out);
        }
        o_vec4[q_row + d] = out;
    }
    return Carried(top, sum);
}

// The end of a row: o divided by the sum, and lse.
fn finish_row(head: Head, i: u32, carried: Carried) {
    let q_row = head.q + i * head.q_step;
    let share = 1.0 / carried.sum;
    for (var d = 0u; d < steps(); d++) {
        o_vec4[q_row + d] *= share;
    }
    lse[head.rows + i] = carried.top + log(carried.sum) / dims.scale;
}

// One workgroup computes 32 rows of o and of lse, four rows a lane; the last workgroup of a head those
// before the first tile too.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let per_head = (dims.S + 31u) / 32u;
    let at = group.y * groups.x + group.x;
    if at >= dims.B * dims.HEADS * per_head {
        return;
    }
    let head = head_at(at / per_head / dims.HEADS, at / per_head % dims.HEADS, steps());
    let before = dims.S % 4u;
    let blocks = at % per_head;
    let i = before + 32u * blocks + 4u * lane;
    let busy = i < dims.S;
    if i == dims.S {
        for (var row = 0u; row < before; row++) {
            finish_row(head, row, forward_row(head, row, Columns(0u, 0u, 0u, row + 1u)));
        }
    }
    var tops = vec4<f32>();
    var sums = vec4<f32>();
    for (var r = 0u; busy && r < 4u; r++) {
        let carried = forward_row(head, i + r, Columns(0u, before, i, before + r + 1u));
        tops[r] = carried.top;
        sums[r] = carried.sum;
    }
    let q_row = head.q + (i + QUAD) * head.q_step;
    var share = head.kv + (before + 8u * QUAD + holder % 8u) * head.kv_step;
    for (var block = 0u; block < blocks; block++) {
        let s = scores(q_row, share, busy);
        var p = Block();
        var shrink = vec4<f32>();
        if busy {
            let level = higher(higher(higher(higher(higher(higher(higher(higher(tops, s.r0), s.r4), s.r8), s.r12), s.r16), s.r20), s.r24), s.r28);
            shrink = exp((tops - level) * dims.scale);
            tops = level;
            p = Block(
                exponentials(s.r0, level),
                exponentials(s.r4, level),
                exponentials(s.r8, level),
                exponentials(s.r12, level),
                exponentials(s.r16, level),
                exponentials(s.r20, level),
                exponentials(s.r24, level),
                exponentials(s.r28, level),
            );
            sums = fma(sums, shrink, added(added(added(added(added(added(added(added(vec4<f32>(), p.r0), p.r4), p.r8), p.r12), p.r16), p.r20), p.r24), p.r28));
        }
        var o_at = q_row;
        var v_at = share;
        for (var step = 0u; step < steps(); step++) {
            let others = spread(load_v(v_at));
            if busy {
                var c = shrunk(load_o(o_at), shrink);
                c = product(c, transpose(p.r0), others.r0);
                c = product(c, transpose(p.r4), others.r4);
                c = product(c, transpose(p.r8), others.r8);
                c = product(c, transpose(p.r12), others.r12);
                c = product(c, transpose(p.r16), others.r16);
                c = product(c, transpose(p.r20), others.r20);
                c = product(c, transpose(p.r24), others.r24);
                c = product(c, transpose(p.r28), others.r28);
                store_o(o_at, c);
            }
            o_at += 1u;
            v_at += 1u;
        }
        share += 32u * head.kv_step;
    }
    if !busy {
        return;
    }
    for (var j = before + 32u * blocks; j < i; j += 4u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let s = scores_quad(q_row, kv_row);
        let level = higher(tops, s);
        let shrink = exp((tops - level) * dims.scale);
        tops = level;
        let p = exponentials(s, level);
        sums = fma(sums, shrink, added(vec4<f32>(), p));
        var o_at = q_row;
        var v_at = kv_row;
        for (var step = 0u; step < steps(); step++) {
            store_o(o_at, product(shrunk(load_o(o_at), shrink), transpose(p), load_v(v_at)));
            o_at += 1u;
            v_at += 1u;
        }
    }
    for (var r = 0u; r < 4u; r++) {
        finish_row(head, i + r, Carried(tops[r], sums[r]));
    }
}

// q . k for a tile of four keys, and 32 queries as columns, of which this lane's `share` is four.
fn turned_scores(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = spread(load_q(share_at));
        if busy {
            let own = load_k(own_at);
            c.r0 = product(c.r0, own, transpose(others.r0));
            c.r4 = product(c.r4, own, transpose(others.r4));
            c.r8 = product(c.r8, own, transpose(others.r8));
            c.r12 = product(c.r12, own, transpose(others.r12));
            c.r16 = product(c.r16, own, transpose(others.r16));
            c.r20 = product(c.r20, own, transpose(others.r20));
            c.r24 = product(c.r24, own, transpose(others.r24));
            c.r28 = product(c.r28, own, transpose(others.r28));
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// The same for four queries.
fn turned_scores_quad(own_row: vec4<u32>, other_row: vec4<u32>) -> mat4x4<f32> {
    var own_at = own_row;
    var other_at = other_row;
    var c = mat4x4<f32>();
    for (var step = 0u; step < steps(); step++) {
        c = product(c, load_k(own_at), transpose(load_q(other_at)));
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// d_o . v likewise.
fn turned_slopes(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = spread(load_d_o(share_at));
        if busy {
            let own = load_v(own_at);
            c.r0 = product(c.r0, own, transpose(others.r0));
            c.r4 = product(c.r4, own, transpose(others.r4));
            c.r8 = product(c.r8, own, transpose(others.r8));
            c.r12 = product(c.r12, own, transpose(others.r12));
            c.r16 = product(c.r16, own, transpose(others.r16));
            c.r20 = product(c.r20, own, transpose(others.r20));
            c.r24 = product(c.r24, own, transpose(others.r24));
            c.r28 = product(c.r28, own, transpose(others.r28));
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// The same for four queries.
fn turned_slopes_quad(own_row: vec4<u32>, other_row: vec4<u32>) -> mat4x4<f32> {
    var own_at = own_row;
    var other_at = other_row;
    var c = mat4x4<f32>();
    for (var step = 0u; step < steps(); step++) {
        c = product(c, load_v(own_at), transpose(load_d_o(other_at)));
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// p and the gradient by q . k, for one pair.
fn pair(head: Head, i: u32, j: u32) -> vec2<f32> {
    let q_row = head.q + i * head.q_step;
    let kv_row = head.kv + j * head.kv_step;
    var score = 0.0;
    var slope = 0.0;
    for (var d = 0u; d < steps(); d++) {
        score = chain(score, q_vec4[q_row + d], k_vec4[kv_row + d]);
        slope = chain(slope, d_o_vec4[q_row + d], v_vec4[kv_row + d]);
    }
    let p = exp((score - lse[head.rows + i]) * dims.scale);
    return vec2(p, p * (slope - delta[head.rows + i]) * dims.scale);
}

// The first keys of one row: dq from them.
fn backward_query_row(head: Head, i: u32, columns: Columns) {
    var ds: array<f32, 7>;
    for (var c = 0u; c < columns.count; c++) {
        ds[c] = pair(head, i, column(columns, c)).y;
    }
    for (var d = 0u; d < steps(); d++) {
        var out = vec4<f32>();
        for (var c = 0u; c < columns.count; c++) {
            out = fma(vec4(ds[c]), k_vec4[head.kv + column(columns, c) * head.kv_step + d], out);
        }
        dq_vec4[head.q + i * head.q_step + d] = out;
    }
}

// What lse or delta hold for four rows.
fn four_lse(row: u32) -> vec4<f32> {
    return vec4(lse[row], lse[row + 1u], lse[row + 2u], lse[row + 3u]);
}

fn four_delta(row: u32) -> vec4<f32> {
    return vec4(delta[row], delta[row + 1u], delta[row + 2u], delta[row + 3u]);
}

// One workgroup computes 32 rows of dq, four rows a lane; the last workgroup of a head those before the
// first tile too.
@compute @workgroup_size(LANES)
fn backward_query_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let per_head = (dims.S + 31u) / 32u;
    let at = group.y * groups.x + group.x;
    if at >= dims.B * dims.HEADS * per_head {
        return;
    }
    let head = head_at(at / per_head / dims.HEADS, at / per_head % dims.HEADS, steps());
    let before = dims.S % 4u;
    let blocks = at % per_head;
    let i = before + 32u * blocks + 4u * lane;
    let busy = i < dims.S;
    for (var row = 0u; i == dims.S && row < before; row++) {
        backward_query_row(head, row, Columns(0u, 0u, 0u, row + 1u));
    }
    for (var r = 0u; busy && r < 4u; r++) {
        backward_query_row(head, i + r, Columns(0u, before, i, before + r + 1u));
    }
    let row = head.rows + select(0u, i, busy);
    let level = four_lse(row);
    let own = four_delta(row);
    let q_row = head.q + (i + QUAD) * head.q_step;
    var share = head.kv + (before + 8u * QUAD + holder % 8u) * head.kv_step;
    for (var block = 0u; block < blocks; block++) {
        let s = scores(q_row, share, busy);
        let dp = slopes(q_row, share, busy);
        var ds = Block();
        if busy {
            ds = Block(
                score_gradient(exponentials(s.r0, level), dp.r0, own),
                score_gradient(exponentials(s.r4, level), dp.r4, own),
                score_gradient(exponentials(s.r8, level), dp.r8, own),
                score_gradient(exponentials(s.r12, level), dp.r12, own),
                score_gradient(exponentials(s.r16, level), dp.r16, own),
                score_gradient(exponentials(s.r20, level), dp.r20, own),
                score_gradient(exponentials(s.r24, level), dp.r24, own),
                score_gradient(exponentials(s.r28, level), dp.r28, own),
            );
        }
        var dq_at = q_row;
        var k_at = share;
        for (var step = 0u; step < steps(); step++) {
            let others = spread(load_k(k_at));
            if busy {
                var c = load_dq(dq_at);
                c = product(c, transpose(ds.r0), others.r0);
                c = product(c, transpose(ds.r4), others.r4);
                c = product(c, transpose(ds.r8), others.r8);
                c = product(c, transpose(ds.r12), others.r12);
                c = product(c, transpose(ds.r16), others.r16);
                c = product(c, transpose(ds.r20), others.r20);
                c = product(c, transpose(ds.r24), others.r24);
                c = product(c, transpose(ds.r28), others.r28);
                store_dq(dq_at, c);
            }
            dq_at += 1u;
            k_at += 1u;
        }
        share += 32u * head.kv_step;
    }
    if !busy {
        return;
    }
    for (var j = before + 32u * blocks; j < i; j += 4u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let p = exponentials(scores_quad(q_row, kv_row), level);
        let ds = score_gradient(p, slopes_quad(q_row, kv_row), own);
        var dq_at = q_row;
        var k_at = kv_row;
        for (var step = 0u; step < steps(); step++) {
            store_dq(dq_at, product(load_dq(dq_at), transpose(ds), load_k(k_at)));
            dq_at += 1u;
            k_at += 1u;
        }
    }
}

// The queries of one head nearest to one key: added to dk and dv.
fn backward_key_value_row(head: Head, j: u32, columns: Columns) {
    var p: array<f32, 7>;
    var ds: array<f32, 7>;
    for (var c = 0u; c < columns.count; c++) {
        let both = pair(head, column(columns, c), j);
        p[c] = both.x;
        ds[c] = both.y;
    }
    let kv_row = head.kv + j * head.kv_step;
    for (var d = 0u; d < steps(); d++) {
        var key = dk_vec4[kv_row + d];
        var value = dv_vec4[kv_row + d];
        for (var c = 0u; c < columns.count; c++) {
            let q_at = head.q + column(columns, c) * head.q_step + d;
            key = fma(vec4(ds[c]), q_vec4[q_at], key);
            value = fma(vec4(p[c]), d_o_vec4[q_at], value);
        }
        dk_vec4[kv_row + d] = key;
        dv_vec4[kv_row + d] = value;
    }
}

// Four queries for four keys: added to dk and dv.
fn backward_key_value_quad(head: Head, kv_row: vec4<u32>, i: u32) {
    let q_row = head.q + (i + QUAD) * head.q_step;
    let row = head.rows + i;
    let p = exponentials(turned_scores_quad(kv_row, q_row), four_lse(row));
    let ds = score_gradient(p, turned_slopes_quad(kv_row, q_row), four_delta(row));
    var kv_at = kv_row;
    var q_at = q_row;
    for (var step = 0u; step < steps(); step++) {
        store_dk(kv_at, product(load_dk(kv_at), ds, load_q(q_at)));
        store_dv(kv_at, product(load_dv(kv_at), p, load_d_o(q_at)));
        kv_at += 1u;
        q_at += 1u;
    }
}

// One workgroup computes 32 rows of dk and of dv, four rows a lane, and those behind the last tile: the
// sums over the heads that share them. There are B KV_HEADS ceil(S / 32) such workgroups. Blocks of
// queries begin where the workgroup's keys end, for all lanes alike.
@compute @workgroup_size(LANES)
fn backward_key_value_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let per_head = (dims.S + 31u) / 32u;
    let at = group.y * groups.x + group.x;
    if at >= dims.B * dims.KV_HEADS * per_head {
        return;
    }
    let b = at / per_head / dims.KV_HEADS;
    let sharing = dims.HEADS / dims.KV_HEADS;
    let first = at / per_head % dims.KV_HEADS * sharing;
    let last = at % per_head * 32u + 32u;
    let j = last - 32u + 4u * lane;
    let rest = dims.S % 4u;
    let behind = dims.S - rest;
    let busy = j < behind;
    let keys = head_at(b, first, steps());
    for (var row = j; row < min(j + 4u, dims.S); row++) {
        for (var d = 0u; d < steps(); d++) {
            dk_vec4[keys.kv + row * keys.kv_step + d] = vec4<f32>();
            dv_vec4[keys.kv + row * keys.kv_step + d] = vec4<f32>();
        }
    }
    let kv_row = keys.kv + (j + QUAD) * keys.kv_step;
    for (var h = first; h < first + sharing; h++) {
        let head = head_at(b, h, steps());
        for (var row = j; !busy && row < dims.S; row++) {
            backward_key_value_row(head, row, Columns(0u, 0u, row, dims.S - row));
        }
        for (var r = 0u; busy && r < 4u; r++) {
            backward_key_value_row(head, j + r, Columns(behind, rest, j + r, rest + 4u - r));
        }
        for (var i = j + 4u; i < min(last, behind); i += 4u) {
            backward_key_value_quad(head, kv_row, i);
        }
        var i = last;
        for (; i + 32u <= behind; i += 32u) {
            let share = head.q + (i + 8u * QUAD + holder % 8u) * head.q_step;
            let row = head.rows + i;
            let s = turned_scores(kv_row, share, busy);
            let dp = turned_slopes(kv_row, share, busy);
            var p = Block();
            var ds = Block();
            if busy {
                p = Block(
                    exponentials(s.r0, four_lse(row)),
                    exponentials(s.r4, four_lse(row + 4u)),
                    exponentials(s.r8, four_lse(row + 8u)),
                    exponentials(s.r12, four_lse(row + 12u)),
                    exponentials(s.r16, four_lse(row + 16u)),
                    exponentials(s.r20, four_lse(row + 20u)),
                    exponentials(s.r24, four_lse(row + 24u)),
                    exponentials(s.r28, four_lse(row + 28u)),
                );
                ds = Block(
                    score_gradient(p.r0, dp.r0, four_delta(row)),
                    score_gradient(p.r4, dp.r4, four_delta(row + 4u)),
                    score_gradient(p.r8, dp.r8, four_delta(row + 8u)),
                    score_gradient(p.r12, dp.r12, four_delta(row + 12u)),
                    score_gradient(p.r16, dp.r16, four_delta(row + 16u)),
                    score_gradient(p.r20, dp.r20, four_delta(row + 20u)),
                    score_gradient(p.r24, dp.r24, four_delta(row + 24u)),
                    score_gradient(p.r28, dp.r28, four_delta(row + 28u)),
                );
            }
            var kv_at = kv_row;
            var q_at = share;
            for (var step = 0u; step < steps(); step++) {
                let queries = spread(load_q(q_at));
                if busy {
                    var key = load_dk(kv_at);
                    key = product(key, ds.r0, queries.r0);
                    key = product(key, ds.r4, queries.r4);
                    key = product(key, ds.r8, queries.r8);
                    key = product(key, ds.r12, queries.r12);
                    key = product(key, ds.r16, queries.r16);
                    key = product(key, ds.r20, queries.r20);
                    key = product(key, ds.r24, queries.r24);
                    key = product(key, ds.r28, queries.r28);
                    store_dk(kv_at, key);
                }
                kv_at += 1u;
                q_at += 1u;
            }
            // A loop of its own: the fewer values live at once, the sooner a driver has compiled it.
            kv_at = kv_row;
            q_at = share;
            for (var step = 0u; step < steps(); step++) {
                let slopes = spread(load_d_o(q_at));
                if busy {
                    var value = load_dv(kv_at);
                    value = product(value, p.r0, slopes.r0);
                    value = product(value, p.r4, slopes.r4);
                    value = product(value, p.r8, slopes.r8);
                    value = product(value, p.r12, slopes.r12);
                    value = product(value, p.r16, slopes.r16);
                    value = product(value, p.r20, slopes.r20);
                    value = product(value, p.r24, slopes.r24);
                    value = product(value, p.r28, slopes.r28);
                    store_dv(kv_at, value);
                }
                kv_at += 1u;
                q_at += 1u;
            }
        }
        for (; busy && i < behind; i += 4u) {
            backward_key_value_quad(head, kv_row, i);
        }
    }
}
