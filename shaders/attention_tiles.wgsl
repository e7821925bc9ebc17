// Continued in attention_rows.wgsl.
//
// The attention of attention.wgsl by vectors: an invocation takes four rows.
//
// Only pairs j <= i are computed, so an invocation's tile of four rows leaves over a triangle of pairs,
// and, where S is no multiple of four, the pairs with the few rows that are in no tile. Those are taken
// row by row, at most seven to a row; all others in blocks of four rows by 32, then by four, columns.
// The tiles end where the sequence does, and begin S % 4 rows in: the rows before are short. For the
// gradients of keys and values it is the other way round, since there the last rows are.
//
// `_vec4` entries want WIDTH to be a multiple of four and WINDOW to be S, and bind vec4 views of the same
// buffers. Their invocations are the tiles of all heads, ceil(S / 4) to a head, except where an entry says
// otherwise.

// The rows of others that a tile meets at once: 32, or 4 where no tile of so short a sequence meets 32. What takes 32 is
// most of a kernel, and a driver that compiles for minutes takes seconds without it.
override BLOCK: u32;

// This invocation; two grid dimensions, because one ends at 65535 workgroups.
fn invocation(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
}

// Where the row-th row of o, counted through B, S and HEADS, is in delta.
fn delta_of(row: u32) -> u32 {
    let i = row / dims.HEADS;
    return (i / dims.S * dims.HEADS + row % dims.HEADS) * dims.S + i % dims.S;
}

