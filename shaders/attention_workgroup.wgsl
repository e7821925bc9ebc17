// Continued in attention_pairs.wgsl.
//
// The attention of attention_tiles.wgsl for devices that run a workgroup's invocations side by side: the same
// entries with vectors, bindings, dimensions and operations, where `backward_delta_vec4` is there alone. Forward is
// here, the gradients are in attention_pairs.wgsl.
//
// Forward, a workgroup has four tiles of four rows. It meets the 32 keys around its own first, then all blocks before
// them, staged in workgroup memory one after another. Eight invocations share a row, four keys to each; then the
// invocations divide the elements of o among themselves, two rows by four columns to each. A row's maximum, sum and
// logarithm are computed by one of its eight.
//
// Rows longer than a chunk of 64 elements are staged chunk by chunk.
//
// Grids. LANES is 128. A workgroup takes as many rows as an entry says of one head, in two dimensions. Those with the
// most pairs come first.

const ROWS: u32 = 16u; // a workgroup's queries

var<workgroup> own_rows: array<vec4<f32>, 272>;  // of q
var<workgroup> block_rows: array<vec4<f32>, 520>; // of k, then of v
var<workgroup> block_weights: array<vec4<f32>, 128>; // (ROWS, 8)  probabilities of four keys
var<workgroup> parts: array<f32, 128>;           // (ROWS, 8)  of four keys: the maximum, or the sum
var<workgroup> shrinks: array<f32, 128>;         // (ROWS, 8)  what a block leaves of the sums before it
var<workgroup> leads: array<f32, 64>;            // (ROWS, 4)  of the keys before the first tile: scores, or probabilities; the first level, in the end 1 / sum

// This invocation's part of a chunk of 32 rows of k or of v, from row j on: a vector of every eighth.
fn load_block(head: Head, values: bool, j: u32, chunk: u32, lane: u32) -> mat4x4<f32> {
    var part = mat4x4<f32>();
    if lane % STEPS >= length(chunk) {
        return part;
    }
    let rows = min(j + lane / STEPS + 8u * QUAD, vec4(dims.S - 1u));
    let at = head.kv + rows * head.kv_step + chunk * STEPS + lane % STEPS;
    if values {
        part = load_v(at);
    } else {
        part = load_k(at);
    }
    return part;
}

// Where a row of a block is staged: four rows close together, so that the eight invocations of a row find theirs in
// different banks.
fn staged_row(row: u32) -> u32 {
    return row * STEPS + row / 4u;
}

fn stage_block(part: mat4x4<f32>, lane: u32) {
    let at = staged_row(lane / STEPS) + lane % STEPS;
    block_rows[at] = part[0];
    block_rows[at + 130u] = part[1];
    block_rows[at + 260u] = part[2];
    block_rows[at + 390u] = part[3];
}

// A chunk of ROWS rows of q, from row i on. Where there is no such row it is another.
fn stage_own(head: Head, i: u32, chunk: u32, lane: u32) {
    if lane % STEPS < length(chunk) {
        let rows = min(vec2(i + lane / STEPS) + vec2(0u, 8u), vec2(dims.S - 1u));
        let start = head.q + rows * head.q_step + chunk * STEPS + lane % STEPS;
        let at = lane / STEPS * STRIDE + lane % STEPS;
        own_rows[at] = q_vec4[start.x];
        own_rows[at + 8u * STRIDE] = q_vec4[start.y];
    }
}

// What a staged vector brings to q . k of a row and four keys.
fn quad_step(c: vec4<f32>, q_at: u32, k_at: u32) -> vec4<f32> {
    let row = own_rows[q_at];
    return vec4(
        chain(c.x, row, block_rows[k_at]),
        chain(c.y, row, block_rows[k_at + STEPS]),
        chain(c.z, row, block_rows[k_at + 2u * STEPS]),
        chain(c.w, row, block_rows[k_at + 3u * STEPS]),
    );
}

// What a staged chunk brings to q . k of this invocation's row and four keys.
fn quad_products(before: vec4<f32>, length: u32, lane: u32) -> vec4<f32> {
    let q_at = lane / 8u * STRIDE;
    let k_at = staged_row(lane % 8u * 4u);
    var c = before;
    var step = 0u;
    // A driver may not unroll a loop for which naga counts rounds.
    for (; step + 4u <= length; step += 4u) {
        c = quad_step(c, q_at + step, k_at + step);
        c = quad_step(c, q_at + step + 1u, k_at + step + 1u);
        c = quad_step(c, q_at + step + 2u, k_at + step + 2u);
        c = quad_step(c, q_at + step + 3u, k_at + step + 3u);
    }
    for (; step < length; step++) {
        c = quad_step(c, q_at + step, k_at + step);
    }
    return c;
}

