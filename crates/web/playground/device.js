// A counting kernel on the visitor's GPU: one dispatch, and what its counters say.

import { instrument } from "./flopmeter/index.js";

let opened;

/** The visitor's device; throws with the reason where there is none. */
async function device() {
  if (!navigator.gpu) throw new Error("this browser has no WebGPU");
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("this browser offers no GPU");
  const most = "maxStorageBuffersPerShaderStage";
  return adapter.requestDevice({ requiredLimits: { [most]: adapter.limits[most] } });
}

/**
 * Runs a kernel once and returns what it was counted for, by whom, and how long that took in milliseconds.
 * `fills` has the bytes of each buffer by "GROUP.BINDING".
 */
export async function runOnDevice(source, { overrides, grid, fills }) {
  opened ??= device();
  const gpu = await opened.catch((error) => {
    opened = undefined;
    throw error;
  });
  const kernel = await instrument(source, { overrides, limits: gpu.limits });
  gpu.pushErrorScope("validation");
  const module = gpu.createShaderModule({ code: kernel.wgsl });
  const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module } });
  const made = [];
  const buffer = (size, usage) => {
    const one = gpu.createBuffer({ size, usage });
    made.push(one);
    return one;
  };
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const counters = buffer(kernel.bytes, STORAGE | COPY_SRC);
  const groups = new Map([[kernel.group, [{ binding: kernel.binding, resource: { buffer: counters } }]]]);
  for (const { group, binding, kind } of kernel.resources) {
    const bytes = fills[`${group}.${binding}`];
    const one = buffer(Math.max(16, bytes.length), (kind === "uniform" ? UNIFORM : STORAGE) | COPY_DST);
    gpu.queue.writeBuffer(one, 0, bytes);
    const size = kind === "uniform" ? undefined : bytes.length;
    groups.set(group, [...(groups.get(group) ?? []), { binding, resource: { buffer: one, size } }]);
  }
  const read = buffer(kernel.bytes, MAP_READ | COPY_DST);
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  for (const [index, entries] of groups) {
    pass.setBindGroup(index, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(index), entries }));
  }
  pass.dispatchWorkgroups(...grid);
  pass.end();
  encoder.copyBufferToBuffer(counters, 0, read, 0, kernel.bytes);
  const start = performance.now();
  gpu.queue.submit([encoder.finish()]);
  const error = await gpu.popErrorScope();
  if (error) throw new Error(error.message);
  await read.mapAsync(GPUMapMode.READ);
  const milliseconds = performance.now() - start;
  const counted = kernel.decode(new Uint8Array(read.getMappedRange().slice(0)));
  for (const one of made) one.destroy();
  const { vendor, architecture, description } = gpu.adapterInfo ?? {};
  return { counted, milliseconds, name: description || [vendor, architecture].filter(Boolean).join(" ") || "GPU" };
}
