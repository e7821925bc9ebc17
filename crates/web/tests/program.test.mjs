// `npx flopmeter URL`: what it prints, and its exit code for whatever can go wrong.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { serve, skip } from "./server.mjs";

const program = fileURLToPath(new URL("../npm/bin/flopmeter.js", import.meta.url));

let server;
before(async () => (server = await serve()));
after(() => server.close());

/** Runs the program to its end. */
function flopmeter(...args) {
  const child = spawn(process.execPath, [program, ...args]);
  const [out, err] = [[], []];
  child.stdout.on("data", (data) => out.push(data));
  child.stderr.on("data", (data) => err.push(data));
  return new Promise((resolve) =>
    child.on("close", (code) => resolve({ code, out: out.join(""), err: err.join("") })),
  );
}

test("a page is counted and printed as a table", { skip }, async () => {
  const { code, out, err } = await flopmeter(`${server.url}/tests/pages/collatz.html`, "--seconds", "1");
  assert.equal(code, 0, err);
  assert.match(out, /executed +158,090 FLOPs \(convention ieee\) in 1 dispatches/);
  assert.match(out, /collatz +1 +158,090 +8,000/);
});

test("a page is loaded once more to be timed, and so is its worker", { skip }, async () => {
  const { code, out, err } = await flopmeter(`${server.url}/tests/pages/collatz.html`, "--seconds", "1", "--time");
  assert.equal(code, 0, err);
  assert.match(out, /executed +158,090 FLOPs/);
  assert.match(out, /time +[\d.]+ ms, [\d.]+ GFLOP\/s: by timestamps around each dispatch of the page's own kernels, in a second run/);
  assert.match(out, /GB\/s\n.*collatz( +[\d.,]+){5} %( +\d+\.\d{3}){3}/);
  const worker = await flopmeter(`${server.url}/tests/pages/worker.html`, "--seconds", "2", "--time", "--json");
  const report = JSON.parse(worker.out)[1];
  assert.equal(report.totals.flops, 158090);
  assert.ok(report.totals.seconds > 0, JSON.stringify(report.timing));
  assert.deepEqual(report.timing, { source: "timestamps", runs: 1, notes: [] });
});

test("a worker of the page is counted too, and JSON has both", { skip }, async () => {
  const { code, out, err } = await flopmeter(`${server.url}/tests/pages/worker.html`, "--seconds", "2", "--json");
  assert.equal(code, 0, err);
  const [page, worker] = JSON.parse(out);
  assert.equal(page.totals.flops, 0);
  assert.equal(worker.schema, "flopmeter.run/1");
  assert.equal(worker.totals.flops, 158090);
});

test("what is asked for wrongly, and pages that cannot be opened, are exit code 2", { skip }, async () => {
  const cases = [
    [[], /one URL is expected/],
    [["nonsense"], /'nonsense' is no URL: say http:\/\/localhost\/nonsense .* or file:\/\/\/.*nonsense/],
    [["localhost:8080/page.html"], /'localhost:8080\/page.html' is no URL: say http:/],
    [["http://localhost/", "out.json"], /'out.json' is another argument: --json takes no path/],
    [["http://localhost/", "--tiem"], /Unknown option '--tiem'; there are --json, --time/],
    [[`${server.url}/nothing.html`], /nothing.html cannot be opened: the server answers 404/],
    [[`${server.url}/tests/pages/collatz.html`, "--seconds", "soon"], /'soon' is no number/],
    [[`${server.url}/tests/pages/collatz.html`, "--browser", "/nowhere"], /\/nowhere cannot be started/],
    [["about:blank"], /no WebGPU/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await flopmeter(...args);
    assert.match(err, message);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
  }
});

test("a browser that is interrupted, or cannot be started, leaves nothing behind", { skip }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "profiles-"));
  const left = async (args, signal) => {
    const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, TMPDIR: folder }, stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (signal && (await readdir(folder)).length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    if (signal) child.kill(signal);
    return [await ended, await readdir(folder)];
  };
  const page = `${server.url}/tests/pages/collatz.html`;
  assert.deepEqual(await left([page, "--browser", "/nowhere"]), [2, []]);
  assert.deepEqual(await left([page, "--seconds", "60"], "SIGINT"), [130, []]);
  await rm(folder, { recursive: true });
});

test("a page that runs no kernel says so, and which device it opened", { skip }, async () => {
  const { code, out } = await flopmeter(`${server.url}/tests/pages/idle.html`, "--seconds", "1");
  assert.equal(code, 0, out);
  assert.match(out, /device +(?!none opened)\S/);
  assert.match(out, /no compute kernel was counted/);
});
