// The models that onnxruntime-web runs in the tests: their bytes and the shape of their input.

import { model, node, tensor, weights } from "./onnx.mjs";

const matmul = (m, k, n) => ({
  input: [m, k],
  bytes: model([node("MatMul", ["x", "w"], ["y"])], [weights("w", [k, n])], ["x", [m, k]], ["y", [m, n]]),
});

const mlp = {
  input: [64, 128],
  bytes: model(
    [node("Gemm", ["x", "w1", "b1"], ["a"]), node("Relu", ["a"], ["r"]), node("Gemm", ["r", "w2", "b2"], ["y"])],
    [weights("w1", [128, 256]), weights("b1", [256]), weights("w2", [256, 32]), weights("b2", [32])],
    ["x", [64, 128]],
    ["y", [64, 32]],
  ),
};

const conv = {
  input: [1, 3, 32, 32],
  bytes: model(
    [
      node("Conv", ["x", "w1", "b1"], ["c"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
      node("Relu", ["c"], ["r"]),
      node("MaxPool", ["r"], ["p"], { kernel_shape: [2, 2], strides: [2, 2] }),
      node("GlobalAveragePool", ["p"], ["g"]),
      node("Flatten", ["g"], ["f"]),
      node("Gemm", ["f", "w2", "b2"], ["l"]),
      node("Softmax", ["l"], ["y"]),
    ],
    [weights("w1", [16, 3, 3, 3]), weights("b1", [16]), weights("w2", [16, 10]), weights("b2", [10])],
    ["x", [1, 3, 32, 32]],
    ["y", [1, 10]],
  ),
};

/** One block of a transformer: 16 positions, width 64, 4 heads. */
function transformer() {
  const [S, D, H] = [16, 64, 4];
  const heads = ["q", "k", "v"].flatMap((name) => [
    node("Reshape", [name, "split"], [`${name}r`]),
    node("Transpose", [`${name}r`], [`${name}t`], { perm: name === "k" ? [0, 2, 3, 1] : [0, 2, 1, 3] }),
  ]);
  const nodes = [
    node("LayerNormalization", ["x", "lg", "lb"], ["ln"], { axis: -1 }),
    node("MatMul", ["ln", "wqkv"], ["qkv"]),
    node("Split", ["qkv"], ["q", "k", "v"], { axis: -1, num_outputs: 3 }),
    ...heads,
    node("MatMul", ["qt", "kt"], ["s"]),
    node("Mul", ["s", "scale"], ["ss"]),
    node("Softmax", ["ss"], ["p"], { axis: -1 }),
    node("MatMul", ["p", "vt"], ["o"]),
    node("Transpose", ["o"], ["ot"], { perm: [0, 2, 1, 3] }),
    node("Reshape", ["ot", "join"], ["oj"]),
    node("MatMul", ["oj", "wo"], ["a"]),
    node("Add", ["a", "x"], ["x1"]),
    node("MatMul", ["x1", "w1"], ["h1"]),
    node("Gelu", ["h1"], ["h2"]),
    node("MatMul", ["h2", "w2"], ["h3"]),
    node("Add", ["h3", "x1"], ["y"]),
  ];
  const initializers = [
    weights("lg", [D]), weights("lb", [D]), weights("wqkv", [D, 3 * D]), weights("wo", [D, D]),
    weights("w1", [D, 4 * D]), weights("w2", [4 * D, D]),
    tensor("split", [4], BigInt64Array.from([1n, BigInt(S), BigInt(H), BigInt(D / H)])),
    tensor("join", [3], BigInt64Array.from([1n, BigInt(S), BigInt(D)])),
    tensor("scale", [], Float32Array.of(0.25)),
  ];
  return { input: [1, S, D], bytes: model(nodes, initializers, ["x", [1, S, D]], ["y", [1, S, D]]) };
}

export const models = { matmul: matmul(64, 96, 80), square: matmul(128, 128, 128), large: matmul(512, 512, 512), mlp, conv, transformer: transformer() };
