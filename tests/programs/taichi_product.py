"""Three products of 256 x 256 matrices, and y = 2 x + y, by taichi."""

import hashlib

import taichi as ti

N = 256
ti.init(arch=ti.vulkan, log_level=ti.WARN)
assert ti.cfg.arch == ti.vulkan
a, b, c = (ti.field(ti.f32, (N, N)) for _ in range(3))
x, y = (ti.field(ti.f32, 1 << 20) for _ in range(2))


@ti.kernel
def fill():
    for i in x:
        x[i] = i % 7
        y[i] = i % 5
    for i, j in a:
        a[i, j] = i % 3
        b[i, j] = j % 4


@ti.kernel
def saxpy(factor: ti.f32):
    for i in x:
        y[i] = factor * x[i] + y[i]


@ti.kernel
def product():
    for i, j in c:
        total = 0.0
        for k in range(N):
            total += a[i, k] * b[k, j]
        c[i, j] = total


fill()
saxpy(2.0)
for _ in range(3):
    product()
assert c[1, 1] == N and y[10] == 2 * 3 + 0
print(hashlib.sha256(c.to_numpy().tobytes() + y.to_numpy().tobytes()).hexdigest())
