// Continued in attention_lanes.wgsl.
//
// The attention of attention_tiles.wgsl for adapters with subgroups of eight lanes or more: the same entries
// with vectors, bindings, dimensions and operations; `backward_delta_vec4` is there alone. A team of eight lanes of
// a workgroup has adjacent tiles and meets the same blocks of 32 rows, so each of them loads an
// eighth of a block and the subgroup passes it around. On a software adapter, where a load costs as much
// as twenty multiply-adds, that trebles the speed. Where a subgroup has more lanes, each team of them has 32 rows
// and loads the same: all go through the blocks that one of them meets, and each team computes with its own.
// attention_subgroup_4.wgsl has teams of four.
//
// Grids. LANES is a multiple of TEAM. A workgroup takes 4 LANES rows of one head: B HEADS ceil(S / (4 LANES))
// workgroups, except where an entry says otherwise, in two dimensions. Lanes without a tile stay to pass
// values on, and compute nothing.

// The workgroups of a head.
fn workgroups() -> u32 {
    return (dims.S + 4u * LANES - 1u) / (4u * LANES);
}

// The block before which those end that a workgroup of queries goes through, of which `first` is its own first tile.
fn blocks_met(first: u32) -> u32 {
    return (min(first + LANES, dims.S / 4u) + 7u) / 8u;
}

