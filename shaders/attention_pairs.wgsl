// Continued in attention_rows.wgsl.
//
// The gradients of attention where a workgroup keeps a few rows of one side and walks through the rows of the other.
// Both are staged in workgroup memory, where 16 queries meet eight keys, an invocation to a pair; then the invocations
// divide the elements of the gradient among themselves, two rows by four columns to each, and add up what all pairs
// bring to them. A sum is never divided, so it costs what it costs elsewhere, and its order is fixed.
//
// Chunks of a row are staged for the products of the pairs from the first to the last, then for the gradients back to
// the first, the last of them being there already.

const QUERIES: u32 = 16u;
const KEYS: u32 = 8u;
const STEPS: u32 = 16u;  // vectors in a chunk of a row
const STRIDE: u32 = 17u; // from a staged row to the next: odd, so that rows begin in different banks
const Q: u32 = 272u;     // where staged rows of q begin, behind those of d_o
const K: u32 = 136u;     // where staged rows of k begin, behind those of v
const DS: u32 = 128u;    // where gradients by q . k begin, behind the probabilities

var<workgroup> query_rows: array<vec4<f32>, 544>;
var<workgroup> key_rows: array<vec4<f32>, 272>;
var<workgroup> weights: array<f32, 256>; // of pairs, a key's queries side by side

// What an invocation has loaded before it is staged: a vector of two rows of queries.
struct Queries {
    d_o: mat2x4<f32>,
    q: mat2x4<f32>,
    level: f32, // lse of the query in this invocation's pair
    own: f32,   // delta of it
}

// The same of keys, and of one row.
struct Keys {
    v: vec4<f32>,
    k: vec4<f32>,
}

fn chunks() -> u32 {
    return (steps() + STEPS - 1u) / STEPS;
}

// The chunk that is staged at a stage: up to the last, and back.
fn chunk_at(stage: u32) -> u32 {
    return min(stage, 2u * (chunks() - 1u) - stage);
}

// Vectors in a chunk.
fn length(chunk: u32) -> u32 {
    return min(STEPS, steps() - chunk * STEPS);
}

// This invocation's part of a chunk of QUERIES rows, from row i on. Where there is no such row it is zero.
fn load_queries(head: Head, i: u32, chunk: u32, lane: u32) -> Queries {
    var part = Queries();
    let step = lane % STEPS;
    let row = i + lane / STEPS;
    let at = head.q + row * head.q_step + chunk * STEPS + step;
    if step < length(chunk) && row < dims.S {
        part.d_o[0] = d_o_vec4[at];
        part.q[0] = q_vec4[at];
    }
    if step < length(chunk) && row + 8u < dims.S {
        part.d_o[1] = d_o_vec4[at + 8u * head.q_step];
        part.q[1] = q_vec4[at + 8u * head.q_step];
    }
    let paired = i + lane % QUERIES;
    if paired < dims.S {
        part.level = lse[head.rows + paired];
        part.own = delta[head.rows + paired];
    }
    return part;
}

fn stage_queries(part: Queries, lane: u32) {
    let at = lane / STEPS * STRIDE + lane % STEPS;
    query_rows[at] = part.d_o[0];
    query_rows[at + 8u * STRIDE] = part.d_o[1];
    query_rows[at + Q] = part.q[0];
    query_rows[at + Q + 8u * STRIDE] = part.q[1];
}

// This invocation's part of a chunk of KEYS rows, from row j on. Where there is no such row it is zero.
fn load_keys(head: Head, j: u32, chunk: u32, lane: u32) -> Keys {
    var part = Keys();
    let step = lane % STEPS;
    let row = j + lane / STEPS;
    if step < length(chunk) && row < dims.S {
        let at = head.kv + row * head.kv_step + chunk * STEPS + step;
        part.v = v_vec4[at];
        part.k = k_vec4[at];
    }
    return part;
}

fn stage_keys(part: Keys, lane: u32) {
    let at = lane / STEPS * STRIDE + lane % STEPS;
    key_rows[at] = part.v;
    key_rows[at + K] = part.k;
}

