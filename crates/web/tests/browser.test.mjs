// Unmodified pages in headless Chromium: counts against hand formulas, every output byte equal with and without.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { models } from "./models.mjs";
import { launch, serve, skip } from "./server.mjs";

const injected = new URL("../npm/inject.js", import.meta.url);

/** A page's own script, bundled as a page's builder would. */
async function bundled(name) {
  const entryPoints = [fileURLToPath(new URL(`pages/${name}.mjs`, import.meta.url))];
  const options = { entryPoints, bundle: true, format: "esm", target: "esnext", write: false, logLevel: "error" };
  return (await build(options)).outputFiles[0].contents;
}

let server, chromium;
before(async () => {
  if (skip) return;
  const bundles = { tfjs: await bundled("tfjs"), three: await bundled("three") };
  server = await serve((path) => {
    const [, kind, name] = path.match(/^\/(models|bundle)\/(\w+)\./) ?? [];
    return kind === "models" ? models[name]?.bytes : bundles[name];
  });
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  server?.close();
});

/** Opens a page, counted or plain, and collects the errors on its console. */
async function open(path, { counted }) {
  const page = await chromium.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  if (counted) await page.addInitScript(await readFile(injected, "utf8"));
  await page.goto(server.url + path);
  // Not `waitForFunction`, which a page's policy may forbid.
  while (!(await page.evaluate("globalThis.isReady"))) await new Promise((resolve) => setTimeout(resolve, 50));
  return { page, errors };
}

/** What a program's report says, with numbers for counts. */
const reportOf = (page) => page.evaluate("flopmeter.reports().then(JSON.stringify)");

/** Runs a page's program with and without counting; both leave the same bytes. */
async function counts(name, program, dims) {
  const path = `/tests/pages/${name}.html`;
  const run = (page) => page.evaluate(([program, dims]) => runProgram(program, dims), [program, dims]);
  const { page, errors } = await open(path, { counted: true });
  const output = await run(page);
  const [report] = JSON.parse(await reportOf(page));
  const again = await timed(page, () => run(page), report);
  await page.close();
  assert.deepEqual(errors, []);
  assert.deepEqual(report.not_counted, []);
  const { page: plain } = await open(path, { counted: false });
  // A program that goes on from where it was leaves other bytes the second time.
  const [expected, continued] = [await run(plain), await run(plain)];
  await plain.close();
  assert.ok(output.length > 0);
  assert.ok(output === expected, "counting changed an output byte");
  assert.ok(again === continued, "timing changed an output byte");
  return report;
}

/** Runs a page's program again to time it: every dispatch that was counted is timed, and none is counted again. */
async function timed(page, run, { totals, kernels }) {
  await page.evaluate("flopmeter.beginTiming()");
  const output = await run();
  await page.evaluate("flopmeter.endTiming()");
  const [report] = JSON.parse(await reportOf(page));
  assert.equal(report.totals.flops, totals.flops);
  assert.equal(report.timing.source, "timestamps");
  assert.deepEqual(
    report.kernels.map(({ id, timed_dispatches: timed }) => [id, timed]),
    kernels.map(({ id, dispatches }) => [id, dispatches]),
  );
  // A kernel that is shorter than the browser's rounding may have no time, and a note says so.
  const unsaid = report.kernels.filter(({ name, seconds }) => seconds === null && !report.timing.notes.some((note) => note.includes(name)));
  assert.deepEqual(unsaid, []);
  return output;
}

/** FLOPs of the kernels of a name, most first. */
const flopsOf = (report, pattern) =>
  report.kernels.filter(({ name }) => pattern.test(name)).map(({ flops }) => flops);

const onnx = (name) => counts("ort", name, models[name].input);

test("onnxruntime-web: a product of 64 x 96 x 80 pads its 80 columns to 96", { skip }, async () => {
  assert.deepEqual(flopsOf(await onnx("matmul"), /MatMul/), [2 * 64 * 96 * 96]);
});

test("onnxruntime-web: a product whose extents are multiples of its tile is 2 M N K", { skip }, async () => {
  assert.deepEqual(flopsOf(await onnx("square"), /MatMul/), [2 * 128 ** 3]);
});

test("onnxruntime-web: two layers are their products and a bias of two operations an output", { skip }, async () => {
  const first = 2 * 64 * 128 * 256 + 2 * 64 * 256;
  const second = 2 * 64 * 256 * 32 + 2 * 64 * 32;
  // One pipeline does both.
  assert.deepEqual(flopsOf(await onnx("mlp"), /Gemm/), [first + second]);
});

test("onnxruntime-web: a convolution and a transformer block are counted whole", { skip }, async () => {
  for (const name of ["conv", "transformer"]) {
    const report = await onnx(name);
    assert.ok(report.kernels.length > 5, name);
    assert.equal(report.totals.flops, report.kernels.reduce((sum, { flops }) => sum + flops, 0));
  }
});

test("tfjs: the same product of 64 x 96 x 80 is 2 M N K, without padding", { skip }, async () => {
  assert.deepEqual(flopsOf(await counts("tfjs", "matmul"), /MatMul/i), [2 * 64 * 96 * 80]);
});

test("tfjs: elementwise operations and a convolutional network are counted whole", { skip }, async () => {
  for (const name of ["elementwise", "conv"]) {
    const report = await counts("tfjs", name);
    assert.ok(report.totals.dispatches > 5, name);
  }
});

test("three.js: two steps of 1000 bodies are 17 N + 6 FLOPs an invocation, and 1024 are launched", { skip }, async () => {
  const [N, launched] = [1000, 1024];
  const [attract] = flopsOf(await counts("three"), /./);
  assert.equal(attract, 2 * launched * (17 * N + 6));
});

test("a page whose policy forbids WebAssembly runs as it would, and says why it is not counted", { skip }, async () => {
  const { page } = await open("/tests/pages/forbidden.html", { counted: true });
  await assert.rejects(reportOf(page), /Content-Security-Policy.*wasm-unsafe-eval/s);
  await page.close();
});
