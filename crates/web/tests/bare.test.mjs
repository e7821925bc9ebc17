// Implementations of WebGPU that lack what flopmeter asks for: programs run as they would, and messages say what is missing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { attach } from "flopmeter";

test("without WebGPU, attaching says that the program runs uncounted", async () => {
  await assert.rejects(attach(), /no WebGPU here .* the program runs uncounted/);
});

test("a device without limits and features is opened as it was asked for", async () => {
  const asked = [];
  globalThis.GPUDevice = class {
    createShaderModule({ code }) {
      return { code };
    }
    createComputePipeline(descriptor) {
      return { descriptor };
    }
  };
  globalThis.GPUAdapter = class {
    async requestDevice(descriptor) {
      asked.push(descriptor);
      return new GPUDevice();
    }
  };
  const { requestDevice } = GPUAdapter.prototype;
  const meter = await attach();
  const device = await new GPUAdapter().requestDevice({ label: "mine" });
  assert.equal(asked[0].label, "mine");
  assert.deepEqual(asked[0].requiredFeatures, []);
  // A kernel that is not valid is the page's own.
  const module = device.createShaderModule({ label: "broken", code: "fn main( {" });
  const { descriptor } = device.createComputePipeline({ layout: "auto", compute: { module } });
  assert.equal(descriptor.compute.module, module);
  const report = await meter.report();
  assert.equal(report.totals.flops, 0n);
  assert.deepEqual(report.timing, { source: "none", runs: 0, notes: [] });
  meter.detach();
  assert.equal(GPUAdapter.prototype.requestDevice, requestDevice);
});
