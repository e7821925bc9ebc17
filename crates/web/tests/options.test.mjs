// What is handed to the functions of the package: each slip is told by its name, and what a kernel does beyond its buffers
// is said.

import assert from "node:assert/strict";
import { test } from "node:test";

import { instrument, run } from "flopmeter";

const KERNEL = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn twice(@builtin(global_invocation_id) id: vec3<u32>) {
  x[id.x] = 2.0 * x[id.x];
}`;

test("an option that is unknown, or not of its kind, is named", async () => {
  const bind = { "0.0": "iota:64" };
  const cases = [
    [() => run(KERNEL, { dispach: 1, bind }), /run: there is no option 'dispach'; there are entry, overrides, dispatch, bind/],
    [() => run(KERNEL, { bind }), /run: 'dispatch' says how many workgroups run/],
    [() => run(KERNEL, { dispatch: [], bind }), /'dispatch' says/],
    [() => run(KERNEL, { dispatch: 1, bind: { "0.0": new Float32Array(64) } }), /'bind' says in words what 0.0 holds/],
    [() => run(undefined, { dispatch: 1 }), /run: the kernel's WGSL is a text, and this is undefined/],
    [() => instrument(), /instrument: the kernel's WGSL is a text/],
    [() => instrument(KERNEL, { convention: "ncu" }), /instrument: there is no option 'convention'/],
  ];
  for (const [call, message] of cases) await assert.rejects(call, message);
});

test("accesses out of bounds are told by line", async () => {
  const within = await run(KERNEL, { dispatch: 1, bind: { "0.0": "iota:64" } });
  assert.deepEqual(within.out_of_bounds, []);
  const { out_of_bounds: outside, flops } = await run(KERNEL, { dispatch: 2, bind: { "0.0": "iota:64" } });
  assert.equal(flops, 128n);
  assert.deepEqual(outside.map(({ line, accesses }) => [line, accesses]), [[4, 128]]);
  assert.match(outside[0].what, /^128 accesses out of bounds/);
});
