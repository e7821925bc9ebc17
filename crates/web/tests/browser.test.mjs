// Unmodified pages in headless Chromium: counts against hand formulas, every output byte equal with and without.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { executed, line } from "./executed.mjs";
import { models } from "./models.mjs";
import { bundled, launch, serve, skip } from "./server.mjs";

const injected = new URL("../npm/inject.js", import.meta.url);

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

/** What a program executed, each one run once. */
const known = new Map();
function reportOn(program) {
  const key = JSON.stringify(program);
  if (!known.has(key)) known.set(key, counts(...program));
  return known.get(key);
}

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

for (const row of executed) {
  const [what, library, program, pattern, , expected] = row;
  test(`${library}: ${what}`, { skip }, async () => {
    const { kernels } = await reportOn(program);
    const meant = pattern ? kernels.filter(({ name }) => pattern.test(name)) : kernels.slice(0, 1);
    const flops = meant.reduce((sum, { flops }) => sum + flops, 0);
    assert.equal(flops, expected);
    assert.ok(readme.includes(`\n${line(row)}\n`), `README.md has the line ${line(row)}`);
  });
}

test("onnxruntime-web: two layers are their products and a bias of two operations an output", { skip }, async () => {
  const first = 2 * 64 * 128 * 256 + 2 * 64 * 256;
  const second = 2 * 64 * 256 * 32 + 2 * 64 * 32;
  // One pipeline does both.
  const { kernels } = await reportOn(["ort", "mlp", models.mlp.input]);
  assert.deepEqual(kernels.filter(({ name }) => name === "Gemm").map(({ flops }) => flops), [first + second]);
});

test("tfjs: elementwise operations are counted whole", { skip }, async () => {
  assert.ok((await reportOn(["tfjs", "elementwise"])).totals.dispatches > 5);
});

test("a page whose policy forbids WebAssembly runs as it would, and says why it is not counted", { skip }, async () => {
  const { page } = await open("/tests/pages/forbidden.html", { counted: true });
  await assert.rejects(reportOf(page), /Content-Security-Policy.*wasm-unsafe-eval/s);
  await page.close();
});
