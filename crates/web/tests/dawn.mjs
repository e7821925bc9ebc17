// WebGPU on Dawn, as an npm package for Node, with flopmeter attached before its device is opened; and what tests do
// with it. Tests share one device a file.

import assert from "node:assert/strict";
import { after } from "node:test";

import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
// Dawn rounds timestamps unless it is told not to.
export const gpu = create(["disable-dawn-features=timestamp_quantization"]);
const { attach } = await import("flopmeter");

export const adapter = await gpu.requestAdapter();
assert.ok(adapter, "a Vulkan driver that Dawn takes is required: set VK_DRIVER_FILES");
export const meter = await attach();
export const device = await adapter.requestDevice();
after(() => {
  meter.detach();
  setTimeout(() => process.exit(process.exitCode ?? 0), 50);
});

export const N = 100;
export const PRODUCT = `
@group(0) @binding(0) var<storage> a: array<f32>;
@group(0) @binding(1) var<storage> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
override N: u32;

@compute @workgroup_size(8, 8)
fn product(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= N || id.y >= N) { return; }
    var sum = 0.0;
    for (var k = 0u; k < N; k++) {
        sum = fma(a[id.y * N + k], b[k * N + id.x], sum);
    }
    c[id.y * N + id.x] = sum;
}`;
const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;

export function buffer(size, usage = STORAGE | COPY_SRC | COPY_DST) {
  return device.createBuffer({ size, usage });
}

export function bind(layout, buffers) {
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  return device.createBindGroup({ layout, entries });
}

/** Records one compute pass, submits it, and reports on it alone. */
export async function counted(record) {
  meter.reset();
  submit(record);
  return meter.report();
}

export function submit(record, descriptor) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass(descriptor);
  record(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

export async function bytes(source) {
  const copy = buffer(source.size, MAP_READ | COPY_DST);
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, copy, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  return new Uint8Array(copy.getMappedRange().slice(0));
}

/** A product of N x N matrices, with what it is dispatched with. */
export function product() {
  const module = device.createShaderModule({ label: "product", code: PRODUCT });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, constants: { N } } });
  const buffers = [0, 1, 2].map(() => buffer(4 * N * N));
  const group = bind(pipeline.getBindGroupLayout(0), buffers);
  const record = (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(13, 13);
  };
  return { pipeline, group, buffers, record };
}