// What a staged chunk brings to q . k and d_o . v of this invocation's pair.
fn pair_products(before: vec2<f32>, count: u32, lane: u32) -> vec2<f32> {
    var q_at = lane % QUERIES * STRIDE;
    var k_at = lane / QUERIES * STRIDE;
    var score = before.x;
    var slope = before.y;
    var step = 0u;
    for (; step + 4u <= count; step += 4u) {
        score = chain(score, query_rows[q_at + Q], key_rows[k_at + K]);
        slope = chain(slope, query_rows[q_at], key_rows[k_at]);
        score = chain(score, query_rows[q_at + Q + 1u], key_rows[k_at + K + 1u]);
        slope = chain(slope, query_rows[q_at + 1u], key_rows[k_at + 1u]);
        score = chain(score, query_rows[q_at + Q + 2u], key_rows[k_at + K + 2u]);
        slope = chain(slope, query_rows[q_at + 2u], key_rows[k_at + 2u]);
        score = chain(score, query_rows[q_at + Q + 3u], key_rows[k_at + K + 3u]);
        slope = chain(slope, query_rows[q_at + 3u], key_rows[k_at + 3u]);
        q_at += 4u;
        k_at += 4u;
    }
    for (; step < count; step++) {
        score = chain(score, query_rows[q_at + Q], key_rows[k_at + K]);
        slope = chain(slope, query_rows[q_at], key_rows[k_at]);
        q_at += 1u;
        k_at += 1u;
    }
    return vec2(score, slope);
}

// The weights of this invocation's pair, from its products.
fn weigh(products: vec2<f32>, level: f32, own: f32, lane: u32) {
    let score = bent(products.x);
    let p = exp((score - level) * dims.scale);
    weights[lane] = p;
    weights[lane + DS] = score_slope(score, p, products.y - own);
}

// One more row for two: each times its weight.
fn weighed(sums: mat2x4<f32>, first: f32, second: f32, row: vec4<f32>) -> mat2x4<f32> {
    return mat2x4<f32>(fma(vec4(first), row, sums[0]), fma(vec4(second), row, sums[1]));
}

// One workgroup computes eight rows of dk and of dv: the sums over the heads that share them. There are
// B KV_HEADS ceil(S / 8) of them. A half of the invocations adds up dv, the other dk.
@compute @workgroup_size(LANES)
fn backward_key_value_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let kv_heads = dims.B * dims.KV_HEADS;
    let at = group.y * groups.x + group.x;
    if at >= kv_heads * ((dims.S + KEYS - 1u) / KEYS) {
        return;
    }
    let b = at % kv_heads / dims.KV_HEADS;
    let sharing = dims.HEADS / dims.KV_HEADS;
    let first = at % dims.KV_HEADS * sharing;
    let j = at / kv_heads * KEYS;
    let keys = head_at(b, first, steps());
    let blocks = (dims.S - j + QUERIES - 1u) / QUERIES;
    let last = chunks() - 1u;

    // This invocation's elements: two adjacent keys, and a vector of each chunk.
    let values = lane < 64u;
    let own_key = lane / STEPS % 4u * 2u;
    let weights_at = select(DS, 0u, values) + own_key * QUERIES;
    let rows_at = select(Q, 0u, values) + lane % STEPS;
    var sums = mat2x4<f32>();

    var next = load_queries(keys, j, 0u, lane);
    for (var met = 0u; met < sharing * blocks; met++) {
        let i = j + met % blocks * QUERIES;
        let count = min(QUERIES, dims.S - i);
        let paired = i + lane % QUERIES;
        let busy = paired < dims.S && j + lane / QUERIES <= paired;
        var products = vec2<f32>();
        for (var stage = 0u; stage <= 2u * last; stage++) {
            let chunk = chunk_at(stage);
            workgroupBarrier();
            let now = next;
            stage_queries(now, lane);
            if stage <= last && (last > 0u || met == 0u) {
                stage_keys(load_keys(keys, j, chunk, lane), lane);
            }
            workgroupBarrier();
            // Loaded while this one is computed with.
            let wraps = stage == 2u * last;
            let then = met + select(0u, 1u, wraps);
            if then < sharing * blocks {
                let head = head_at(b, first + then / blocks, steps());
                next = load_queries(head, j + then % blocks * QUERIES, chunk_at(select(stage + 1u, 0u, wraps)), lane);
            }
            if busy && stage <= last {
                products = pair_products(products, length(chunk), lane);
            }
            if stage == last {
                if busy {
                    weigh(products, now.level, now.own, lane);
                }
                workgroupBarrier();
            }
            if stage >= last && lane % STEPS < length(chunk) {
                let step = chunk * STEPS + lane % STEPS;
                if last > 0u && met > 0u {
                    sums = load_key_gradients(keys, values, j + own_key, step);
                } else if last > 0u {
                    sums = mat2x4<f32>();
                }
                var query = 0u;
                // The second key meets every query that the first one meets but its own.
                if met % blocks == 0u && own_key < count {
                    query = own_key + 1u;
                    sums[0] = fma(vec4(weights[weights_at + own_key]), query_rows[rows_at + own_key * STRIDE], sums[0]);
                } else if met % blocks == 0u {
                    query = count;
                }
                var weight_at = weights_at + query;
                var row_at = rows_at + query * STRIDE;
                for (; query + 4u <= count; query += 4u) {
                    sums = weighed(sums, weights[weight_at], weights[weight_at + QUERIES], query_rows[row_at]);
                    sums = weighed(sums, weights[weight_at + 1u], weights[weight_at + QUERIES + 1u], query_rows[row_at + STRIDE]);
                    sums = weighed(sums, weights[weight_at + 2u], weights[weight_at + QUERIES + 2u], query_rows[row_at + 2u * STRIDE]);
                    sums = weighed(sums, weights[weight_at + 3u], weights[weight_at + QUERIES + 3u], query_rows[row_at + 3u * STRIDE]);
                    weight_at += 4u;
                    row_at += 4u * STRIDE;
                }
                for (; query < count; query++) {
                    sums = weighed(sums, weights[weight_at], weights[weight_at + QUERIES], query_rows[row_at]);
                    weight_at += 1u;
                    row_at += STRIDE;
                }
                if last > 0u {
                    store_key_gradients(keys, values, j + own_key, step, sums);
                }
            }
        }
    }
    if last == 0u && lane % STEPS < steps() {
        store_key_gradients(keys, values, j + own_key, lane % STEPS, sums);
    }
}

