"""A prompt and one more token by llama.cpp, through the C interface of its library, of a model with weights by NumPy.

The arguments are the model's shape (`tiny`, which is taken where there is none, or that of `qwen2.5-0.5b`), the type of
its matrices (`f32`, `f16` or `q8_0`), the folder of the libraries, which is else that of the package from npm in the
virtual environment, and the model's file, which is written where there is none."""

import ctypes
import hashlib
import os
import pathlib
import struct
import sys
import tempfile

import numpy as np

# Layers, width, heads, heads of keys and values, width between, words, and tokens of the prompt.
SHAPES = {
    "tiny": (4, 256, 4, 2, 768, 1000, 128),
    "qwen2.5-0.5b": (24, 896, 14, 2, 4864, 151936, 512),
}
PACKAGE = "node_modules/@node-llama-cpp/linux-x64-vulkan/bins/linux-x64-vulkan"


def f32(matrix):
    return matrix.astype(np.float32).tobytes()


def f16(matrix):
    return matrix.astype(np.float16).tobytes()


def q8_0(matrix):
    """Blocks of 32 weights: what one is worth, and as many signed bytes."""
    blocks = matrix.reshape(-1, 32)
    scale = (abs(blocks).max(1) / 127).astype(np.float16)
    packed = np.empty(len(blocks), [("scale", np.float16), ("weights", np.int8, 32)])
    packed["scale"] = scale
    packed["weights"] = np.rint(blocks / scale[:, None].astype(np.float32)).clip(-127, 127)
    return packed.tobytes()


# The number that the format has for each type.
TYPES = {f32: 0, f16: 1, q8_0: 8}


class Model:
    """A file in the format GGUF."""

    def __init__(self):
        self.random = np.random.default_rng(1)
        self.keys, self.tensors, self.data = [], [], []
        self.size = 0

    @staticmethod
    def string(text):
        return struct.pack("<Q", len(text)) + text.encode()

    def key(self, name, value):
        kinds = {int: (4, "<I"), float: (6, "<f")}
        if isinstance(value, str):
            self.keys.append(self.string(name) + struct.pack("<I", 8) + self.string(value))
        else:
            kind, layout = kinds[type(value)]
            self.keys.append(self.string(name) + struct.pack("<I", kind) + struct.pack(layout, value))

    def tensor(self, name, encode, values):
        shape = values.shape[::-1]
        place = struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, TYPES[encode], self.size)
        self.tensors.append(self.string(name) + place)
        data = encode(values)
        self.data.append(data + bytes(-len(data) % 32))
        self.size += len(self.data[-1])

    def matrix(self, name, encode, rows, columns):
        values = self.random.standard_normal((rows, columns), np.float32)
        self.tensor(name, encode, values / np.float32(columns**0.5))

    def vector(self, name, values):
        self.tensor(name, f32, values)

    def write(self, path):
        counts = struct.pack("<4sIQQ", b"GGUF", 3, len(self.tensors), len(self.keys))
        head = counts + b"".join(self.keys) + b"".join(self.tensors)
        with open(path, "wb") as file:
            file.write(head + bytes(-len(head) % 32))
            file.writelines(self.data)


def qwen2(shape, encode):
    layers, width, heads, key_heads, between, words, _ = shape
    model = Model()
    model.key("general.architecture", "qwen2")
    model.key("tokenizer.ggml.model", "no_vocab")
    for name, value in (
        ("vocab_size", words),
        ("block_count", layers),
        ("context_length", 1024),
        ("embedding_length", width),
        ("feed_forward_length", between),
        ("attention.head_count", heads),
        ("attention.head_count_kv", key_heads),
        ("attention.layer_norm_rms_epsilon", 1e-6),
        ("rope.freq_base", 1e6),
    ):
        model.key(f"qwen2.{name}", value)
    keys = width // heads * key_heads
    model.matrix("token_embd.weight", encode, words, width)
    model.vector("output_norm.weight", np.ones(width))
    for layer in range(layers):
        block = f"blk.{layer}"
        for name in ("attn_norm", "ffn_norm"):
            model.vector(f"{block}.{name}.weight", np.ones(width))
        for name, rows in (("attn_q", width), ("attn_k", keys), ("attn_v", keys)):
            model.matrix(f"{block}.{name}.weight", encode, rows, width)
            model.vector(f"{block}.{name}.bias", np.zeros(rows))
        model.matrix(f"{block}.attn_output.weight", encode, width, width)
        for name in ("ffn_gate", "ffn_up"):
            model.matrix(f"{block}.{name}.weight", encode, between, width)
        model.matrix(f"{block}.ffn_down.weight", encode, width, between)
    return model


