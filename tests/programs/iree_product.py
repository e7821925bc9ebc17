"""A product of 128 x 128 matrices, compiled and run by IREE."""

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import iree.compiler

N = 128
MATRIX = f"tensor<{N}x{N}xf32>"
PROGRAM = f"""
func.func @product(%a: {MATRIX}, %b: {MATRIX}) -> {MATRIX} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : {MATRIX}
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : {MATRIX}) -> {MATRIX}
  %c = linalg.matmul ins(%a, %b : {MATRIX}, {MATRIX}) outs(%zeros : {MATRIX}) -> {MATRIX}
  return %c : {MATRIX}
}}"""

with tempfile.TemporaryDirectory() as folder:
    module = pathlib.Path(folder) / "product.vmfb"
    module.write_bytes(iree.compiler.compile_str(PROGRAM, target_backends=["vulkan-spirv"]))
    runner = pathlib.Path(sys.executable).with_name("iree-run-module")
    matrices = [f"--input={N}x{N}xf32={value}" for value in (2, 3)]
    command = [runner, "--device=vulkan", f"--module={module}", "--function=product", *matrices]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
assert f"[{' '.join(['768'] * N)}]" in said, said
print(hashlib.sha256(said.encode()).hexdigest())
