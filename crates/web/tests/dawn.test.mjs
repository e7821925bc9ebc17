// The package on Dawn, WebGPU's implementation in Chromium, as an npm package for Node. Every dispatch is counted,
// results stay what they are, and what cannot be counted is named.

import assert from "node:assert/strict";
import { test } from "node:test";

import { instrument } from "flopmeter";

import { Report } from "../npm/report.js";
import { N, PRODUCT, adapter, bind, buffer, bytes, counted, device, gpu, meter, product, submit } from "./dawn.mjs";

const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, INDIRECT, MAP_READ } = GPUBufferUsage;

test("a product with an automatic layout and an override is 2 N^3 FLOPs a dispatch, line by line", async () => {
  const { pipeline, group } = product();
  const report = await counted((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(13, 13);
    pass.dispatchWorkgroups(13, 13);
  });
  assert.deepEqual(report.not_counted, []);
  assert.equal(report.kernels.length, 1);
  const [kernel] = report.kernels;
  assert.equal(kernel.name, "product");
  assert.equal(kernel.dispatches, 2);
  assert.equal(kernel.invocations, BigInt(2 * 13 * 13 * 64));
  assert.equal(kernel.flops, BigInt(2 * 2 * N ** 3));
  assert.deepEqual(kernel.ops["f32.fma"], BigInt(2 * N ** 3));
  const line = PRODUCT.split("\n").findIndex((text) => text.includes("fma(")) + 1;
  assert.equal(kernel.lines.find((row) => row.line === line).flops, BigInt(2 * 2 * N ** 3));
  const written = JSON.parse(JSON.stringify(report));
  assert.equal(written.totals.flops, 4 * N ** 3);
  assert.equal(written.schema, "flopmeter.run/1");
});

test("a report that is asked for twice says the same, and reset begins anew", async () => {
  const { record } = product();
  const [first, second] = [await counted(record), await meter.report()];
  assert.deepEqual(second.totals, first.totals);
  submit(record);
  assert.equal((await meter.report()).totals.flops, 2n * first.totals.flops);
  meter.reset();
  assert.equal((await meter.report()).totals.flops, 0n);
});

test("an indirect dispatch is counted; how many invocations it launched is not known", async () => {
  const { pipeline, group } = product();
  const extents = buffer(12, INDIRECT | COPY_DST);
  device.queue.writeBuffer(extents, 0, new Uint32Array([13, 13, 1]));
  const report = await counted((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroupsIndirect(extents, 0);
  });
  assert.equal(report.totals.flops, BigInt(2 * N ** 3));
  assert.equal(report.kernels[0].invocations, null);
});

test("a pass that is recorded and never submitted is not counted", async () => {
  const { pipeline, group } = product();
  meter.reset();
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(13, 13);
  pass.end();
  encoder.finish();
  const report = await meter.report();
  assert.equal(report.totals.dispatches, 0);
  assert.deepEqual(report.kernels, []);
});

test("explicit layouts, dynamic offsets, and a page that uses every bind group itself", async () => {
  const entry = {
    binding: 0,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type: "storage", hasDynamicOffset: true },
  };
  const layout = device.createBindGroupLayout({ entries: [entry] });
  const code = (group) => `
    @group(${group}) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
        x[id.x] = x[id.x] * 2.0 + 1.0;
    }`;
  const make = (groups) =>
    device.createComputePipeline({
      label: `of ${groups} groups`,
      layout: device.createPipelineLayout({ bindGroupLayouts: Array(groups).fill(layout) }),
      compute: { module: device.createShaderModule({ code: code(groups - 1) }) },
    });
  const [one, four] = [make(1), make(4)];
  const x = buffer(1024);
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: x, size: 256 } }] });
  device.pushErrorScope("validation");
  const report = await counted((pass) => {
    // The counters of `one` displace the page's second group, which `four` finds in its place again.
    // One list of offsets serves all, as in programs whose lists lie in WebAssembly's memory.
    const offset = new Uint32Array(2);
    for (const index of [0, 1, 2, 3]) {
      offset[1] = 256 * index;
      pass.setBindGroup(index, group, offset, 1, 1);
    }
    for (const pipeline of [four, one, four]) {
      pass.setPipeline(pipeline);
      pass.dispatchWorkgroups(1);
    }
  });
  assert.equal(await device.popErrorScope(), null);
  assert.equal(report.totals.flops, 128n);
  assert.equal(report.not_counted.length, 1);
  assert.equal(report.not_counted[0].kernel, "of 4 groups");
  assert.equal(report.not_counted[0].dispatches, 2);
  assert.match(report.not_counted[0].why, /all 4 bind groups/);
  const values = new Float32Array((await bytes(x)).buffer);
  assert.deepEqual([values[0], values[64], values[128], values[192]], [1, 0, 0, 3]);
});

