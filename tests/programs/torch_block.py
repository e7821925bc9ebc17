"""A block of a transformer in PyTorch, exported and compiled for Vulkan by IREE, which computes what PyTorch does. The
FLOPs that PyTorch's FlopCounterMode counts go to standard error."""

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import iree.compiler
import numpy
import torch
from iree.turbine import aot
from torch.utils.flop_counter import FlopCounterMode

TOKENS, WIDTH, HEADS = 128, 256, 4


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(WIDTH) for _ in range(2))
        self.register_buffer("mask", torch.full((TOKENS, TOKENS), float("-inf")).triu(1))
        self.qkv = torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.out = torch.nn.Linear(WIDTH, WIDTH)
        self.up = torch.nn.Linear(WIDTH, 4 * WIDTH)
        self.down = torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        heads = self.qkv(self.norms[0](x)).view(1, TOKENS, 3, HEADS, WIDTH // HEADS)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        # IREE compiles no scaled_dot_product_attention for Vulkan.
        scores = (q @ k.transpose(2, 3)) * (WIDTH // HEADS) ** -0.5
        mixed = torch.softmax(scores + self.mask, -1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(1, TOKENS, WIDTH))
        return x + self.down(torch.nn.functional.gelu(self.up(self.norms[1](x))))


torch.manual_seed(0)
block, x = Block().eval(), torch.randn(1, TOKENS, WIDTH)
with torch.no_grad(), FlopCounterMode(display=False) as counter:
    expected = block(x)
print(f"FlopCounterMode: {counter.get_total_flops()} FLOPs", file=sys.stderr)
program = str(aot.export(block, x).mlir_module)
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    module = folder / "block.vmfb"
    module.write_bytes(iree.compiler.compile_str(program, target_backends=["vulkan-spirv"]))
    numpy.save(folder / "x.npy", x.numpy())
    runner = pathlib.Path(sys.executable).with_name("iree-run-module")
    arrays = [f"--input=@{folder / 'x.npy'}", f"--output=@{folder / 'y.npy'}"]
    command = [runner, "--device=vulkan", f"--module={module}", "--function=main", *arrays]
    subprocess.run(command, check=True, capture_output=True)
    y = numpy.load(folder / "y.npy")
# Sums of up to 1,024 products of numbers near one, in another order.
numpy.testing.assert_allclose(y, expected.numpy(), rtol=1e-4, atol=1e-4)
print(hashlib.sha256(y.tobytes()).hexdigest())
