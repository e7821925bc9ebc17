// This project's own kernels, each counted twice: on Dawn by its rewritten WGSL, and by the interpreter in WebAssembly.
// Both say the same of every operation, byte and line. What WebGPU refuses is listed, with the reason.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { after, test } from "node:test";

import { instrument, run } from "flopmeter";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
// What is made of it does not keep it.
globalThis.gpu = create([]);
const adapter = await globalThis.gpu.requestAdapter();
assert.ok(adapter, "a Vulkan driver that Dawn takes is required: set VK_DRIVER_FILES");
const limits = ["maxStorageBuffersPerShaderStage", "maxComputeWorkgroupStorageSize"];
const hasF16 = adapter.features.has("shader-f16");
const device = await adapter.requestDevice({
  requiredFeatures: hasF16 ? ["shader-f16"] : [],
  requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
});
const SHADERS = new URL("../../../shaders/", import.meta.url);

/** Every extent that a kernel asks for, in uniforms and overrides, and one that is behind it in the grid. */
const EXTENT = 8;
const GRID = [2, 2, 1];

/** Scalars of each buffer: enough for three extents and a few tiles. */
const SCALARS = 8192;

/** Kernels that are not compared, and why. */
const LEFT_OUT = [
  [/_subgroup$/, /./, "how many lanes a subgroup has is the driver's choice, and 32 in the interpreter"],
  [/^linear_matrix$/, /./, "WebGPU has no cooperative matrices"],
  [/^roofline$/, hasF16 ? /f64/ : /./, `its file ${hasF16 ? "has f64, which is naga's own" : "needs shader-f16"}`],
];

/** How the first line of a file says that it goes on: in which file, and perhaps which file stands for another. */
const CONTINUED = /^\/\/ Continued in (\w+\.wgsl)(?:, with (\w+\.wgsl) for (\w+\.wgsl))?\.\n/;

/** A file with all that it is continued in. */
async function whole(first) {
  const [names, texts, instead] = [[], [], []];
  for (let name = first; name; ) {
    const text = await readFile(new URL(name, SHADERS), "utf8");
    names.push(name);
    texts.push(text);
    const [, next, stands, other] = text.match(CONTINUED) ?? [];
    if (stands) instead.push([stands, other]);
    name = instead.reduce((last) => instead.find(([stands, other]) => other === last && !names.includes(stands))?.[0] ?? last, next);
  }
  return texts.join("\n");
}

/** Every file that continues no other: [stem, text]. What only puts another file in the place of one has kernels of that one. */
async function sources() {
  const names = (await readdir(SHADERS)).filter((name) => name.endsWith(".wgsl"));
  const texts = await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, SHADERS), "utf8")]));
  const follows = ([, text]) => {
    const [, next, stands] = text.match(CONTINUED) ?? [];
    return stands ?? next;
  };
  const continued = new Set(texts.map(follows));
  const own = texts.filter(([name, text]) => !continued.has(name) && (!text.match(CONTINUED)?.[2] || text.includes("@compute")));
  const first = own.map(([name]) => name).sort();
  return Promise.all(first.map(async (name) => [name.replace(".wgsl", ""), await whole(name)]));
}

const entriesOf = (text) => [...text.matchAll(/@compute[^{;]*?\bfn\s+(\w+)/g)].map(([, name]) => name);

const overridesOf = (text) => {
  const names = [...text.matchAll(/^override (\w+): u32/gm)].map(([, name]) => name);
  return Object.fromEntries(names.map((name) => [name, EXTENT]));
};

/** What is put into a binding: extents into uniforms, numbers in order where there are indices, and values elsewhere. */
function fill(text, { name, kind }) {
  const [, type] = text.match(new RegExp(`var<[^>]*>\\s+${name}:\\s*([^;]+);`)) ?? [];
  if (kind !== "uniform") return /u32|i32/.test(type) ? `iota:${SCALARS}` : `random:${SCALARS}:1`;
  const [, members] = text.match(new RegExp(`struct ${type} \\{([^}]*)\\}`)) ?? [];
  const types = [...members.replace(/\/\/.*/g, "").matchAll(/\w+:\s*(\w+)/g)].map(([, type]) => type);
  return `values:${types.map((type) => (type === "f32" ? 0.5 : EXTENT)).join(",")}`;
}

/** What the device counts in one dispatch over buffers that hold `fills`. */
async function onDevice(kernel, fills, grid) {
  device.pushErrorScope("validation");
  const made = [];
  const buffer = (size, usage) => made[made.push(device.createBuffer({ size, usage })) - 1];
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const counters = buffer(kernel.bytes, STORAGE | COPY_SRC);
  const bound = kernel.resources.map(({ group, binding, kind }) => {
    const bytes = fills[`${group}.${binding}`];
    const one = buffer(Math.max(16, bytes.length), (kind === "uniform" ? UNIFORM : STORAGE) | COPY_DST);
    device.queue.writeBuffer(one, 0, bytes);
    return { group, entry: { binding, resource: { buffer: one } } };
  });
  bound.push({ group: kernel.group, entry: { binding: kernel.binding, resource: { buffer: counters } } });
  const module = device.createShaderModule({ code: kernel.wgsl });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const read = buffer(kernel.bytes, MAP_READ | COPY_DST);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  for (const index of new Set(bound.map(({ group }) => group))) {
    const entries = bound.filter(({ group }) => group === index).map(({ entry }) => entry);
    pass.setBindGroup(index, device.createBindGroup({ layout: pipeline.getBindGroupLayout(index), entries }));
  }
  pass.dispatchWorkgroups(...grid);
  pass.end();
  encoder.copyBufferToBuffer(counters, 0, read, 0, kernel.bytes);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  await read.mapAsync(GPUMapMode.READ);
  const raw = new Uint8Array(read.getMappedRange().slice(0));
  for (const one of made) one.destroy();
  return kernel.decode(raw, [...grid, ...kernel.workgroup_size].reduce((product, extent) => product * BigInt(extent), 1n));
}

const all = await sources();
after(() => setTimeout(() => process.exit(process.exitCode ?? 0), 50));
for (const [stem, text] of all) {
  const overrides = overridesOf(text);
  for (const entry of entriesOf(text)) {
    const [, , why] = LEFT_OUT.find(([file, name]) => file.test(stem) && name.test(entry)) ?? [];
    test(`${stem}::${entry}`, { skip: why ?? false }, async () => {
      const kernel = await instrument(text, { entry, overrides, limits: device.limits });
      const bind = Object.fromEntries(kernel.resources.map((one) => [`${one.group}.${one.binding}`, fill(text, one)]));
      const { ops, flops, traffic, lines, tally_agrees: agrees, fills } = await run(text, { entry, overrides, dispatch: GRID, bind });
      assert.ok(agrees, "the interpreter's own tally");
      assert.ok(Object.keys(traffic).length > 0 || entry === "nothing", "it does something");
      assert.deepEqual(await onDevice(kernel, fills, GRID), { ops, flops, traffic, lines });
    });
  }
}
