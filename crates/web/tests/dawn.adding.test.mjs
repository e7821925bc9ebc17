// Kernels that take every storage buffer where the device, on Dawn, refuses what adds their counters up: they are named,
// the page's results are right, and no error that is not its own reaches it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { globals } from "webgpu";

// An implementation that refuses what `refused` says.
let refused;
const { createShaderModule, createTexture } = globals.GPUDevice.prototype;
globals.GPUDevice.prototype.createShaderModule = function (descriptor) {
  const { label, code } = descriptor;
  const spoilt = refused === "adding" && label === "flopmeter" && /read_write>;/.test(code);
  return createShaderModule.call(this, spoilt ? { ...descriptor, code: `${code}\nfn {` } : descriptor);
};
globals.GPUDevice.prototype.createTexture = function (descriptor) {
  const spoilt = refused === "texture" && descriptor.label === "flopmeter counters";
  return createTexture.call(this, spoilt ? { ...descriptor, size: [1 << 30, 1] } : descriptor);
};
const { adapter, gpu, meter } = await import("./dawn.mjs");

const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
const most = adapter.limits.maxStorageBuffersPerShaderStage;
const places = Array.from({ length: most }, (_, binding) => binding);
const code = `${places.map((at) => `@group(0) @binding(${at}) var<storage, read_write> x${at}: array<f32>;`).join("\n")}
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
    x0[i] = ${places.map((at) => `x${at}[i]`).join(" + ")} + 1.0;
}`;
const FLOPS = BigInt(64 * most);

/** A device of its own, with an implementation that refuses that; errors that the page hears of lie in `heard`. */
async function opened(what) {
  refused = what;
  const requiredLimits = { maxStorageBuffersPerShaderStage: most };
  const device = await (await gpu.requestAdapter()).requestDevice({ requiredLimits });
  const heard = [];
  device.addEventListener("uncapturederror", ({ error }) => heard.push(error.message));
  const descriptor = () => ({ label: "greedy", layout: "auto", compute: { module: device.createShaderModule({ code }) } });
  meter.reset();
  return { device, heard, descriptor };
}

/** Dispatches once: what the first buffer then holds. */
async function run(device, pipeline) {
  const buffers = places.map(() => device.createBuffer({ size: 256, usage: STORAGE | COPY_SRC }));
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const copy = device.createBuffer({ size: 256, usage: MAP_READ | COPY_DST });
  const copying = device.createCommandEncoder();
  copying.copyBufferToBuffer(buffers[0], 0, copy, 0, 256);
  device.queue.submit([copying.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  return [...new Set(new Float32Array(copy.getMappedRange()))];
}

const sync = async (device, descriptor) => {
  device.pushErrorScope("validation");
  const pipeline = device.createComputePipeline(descriptor());
  assert.equal(await device.popErrorScope(), null);
  return pipeline;
};
const async = (device, descriptor) => device.createComputePipelineAsync(descriptor());

for (const [name, make] of Object.entries({ sync, async })) {
  test(`where the second dispatch is refused, a kernel that is made by ${name} calls runs and is named`, async () => {
    const { device, heard, descriptor } = await opened("adding");
    // Two before the device has answered, and one behind.
    const first = await Promise.all([make(device, descriptor), make(device, descriptor)]);
    for (const pipeline of [...first, device.createComputePipeline(descriptor())]) {
      assert.deepEqual(await run(device, pipeline), [1]);
    }
    const { totals, kernels, not_counted: named } = await meter.report();
    assert.deepEqual([totals.flops, kernels, heard], [0n, [], []]);
    assert.deepEqual(named.map(({ kernel, dispatches }) => [kernel, dispatches]), [["greedy", 1], ["greedy", 1], ["greedy", 1]]);
    for (const { why } of named) {
      assert.match(why, /^it takes all storage buffers, and the device refuses the kernel that adds up its counters: .*expected/s);
    }
    await meter.time(() => run(device, first[0]));
    assert.deepEqual(heard, []);
  });

  test(`where nothing is refused, a kernel that is made by ${name} calls is counted`, async () => {
    const { device, heard, descriptor } = await opened();
    assert.deepEqual(await run(device, await make(device, descriptor)), [1]);
    const { totals, not_counted: named } = await meter.report();
    assert.deepEqual([totals.flops, named, heard], [FLOPS, [], []]);
  });
}

test("where the texture is refused, kernels are named from then on", async () => {
  const { device, heard, descriptor } = await opened("texture");
  const pipeline = await async(device, descriptor);
  // What was recorded before the device had answered is dropped.
  device.pushErrorScope("validation");
  const dropped = run(device, pipeline);
  assert.ok(await device.popErrorScope());
  assert.deepEqual(await dropped, [0]);
  meter.reset();
  for (const made of [pipeline, await async(device, descriptor), device.createComputePipeline(descriptor())]) {
    assert.deepEqual(await run(device, made), [1]);
  }
  const { kernels, not_counted: named } = await meter.report();
  assert.deepEqual([kernels, named.map(({ dispatches }) => dispatches), heard], [[], [1, 1, 1], []]);
  for (const { why } of named) assert.match(why, /and the device refuses the texture that its counters go to: /);
});

test("where WGSL has no textures that are read and written, a kernel is named at once", async (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { gpu: { wgslLanguageFeatures: new Set() } } });
  t.after(() => before && Object.defineProperty(globalThis, "navigator", before));
  const { device, heard, descriptor } = await opened();
  assert.deepEqual(await run(device, device.createComputePipeline(descriptor())), [1]);
  const { not_counted: [{ why, dispatches }] } = await meter.report();
  assert.match(why, /^it takes all storage buffers, and WGSL has no 'readonly_and_readwrite_storage_textures' here$/);
  assert.deepEqual([dispatches, heard], [1, []]);
});
