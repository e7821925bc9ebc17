// A program for Deno: one product of N x N matrices, counted and timed, and its report as JSON. `deno.test.mjs` runs it.

import { attach } from "../npm/index.js";

const N = 64;
const code = `
  @group(0) @binding(0) var<storage> a: array<f32>;
  @group(0) @binding(1) var<storage, read_write> c: array<f32>;
  @compute @workgroup_size(8, 8) fn product(@builtin(global_invocation_id) id: vec3<u32>) {
      var sum = 0.0;
      for (var k = 0u; k < ${N}u; k++) { sum = fma(a[id.y * ${N}u + k], a[k * ${N}u + id.x], sum); }
      c[id.y * ${N}u + id.x] = sum;
  }`;

const meter = await attach();
const adapter = await navigator.gpu.requestAdapter();
const device = await adapter.requestDevice();
const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
const [a, c] = [0, 1].map(() => device.createBuffer({ size: 4 * N * N, usage: STORAGE | COPY_SRC | COPY_DST }));
const copy = device.createBuffer({ size: 4 * N * N, usage: COPY_DST | MAP_READ });
device.queue.writeBuffer(a, 0, new Float32Array(N * N).fill(0.5));
const module = device.createShaderModule({ label: "product", code });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
const entries = [a, c].map((buffer, binding) => ({ binding, resource: { buffer } }));
const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });

async function work() {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(N / 8, N / 8);
  pass.end();
  encoder.copyBufferToBuffer(c, 0, copy, 0, 4 * N * N);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  const last = new Float32Array(copy.getMappedRange())[N * N - 1];
  copy.unmap();
  return last;
}

const values = [await work(), await meter.time(work)];
console.log(JSON.stringify({ values, report: await meter.report() }));
Deno.exit(0);
