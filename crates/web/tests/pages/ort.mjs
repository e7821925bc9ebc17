// A page like any other that runs models with onnxruntime-web. It does not know of flopmeter.

import * as ort from "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs";

ort.env.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

const open = (name) => ort.InferenceSession.create(`/models/${name}.onnx`, { executionProviders: ["webgpu"] });

function input(dims) {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return new ort.Tensor("float32", Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898) * 0.5), dims);
}

/** Runs a model once; the bytes of its output, as text. */
globalThis.runProgram = async (name, dims) => {
  const session = await open(name);
  const { y } = await session.run({ x: input(dims) });
  const bytes = new Uint8Array(y.data.buffer, y.data.byteOffset, y.data.byteLength);
  await session.release();
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

/** A function that runs a model once more, in one session. */
globalThis.prepareProgram = async (name, dims) => {
  const session = await open(name);
  return () => session.run({ x: input(dims) });
};
globalThis.isReady = true;
