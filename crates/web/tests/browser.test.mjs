// Unmodified pages in headless Chromium: counts against hand formulas, every output byte equal with and without.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { models } from "./models.mjs";
import { launch, serve, skip } from "./server.mjs";

const injected = new URL("../npm/inject.js", import.meta.url);

let server, chromium;
before(async () => {
  if (skip) return;
  server = await serve((path) => models[path.match(/^\/models\/(\w+)\.onnx$/)?.[1]]?.bytes);
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  server?.close();
});

/** Opens a page, counted or plain; console errors fail the test. */
async function open(path, { counted }) {
  const page = await chromium.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/404/.test(message.text())) errors.push(message.text());
  });
  if (counted) await page.addInitScript(await readFile(injected, "utf8"));
  await page.goto(server.url + path);
  // Not `waitForFunction`, which a page's policy may forbid.
  while (!(await page.evaluate("globalThis.isReady"))) await new Promise((resolve) => setTimeout(resolve, 50));
  return { page, errors };
}

/** What the page's report says, with numbers for counts. */
const reportOf = async (page) => (await page.evaluate(async () => JSON.stringify(await flopmeter.reports()))) ;

async function counts(name) {
  const { page, errors } = await open("/tests/pages/ort.html", { counted: true });
  const output = await page.evaluate(([name, dims]) => runModel(name, dims), [name, models[name].input]);
  const [report] = JSON.parse(await reportOf(page));
  await page.close();
  assert.deepEqual(errors, []);
  assert.deepEqual(report.not_counted, []);
  const { page: plain } = await open("/tests/pages/ort.html", { counted: false });
  const expected = await plain.evaluate(([name, dims]) => runModel(name, dims), [name, models[name].input]);
  await plain.close();
  assert.ok(output.length > 0);
  assert.equal(output, expected, "counting changed an output byte");
  return report;
}

const flopsOf = (report, pattern) =>
  report.kernels.filter(({ name }) => pattern.test(name)).map(({ flops }) => flops);

test("onnxruntime-web: a product of 64 x 96 x 80 pads its 80 columns to 96", { skip }, async () => {
  const report = await counts("matmul");
  assert.deepEqual(flopsOf(report, /MatMul/), [2 * 64 * 96 * 96]);
});

test("onnxruntime-web: a product whose extents are multiples of its tile is 2 M N K", { skip }, async () => {
  const report = await counts("square");
  assert.deepEqual(flopsOf(report, /MatMul/), [2 * 128 ** 3]);
});

test("onnxruntime-web: two layers are their products and a bias of two operations an output", { skip }, async () => {
  const report = await counts("mlp");
  const first = 2 * 64 * 128 * 256 + 2 * 64 * 256;
  const second = 2 * 64 * 256 * 32 + 2 * 64 * 32;
  assert.deepEqual(flopsOf(report, /Gemm/), [first, second]);
});

test("onnxruntime-web: a convolution and a transformer block are counted whole", { skip }, async () => {
  for (const name of ["conv", "transformer"]) {
    const report = await counts(name);
    assert.ok(report.kernels.length > 5, name);
    const total = report.kernels.reduce((sum, { flops }) => sum + flops, 0);
    assert.equal(report.totals.flops, total);
    console.log(name, report.kernels.map(({ name, dispatches, flops }) => `${name} ${dispatches} ${flops}`).join("; "));
  }
});

test("a page whose policy forbids WebAssembly runs as it would, and says why it is not counted", { skip }, async () => {
  const { page } = await open("/tests/pages/forbidden.html", { counted: true });
  await assert.rejects(reportOf(page), /Content-Security-Policy.*wasm-unsafe-eval/s);
  await page.close();
});
