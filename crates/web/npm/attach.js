// Attaching to a program's WebGPU: its methods are replaced so that every compute pipeline counts itself. What the
// program sees stays as it is: its bind groups, its results, its errors.

import { Hooks } from "./hooks.js";
import { DEFAULTS } from "./instrument.js";
import { Counters, Kernels } from "./kernels.js";
import { report } from "./report.js";
import { Wasm } from "./wasm.js";

let attached;

/**
 * Makes every compute pipeline that the program creates from now on count what it executes. It is called before
 * the program asks for its device.
 *
 * @param {{wasm?: BufferSource | string | URL}} [options] `wasm`: where flopmeter.wasm is, if not beside this file
 * @throws where there is no WebGPU, or the page's policy forbids WebAssembly; the program then runs uncounted
 */
export async function attach({ wasm } = {}) {
  if (!globalThis.GPUDevice) {
    throw new Error("flopmeter: there is no WebGPU here (no GPUDevice in globalThis); the program runs uncounted");
  }
  return (attached ??= new Meter(await Wasm.load(wasm)));
}

/** Counts what the program's compute kernels execute until it is detached. */
class Meter {
  #hooks = new Hooks();
  #kernels;
  /** The counters of each device that is open. */
  #devices = new Map();
  #original = {};
  /** What a compute pass has done: {pipeline, groups, displaced, dispatches}. */
  #passes = new WeakMap();
  /** Dispatches that a command encoder or a command buffer holds. */
  #recorded = new WeakMap();
  #pipelines = new WeakMap();
  /** What devices counted that are gone: the contents of their buffers. */
  #contents = new Map();
  #closing = new Set();
  #lost = [];

  constructor(wasm) {
    this.#kernels = new Kernels(wasm);
    this.#hookDevice();
    this.#hookPipelines();
    this.#hookPasses();
  }

