// Features that the device is asked for beside the program's own, on Dawn: the program does not see them, and what needs
// them is an error as before.

import assert from "node:assert/strict";
import { test } from "node:test";

import { adapter, bind, buffer, bytes, counted, device, gpu } from "./dawn.mjs";

test("the page sees no feature that it did not ask for", async () => {
  assert.ok(adapter.features.has("timestamp-query"));
  assert.equal(device.features.has("timestamp-query"), false);
  assert.equal([...device.features].includes("timestamp-query"), false);
  assert.throws(() => device.createQuerySet({ type: "timestamp", count: 2 }), TypeError);
  const asked = await (await gpu.requestAdapter()).requestDevice({ requiredFeatures: ["timestamp-query"] });
  assert.equal(asked.features.has("timestamp-query"), true);
  asked.destroy();
});

test("a kernel that enables subgroups is an error where the program did not ask for them, and counted where it did", async () => {
  const code = (directive) => `${directive}
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32) { x[i] = x[i] * 0.5 + 1.0; }`;
  assert.equal(device.features.has("subgroups"), false);
  device.pushErrorScope("validation");
  device.createShaderModule({ code: code("enable f16, subgroups;") });
  assert.match((await device.popErrorScope()).message, /subgroups/);
  device.pushErrorScope("validation");
  const wrong = device.createShaderModule({ code: code("/* */ enable subgroups;") });
  device.createComputePipeline({ layout: "auto", compute: { module: wrong } });
  assert.ok(await device.popErrorScope());
  await assert.rejects(device.createComputePipelineAsync({ layout: "auto", compute: { module: wrong } }));
  // A comment enables nothing.
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code: code("// enable subgroups;") });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const x = buffer(128);
  const group = bind(pipeline.getBindGroupLayout(0), [x]);
  const report = await counted((pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
  });
  assert.equal(await device.popErrorScope(), null);
  assert.equal(report.totals.flops, 64n);
  assert.deepEqual(new Float32Array((await bytes(x)).buffer), new Float32Array(32).fill(1));
  if (!adapter.features.has("subgroups")) return;
  const asked = await (await gpu.requestAdapter()).requestDevice({ requiredFeatures: ["subgroups"] });
  assert.ok(asked.features.has("subgroups"));
  asked.pushErrorScope("validation");
  asked.createShaderModule({ code: code("enable subgroups;") });
  assert.equal(await asked.popErrorScope(), null);
  asked.destroy();
});