test("a kernel with as many storage buffers as the page asked for is counted", async () => {
  const code = (count) => {
    const names = Array.from({ length: count }, (_, index) => `x${index}`);
    const declared = names.map((name, at) => `@group(0) @binding(${at}) var<storage, read_write> ${name}: array<f32>;`);
    const sum = names.slice(1).map((name) => `${name}[id.x]`).join(" + ");
    return `${declared.join("\n")}
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x0[id.x] = ${sum}; }`;
  };
  const run = async (count) => {
    const module = device.createShaderModule({ code: code(count) });
    const pipeline = device.createComputePipeline({ label: `${count} buffers`, layout: "auto", compute: { module } });
    const buffers = Array.from({ length: count }, () => buffer(256));
    const group = bind(pipeline.getBindGroupLayout(0), buffers);
    return counted((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1);
    });
  };
  assert.equal((await run(8)).totals.flops, BigInt(6 * 64));
  // The page sees the limit that it asked for, and the counters have one more.
  assert.equal(device.limits.maxStorageBuffersPerShaderStage, 8);
});

test("a kernel with as many storage buffers as the adapter has is counted", async () => {
  const most = adapter.limits.maxStorageBuffersPerShaderStage;
  const greedy = await (await gpu.requestAdapter()).requestDevice({
    requiredLimits: { maxStorageBuffersPerShaderStage: most },
  });
  assert.equal(greedy.limits.maxStorageBuffersPerShaderStage, most);
  const names = Array.from({ length: most }, (_, index) => `x${index}`);
  const declared = names.map((name, at) => `@group(0) @binding(${at}) var<storage, read_write> ${name}: array<f32>;`);
  const code = `${declared.join("\n")}
    @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { x0[i] = ${names.slice(1).map((name) => `${name}[i]`).join(" + ")} + 7.0; }`;
  const module = greedy.createShaderModule({ code });
  const pipeline = greedy.createComputePipeline({ label: "greedy", layout: "auto", compute: { module } });
  const usage = STORAGE | COPY_SRC;
  const entries = names.map((_, binding) => ({ binding, resource: { buffer: greedy.createBuffer({ size: 256, usage }) } }));
  const group = greedy.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  meter.reset();
  const encoder = greedy.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  const copy = greedy.createBuffer({ size: 4, usage: MAP_READ | COPY_DST });
  encoder.copyBufferToBuffer(entries[0].resource.buffer, 0, copy, 0, 4);
  greedy.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  assert.equal(new Float32Array(copy.getMappedRange())[0], 7);
  const report = await meter.report();
  assert.equal(report.totals.flops, BigInt(64 * (most - 1)));
});

test("a binding that is only named stays part of an automatic layout", async () => {
  const code = `
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @group(0) @binding(2) var<uniform> z: vec4f;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
        _ = &y;
        _ = z.x;
        x[id.x] += 1.0;
    }`;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const group = bind(pipeline.getBindGroupLayout(0), [buffer(256), buffer(256), buffer(16, UNIFORM)]);
  const report = await counted((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
  });
  assert.equal(await device.popErrorScope(), null);
  assert.equal(report.totals.flops, 64n);
});

