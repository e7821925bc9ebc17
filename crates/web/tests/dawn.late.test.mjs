// Attaching after the program has opened its device, on Dawn: what was made before is named and runs as it did, what is
// made from then on is counted, and detaching leaves everything as it was.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { attach } from "flopmeter";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
// What is made of it does not keep it.
globalThis.gpu = create([]);
const adapter = await globalThis.gpu.requestAdapter();
assert.ok(adapter, "a Vulkan driver that Dawn takes is required: set VK_DRIVER_FILES");
const device = await adapter.requestDevice();
const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
  @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] = x[id.x] * 2.0 + 1.0; }`;
const make = (label, module, layout = "auto") => device.createComputePipeline({ label, layout, compute: { module } });
const entry = { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage" } };
const bindGroupLayouts = [device.createBindGroupLayout({ entries: [entry] })];
const layout = device.createPipelineLayout({ bindGroupLayouts });
const module = device.createShaderModule({ code });
const early = make("early", module);
const x = device.createBuffer({ size: 256, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });

// An implementation that refuses one counting kernel, though the program's own is valid.
const { createShaderModule } = GPUDevice.prototype;
GPUDevice.prototype.createShaderModule = function (descriptor) {
  const refused = descriptor.label === "disliked" && /flopmeter_counter/.test(descriptor.code);
  return createShaderModule.call(this, refused ? { ...descriptor, code: `${descriptor.code}\nfn {` } : descriptor);
};

const methods = () => Object.keys(globals).filter((name) => /^GPU/.test(name)).flatMap((name) => Object.values(Object.getOwnPropertyDescriptors(globals[name].prototype ?? {})).map(({ value }) => value));
const before = methods();
const meter = await attach();
after(() => setTimeout(() => process.exit(process.exitCode ?? 0), 50));

function submit(pipeline) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer: x } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

test("what was made before is named, runs, and does not hide what is counted", async () => {
  assert.equal(await attach(), meter, "attaching twice is attaching once");
  device.pushErrorScope("validation");
  const again = device.createShaderModule({ code });
  const pipelines = [early, make("old module", module), make("old layout", again, layout), make("new", again)];
  pipelines.forEach(submit);
  const report = await meter.report();
  assert.equal(await device.popErrorScope(), null);
  assert.deepEqual(report.kernels.map(({ name, flops }) => [name, flops]), [["new", 128n]]);
  const named = report.not_counted.map(({ kernel, why, dispatches }) => `${kernel}, ${dispatches}: ${why}`);
  assert.deepEqual(named.sort(), [
    "early, 1: it was made before flopmeter was attached",
    "old layout, 1: its pipeline layout was made before flopmeter was attached",
    "old module, 1: its shader module was made before flopmeter was attached",
  ]);
  assert.equal(await value(), 2 ** 4 - 1);
});

test("a counting kernel that the device refuses is named, and the program's own runs where it waits for it", async () => {
  meter.reset();
  device.pushErrorScope("validation");
  const disliked = device.createShaderModule({ label: "disliked", code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module: disliked } });
  const old = await value();
  submit(pipeline);
  assert.equal(await value(), 2 * old + 1);
  const { kernels, not_counted: [{ kernel, why, dispatches }] } = await meter.report();
  assert.deepEqual([kernels, kernel, dispatches], [[], "disliked", 1]);
  assert.match(why, /^the device refuses the counting kernel: /);
  assert.equal(await device.popErrorScope(), null);
});

test("a pipeline that was not waited for is the program's own once the device has refused what counts", async () => {
  meter.reset();
  const uncaptured = [];
  const hear = (event) => uncaptured.push(event.error.message);
  device.addEventListener("uncapturederror", hear);
  device.pushErrorScope("validation");
  const disliked = device.createShaderModule({ label: "disliked", code });
  const entries = [{ binding: 0, resource: { buffer: x } }];
  const groupLayout = device.createBindGroupLayout({ entries: [entry] });
  const newLayout = device.createPipelineLayout({ bindGroupLayouts: [groupLayout] });
  const [automatic, explicit, unused] = ["auto", newLayout, "auto"].map((layout) => make("", disliked, layout));
  const early = device.createBindGroup({ layout: automatic.getBindGroupLayout(0), entries });
  const earlyLayout = automatic.getBindGroupLayout(0);
  const plain = device.createBindGroup({ layout: groupLayout, entries });
  assert.equal(await device.popErrorScope(), null);
  const old = await value();
  const run = () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const late = [earlyLayout, automatic.getBindGroupLayout(0)].map((layout) => device.createBindGroup({ layout, entries }));
    for (const [pipeline, group] of [[automatic, early], [explicit, plain], ...late.map((group) => [automatic, group])]) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  run();
  assert.equal(await value(), 16 * old + 15);
  await meter.time(run);
  assert.equal(await value(), 256 * old + 255);
  const { kernels, not_counted: named } = await meter.report();
  assert.deepEqual([kernels, named.map(({ dispatches }) => dispatches).sort()], [[], [1, 3]]);
  for (const { why } of named) assert.match(why, /^the device refuses the counting kernel: .*expected/s);
  assert.ok(unused);
  device.removeEventListener("uncapturederror", hear);
  assert.deepEqual(uncaptured, []);
});

test("what was recorded before the device had refused what counts is named", async () => {
  meter.reset();
  device.pushErrorScope("validation");
  const pipeline = make("", device.createShaderModule({ label: "disliked", code }));
  submit(pipeline);
  assert.ok(await device.popErrorScope());
  const { not_counted: [{ why, dispatches }] } = await meter.report();
  assert.match(why, /^recorded before the device had answered, and not run: /);
  assert.equal(dispatches, 1);
});

test("errors of the program's own reach it where they did", async () => {
  // naga takes this kernel; the layout does not fit it.
  const module = device.createShaderModule({ label: "misfit", code });
  const wrong = device.createPipelineLayout({ bindGroupLayouts: [] });
  device.pushErrorScope("validation");
  device.pushErrorScope("out-of-memory");
  make("misfit", module, wrong);
  assert.equal(await device.popErrorScope(), null);
  assert.match((await device.popErrorScope()).message, /misfit|layout/);
  const uncaptured = new Promise((resolve) => device.addEventListener("uncapturederror", resolve, { once: true }));
  make("misfit", module, wrong);
  assert.match((await uncaptured).error.message, /misfit|layout/);
  // And of bind groups of a pipeline of which nothing is known yet.
  device.pushErrorScope("validation");
  const pipeline = make("fine", module);
  device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [] });
  assert.match((await device.popErrorScope()).message, /binding|entries/);
});

test("a device without timestamps runs its work, and a note says that it has no times", async () => {
  const pipeline = make("untimed", device.createShaderModule({ code }));
  meter.reset();
  const old = await value();
  submit(pipeline);
  await meter.time(() => [early, pipeline].forEach(submit));
  const { totals, timing } = await meter.report();
  assert.equal(totals.flops, 128n);
  assert.equal(totals.seconds, null);
  assert.equal(timing.source, "none");
  assert.match(timing.notes.join(), /a device has no timestamps/);
  assert.equal(await value(), 8 * old + 7);
});

test("detaching puts every method back", () => {
  meter.detach();
  assert.ok(methods().every((method, index) => method === before[index]));
});

/** What the first number is now. */
async function value() {
  const copy = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(x, 0, copy, 0, 4);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  return new Float32Array(copy.getMappedRange())[0];
}
