// The package in Deno, whose WebGPU is wgpu: a product is counted and timed.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

test("a product in Deno is 2 N^3 FLOPs, has a time, and the same value every time", async () => {
  const deno = here("../node_modules/.bin/deno");
  const args = ["run", "--unstable-webgpu", `--allow-read=${here("../npm")}`, here("product.deno.mjs")];
  const { stdout } = await promisify(execFile)(deno, args, { env: { ...process.env, NO_COLOR: "1" } });
  const { values, report } = JSON.parse(stdout);
  const N = 64;
  assert.deepEqual(values, [N / 4, N / 4]);
  assert.deepEqual(report.not_counted, []);
  assert.equal(report.totals.flops, 2 * N ** 3);
  assert.equal(report.totals.traffic["storage.load_bytes"], 2 * 4 * N ** 3);
  assert.equal(report.kernels[0].timed_dispatches, 1);
  assert.ok(report.totals.seconds > 0, JSON.stringify(report.timing));
});