// The same for the first `count` keys of the four.
fn few_products(before: vec4<f32>, length: u32, count: u32, lane: u32) -> vec4<f32> {
    let q_at = lane / 8u * STRIDE;
    let k_at = staged_row(lane % 8u * 4u);
    var c = before;
    for (var key = 0u; key < count; key++) {
        for (var step = 0u; step < length; step++) {
            c[key] = chain(c[key], own_rows[q_at + step], block_rows[k_at + key * STEPS + step]);
        }
    }
    return c;
}

// The highest of the first `count` scores of four: those of a row's own tile, or all.
fn highest(scores: vec4<f32>, count: u32) -> f32 {
    var top = scores.x;
    for (var key = 1u; key < count; key++) {
        top = max(top, scores[key]);
    }
    return top;
}

// One workgroup computes 16 rows of o and of lse; there are B HEADS ceil(S / 16) of them. The first of a head computes
// the rows before the first tile too.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let heads = dims.B * dims.HEADS;
    let per_head = (dims.S + ROWS - 1u) / ROWS;
    let at = group.y * groups.x + group.x;
    if at >= heads * per_head {
        return;
    }
    let head = head_at(at % heads / dims.HEADS, at % dims.HEADS, steps());
    let before = dims.S % 4u;
    let tiles = (per_head - 1u - at / heads) * ROWS; // rows of tiles before this workgroup's
    let blocks = tiles / 32u;
    let last = chunks() - 1u;
    if tiles == 0u && lane < before {
        finish_row(head, lane, forward_row(head, lane, Columns(0u, 0u, 0u, lane + 1u)));
    }

    // This invocation's pairs: a row, and four keys of a block. In the block around the row they may lie before the
    // row's own tile, in it, or behind it.
    let row = lane / 8u;
    let i = before + tiles + row;
    let quad = lane % 8u;
    let own_quad = (tiles % 32u + row) / 4u;
    let is_own = i < dims.S && quad == own_quad; // this one computes what the row needs once
    var own_count = select(0u, 4u, quad < own_quad);
    if is_own {
        own_count = row % 4u + 1u;
    }
    let leading = i < dims.S && quad < before; // this one takes a key before the first tile as well
    var top = 0.0;
    var sum = 0.0;

    // This invocation's elements: two adjacent rows, and a vector of each chunk.
    let out_row = lane / STEPS * 2u;
    let out_i = before + tiles + out_row;
    let out_quad = (tiles % 32u + out_row) / 4u;
    var out = mat2x4<f32>();

    var next = load_block(head, false, before + blocks * 32u, 0u, lane);
    for (var met = 0u; met <= blocks; met++) {
        let around = met == 0u;
        let j = before + select(met - 1u, blocks, around) * 32u;
        let count = select(0u, select(4u, own_count, around), i < dims.S);
        var scores = vec4<f32>();
        for (var chunk = 0u; chunk <= last; chunk++) {
            workgroupBarrier();
            stage_block(next, lane);
            if around || last > 0u {
                stage_own(head, before + tiles, chunk, lane);
            }
            workgroupBarrier();
            // Loaded while this one is computed with.
            next = load_block(head, chunk == last, j, select(chunk + 1u, 0u, chunk == last), lane);
            if count == 4u {
                scores = quad_products(scores, length(chunk), lane);
            } else {
                scores = few_products(scores, length(chunk), count, lane);
            }
        }
        for (var key = 0u; key < count; key++) {
            scores[key] = bent(scores[key]);
        }
        if around && leading {
            var score = 0.0;
            for (var d = 0u; d < steps(); d++) {
                score = chain(score, q_vec4[head.q + i * head.q_step + d], k_vec4[head.kv + quad * head.kv_step + d]);
            }
            leads[row * 4u + quad] = bent(score);
        }
        if count > 0u {
            parts[lane] = highest(scores, count);
        }
        workgroupBarrier();

        // The levels that the row's exponentials are taken from, and what each leaves of the sums before.
        if is_own && around {
            top = max(LOWEST, parts[lane]);
            for (var key = 0u; key < before; key++) {
                top = max(top, leads[row * 4u + key]);
            }
            leads[row * 4u + 3u] = top;
            parts[lane] = top;
            for (var tile = row * 8u; tile < lane; tile++) {
                let level = max(top, parts[tile]);
                shrinks[tile] = exp((top - level) * dims.scale);
                parts[tile] = level;
                top = level;
            }
        } else if is_own {
            var level = top;
            for (var tile = row * 8u; tile < row * 8u + 8u; tile++) {
                level = max(level, parts[tile]);
            }
            shrinks[row * 8u] = exp((top - level) * dims.scale);
            for (var tile = row * 8u; tile < row * 8u + 8u; tile++) {
                parts[tile] = level;
            }
            top = level;
        }
        workgroupBarrier();

        if count > 0u {
            let level = parts[lane];
            var p = vec4<f32>();
            for (var key = 0u; key < count; key++) {
                p[key] = exp((scores[key] - level) * dims.scale);
            }
            block_weights[lane] = p;
            var part = p.x;
            if around {
                part = 0.0 + p.x;
            }
            for (var key = 1u; key < count; key++) {
                part += p[key];
            }
            parts[lane] = part;
        }
        if around && leading {
            leads[row * 4u + quad] = exp((leads[row * 4u + quad] - leads[row * 4u + 3u]) * dims.scale);
        }
        stage_block(next, lane);
        workgroupBarrier();

        if is_own && around {
            sum = parts[lane];
            for (var key = 0u; key < before; key++) {
                sum += leads[row * 4u + key];
            }
            for (var tile = row * 8u; tile < lane; tile++) {
                sum = fma(sum, shrinks[tile], parts[tile]);
            }
        } else if is_own {
            var all = 0.0;
            for (var tile = row * 8u; tile < row * 8u + 8u; tile++) {
                all += parts[tile];
            }
            sum = fma(sum, shrinks[row * 8u], all);
        }
        for (var chunk = 0u; chunk <= last; chunk++) {
            if chunk > 0u {
                workgroupBarrier();
                stage_block(next, lane);
                workgroupBarrier();
            }
            // Loaded while this one is computed with.
            if chunk < last {
                next = load_block(head, true, j, chunk + 1u, lane);
            } else if met < blocks {
                next = load_block(head, false, before + met * 32u, 0u, lane);
            }
            if lane % STEPS < length(chunk) && out_i < dims.S {
                let step = chunk * STEPS + lane % STEPS;
                let o_at = head.q + vec2(out_i, out_i + 1u) * head.q_step + step;
                if around {
                    out = own_values(head, before, out_row, out_quad, step);
                } else {
                    if last > 0u {
                        out = mat2x4<f32>(o_vec4[o_at.x], o_vec4[o_at.y]);
                    }
                    out = shrunk_rows(out, shrinks[out_row * 8u], shrinks[out_row * 8u + 8u]);
                    for (var other = 0u; other < 8u; other++) {
                        out = quad_values(out, out_row, other, lane % STEPS);
                    }
                }
                if last > 0u {
                    o_vec4[o_at.x] = out[0];
                    o_vec4[o_at.y] = out[1];
                }
            }
        }
    }
    if is_own {
        leads[row * 4u + 3u] = 1.0 / sum;
        lse[head.rows + i] = top + log(sum) / dims.scale;
    }
    workgroupBarrier();
    for (var step = lane % STEPS; step < steps() && out_i < dims.S; step += STEPS) {
        let o_at = head.q + vec2(out_i, out_i + 1u) * head.q_step + step;
        if last > 0u {
            out = mat2x4<f32>(o_vec4[o_at.x], o_vec4[o_at.y]);
        }
        out = shrunk_rows(out, leads[out_row * 4u + 3u], leads[out_row * 4u + 7u]);
        o_vec4[o_at.x] = out[0];
        o_vec4[o_at.y] = out[1];
    }
}

