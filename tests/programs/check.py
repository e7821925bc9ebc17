"""Programs from packages, unmodified: each leaves the same with the layer and without it, and its kernels execute what
a formula says. The first argument is the program flopmeter, the second, if there is one, `more` or `torch`; a difference
is exit code 1."""

import json
import pathlib
import subprocess
import sys
import tempfile
from fractions import Fraction

HERE = pathlib.Path(__file__).parent

# A product of N x N matrices multiplies and adds N^3 times.
PRODUCT = {"f32.mul": 128**3, "f32.add": 128**3, "f32.fma": 0}
# Each element is multiplied once and added to once.
SAXPY = {"f32.mul": 1 << 16, "f32.add": 1 << 16, "f32.fma": 0}


def convolution(runs, outputs, weights):
    """Each output is a sum of that many products, and begins with its bias."""
    return {"f32.mul": runs * outputs * weights, "f32.add": runs * outputs * weights, "f32.fma": 0}


def llama(prompt, word):
    """A model of four layers reads 128 tokens, then one more: what the products of the prompt's words, those of single
    words and attention execute. `prompt` has what the first say of each weight, and `word` what the second do."""
    layers, width, heads, keys, between, words, tokens = 4, 256, 4, 128, 768, 1000, 128
    attention, network, output = width * (2 * width + 2 * keys), 3 * width * between, width * words
    layer = attention + network
    # Behind the last layer's attention only the prompt's last word is of interest.
    many = tokens * (layers * layer - network)
    one = (network + output) + (layers * layer + output)
    # Words look at those before them: of 4 x 4 tiles of 32 x 32 words each, those that have such pairs.
    pairs = layers * heads * (1 + 2 + 3 + 4) * 32 * 32
    return [
        {op: share * many for op, share in prompt.items()},
        {op: share * one for op, share in word.items()},
        {"f32.fma": pairs * width // heads},
    ]


# The program and its arguments, and what some of its kernels execute, however many others there are.
PROGRAMS = {
    "wgpu_product": [PRODUCT],
    "numba_saxpy": [SAXPY],
    "numba_workers": [{op: 2 * count for op, count in SAXPY.items()}],
    "ncnn_net": [
        convolution(11, 64 * 64 * 16, 3 * 3 * 3),
        convolution(11, 32 * 32 * 32, 3 * 3 * 16),
        convolution(11, 10, 32 * 32 * 32),
    ],
}

# The same, of packages that are large: 600 MB.
MORE = {
    # The product of each fma stands beside it once more, and nobody uses it.
    "taichi_product": [
        {"f32.fma": 3 * 256**3, "f32.mul": 3 * 256**3, "f32.add": 0},
        {"f32.fma": 1 << 20, "f32.mul": 1 << 20, "f32.add": 0},
    ],
    "iree_product": [{"f32.fma": 128**3, "f32.mul": 0, "f32.add": 0}],
    "realesrgan_image": [
        # The first convolution, and 17 more by Winograd's method: 36 products in place of 16 x 9, for tiles of 4 x 4
        # pixels, of which there are 21 x 21 and three that fill the last workgroup.
        convolution(1, 84 * 84 * 64, 3 * 3 * 3),
        convolution(1, 36 * 444 * (16 * 64 + 48), 64),
    ],
    "llama_tokens tiny f32": llama({"f32.fma": 1, "f32.mul": 0, "f16.fma": 0}, {"f32.mul": 1, "f32.fma": 0}),
    "llama_tokens tiny f16": llama({"f16.fma": 1, "f32.mul": 0, "f32.fma": 0}, {"f32.mul": 1, "f32.fma": 0}),
    # A block of weights has a factor. A weight is multiplied by it once for all words of the prompt, which are one tile
    # of the product, and the products of a single word once for each eight of them.
    "llama_tokens tiny q8_0": llama({"f16.fma": 1, "f32.mul": Fraction(1, 128)}, {"f32.mul": Fraction(9, 8)}),
}

# The same, of a package that is larger still: 6 GB. A transformer's block of 128 words, 256 wide, with 4 heads.
WORDS, WIDTH, HEADS = 128, 256, 4
TORCH = {
    "torch_block": [
        # Products, to which some add a bias, a residual, a scale and the mask: those of queries, keys and values,
        {"f32.fma": WORDS * WIDTH * 3 * WIDTH, "f32.mul": 0, "f32.add": 0},
        # of queries with keys, and of what these give with values, causal or not,
        {"f32.fma": WORDS**2 * WIDTH, "f32.mul": WORDS**2 * HEADS, "f32.add": WORDS**2 * HEADS},
        {"f32.fma": WORDS**2 * WIDTH, "f32.mul": 0, "f32.add": 0},
        # and of the outputs of attention and of the network.
        {"f32.fma": WORDS * WIDTH * WIDTH, "f32.mul": 0, "f32.add": 2 * WORDS * WIDTH},
        {"f32.fma": WORDS * 4 * WIDTH * WIDTH, "f32.mul": 0, "f32.add": 2 * WORDS * WIDTH},
    ],
}


def output(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(flopmeter, name, expected):
    program, *arguments = name.split()
    command = [sys.executable, str(HERE / f"{program}.py"), *arguments]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "run.json"
        run = [flopmeter, "run", "--count-only", "--strict", "--json", str(path), "--", *command]
        with_layer, plain = output(run), output(command)
        report = json.loads(path.read_text())
    assert with_layer == plain, f"{name}: its results differ: {with_layer} {plain}"
    floats = [
        {op: count for op, count in kernel["ops"].items() if op.endswith((".mul", ".add", ".fma"))}
        for kernel in report["kernels"]
    ]
    for kernel in expected:
        executes = any(all(ops.get(op, 0) == count for op, count in kernel.items()) for ops in floats)
        assert executes, f"{name}: no kernel executes {kernel}: {floats}"
    flops, dispatches = (report["totals"][key] for key in ("flops", "dispatches"))
    print(f"{name}: {flops} FLOPs in {dispatches} dispatches of {len(floats)} kernels, as by formula")


GROUPS = {"more": PROGRAMS | MORE, "torch": TORCH}
for name, expected in (GROUPS[sys.argv[2]] if sys.argv[2:] else PROGRAMS).items():
    check(sys.argv[1], name, expected)
