"""A product of 128 x 128 matrices in WGSL, by wgpu-py."""

import hashlib

import numpy as np
from wgpu.utils.compute import compute_with_buffers

N = 128
SOURCE = """
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var sum = 0.0;
    for (var k = 0u; k < 128u; k++) { sum += a[id.y * 128u + k] * b[k * 128u + id.x]; }
    c[id.y * 128u + id.x] = sum;
}
"""

random = np.random.default_rng(1)
a, b = (random.random((N, N), dtype=np.float32) for _ in range(2))
out = compute_with_buffers({0: a, 1: b}, {2: (N * N, "f")}, SOURCE, n=(N // 8, N // 8, 1))
c = np.frombuffer(out[2], dtype=np.float32).reshape(N, N)
assert np.allclose(c, a @ b, rtol=1e-4)
print(hashlib.sha256(c.tobytes()).hexdigest())