fn shrunk_rows(rows: mat2x4<f32>, first: f32, second: f32) -> mat2x4<f32> {
    return mat2x4<f32>(rows[0] * first, rows[1] * second);
}

// What four staged keys add to a vector of rows `row` and `row + 1`.
fn quad_values(before: mat2x4<f32>, row: u32, quad: u32, step: u32) -> mat2x4<f32> {
    let first = block_weights[row * 8u + quad];
    let second = block_weights[row * 8u + 8u + quad];
    let at = staged_row(quad * 4u) + step;
    var rows = weighed(before, first.x, second.x, block_rows[at]);
    rows = weighed(rows, first.y, second.y, block_rows[at + STEPS]);
    rows = weighed(rows, first.z, second.z, block_rows[at + 2u * STEPS]);
    return weighed(rows, first.w, second.w, block_rows[at + 3u * STEPS]);
}

// A vector of rows `row` and `row + 1` from the keys before the first tile, those of their own tile, `quad`, and the
// tiles of the staged block before it.
fn own_values(head: Head, before: u32, row: u32, quad: u32, step: u32) -> mat2x4<f32> {
    var rows = mat2x4<f32>();
    for (var key = 0u; key < before; key++) {
        let value = v_vec4[head.kv + key * head.kv_step + step];
        rows = weighed(rows, leads[row * 4u + key], leads[row * 4u + 4u + key], value);
    }
    let first = block_weights[row * 8u + quad];
    let second = block_weights[row * 8u + 8u + quad];
    let at = staged_row(quad * 4u) + step % STEPS;
    rows = weighed(rows, first.x, second.x, block_rows[at]);
    if row % 4u == 0u {
        rows[1] = fma(second.yyyy, block_rows[at + STEPS], rows[1]);
    } else {
        rows = weighed(rows, first.y, second.y, block_rows[at + STEPS]);
        rows = weighed(rows, first.z, second.z, block_rows[at + 2u * STEPS]);
        rows[1] = fma(second.wwww, block_rows[at + 3u * STEPS], rows[1]);
    }
    for (var tile = 0u; tile < quad; tile++) {
        rows = shrunk_rows(rows, shrinks[row * 8u + tile], shrinks[row * 8u + 8u + tile]);
        rows = quad_values(rows, row, tile, step % STEPS);
    }
    return rows;
}
