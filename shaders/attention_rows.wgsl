// Continued in attention_common.wgsl.
//
// What blocks of attention leave over: tiles of four rows by four, and the pairs near the diagonal, which are taken
// row by row.

// q . k for a tile of four queries and four keys: a column for each query.
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

// d_o . v likewise.
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
        p[c] = bent(score);
        top = max(top, p[c]);
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
    score = bent(score);
    let p = exp((score - lse[head.rows + i]) * dims.scale);
    return vec2(p, score_slope(score, p, slope - delta[head.rows + i]));
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
    let s = bent_quad(turned_scores_quad(kv_row, q_row));
    let p = exponentials(s, four_lse(row));
    let ds = score_gradient(s, p, turned_slopes_quad(kv_row, q_row), four_delta(row));
    var kv_at = kv_row;
    var q_at = q_row;
    for (var step = 0u; step < steps(); step++) {
        store_dk(kv_at, product(load_dk(kv_at), ds, load_q(q_at)));
        store_dv(kv_at, product(load_dv(kv_at), p, load_d_o(q_at)));
        kv_at += 1u;
        q_at += 1u;
    }
}
