// Collatz steps of each number below 1000, whose operations depend on the data: 158,090 FLOPs. It runs in a page and
// in a worker, and knows nothing of flopmeter.

const code = `
  @group(0) @binding(0) var<storage, read_write> n: array<f32>;
  @compute @workgroup_size(64) fn collatz(@builtin(global_invocation_id) id: vec3<u32>) {
      if (id.x >= arrayLength(&n)) { return; }
      var x = n[id.x];
      var steps = 0.0;
      while (x > 1.0) {
          let half = x * 0.5;
          if (floor(half) == half) { x = half; } else { x = fma(3.0, x, 1.0); }
          steps += 1.0;
      }
      n[id.x] = steps;
  }`;
const adapter = await navigator.gpu.requestAdapter();
const device = await adapter.requestDevice();
const module = device.createShaderModule({ label: "collatz", code });
const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
const n = device.createBuffer({ size: 4000, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
device.queue.writeBuffer(n, 0, Float32Array.from({ length: 1000 }, (_, i) => i));
const layout = pipeline.getBindGroupLayout(0);
const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: n } }] });
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, group);
pass.dispatchWorkgroups(16);
pass.end();
device.queue.submit([encoder.finish()]);
await device.queue.onSubmittedWorkDone();
if (typeof WorkerGlobalScope === "undefined") globalThis.isReady = true;
else postMessage("done");