test("a kernel that is not valid gives the page its own error", async () => {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: "broken", code: "fn main( {" });
  device.createComputePipeline({ layout: "auto", compute: { module } });
  assert.match((await device.popErrorScope()).message, /broken|expected|parsing/i);
});

test("two devices are counted beside each other, and one that is destroyed keeps its counts", async () => {
  const other = await (await gpu.requestAdapter()).requestDevice();
  const run = (on) => {
    const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
      @compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32) { x[i] *= 3.0; }`;
    const module = on.createShaderModule({ code });
    const pipeline = on.createComputePipeline({ label: "tripled", layout: "auto", compute: { module } });
    const x = on.createBuffer({ size: 128, usage: STORAGE });
    const layout = pipeline.getBindGroupLayout(0);
    const group = on.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: x } }] });
    const encoder = on.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
    pass.end();
    on.queue.submit([encoder.finish()]);
  };
  meter.reset();
  run(device);
  run(other);
  other.destroy();
  const report = await meter.report();
  assert.equal(report.totals.flops, 64n);
  assert.equal(report.kernels.filter(({ name }) => name === "tripled").length, 2);
});

test("results are the same bytes with and without counting", async () => {
  const run = async () => {
    const { record, buffers } = product();
    const values = Float32Array.from({ length: N * N }, (_, i) => Math.sin(i));
    for (const input of buffers.slice(0, 2)) device.queue.writeBuffer(input, 0, values);
    submit(record);
    return bytes(buffers[2]);
  };
  const with_ = await run();
  meter.detach();
  assert.deepEqual(await run(), with_);
});

/** Dispatches a rewritten product, its text changed by `spoil`, and returns its counters. */
async function dispatched({ wgsl, group, binding, bytes: size }, spoil = (text) => text) {
  const module = device.createShaderModule({ code: spoil(wgsl) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const own = bind(pipeline.getBindGroupLayout(0), [0, 1, 2].map(() => buffer(4 * N * N)));
  const counters = buffer(size);
  const counts = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(group),
    entries: [{ binding, resource: { buffer: counters } }],
  });
  submit((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, own);
    pass.setBindGroup(group, counts);
    pass.dispatchWorkgroups(13, 13);
  });
  return bytes(counters);
}

test("a kernel that is rewritten for whoever dispatches it themselves", async () => {
  const kernel = await instrument(PRODUCT, { overrides: { N } });
  const launched = BigInt(13 * 13 * 64);
  assert.equal(kernel.decode(await dispatched(kernel), launched).flops, BigInt(2 * N ** 3));
  await assert.rejects(instrument("fn main( {"), /not valid/);
});

test("an invocation that is lost and an increment that is dropped are noticed", async () => {
  const kernel = await instrument(PRODUCT, { overrides: { N } });
  const launched = BigInt(13 * 13 * 64);
  const whole = await dispatched(kernel);
  assert.throws(() => kernel.decode(whole, launched + 1n), /launched|arrived|invocations/);
  const increments = [...kernel.wgsl.matchAll(/flopmeter_counter_\d+_? = \(\w+ \+ 1u\);/g)];
  assert.ok(increments.length > 0, kernel.wgsl);
  for (const { 0: increment } of increments) {
    const raw = await dispatched(kernel, (text) => text.replace(increment, ""));
    let counted;
    try {
      counted = kernel.decode(raw, launched);
    } catch {
      continue; // Counters that contradict each other.
    }
    assert.notDeepEqual(counted, kernel.decode(whole, launched), increment);
  }
});

test("counts beyond 2^53 are exact, and JSON has them as decimal strings", async () => {
  const kernel = await instrument(PRODUCT, { overrides: { N } });
  const times = 2n ** 40n + 1n;
  const raw = new BigUint64Array((await dispatched(kernel)).buffer).map((count) => count * times);
  const { flops, lines } = kernel.decode(new Uint8Array(raw.buffer), BigInt(13 * 13 * 64) * times);
  assert.equal(flops, BigInt(2 * N ** 3) * times);
  const report = new Report({ flops, lines });
  assert.equal(JSON.parse(JSON.stringify(report)).flops, "2199023255554000000");
});
