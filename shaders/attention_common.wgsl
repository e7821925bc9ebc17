// Continued in bounded.wgsl, with products.wgsl for elements.wgsl.
//
// What the files of attention share: dimensions and bindings, where a head's rows are, how tiles are read and
// written, and what a block of scores goes through.

override LANES: u32;
// 1: a pair's score is tanh(inner * q . k), so that scale * score is bounded by `scale`; 0: it is q . k.
override CAPPED: u32;

struct Dims {
    B: u32,
    S: u32,
    HEADS: u32,
    KV_HEADS: u32, // divides HEADS
    WIDTH: u32,    // of a head
    WINDOW: u32,   // keys that a query meets at most; the vec4 entries want it to be S
    scale: f32,    // of scores in the exponent; positive
    inner: f32,    // of q . k in tanh
    slope: f32,    // of the gradient by q . k where nothing is bent: scale, or scale * inner
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

// A block: what a tile of four rows and 32 other rows have in common, four of those at a time.
alias Block = Panel;

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

// The score of a pair, from q . k.
fn bent(c: f32) -> f32 {
    if CAPPED == 0u {
        return c;
    }
    return tanh(bounded(c * dims.inner));
}

// The gradient by the product q . k of a pair, from its score, p, and the gradient by p less delta.
fn score_slope(score: f32, p: f32, dp: f32) -> f32 {
    let ds = p * dp * dims.slope;
    if CAPPED == 0u {
        return ds;
    }
    return ds * (1.0 - score * score);
}

// The scores of a tile, from q . k.
fn bent_quad(c: mat4x4<f32>) -> mat4x4<f32> {
    if CAPPED == 0u {
        return c;
    }
    return mat4x4<f32>(
        tanh(bounded_quad(c[0] * dims.inner)),
        tanh(bounded_quad(c[1] * dims.inner)),
        tanh(bounded_quad(c[2] * dims.inner)),
        tanh(bounded_quad(c[3] * dims.inner)),
    );
}

// The scores of a block, from q . k.
fn bent_block(c: Block) -> Block {
    if CAPPED == 0u {
        return c;
    }
    return Block(
        bent_quad(c.r0),
        bent_quad(c.r4),
        bent_quad(c.r8),
        bent_quad(c.r12),
        bent_quad(c.r16),
        bent_quad(c.r20),
        bent_quad(c.r24),
        bent_quad(c.r28),
    );
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

// The gradient by the product q . k, from the scores, p and the gradient by p: p * (dp - delta) * slope, less
// where scores are bent.
fn score_gradient(s: mat4x4<f32>, p: mat4x4<f32>, dp: mat4x4<f32>, own: vec4<f32>) -> mat4x4<f32> {
    let ds = mat4x4<f32>(
        p[0] * (dp[0] - own) * dims.slope,
        p[1] * (dp[1] - own) * dims.slope,
        p[2] * (dp[2] - own) * dims.slope,
        p[3] * (dp[3] - own) * dims.slope,
    );
    if CAPPED == 0u {
        return ds;
    }
    return mat4x4<f32>(
        ds[0] * (1.0 - s[0] * s[0]),
        ds[1] * (1.0 - s[1] * s[1]),
        ds[2] * (1.0 - s[2] * s[2]),
        ds[3] * (1.0 - s[3] * s[3]),
    );
}

// Rows of a matrix, each multiplied by a component.
fn shrunk(c: mat4x4<f32>, factors: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(c[0] * factors.x, c[1] * factors.y, c[2] * factors.z, c[3] * factors.w);
}