class ModelParameters(ctypes.Structure):
    """`llama_model_params` of llama.cpp 0.5.0: what is not read here has no name."""

    _fields_ = [("_", ctypes.c_void_p * 2), ("gpu_layers", ctypes.c_int32), ("__", ctypes.c_uint32 * 15)]


class ContextParameters(ctypes.Structure):
    """`llama_context_params` of llama.cpp 0.5.0."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("context", "batch", "micro_batch", "sequences")]
    _fields_ += [("_", ctypes.c_uint64 * 18)]


class Batch(ctypes.Structure):
    """`llama_batch`."""

    _fields_ = [("tokens", ctypes.c_int32), ("_", ctypes.c_void_p * 6)]


QUIET = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)


def load(folder):
    os.environ.setdefault("GGML_VK_VISIBLE_DEVICES", "0")
    _, ggml, llama = (
        ctypes.CDLL(str(next(folder.glob(pattern))), mode=ctypes.RTLD_GLOBAL)
        for pattern in ("libggml-base.so", "libggml.*.so", "libllama.*.so")
    )
    ggml.ggml_backend_load_all_from_path(str(folder).encode())
    for name, result, arguments in (
        ("llama_model_default_params", ModelParameters, []),
        ("llama_context_default_params", ContextParameters, []),
        ("llama_model_load_from_file", ctypes.c_void_p, [ctypes.c_char_p, ModelParameters]),
        ("llama_init_from_model", ctypes.c_void_p, [ctypes.c_void_p, ContextParameters]),
        ("llama_batch_get_one", Batch, [ctypes.POINTER(ctypes.c_int32), ctypes.c_int32]),
        ("llama_decode", ctypes.c_int32, [ctypes.c_void_p, Batch]),
        ("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), [ctypes.c_void_p, ctypes.c_int32]),
        ("llama_free", None, [ctypes.c_void_p]),
        ("llama_model_free", None, [ctypes.c_void_p]),
    ):
        function = getattr(llama, name)
        function.restype, function.argtypes = result, arguments
    llama.llama_log_set(QUIET, None)
    return llama


def logits(llama, path, words, prompt):
    """What the model says of the word behind the prompt, and of the one behind that."""
    parameters = llama.llama_model_default_params()
    assert parameters.gpu_layers == -1
    model = llama.llama_model_load_from_file(str(path).encode(), parameters)
    assert model
    parameters = llama.llama_context_default_params()
    assert (parameters.context, parameters.batch, parameters.micro_batch, parameters.sequences) == (512, 2048, 512, 1)
    parameters.context = 768
    context = llama.llama_init_from_model(model, parameters)
    assert context
    for tokens in ([7 * i % words for i in range(prompt)], [1]):
        tokens = (ctypes.c_int32 * len(tokens))(*tokens)
        assert llama.llama_decode(context, llama.llama_batch_get_one(tokens, len(tokens))) == 0
        yield np.ctypeslib.as_array(llama.llama_get_logits_ith(context, -1), (words,)).copy()
    llama.llama_free(context)
    llama.llama_model_free(model)


def main(shape="tiny", encode="f32", folder=pathlib.Path(sys.prefix) / PACKAGE, path=None):
    shape, encode = SHAPES[shape], globals()[encode]
    llama = load(pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as temporary:
        path = pathlib.Path(path or f"{temporary}/model.gguf")
        if not path.exists():
            qwen2(shape, encode).write(path)
        for said in logits(llama, path, shape[5], shape[6]):
            assert np.isfinite(said).all() and said.std() > 0.1
            print(hashlib.sha256(said.tobytes()).hexdigest(), f"{said.std():.3f}", said.argmax())


main(*sys.argv[1:])
