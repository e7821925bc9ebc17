// What counting costs, as a table: `node bench.mjs`, after `build`, with VK_DRIVER_FILES naming a driver that Dawn takes.
// Figures are of whatever machine this is; nothing is held against a limit.

import { readFile } from "node:fs/promises";

import { instrument } from "flopmeter";

import { bundled, launch, opened, serve } from "./tests/server.mjs";
import { models } from "./tests/models.mjs";

/** Runs whose median is taken. */
const RUNS = 15;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const injected = await readFile(new URL("npm/inject.js", import.meta.url), "utf8");
const bundles = { tfjs: await bundled("tfjs"), three: await bundled("three") };
const server = await serve((path) => {
  const [, kind, name] = path.match(/^\/(models|bundle)\/(\w+)\./) ?? [];
  return kind === "models" ? models[name]?.bytes : bundles[name];
});
const chromium = await launch();

/** Milliseconds of each of so many runs of a page's program, after one that is not taken. */
const times = (page, name, dims, runs) =>
  page.evaluate(
    async ([name, dims, runs]) => {
      const run = globalThis.prepareProgram ? await prepareProgram(name, dims) : () => runProgram(name, dims);
      await run();
      const taken = [];
      for (let i = 0; i < runs; i += 1) {
        const start = performance.now();
        await run();
        taken.push(performance.now() - start);
      }
      return taken;
    },
    [name, dims, runs],
  );

const rows = [];
const corpus = new Map();
const programs = [
  ...["square", "large", "mlp", "conv", "transformer"].map((name) => ["ort", name, models[name].input]),
  ...["matmul", "elementwise", "conv"].map((name) => ["tfjs", name]),
  ["three", "bodies"],
];
const ratios = [];
for (const [library, name, dims] of programs) {
  const path = `${server.url}/tests/pages/${library}.html`;
  const [counted, plain] = [await opened(chromium, path, injected), await opened(chromium, path)];
  const [slow, fast] = [[], []];
  // By turns, so that what else the machine does falls on both.
  for (let turn = 0; turn < 3; turn += 1) {
    fast.push(...(await times(plain, name, dims, RUNS / 3)));
    slow.push(...(await times(counted, name, dims, RUNS / 3)));
  }
  const [report] = JSON.parse(await counted.evaluate("flopmeter.reports().then(JSON.stringify)"));
  for (const { source, entry, spec_constants: overrides } of report.kernels) {
    corpus.set(JSON.stringify([source, entry, overrides]), { source, entry, overrides });
  }
  ratios.push(median(slow) / median(fast));
  rows.push([`${library} ${name}: counted / plain`, `${median(slow).toFixed(1)} / ${median(fast).toFixed(1)} ms = ${ratios.at(-1).toFixed(2)}`]);
  await counted.close();
  await plain.close();
}
rows.push(["counted / plain, median of these", median(ratios).toFixed(2)]);

// Time of the processor, so that what else the machine does is not in it.
const milliseconds = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
const rewriting = [];
for (const { source, entry, overrides } of corpus.values()) {
  const start = milliseconds();
  await instrument(source, { entry, overrides, limits: { maxStorageBuffersPerShaderStage: 10 } });
  rewriting.push(milliseconds() - start);
}
rewriting.shift(); // The first one loads the module.
rows.push([`rewriting a pipeline, median of ${rewriting.length}`, `${median(rewriting).toFixed(1)} ms`]);
rows.push(["rewriting a pipeline, the longest", `${Math.max(...rewriting).toFixed(1)} ms`]);

const ready = [];
for (let i = 0; i < 5; i += 1) {
  const page = await chromium.newPage();
  const start = performance.now();
  await page.goto(`${server.url}/playground/index.html`);
  await page.waitForFunction("globalThis.isReady");
  ready.push(performance.now() - start);
  await page.close();
}
rows.push(["the playground is ready", `${median(ready).toFixed(0)} ms`]);
await chromium.close();
server.close();

const { bind, buffer, device, meter, submit } = await import("./tests/dawn.mjs");
const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
  @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] = x[id.x] * 0.5 + 1.0; }`;
const module = device.createShaderModule({ code });
const kernels = Array.from({ length: 10 }, () => device.createComputePipeline({ layout: "auto", compute: { module } }));
const groups = kernels.map((pipeline) => bind(pipeline.getBindGroupLayout(0), [buffer(256)]));
submit((pass) => {
  for (let i = 0; i < 1000; i += 1) {
    pass.setPipeline(kernels[i % 10]);
    pass.setBindGroup(0, groups[i % 10]);
    pass.dispatchWorkgroups(1);
  }
});
await device.queue.onSubmittedWorkDone();
const start = performance.now();
await meter.report();
rows.push(["a report of 1,000 dispatches of 10 kernels", `${(performance.now() - start).toFixed(1)} ms`]);

const width = Math.max(...rows.map(([name]) => name.length));
for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${value}`);
process.exit(0);
