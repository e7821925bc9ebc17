// A page like any other that computes with tfjs on WebGPU. It does not know of flopmeter.

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";

await tf.setBackend("webgpu");
await tf.ready();

const tensor = (shape, step = 1) => {
  const length = shape.reduce((product, dim) => product * dim, 1);
  return tf.tensor(Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 * step) * 0.5), shape);
};

const programs = {
  matmul: () => tf.matMul(tensor([64, 96]), tensor([96, 80])),
  elementwise() {
    const x = tensor([4, 8, 16]);
    const unary = ["abs", "exp", "sqrt", "sin", "tanh", "erf", "floor", "sigmoid", "elu", "selu", "square", "cumsum", "softmax"];
    const binary = ["add", "mul", "div", "maximum", "squaredDifference"];
    return tf.stack([...unary.map((name) => tf[name](x)), ...binary.map((name) => tf[name](x, x))]);
  },
  conv() {
    let x = tf.relu(tf.conv2d(tensor([1, 32, 32, 3]), tensor([3, 3, 3, 16]), 1, "same"));
    x = tf.maxPool(x, 2, 2, "same");
    x = tf.depthwiseConv2d(x, tensor([3, 3, 16, 1]), 1, "same");
    return tf.avgPool(tf.conv2d(x, tensor([1, 1, 16, 32]), 1, "same"), 2, 2, "same");
  },
};

/** Runs a program once; the bytes of its result, as text. */
globalThis.runProgram = async (name) => {
  const bytes = new Uint8Array((await programs[name]().data()).buffer);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
globalThis.isReady = tf.getBackend() === "webgpu";
