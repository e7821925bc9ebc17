// Times on Dawn: the program's work runs again with its own pipelines, each dispatch between timestamps. What it
// computes stays the same, what was counted is not counted again, and times that cannot be right are said to be so.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Times } from "../npm/times.js";
import { N, bind, buffer, bytes, counted, device, gpu, meter, product, submit } from "./dawn.mjs";

const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, INDIRECT, MAP_READ, QUERY_RESOLVE } = GPUBufferUsage;

/** Counts a pass, times it, and reports; no call of it may be an error. */
async function timed(record, descriptor) {
  device.pushErrorScope("validation");
  const { totals } = await counted(record);
  await meter.time(() => submit(record, descriptor));
  const report = await meter.report();
  assert.equal(await device.popErrorScope(), null);
  assert.deepEqual({ ...report.totals, seconds: null }, { ...totals, seconds: null }, "a timed dispatch is not counted");
  return report;
}

function scaled(label, factor, layout = "auto") {
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] = x[id.x] * ${factor} + 1.0; }`;
  return device.createComputePipeline({ label, layout, compute: { module: device.createShaderModule({ code }) } });
}

const floats = async (source) => new Float32Array((await bytes(source)).buffer);

test("a product with an automatic layout has a time, and its own pipeline ran", async () => {
  const { record, buffers } = product();
  device.queue.writeBuffer(buffers[0], 0, new Float32Array(N * N).fill(2));
  device.queue.writeBuffer(buffers[1], 0, new Float32Array(N * N).fill(0.5));
  const report = await timed(record);
  const [kernel] = report.kernels;
  assert.ok(kernel.seconds > 0);
  assert.equal(kernel.timed_dispatches, 1);
  assert.equal(report.totals.seconds, kernel.seconds);
  assert.deepEqual(report.timing, { source: "timestamps", runs: 1, notes: [] });
  assert.equal((await floats(buffers[2]))[N * N - 1], N);
});

test("two kernels in one pass each have their own time, explicit layouts and dynamic offsets hold", async () => {
  const entry = { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage", hasDynamicOffset: true } };
  const layout = device.createBindGroupLayout({ entries: [entry] });
  const explicit = device.createPipelineLayout({ bindGroupLayouts: [layout] });
  const [doubled, automatic] = [scaled("doubled", "2.0", explicit), scaled("tripled", "3.0")];
  const [x, y] = [buffer(1024), buffer(256)];
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: x, size: 256 } }] });
  const own = bind(automatic.getBindGroupLayout(0), [y]);
  // One list of offsets, which is written anew before each dispatch.
  const offsets = new Uint32Array(4);
  const report = await timed((pass) => {
    for (const pipeline of [doubled, automatic, doubled]) {
      pass.setPipeline(pipeline);
      offsets[2] = pipeline === automatic ? 0 : 512;
      if (pipeline === automatic) pass.setBindGroup(0, own);
      else pass.setBindGroup(0, group, offsets, 2, 1);
      offsets[2] = 256;
      pass.dispatchWorkgroups(1);
    }
  });
  const of = (name) => report.kernels.find((kernel) => kernel.name === name);
  assert.equal(of("doubled").timed_dispatches, 2);
  assert.equal(of("tripled").timed_dispatches, 1);
  assert.ok(of("doubled").seconds > 0 && of("tripled").seconds > 0);
  assert.equal(report.totals.seconds, report.kernels.reduce((sum, { seconds }) => sum + seconds, 0));
  assert.deepEqual(report.timing.notes, []);
  // Counted once and timed once.
  const values = await floats(x);
  assert.deepEqual([values[0], values[64], values[128], values[192]], [0, 0, 15, 0]);
  assert.deepEqual((await floats(y))[0], 4);
});

test("an indirect dispatch is timed, within groups for debugging", async () => {
  const { pipeline, group } = product();
  const extents = buffer(12, INDIRECT | COPY_DST);
  device.queue.writeBuffer(extents, 0, new Uint32Array([13, 13, 1]));
  const report = await timed((pass) => {
    pass.pushDebugGroup("outer");
    pass.setPipeline(pipeline);
    pass.insertDebugMarker("here");
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroupsIndirect(extents, 0);
    pass.popDebugGroup();
  });
  assert.equal(report.totals.flops, BigInt(2 * N ** 3));
  assert.ok(report.kernels[0].seconds > 0);
});

test("a pass has the page's own label, timestamps and class", async () => {
  const own = await (await gpu.requestAdapter()).requestDevice({ requiredFeatures: ["timestamp-query"] });
  const querySet = own.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = own.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
  const copy = own.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
  const code = "@compute @workgroup_size(1) fn main() {}";
  const pipeline = own.createComputePipeline({ layout: "auto", compute: { module: own.createShaderModule({ code }) } });
  own.pushErrorScope("validation");
  await meter.time(async () => {
    const encoder = own.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass({ label: "mine", timestampWrites });
    assert.equal(pass.label, "mine");
    assert.ok(pass instanceof GPUComputePassEncoder);
    pass.setPipeline(pipeline);
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, copy, 0, 16);
    own.queue.submit([encoder.finish()]);
  });
  assert.equal(await own.popErrorScope(), null);
  await copy.mapAsync(GPUMapMode.READ);
  const [begin, end] = new BigUint64Array(copy.getMappedRange());
  assert.ok(begin > 0n && end >= begin);
  own.destroy();
});

test("immediates are told to each dispatch", { skip: !("setImmediates" in GPUComputePassEncoder.prototype) }, async () => {
  const code = `requires immediate_address_space;
    var<immediate> at: vec2<u32>;
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main() { x[at.x] += f32(at.y); }`;
  const layout = device.createBindGroupLayout({
    entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage" } }],
  });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout], immediateSize: 8 }),
    compute: { module: device.createShaderModule({ code }) },
  });
  const x = buffer(256);
  const group = bind(layout, [x]);
  device.pushErrorScope("validation");
  await meter.time(() =>
    submit((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      const words = new Uint32Array([9, 3, 7]);
      pass.setImmediates(0, words, 1, 2);
      pass.dispatchWorkgroups(1);
      pass.setImmediates(4, new Uint32Array([5]));
      words.fill(0);
      pass.dispatchWorkgroups(1);
    }),
  );
  assert.equal(await device.popErrorScope(), null);
  assert.equal((await floats(x))[3], 12);
});

test("many dispatches are more than one block of queries, and times of two runs are their mean", async () => {
  const pipeline = scaled("many", "1.0");
  const x = buffer(256);
  const group = bind(pipeline.getBindGroupLayout(0), [x]);
  const record = (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < 300; i += 1) pass.dispatchWorkgroups(1);
  };
  await timed(record);
  await meter.time(() => submit(record));
  const { kernels, timing } = await meter.report();
  assert.equal(kernels[0].timed_dispatches, 600);
  assert.equal(timing.runs, 2);
  assert.equal((await floats(x))[0], 900);
});

test("a device that is destroyed within the timed run keeps its times", async () => {
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32) { x[i] *= 5.0; }`;
  const work = async () => {
    const own = await (await gpu.requestAdapter()).requestDevice();
    const compute = { module: own.createShaderModule({ code }) };
    const pipeline = await own.createComputePipelineAsync({ layout: "auto", compute });
    const x = own.createBuffer({ size: 128, usage: STORAGE });
    const layout = pipeline.getBindGroupLayout(0);
    const group = own.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: x } }] });
    const encoder = own.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
    pass.end();
    own.queue.submit([encoder.finish()]);
    own.destroy();
  };
  meter.reset();
  await work();
  await meter.time(work);
  const report = await meter.report();
  assert.equal(report.totals.flops, 32n);
  assert.ok(report.totals.seconds > 0);
});