// q . k for 32 keys, and a tile of four queries as columns.
fn scores(own_row: vec4<u32>, other_row: vec4<u32>, head: Head) -> Block {
    var own_at = own_row;
    var other_at = other_row;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let own = transpose(load_q(own_at));
        c.r0 = product(c.r0, load_k(other_at), own);
        c.r4 = product(c.r4, load_k(other_at + 4u * head.kv_step), own);
        c.r8 = product(c.r8, load_k(other_at + 8u * head.kv_step), own);
        c.r12 = product(c.r12, load_k(other_at + 12u * head.kv_step), own);
        c.r16 = product(c.r16, load_k(other_at + 16u * head.kv_step), own);
        c.r20 = product(c.r20, load_k(other_at + 20u * head.kv_step), own);
        c.r24 = product(c.r24, load_k(other_at + 24u * head.kv_step), own);
        c.r28 = product(c.r28, load_k(other_at + 28u * head.kv_step), own);
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// d_o . v likewise: the gradient by p.
fn slopes(own_row: vec4<u32>, other_row: vec4<u32>, head: Head) -> Block {
    var own_at = own_row;
    var other_at = other_row;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let own = transpose(load_d_o(own_at));
        c.r0 = product(c.r0, load_v(other_at), own);
        c.r4 = product(c.r4, load_v(other_at + 4u * head.kv_step), own);
        c.r8 = product(c.r8, load_v(other_at + 8u * head.kv_step), own);
        c.r12 = product(c.r12, load_v(other_at + 12u * head.kv_step), own);
        c.r16 = product(c.r16, load_v(other_at + 16u * head.kv_step), own);
        c.r20 = product(c.r20, load_v(other_at + 20u * head.kv_step), own);
        c.r24 = product(c.r24, load_v(other_at + 24u * head.kv_step), own);
        c.r28 = product(c.r28, load_v(other_at + 28u * head.kv_step), own);
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// Rows that an invocation takes together.
struct Tile {
    first: u32,
    count: u32, // four, or fewer where no tile has them
    leads: u32, // rows in no tile, which those of a tile meet beside each other
}

// The queries of an invocation: a tile, or, of the last one, those before the first tile. They are one case, so that a
// driver compiles what takes a row once.
fn tile_of_queries(at: u32) -> Tile {
    let before = dims.S % 4u;
    let first = before + at * 4u;
    if first < dims.S {
        return Tile(first, 4u, before);
    }
    return Tile(0u, before, 0u);
}

// One invocation computes four rows of o and of lse, or those before the first tile.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (dims.S + 3u) / 4u;
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.HEADS * tiles {
        return;
    }
    let head = head_at(at / tiles / dims.HEADS, at / tiles % dims.HEADS, steps());
    let tile = tile_of_queries(at % tiles);
    let i = tile.first;
    var tops = vec4<f32>();
    var sums = vec4<f32>();
    for (var r = 0u; r < tile.count; r++) {
        let carried = forward_row(head, i + r, Columns(0u, tile.leads, i, tile.leads + r + 1u));
        tops[r] = carried.top;
        sums[r] = carried.sum;
    }
    let q_row = head.q + (i + QUAD) * head.q_step;
    var j = tile.leads;
    for (; BLOCK == 32u && j + 32u <= i; j += 32u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let s = bent_block(scores(q_row, kv_row, head));
        let level = higher(higher(higher(higher(higher(higher(higher(higher(tops, s.r0), s.r4), s.r8), s.r12), s.r16), s.r20), s.r24), s.r28);
        let shrink = exp((tops - level) * dims.scale);
        tops = level;
        let p = Block(
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
        var o_at = q_row;
        var v_at = kv_row;
        for (var step = 0u; step < steps(); step++) {
            var c = shrunk(load_o(o_at), shrink);
            c = product(c, transpose(p.r0), load_v(v_at));
            c = product(c, transpose(p.r4), load_v(v_at + 4u * head.kv_step));
            c = product(c, transpose(p.r8), load_v(v_at + 8u * head.kv_step));
            c = product(c, transpose(p.r12), load_v(v_at + 12u * head.kv_step));
            c = product(c, transpose(p.r16), load_v(v_at + 16u * head.kv_step));
            c = product(c, transpose(p.r20), load_v(v_at + 20u * head.kv_step));
            c = product(c, transpose(p.r24), load_v(v_at + 24u * head.kv_step));
            c = product(c, transpose(p.r28), load_v(v_at + 28u * head.kv_step));
            store_o(o_at, c);
            o_at += 1u;
            v_at += 1u;
        }
    }
    for (; j < i; j += 4u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let s = bent_quad(scores_quad(q_row, kv_row));
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
    for (var r = 0u; r < tile.count; r++) {
        finish_row(head, i + r, Carried(tops[r], sums[r]));
    }
}

// q . k for a tile of four keys, and 32 queries as columns.
fn turned_scores(own_row: vec4<u32>, other_row: vec4<u32>, head: Head) -> Block {
    var own_at = own_row;
    var other_at = other_row;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let own = load_k(own_at);
        c.r0 = product(c.r0, own, transpose(load_q(other_at)));
        c.r4 = product(c.r4, own, transpose(load_q(other_at + 4u * head.q_step)));
        c.r8 = product(c.r8, own, transpose(load_q(other_at + 8u * head.q_step)));
        c.r12 = product(c.r12, own, transpose(load_q(other_at + 12u * head.q_step)));
        c.r16 = product(c.r16, own, transpose(load_q(other_at + 16u * head.q_step)));
        c.r20 = product(c.r20, own, transpose(load_q(other_at + 20u * head.q_step)));
        c.r24 = product(c.r24, own, transpose(load_q(other_at + 24u * head.q_step)));
        c.r28 = product(c.r28, own, transpose(load_q(other_at + 28u * head.q_step)));
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// d_o . v likewise.
fn turned_slopes(own_row: vec4<u32>, other_row: vec4<u32>, head: Head) -> Block {
    var own_at = own_row;
    var other_at = other_row;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let own = load_v(own_at);
        c.r0 = product(c.r0, own, transpose(load_d_o(other_at)));
        c.r4 = product(c.r4, own, transpose(load_d_o(other_at + 4u * head.q_step)));
        c.r8 = product(c.r8, own, transpose(load_d_o(other_at + 8u * head.q_step)));
        c.r12 = product(c.r12, own, transpose(load_d_o(other_at + 12u * head.q_step)));
        c.r16 = product(c.r16, own, transpose(load_d_o(other_at + 16u * head.q_step)));
        c.r20 = product(c.r20, own, transpose(load_d_o(other_at + 20u * head.q_step)));
        c.r24 = product(c.r24, own, transpose(load_d_o(other_at + 24u * head.q_step)));
        c.r28 = product(c.r28, own, transpose(load_d_o(other_at + 28u * head.q_step)));
        own_at += 1u;
        other_at += 1u;
    }
    return c;
}

// One invocation computes one element of delta, for row (b, i, h) of o; there are B S HEADS of them.
@compute @workgroup_size(LANES)
fn backward_delta_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.HEADS * dims.S {
        return;
    }
    let end = (at + 1u) * steps();
    var sum = 0.0;
    for (var d = at * steps(); d < end; d++) {
        sum = chain(sum, o_vec4[d], d_o_vec4[d]);
    }
    delta[delta_of(at)] = sum;
}

// One invocation computes four rows of dq, or those before the first tile.
@compute @workgroup_size(LANES)
fn backward_query_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (dims.S + 3u) / 4u;
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.HEADS * tiles {
        return;
    }
    let head = head_at(at / tiles / dims.HEADS, at / tiles % dims.HEADS, steps());
    let tile = tile_of_queries(at % tiles);
    let i = tile.first;
    for (var r = 0u; r < tile.count; r++) {
        backward_query_row(head, i + r, Columns(0u, tile.leads, i, tile.leads + r + 1u));
    }
    if tile.count < 4u {
        return;
    }
    let level = four_lse(head.rows + i);
    let own = four_delta(head.rows + i);
    let q_row = head.q + (i + QUAD) * head.q_step;
    var j = tile.leads;
    for (; BLOCK == 32u && j + 32u <= i; j += 32u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let s = bent_block(scores(q_row, kv_row, head));
        let dp = slopes(q_row, kv_row, head);
        let ds = Block(
            score_gradient(s.r0, exponentials(s.r0, level), dp.r0, own),
            score_gradient(s.r4, exponentials(s.r4, level), dp.r4, own),
            score_gradient(s.r8, exponentials(s.r8, level), dp.r8, own),
            score_gradient(s.r12, exponentials(s.r12, level), dp.r12, own),
            score_gradient(s.r16, exponentials(s.r16, level), dp.r16, own),
            score_gradient(s.r20, exponentials(s.r20, level), dp.r20, own),
            score_gradient(s.r24, exponentials(s.r24, level), dp.r24, own),
            score_gradient(s.r28, exponentials(s.r28, level), dp.r28, own),
        );
        var dq_at = q_row;
        var k_at = kv_row;
        for (var step = 0u; step < steps(); step++) {
            var c = load_dq(dq_at);
            c = product(c, transpose(ds.r0), load_k(k_at));
            c = product(c, transpose(ds.r4), load_k(k_at + 4u * head.kv_step));
            c = product(c, transpose(ds.r8), load_k(k_at + 8u * head.kv_step));
            c = product(c, transpose(ds.r12), load_k(k_at + 12u * head.kv_step));
            c = product(c, transpose(ds.r16), load_k(k_at + 16u * head.kv_step));
            c = product(c, transpose(ds.r20), load_k(k_at + 20u * head.kv_step));
            c = product(c, transpose(ds.r24), load_k(k_at + 24u * head.kv_step));
            c = product(c, transpose(ds.r28), load_k(k_at + 28u * head.kv_step));
            store_dq(dq_at, c);
            dq_at += 1u;
            k_at += 1u;
        }
    }
    for (; j < i; j += 4u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let s = bent_quad(scores_quad(q_row, kv_row));
        let ds = score_gradient(s, exponentials(s, level), slopes_quad(q_row, kv_row), own);
        var dq_at = q_row;
        var k_at = kv_row;
        for (var step = 0u; step < steps(); step++) {
            store_dq(dq_at, product(load_dq(dq_at), transpose(ds), load_k(k_at)));
            dq_at += 1u;
            k_at += 1u;
        }
    }
}

// One invocation computes four rows of dk and of dv, or those behind the last tile: the sums over the
// heads that share them. There are B KV_HEADS ceil(S / 4) such tiles.
@compute @workgroup_size(LANES)
fn backward_key_value_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = (dims.S + 3u) / 4u;
    let at = invocation(group, groups, lane);
    if at >= dims.B * dims.KV_HEADS * tiles {
        return;
    }
    let b = at / tiles / dims.KV_HEADS;
    let sharing = dims.HEADS / dims.KV_HEADS;
    let first = at / tiles % dims.KV_HEADS * sharing;
    let j = at % tiles * 4u;
    let behind = dims.S - dims.S % 4u;
    let keys = head_at(b, first, steps());
    for (var row = j; row < min(j + 4u, dims.S); row++) {
        for (var d = 0u; d < steps(); d++) {
            dk_vec4[keys.kv + row * keys.kv_step + d] = vec4<f32>();
            dv_vec4[keys.kv + row * keys.kv_step + d] = vec4<f32>();
        }
    }
    var tile = Tile(j, 4u, dims.S - behind);
    if j == behind {
        tile = Tile(j, dims.S - behind, 0u);
    }
    for (var h = first; h < first + sharing; h++) {
        backward_key_value_tile(head_at(b, h, steps()), tile, behind);
    }
}