// One workgroup computes 4 LANES rows of o and of lse, four rows a lane; the last workgroup of a head those
// before the first tile too.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let per_head = workgroups();
    let at = group.y * groups.x + group.x;
    if at >= dims.B * dims.HEADS * per_head {
        return;
    }
    let head = head_at(at / per_head / dims.HEADS, at / per_head % dims.HEADS, steps());
    let before = dims.S % 4u;
    let first = at % per_head * LANES;
    let own = (first + lane) / 8u;
    let i = before + 4u * (first + lane);
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
    var share = head.kv + (before + held_rows(holder)) * head.kv_step;
    let far = 16u * head.kv_step;
    for (var block = 0u; block + 1u < blocks_met(first); block++) {
        let meets = busy && block < own;
        let products = scores(q_row, share, far, meets);
        var p = Block();
        var shrink = vec4<f32>();
        if meets {
            let s = bent_block(products);
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
            let others = every_v(v_at, far);
            if meets {
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
    for (var j = before + 32u * own; j < i; j += 4u) {
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
    for (var r = 0u; r < 4u; r++) {
        finish_row(head, i + r, Carried(tops[r], sums[r]));
    }
}

// One workgroup computes 4 LANES rows of dq, four rows a lane; the last workgroup of a head those before the
// first tile too.
@compute @workgroup_size(LANES)
fn backward_query_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let per_head = workgroups();
    let at = group.y * groups.x + group.x;
    if at >= dims.B * dims.HEADS * per_head {
        return;
    }
    let head = head_at(at / per_head / dims.HEADS, at / per_head % dims.HEADS, steps());
    let before = dims.S % 4u;
    let first = at % per_head * LANES;
    let own = (first + lane) / 8u;
    let i = before + 4u * (first + lane);
    let busy = i < dims.S;
    for (var row = 0u; i == dims.S && row < before; row++) {
        backward_query_row(head, row, Columns(0u, 0u, 0u, row + 1u));
    }
    for (var r = 0u; busy && r < 4u; r++) {
        backward_query_row(head, i + r, Columns(0u, before, i, before + r + 1u));
    }
    // Without a tile there are no four rows to load anything of.
    if dims.S < 4u {
        return;
    }
    let row = head.rows + select(0u, i, busy);
    let level = four_lse(row);
    let delta = four_delta(row);
    let q_row = head.q + (i + QUAD) * head.q_step;
    var share = head.kv + (before + held_rows(holder)) * head.kv_step;
    let far = 16u * head.kv_step;
    for (var block = 0u; block + 1u < blocks_met(first); block++) {
        let meets = busy && block < own;
        let products = scores(q_row, share, far, meets);
        let dp = slopes(q_row, share, far, meets);
        var ds = Block();
        if meets {
            let s = bent_block(products);
            ds = Block(
                score_gradient(s.r0, exponentials(s.r0, level), dp.r0, delta),
                score_gradient(s.r4, exponentials(s.r4, level), dp.r4, delta),
                score_gradient(s.r8, exponentials(s.r8, level), dp.r8, delta),
                score_gradient(s.r12, exponentials(s.r12, level), dp.r12, delta),
                score_gradient(s.r16, exponentials(s.r16, level), dp.r16, delta),
                score_gradient(s.r20, exponentials(s.r20, level), dp.r20, delta),
                score_gradient(s.r24, exponentials(s.r24, level), dp.r24, delta),
                score_gradient(s.r28, exponentials(s.r28, level), dp.r28, delta),
            );
        }
        var dq_at = q_row;
        var k_at = share;
        for (var step = 0u; step < steps(); step++) {
            let others = every_k(k_at, far);
            if meets {
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
    for (var j = before + 32u * own; j < i; j += 4u) {
        let kv_row = head.kv + (j + QUAD) * head.kv_step;
        let s = bent_quad(scores_quad(q_row, kv_row));
        let ds = score_gradient(s, exponentials(s, level), slopes_quad(q_row, kv_row), delta);
        var dq_at = q_row;
        var k_at = kv_row;
        for (var step = 0u; step < steps(); step++) {
            store_dq(dq_at, product(load_dq(dq_at), transpose(ds), load_k(k_at)));
            dq_at += 1u;
            k_at += 1u;
        }
    }
}

// One workgroup computes 4 LANES rows of dk and of dv, four rows a lane, and those behind the last tile: the
// sums over the heads that share them. There are B KV_HEADS ceil(S / (4 LANES)) such workgroups. Blocks of
// queries begin where the keys of the first team end, for all lanes alike.
@compute @workgroup_size(LANES)
fn backward_key_value_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let per_head = workgroups();
    let at = group.y * groups.x + group.x;
    if at >= dims.B * dims.KV_HEADS * per_head {
        return;
    }
    let b = at / per_head / dims.KV_HEADS;
    let sharing = dims.HEADS / dims.KV_HEADS;
    let first = at / per_head % dims.KV_HEADS * sharing;
    let start = at % per_head * 4u * LANES;
    let j = start + 4u * lane;
    let last = start + 4u * TEAM + (4u * (lane / TEAM * TEAM) + 31u) / 32u * 32u;
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
        let far = 16u * head.q_step;
        var i = start + 4u * TEAM;
        for (; i + 32u <= behind; i += 32u) {
            let meets = busy && i >= last;
            let share = head.q + (i + held_rows(holder)) * head.q_step;
            let row = head.rows + i + order(holder);
            let products = turned_scores(kv_row, share, far, meets);
            let dp = turned_slopes(kv_row, share, far, meets);
            var p = Block();
            var ds = Block();
            if meets {
                let s = bent_block(products);
                p = Block(
                    exponentials(s.r0, each_lse(row)),
                    exponentials(s.r4, each_lse(row + 4u)),
                    exponentials(s.r8, each_lse(row + 8u)),
                    exponentials(s.r12, each_lse(row + 12u)),
                    exponentials(s.r16, each_lse(row + 16u)),
                    exponentials(s.r20, each_lse(row + 20u)),
                    exponentials(s.r24, each_lse(row + 24u)),
                    exponentials(s.r28, each_lse(row + 28u)),
                );
                ds = Block(
                    score_gradient(s.r0, p.r0, dp.r0, each_delta(row)),
                    score_gradient(s.r4, p.r4, dp.r4, each_delta(row + 4u)),
                    score_gradient(s.r8, p.r8, dp.r8, each_delta(row + 8u)),
                    score_gradient(s.r12, p.r12, dp.r12, each_delta(row + 12u)),
                    score_gradient(s.r16, p.r16, dp.r16, each_delta(row + 16u)),
                    score_gradient(s.r20, p.r20, dp.r20, each_delta(row + 20u)),
                    score_gradient(s.r24, p.r24, dp.r24, each_delta(row + 24u)),
                    score_gradient(s.r28, p.r28, dp.r28, each_delta(row + 28u)),
                );
            }
            var kv_at = kv_row;
            var q_at = share;
            for (var step = 0u; step < steps(); step++) {
                let queries = every_q(q_at, far);
                if meets {
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
                let slopes = every_d_o(q_at, far);
                if meets {
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
        for (i = max(i, last); busy && i < behind; i += 4u) {
            backward_key_value_quad(head, kv_row, i);
        }
    }
}
