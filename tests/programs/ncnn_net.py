"""Two convolutions, a fully connected layer and a softmax, with weights by NumPy, by ncnn: eleven runs."""

import hashlib
import pathlib
import tempfile

import ncnn
import numpy as np

PARAM = """7767517
6 6
Input            in   0 1 in 0=64 1=64 2=3
Convolution      c1   1 1 in a 0=16 1=3 4=1 5=1 6=432 9=1
Convolution      c2   1 1 a b 0=32 1=3 3=2 4=1 5=1 6=4608 9=1
Flatten          fl   1 1 b c
InnerProduct     fc   1 1 c d 0=10 1=1 2=327680
Softmax          sm   1 1 d out
"""

random = np.random.default_rng(1)


def tensor(*shape):
    return random.standard_normal(shape).astype(np.float32) * 0.05


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    (folder / "net.param").write_text(PARAM)
    with open(folder / "net.bin", "wb") as file:
        for weights, bias in ((432, 16), (4608, 32), (327680, 10)):
            file.write(bytes(4) + tensor(weights).tobytes() + tensor(bias).tobytes())
    net = ncnn.Net()
    net.opt.use_vulkan_compute = True
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_winograd_convolution = net.opt.use_sgemm_convolution = False
    assert net.load_param(str(folder / "net.param")) == 0
    assert net.load_model(str(folder / "net.bin")) == 0
    pixels = tensor(3, 64, 64)
    image = ncnn.Mat(pixels)
    for _ in range(11):
        with net.create_extractor() as extractor:
            extractor.input("in", image)
            result, out = extractor.extract("out")
            assert result == 0
    out = np.array(out)
assert abs(out.sum() - 1) < 1e-3
print(hashlib.sha256(out.tobytes()).hexdigest())