// A vector of rows j and j + 1 of dv or of dk, as far as there are such rows.
fn load_key_gradients(head: Head, values: bool, j: u32, step: u32) -> mat2x4<f32> {
    let at = head.kv + j * head.kv_step + step;
    var rows = mat2x4<f32>();
    if values && j < dims.S {
        rows[0] = dv_vec4[at];
    } else if j < dims.S {
        rows[0] = dk_vec4[at];
    }
    if values && j + 1u < dims.S {
        rows[1] = dv_vec4[at + head.kv_step];
    } else if j + 1u < dims.S {
        rows[1] = dk_vec4[at + head.kv_step];
    }
    return rows;
}

fn store_key_gradients(head: Head, values: bool, j: u32, step: u32, rows: mat2x4<f32>) {
    let at = head.kv + j * head.kv_step + step;
    if values && j < dims.S {
        dv_vec4[at] = rows[0];
    } else if j < dims.S {
        dk_vec4[at] = rows[0];
    }
    if values && j + 1u < dims.S {
        dv_vec4[at + head.kv_step] = rows[1];
    } else if j + 1u < dims.S {
        dk_vec4[at + head.kv_step] = rows[1];
    }
}

// One workgroup computes 16 rows of dq; there are B HEADS ceil(S / 16) of them.
@compute @workgroup_size(LANES)
fn backward_query_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let heads = dims.B * dims.HEADS;
    let per_head = (dims.S + QUERIES - 1u) / QUERIES;
    let at = group.y * groups.x + group.x;
    if at >= heads * per_head {
        return;
    }
    let head = head_at(at % heads / dims.HEADS, at % dims.HEADS, steps());
    let i = (per_head - 1u - at / heads) * QUERIES;
    let end = min(i + QUERIES, dims.S);
    let blocks = (end + KEYS - 1u) / KEYS;
    let last = chunks() - 1u;

    // This invocation's elements: two adjacent queries, and a vector of each chunk. They meet the keys up to themselves.
    let own_query = lane / STEPS * 2u;
    let meets = select(vec2(0u), i + own_query + vec2(1u, 2u), i + own_query + vec2(0u, 1u) < vec2(end));
    var sums = mat2x4<f32>();

    var next = load_keys(head, 0u, 0u, lane);
    var level = 0.0;
    var own = 0.0;
    for (var block = 0u; block < blocks; block++) {
        let j = block * KEYS;
        let paired = i + lane % QUERIES;
        let busy = paired < end && j + lane / QUERIES <= paired;
        var products = vec2<f32>();
        for (var stage = 0u; stage <= 2u * last; stage++) {
            let chunk = chunk_at(stage);
            workgroupBarrier();
            stage_keys(next, lane);
            if stage <= last && (last > 0u || block == 0u) {
                let queries = load_queries(head, i, chunk, lane);
                level = queries.level;
                own = queries.own;
                stage_queries(queries, lane);
            }
            workgroupBarrier();
            // Loaded while this one is computed with.
            let wraps = stage == 2u * last;
            let then = block + select(0u, 1u, wraps);
            if then < blocks {
                next = load_keys(head, then * KEYS, chunk_at(select(stage + 1u, 0u, wraps)), lane);
            }
            if busy && stage <= last {
                products = pair_products(products, length(chunk), lane);
            }
            if stage == last {
                if busy {
                    weigh(products, level, own, lane);
                }
                workgroupBarrier();
            }
            if stage >= last && lane % STEPS < length(chunk) {
                let step = chunk * STEPS + lane % STEPS;
                if last > 0u && block > 0u {
                    sums = load_query_gradients(head, i + own_query, step);
                } else if last > 0u {
                    sums = mat2x4<f32>();
                }
                // The second query, where there is one, meets every key that the first one meets.
                let counts = min(max(meets, vec2(j)) - j, vec2(KEYS));
                var key = 0u;
                var weight_at = DS + own_query;
                var row_at = K + lane % STEPS;
                let both = min(counts.x, counts.y);
                for (; key + 4u <= both; key += 4u) {
                    sums = weighed(sums, weights[weight_at], weights[weight_at + 1u], key_rows[row_at]);
                    sums = weighed(sums, weights[weight_at + QUERIES], weights[weight_at + QUERIES + 1u], key_rows[row_at + STRIDE]);
                    sums = weighed(sums, weights[weight_at + 2u * QUERIES], weights[weight_at + 2u * QUERIES + 1u], key_rows[row_at + 2u * STRIDE]);
                    sums = weighed(sums, weights[weight_at + 3u * QUERIES], weights[weight_at + 3u * QUERIES + 1u], key_rows[row_at + 3u * STRIDE]);
                    weight_at += 4u * QUERIES;
                    row_at += 4u * STRIDE;
                }
                for (; key < both; key++) {
                    sums = weighed(sums, weights[weight_at], weights[weight_at + 1u], key_rows[row_at]);
                    weight_at += QUERIES;
                    row_at += STRIDE;
                }
                // The second query's own key.
                if key < counts.y {
                    sums[1] = fma(vec4(weights[weight_at + 1u]), key_rows[row_at], sums[1]);
                }
                // The first query alone: the last of its sequence.
                for (; key < counts.x; key++) {
                    sums[0] = fma(vec4(weights[weight_at]), key_rows[row_at], sums[0]);
                    weight_at += QUERIES;
                    row_at += STRIDE;
                }
                if last > 0u {
                    store_query_gradients(head, i + own_query, step, sums);
                }
            }
        }
    }
    if last == 0u && lane % STEPS < steps() {
        store_query_gradients(head, i + own_query, lane % STEPS, sums);
    }
}

// A vector of rows i and i + 1 of dq, as far as there are such rows.
fn load_query_gradients(head: Head, i: u32, step: u32) -> mat2x4<f32> {
    let at = head.q + i * head.q_step + step;
    var rows = mat2x4<f32>();
    if i < dims.S {
        rows[0] = dq_vec4[at];
    }
    if i + 1u < dims.S {
        rows[1] = dq_vec4[at + head.q_step];
    }
    return rows;
}

fn store_query_gradients(head: Head, i: u32, step: u32, rows: mat2x4<f32>) {
    let at = head.q + i * head.q_step + step;
    if i < dims.S {
        dq_vec4[at] = rows[0];
    }
    if i + 1u < dims.S {
        dq_vec4[at + head.q_step] = rows[1];
    }
}
