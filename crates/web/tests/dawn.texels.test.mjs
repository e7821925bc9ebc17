// Kernels that take every storage buffer of the device, on Dawn: their counters go to a texture. Counts are those by
// hand, results the same bytes, and what cannot be counted is named.

import assert from "node:assert/strict";
import { test } from "node:test";

import { globals } from "webgpu";

// An implementation in which the second workgroup of one kernel does not store its counters.
const { createShaderModule } = globals.GPUDevice.prototype;
globals.GPUDevice.prototype.createShaderModule = function (descriptor) {
  const { label, code } = descriptor;
  const spoilt = label === "spoilt" && code.replace(/textureStore\(.*;/g, "if (flopmeter_group.x != 1u) { $& }");
  return createShaderModule.call(this, spoilt ? { ...descriptor, code: spoilt } : descriptor);
};
const { adapter, gpu, meter } = await import("./dawn.mjs");

const { STORAGE, COPY_SRC, COPY_DST, MAP_READ, INDIRECT } = GPUBufferUsage;
const most = adapter.limits.maxStorageBuffersPerShaderStage;
const device = await (await gpu.requestAdapter()).requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage: most } });
const places = Array.from({ length: most }, (_, binding) => binding);
const declared = places.map((at) => `@group(0) @binding(${at}) var<storage, read_write> x${at}: array<f32>;`).join("\n");

/** Each invocation adds 1 to its element of `x0` as often as its number within the workgroup says, then adds the others. */
const code = `${declared}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let at = (id.z * 2 + id.y) * 192 + id.x;
    for (var i = 0u; i < local; i++) { x0[at] += 1.0; }
    x0[at] += ${places.slice(1).map((at) => `x${at}[at]`).join(" + ")};
}`;

/** FLOPs of a workgroup: 0 + 1 + ... + 63 rounds, and one addition for each other buffer. */
const OF_GROUP = (64 * 63) / 2 + 64 * (most - 1);
const GRID = [3, 2, 2];
const flops = (groups) => BigInt(groups * OF_GROUP);

const module = () => device.createShaderModule({ label: "greedy", code });
const entries = places.map((binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage" } }));
const groupLayout = device.createBindGroupLayout({ entries });
const explicit = device.createPipelineLayout({ bindGroupLayouts: [groupLayout] });
const make = (layout) => device.createComputePipeline({ label: "greedy", layout, compute: { module: module() } });

function buffers(pipeline) {
  const made = places.map(() => device.createBuffer({ size: 4 * 64 * 12, usage: STORAGE | COPY_SRC | COPY_DST }));
  made.forEach((buffer, at) => device.queue.writeBuffer(buffer, 0, new Float32Array(64 * 12).fill(at / 4)));
  const entries = made.map((buffer, binding) => ({ binding, resource: { buffer } }));
  return { first: made[0], group: device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }) };
}

function submit(record) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  record(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

async function bytes(buffer) {
  const copy = device.createBuffer({ size: buffer.size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  return new Uint8Array(copy.getMappedRange());
}

/** What the first buffer holds after so many dispatches over the whole of it. */
function expected(times) {
  const sum = places.slice(1).reduce((sum, at) => sum + at / 4, 0);
  return new Uint8Array(Float32Array.from({ length: 64 * 12 }, (_, at) => times * ((at % 64) + sum)).buffer);
}

for (const [name, layout] of [["automatic", "auto"], ["explicit", explicit]]) {
  test(`a kernel with every storage buffer of the device and an ${name} layout is counted`, async () => {
    device.pushErrorScope("validation");
    const pipeline = make(layout);
    const { first, group } = buffers(pipeline);
    meter.reset();
    submit((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...GRID);
      // The pipeline and the group that the second dispatch displaced are back.
      pass.dispatchWorkgroups(...GRID);
      pass.dispatchWorkgroups(0);
    });
    submit((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...GRID);
    });
    const report = await meter.report();
    assert.equal(await device.popErrorScope(), null);
    assert.deepEqual(report.not_counted, []);
    assert.equal(report.totals.flops, flops(36));
    const [kernel] = report.kernels;
    assert.equal(kernel.invocations, 36n * 64n);
    assert.equal(kernel.dispatches, 4);
    assert.deepEqual(await bytes(first), expected(3));
    await meter.time(() => submit((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...GRID);
    }));
    assert.deepEqual(await bytes(first), expected(4));
    assert.equal((await meter.report()).kernels[0].timed_dispatches, 1);
  });

  test(`an indirect dispatch of such a kernel with an ${name} layout is named, and runs`, async () => {
    device.pushErrorScope("validation");
    const pipeline = make(layout);
    const { first, group } = buffers(pipeline);
    const grid = device.createBuffer({ size: 12, usage: INDIRECT | COPY_DST });
    device.queue.writeBuffer(grid, 0, Uint32Array.from(GRID));
    meter.reset();
    submit((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroupsIndirect(grid, 0);
      pass.dispatchWorkgroups(...GRID);
      pass.dispatchWorkgroupsIndirect(grid, 0);
    });
    const { totals, not_counted: [{ kernel, why, dispatches }] } = await meter.report();
    assert.equal(await device.popErrorScope(), null);
    assert.deepEqual([totals.flops, kernel, dispatches], [flops(12), "greedy", 2]);
    assert.match(why, /an indirect dispatch does not say/);
    assert.deepEqual(await bytes(first), expected(3));
  });
}

test("a grid that is too large for one texture is named, and one that fills it is counted", async () => {
  // Four counters at most, so that the texture holds some two million workgroups.
  const code = `${declared}
    @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3<u32>) {
      if (id.x == 7 && id.y == 0) { x0[0] = ${places.slice(1).map((at) => `x${at}[0]`).join(" + ")}; }
    }`;
  const module = device.createShaderModule({ label: "wide", code });
  const pipeline = device.createComputePipeline({ layout: explicit, compute: { module } });
  const { group } = buffers(pipeline);
  meter.reset();
  device.pushErrorScope("validation");
  submit((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(20_000, 10);
    pass.dispatchWorkgroups(65_535, 65);
  });
  const { totals, kernels: [{ invocations }], not_counted: [{ why, dispatches }] } = await meter.report();
  assert.equal(await device.popErrorScope(), null);
  assert.deepEqual([totals.flops, invocations, dispatches], [BigInt(most - 2), 200_000n, 1]);
  assert.match(why, /over a grid of 65535 x 65 x 1 take \d+ texels; one texture has 16777216/);
});

test("a workgroup whose counters are lost is noticed, also where another kernel's were in its place", async () => {
  device.pushErrorScope("validation");
  const good = make(explicit);
  const module = device.createShaderModule({ label: "spoilt", code });
  const spoilt = device.createComputePipeline({ layout: explicit, compute: { module } });
  const { group } = buffers(good);
  meter.reset();
  submit((pass) => {
    for (const pipeline of [good, spoilt, good]) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(3);
    }
  });
  const { totals, not_counted: [{ kernel, why }] } = await meter.report();
  assert.equal(await device.popErrorScope(), null);
  assert.deepEqual([totals.flops, kernel], [flops(6), "spoilt"]);
  assert.match(why, /128 .*192|192 .*128/);
});