// The queries of one head for a tile of keys, or for those behind the last tile: added to dk and dv.
fn backward_key_value_tile(head: Head, tile: Tile, behind: u32) {
    let j = tile.first;
    for (var r = 0u; r < tile.count; r++) {
        backward_key_value_row(head, j + r, Columns(behind, tile.leads, j + r, tile.leads + tile.count - r));
    }
    let kv_row = head.kv + (j + QUAD) * head.kv_step;
    var i = j + 4u;
    for (; BLOCK == 32u && i + 32u <= behind; i += 32u) {
        let q_row = head.q + (i + QUAD) * head.q_step;
        let row = head.rows + i;
        let s = bent_block(turned_scores(kv_row, q_row, head));
        let p = Block(
            exponentials(s.r0, four_lse(row)),
            exponentials(s.r4, four_lse(row + 4u)),
            exponentials(s.r8, four_lse(row + 8u)),
            exponentials(s.r12, four_lse(row + 12u)),
            exponentials(s.r16, four_lse(row + 16u)),
            exponentials(s.r20, four_lse(row + 20u)),
            exponentials(s.r24, four_lse(row + 24u)),
            exponentials(s.r28, four_lse(row + 28u)),
        );
        let dp = turned_slopes(kv_row, q_row, head);
        let ds = Block(
            score_gradient(s.r0, p.r0, dp.r0, four_delta(row)),
            score_gradient(s.r4, p.r4, dp.r4, four_delta(row + 4u)),
            score_gradient(s.r8, p.r8, dp.r8, four_delta(row + 8u)),
            score_gradient(s.r12, p.r12, dp.r12, four_delta(row + 12u)),
            score_gradient(s.r16, p.r16, dp.r16, four_delta(row + 16u)),
            score_gradient(s.r20, p.r20, dp.r20, four_delta(row + 20u)),
            score_gradient(s.r24, p.r24, dp.r24, four_delta(row + 24u)),
            score_gradient(s.r28, p.r28, dp.r28, four_delta(row + 28u)),
        );
        var kv_at = kv_row;
        var q_at = q_row;
        for (var step = 0u; step < steps(); step++) {
            var key = load_dk(kv_at);
            var value = load_dv(kv_at);
            key = product(key, ds.r0, load_q(q_at));
            key = product(key, ds.r4, load_q(q_at + 4u * head.q_step));
            key = product(key, ds.r8, load_q(q_at + 8u * head.q_step));
            key = product(key, ds.r12, load_q(q_at + 12u * head.q_step));
            key = product(key, ds.r16, load_q(q_at + 16u * head.q_step));
            key = product(key, ds.r20, load_q(q_at + 20u * head.q_step));
            key = product(key, ds.r24, load_q(q_at + 24u * head.q_step));
            key = product(key, ds.r28, load_q(q_at + 28u * head.q_step));
            value = product(value, p.r0, load_d_o(q_at));
            value = product(value, p.r4, load_d_o(q_at + 4u * head.q_step));
            value = product(value, p.r8, load_d_o(q_at + 8u * head.q_step));
            value = product(value, p.r12, load_d_o(q_at + 12u * head.q_step));
            value = product(value, p.r16, load_d_o(q_at + 16u * head.q_step));
            value = product(value, p.r20, load_d_o(q_at + 20u * head.q_step));
            value = product(value, p.r24, load_d_o(q_at + 24u * head.q_step));
            value = product(value, p.r28, load_d_o(q_at + 28u * head.q_step));
            store_dk(kv_at, key);
            store_dv(kv_at, value);
            kv_at += 1u;
            q_at += 1u;
        }
    }
    for (; i < behind; i += 4u) {
        backward_key_value_quad(head, kv_row, i);
    }
}
