// A page like any other that runs models with onnxruntime-web. It does not know of flopmeter.

import * as ort from "/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs";

ort.env.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Runs a model once; the bytes of its output, as text. */
globalThis.runProgram = async (name, dims) => {
  const session = await ort.InferenceSession.create(`/models/${name}.onnx`, { executionProviders: ["webgpu"] });
  const length = dims.reduce((product, dim) => product * dim, 1);
  const x = new ort.Tensor("float32", Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898) * 0.5), dims);
  const { y } = await session.run({ x });
  const bytes = new Uint8Array(y.data.buffer, y.data.byteOffset, y.data.byteLength);
  await session.release();
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
globalThis.isReady = true;
