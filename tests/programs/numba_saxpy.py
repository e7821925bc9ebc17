"""2^16 elements of a x + y, compiled from Python by numba-vulkan."""

import hashlib

import numba_vulkan
import numpy as np

N = 1 << 16


@numba_vulkan.jit
def saxpy(a, x, y):
    i = numba_vulkan.global_id(0)
    if i < x.shape[0]:
        y[i] = a * x[i] + y[i]


random = np.random.default_rng(1)
x, y = (random.random(N, dtype=np.float32) for _ in range(2))
expected = 2 * x + y
saxpy.forall(N)(np.float32(2), x, y)
assert np.allclose(y, expected)
print(hashlib.sha256(y.tobytes()).hexdigest())
