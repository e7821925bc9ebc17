// The kernels that the playground begins with.

const product = `@group(0) @binding(0) var<storage> a: array<f32>; // (N, N)
@group(0) @binding(1) var<storage> b: array<f32>; // (N, N)
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // (N, N)
override N: u32 = 64;

@compute @workgroup_size(8, 8)
fn product(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= N || id.y >= N) { return; }
    var sum = 0.0;
    for (var k = 0u; k < N; k++) {
        sum = fma(a[id.y * N + k], b[k * N + id.x], sum);
    }
    c[id.y * N + id.x] = sum;
}`;

const tiled = `@group(0) @binding(0) var<storage> a: array<f32>; // (N, N)
@group(0) @binding(1) var<storage> b: array<f32>; // (N, N)
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // (N, N)
override N: u32 = 64;
const TILE = 8u;
var<workgroup> rows: array<array<f32, TILE>, TILE>;
var<workgroup> columns: array<array<f32, TILE>, TILE>;

// The edge of a tile that hangs over N is multiplied too: compare N = 64 with N = 65.
@compute @workgroup_size(TILE, TILE)
fn product(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_id) at: vec3<u32>) {
    var sum = 0.0;
    for (var k = 0u; k < N; k += TILE) {
        let inside = id.y < N && k + at.x < N;
        rows[at.y][at.x] = select(0.0, a[min(id.y * N + k + at.x, N * N - 1)], inside);
        let beside = id.x < N && k + at.y < N;
        columns[at.y][at.x] = select(0.0, b[min((k + at.y) * N + id.x, N * N - 1)], beside);
        workgroupBarrier();
        for (var i = 0u; i < TILE; i++) {
            sum = fma(rows[at.y][i], columns[i][at.x], sum);
        }
        workgroupBarrier();
    }
    if (id.x < N && id.y < N) { c[id.y * N + id.x] = sum; }
}`;

const softmax = `@group(0) @binding(0) var<storage, read_write> x: array<f32>; // (rows, N)
override N: u32 = 100;

@compute @workgroup_size(32)
fn softmax(@builtin(global_invocation_id) id: vec3<u32>) {
    let first = id.x * N;
    if (first >= arrayLength(&x)) { return; }
    var most = x[first];
    for (var i = 1u; i < N; i++) { most = max(most, x[first + i]); }
    var sum = 0.0;
    for (var i = 0u; i < N; i++) {
        let e = exp(x[first + i] - most);
        x[first + i] = e;
        sum += e;
    }
    for (var i = 0u; i < N; i++) { x[first + i] /= sum; }
}`;

const bodies = `@group(0) @binding(0) var<storage> position: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> acceleration: array<vec4<f32>>;

@compute @workgroup_size(64)
fn forces(@builtin(global_invocation_id) id: vec3<u32>) {
    let n = arrayLength(&position);
    if (id.x >= n) { return; }
    let me = position[id.x].xyz;
    var sum = vec3<f32>(0.0);
    for (var j = 0u; j < n; j++) {
        let other = position[j];
        let d = other.xyz - me;
        let r2 = dot(d, d) + 0.01;
        sum += d * (other.w * inverseSqrt(r2 * r2 * r2));
    }
    acceleration[id.x] = vec4(sum, 0.0);
}`;

const collatz = `@group(0) @binding(0) var<storage, read_write> n: array<f32>;

// How many steps each number takes depends on the number: no formula knows, the device counts.
@compute @workgroup_size(64)
fn collatz(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= arrayLength(&n)) { return; }
    var x = n[id.x];
    var steps = 0.0;
    while (x > 1.0) {
        let half = x * 0.5;
        if (floor(half) == half) {
            x = half;
        } else {
            x = fma(3.0, x, 1.0);
        }
        steps += 1.0;
    }
    n[id.x] = steps;
}`;

export const examples = [
  { name: "Collatz", source: collatz, grid: "16", overrides: "", bind: "0.0=iota:1000" },
  { name: "matrix product", source: product, grid: "8,8", overrides: "N=64", bind: "0.0=random:4096 0.1=random:4096 0.2=zeros:4096" },
  { name: "matrix product, tiled", source: tiled, grid: "9,9", overrides: "N=65", bind: "0.0=random:4225 0.1=random:4225 0.2=zeros:4225" },
  { name: "softmax", source: softmax, grid: "2", overrides: "N=100", bind: "0.0=random:6400" },
  { name: "n-body", source: bodies, grid: "4", overrides: "", bind: "0.0=random:1024 0.1=zeros:1024" },
];