test("work that fails is the caller's error, and counting goes on", async () => {
  const { record } = product();
  meter.reset();
  await assert.rejects(meter.time(() => Promise.reject(new Error("no work"))), /no work/);
  assert.equal((await counted(record)).totals.flops, BigInt(2 * N ** 3));
});

test("extents with fractions are cut off, as WebGPU does", async () => {
  const { pipeline, group } = product();
  const report = await timed((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(13.9, 13.2);
  });
  assert.equal(report.kernels[0].invocations, BigInt(13 * 13 * 64));
  assert.equal(report.kernels[0].timed_dispatches, 1);
});

test("what was not timed, or cannot have been timed rightly, is said", () => {
  const kernel = { name: "k", module: "m", entry: "main", spec_constants: {}, grids: { "1,1,1": 4, "2,1,1": 1 } };
  const joined = (...stamps) => {
    const times = new Times();
    for (const [grid, begin, end] of stamps) times.add(kernel, grid, begin, end);
    return times.join({ kernels: [{ ...kernel }], totals: {} });
  };
  const none = joined();
  assert.deepEqual(none.timing, { source: "none", runs: 0, notes: [] });
  assert.equal(none.kernels[0].seconds, null);
  const [small, large] = [["1,1,1", 1n, 3n], ["2,1,1", 5n, 9n]];
  // Four dispatches of which one was timed, and one that was timed.
  assert.equal(joined(small, large).kernels[0].seconds, 4 * 2e-9 + 4e-9);
  assert.match(joined(small).timing.notes[0], /'k' has no time: none .* grid 2,1,1/);
  assert.equal(joined(small).totals.seconds, null);
  assert.match(joined(small, large, ["1,1,1", 0n, 4n], ["1,1,1", 4n, 3n]).timing.notes[0], /^2 dispatches have timestamps of 0/);
  assert.match(joined(["1,1,1", 65536n, 131072n], ["2,1,1", 65536n, 65536n]).timing.notes.join(), /multiples of 65,536 ns/);
  assert.match(joined(["1,1,1", 3n, 3n], ["2,1,1", 5n, 5n]).timing.notes.join(), /the clock did not advance/);
});