  /** What was counted since {@link Meter.reset}, or since attaching: see "flopmeter.run/1". */
  async report() {
    await Promise.all(this.#closing);
    for (const counters of this.#devices.values()) {
      for (const [buffer, bytes] of await counters.read()) this.#contents.set(buffer, bytes);
    }
    return report(this.#kernels, this.#contents, this.#lost);
  }

  /** Begins to count anew. */
  reset() {
    for (const counters of this.#devices.values()) counters.clear();
    for (const bytes of this.#contents.values()) bytes.fill(0);
    for (const kernel of this.#kernels.all) Object.assign(kernel, { dispatches: 0, launched: 0n });
    for (const refused of this.#kernels.refused) refused.dispatches = 0;
  }

  /** Leaves the program as it was. Pipelines that count go on counting for nobody. */
  detach() {
    this.#hooks.restore();
    attached = undefined;
  }

  #counters(device) {
    if (!this.#devices.has(device)) {
      this.#devices.set(device, new Counters(device));
      device.lost?.then(({ reason, message }) => {
        if (this.#devices.delete(device)) this.#lost.push(`${message || reason}`);
      });
    }
    return this.#devices.get(device);
  }

  #hookDevice() {
    const hooks = this.#hooks;
    const kernels = this.#kernels;
    // A kernel that counts has one storage buffer more: the device is asked for as many as it can give, and the
    // program sees as many as it asked for.
    hooks.replace("GPUAdapter", "requestDevice", (old) =>
      async function (descriptor = {}) {
        const most = "maxStorageBuffersPerShaderStage";
        const asked = Math.max(descriptor.requiredLimits?.[most] ?? 0, DEFAULTS[most]);
        const requiredLimits = { ...descriptor.requiredLimits, [most]: Math.max(asked, this.limits[most]) };
        const device = await old.call(this, { ...descriptor, requiredLimits });
        kernels.sawDevice(device, device.limits);
        const limit = (limits, name) => (name === most ? asked : limits[name]);
        Object.defineProperty(device, "limits", { value: new Proxy(device.limits, { get: limit }) });
        return device;
      });
    const seen = (name, see) => {
      this.#original[name] = globalThis.GPUDevice.prototype[name];
      hooks.replace("GPUDevice", name, (old) =>
        function (descriptor) {
          const made = old.call(this, descriptor);
          see(made, descriptor);
          return made;
        });
    };
    seen("createShaderModule", (module, descriptor) => kernels.sawModule(module, descriptor));
    seen("createBindGroupLayout", (layout, descriptor) => kernels.sawGroupLayout(layout, descriptor));
    seen("createPipelineLayout", (layout, descriptor) => kernels.sawLayout(layout, descriptor));
    // A program may destroy its device as soon as it has its results: counters are read first.
    const meter = this;
    hooks.replace("GPUDevice", "destroy", (old) =>
      function () {
        const counters = meter.#devices.get(this);
        if (!counters || counters.chunks.length === 0) return old.call(this);
        meter.#devices.delete(this);
        const closing = counters
          .read()
          .then((contents) => contents.forEach((bytes, buffer) => meter.#contents.set(buffer, bytes)))
          .catch((error) => meter.#lost.push(String(error)))
          .finally(() => {
            old.call(this);
            meter.#closing.delete(closing);
          });
        meter.#closing.add(closing);
      });
  }

  #hookPipelines() {
    const meter = this;
    const kernels = this.#kernels;
    const planned = (device, descriptor) => {
      try {
        return kernels.plan(device, descriptor, meter.#original);
      } catch (error) {
        return { refused: kernels.refuse(descriptor, error.message) };
      }
    };
    const plain = (pipeline, refused) => {
      meter.#pipelines.set(pipeline, { refused });
      return pipeline;
    };
    const counting = (device, pipeline, plan) => {
      const kernel = kernels.add(pipeline, meter.#counters(device), plan);
      meter.#pipelines.set(pipeline, { kernel });
      return pipeline;
    };
    this.#hooks.replace("GPUDevice", "createComputePipeline", (old) =>
      function (descriptor) {
        const plan = planned(this, descriptor);
        if (plan.refused) return plain(old.call(this, descriptor), plan.refused);
        this.pushErrorScope("validation");
        const pipeline = counting(this, old.call(this, plan.descriptor), plan);
        this.popErrorScope().then((error) => {
          if (error) meter.#lost.push(`the device refused the counting kernel '${plan.kernel.name}': ${error.message}`);
        });
        return pipeline;
      });
    this.#hooks.replace("GPUDevice", "createComputePipelineAsync", (old) =>
      async function (descriptor) {
        const plan = planned(this, descriptor);
        if (plan.refused) return plain(await old.call(this, descriptor), plan.refused);
        try {
          return counting(this, await old.call(this, plan.descriptor), plan);
        } catch (error) {
          const refused = kernels.refuse(descriptor, `the device refuses the counting kernel: ${error.message}`);
          return plain(await old.call(this, descriptor), refused);
        }
      });
  }

  #hookPasses() {
    const meter = this;
    const hooks = this.#hooks;
    const state = (pass) => {
      if (!meter.#passes.has(pass)) {
        meter.#passes.set(pass, { groups: new Map(), displaced: new Set(), dispatches: [] });
      }
      return meter.#passes.get(pass);
    };
    const setBindGroup = globalThis.GPUComputePassEncoder.prototype.setBindGroup;
    hooks.replace("GPUCommandEncoder", "beginComputePass", (old) =>
      function (descriptor) {
        const pass = old.call(this, descriptor);
        const { dispatches } = state(pass);
        if (!meter.#recorded.has(this)) meter.#recorded.set(this, []);
        meter.#recorded.get(this).push(dispatches);
        return pass;
      });
    hooks.replace("GPUCommandEncoder", "finish", (old) =>
      function (descriptor) {
        const commands = old.call(this, descriptor);
        meter.#recorded.set(commands, (meter.#recorded.get(this) ?? []).flat());
        return commands;
      });
    hooks.replace("GPUQueue", "submit", (old) =>
      function (commands) {
        const list = [...commands];
        old.call(this, list);
        for (const dispatch of list.flatMap((buffer) => meter.#recorded.get(buffer) ?? [])) dispatch();
      });
    hooks.replace("GPUComputePassEncoder", "setPipeline", (old) =>
      function (pipeline) {
        state(this).pipeline = meter.#pipelines.get(pipeline);
        return old.call(this, pipeline);
      });
    hooks.replace("GPUComputePassEncoder", "setBindGroup", (old) =>
      function (index, ...rest) {
        const { groups, displaced } = state(this);
        groups.set(index, rest);
        displaced.delete(index);
        return old.call(this, index, ...rest);
      });
    // What a dispatch needs: the counters where the kernel wants them, and back in its place whatever they displaced.
    const prepare = (pass, invocations) => {
      const { pipeline, groups, displaced, dispatches } = state(pass);
      const kernel = pipeline?.kernel;
      for (const index of displaced) {
        if (index === kernel?.group || !groups.has(index)) continue;
        setBindGroup.call(pass, index, ...groups.get(index));
        displaced.delete(index);
      }
      if (kernel) {
        setBindGroup.call(pass, kernel.group, kernel.bindGroup);
        displaced.add(kernel.group);
        dispatches.push(() => {
          kernel.dispatches += 1;
          const size = kernel.workgroup_size.reduce((product, extent) => product * BigInt(extent), 1n);
          // How many workgroups an indirect dispatch has only the device knows.
          kernel.launched = invocations === undefined || kernel.launched === undefined
            ? undefined
            : kernel.launched + invocations * size;
        });
      } else if (pipeline?.refused) {
        dispatches.push(() => (pipeline.refused.dispatches += 1));
      }
    };
    hooks.replace("GPUComputePassEncoder", "dispatchWorkgroups", (old) =>
      function (x, y = 1, z = 1) {
        prepare(this, BigInt(x) * BigInt(y) * BigInt(z));
        return old.call(this, x, y, z);
      });
    hooks.replace("GPUComputePassEncoder", "dispatchWorkgroupsIndirect", (old) =>
      function (buffer, offset) {
        prepare(this, undefined);
        return old.call(this, buffer, offset);
      });
  }
}
