"""Programs from packages, unmodified: each leaves the same with the layer and without it, and its kernels execute what
a formula says. The first argument is the program flopmeter, the second, if there is one, `more`; a difference is exit
code 1."""

import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent

# A product of N x N matrices multiplies and adds N^3 times.
PRODUCT = {"f32.mul": 128**3, "f32.add": 128**3}
# Each element is multiplied once and added to once.
SAXPY = {"f32.mul": 1 << 16, "f32.add": 1 << 16}


def convolution(runs, outputs, weights):
    """Each output is a sum of that many products, and begins with its bias."""
    return {"f32.mul": runs * outputs * weights, "f32.add": runs * outputs * weights}


# Name, and what some of its kernels execute, however many others there are.
PROGRAMS = {
    "wgpu_product": [PRODUCT],
    "numba_saxpy": [SAXPY],
    "ncnn_net": [
        convolution(11, 64 * 64 * 16, 3 * 3 * 3),
        convolution(11, 32 * 32 * 32, 3 * 3 * 16),
        convolution(11, 10, 32 * 32 * 32),
    ],
}

# The same, of packages that are large: 600 MB.
MORE = {
    # The product of each fma stands beside it once more, and nobody uses it.
    "taichi_product": [{"f32.fma": 3 * 256**3, "f32.mul": 3 * 256**3}, {"f32.fma": 1 << 20, "f32.mul": 1 << 20}],
    "iree_product": [{"f32.fma": 128**3}],
    "realesrgan_image": [
        # The first convolution, and 17 more by Winograd's method: 36 products in place of 16 x 9, for tiles of 4 x 4
        # pixels, of which there are 21 x 21 and three that fill the last workgroup.
        convolution(1, 84 * 84 * 64, 3 * 3 * 3),
        convolution(1, 36 * 444 * (16 * 64 + 48), 64),
    ],
}


def output(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(flopmeter, name, expected):
    command = [sys.executable, str(HERE / f"{name}.py")]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "run.json"
        run = [flopmeter, "run", "--count-only", "--strict", "--json", str(path), "--", *command]
        with_layer, plain = output(run), output(command)
        report = json.loads(path.read_text())
    assert with_layer == plain, f"{name}: its results differ: {with_layer} {plain}"
    floats = [
        {op: count for op, count in kernel["ops"].items() if op in ("f32.mul", "f32.add", "f32.fma")}
        for kernel in report["kernels"]
    ]
    for kernel in expected:
        assert kernel in floats, f"{name}: no kernel executes {kernel}: {floats}"
    flops, dispatches = (report["totals"][key] for key in ("flops", "dispatches"))
    print(f"{name}: {flops} FLOPs in {dispatches} dispatches of {len(floats)} kernels, as by formula")


for name, expected in (PROGRAMS | (MORE if sys.argv[2:] == ["more"] else {})).items():
    check(sys.argv[1], name, expected)
