// Attaching to a program's WebGPU: its methods are replaced so that every compute pipeline counts itself. What the
// program sees stays as it is: its bind groups, its results, its errors.

import { Errors } from "./errors.js";
import { Hooks, extentsOf, methodsOf, offsetsOf } from "./hooks.js";
import { DEFAULTS } from "./instrument.js";
import { Counters, Kernels } from "./kernels.js";
import { Plain } from "./plain.js";
import { report } from "./report.js";
import { TimedPasses } from "./timed.js";
import { Times } from "./times.js";
import { Wasm } from "./wasm.js";

const TIMESTAMPS = "timestamp-query";
const SUBGROUPS = "subgroups";

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
  /** WebGPU's methods before they are replaced. */
  #own = methodsOf("GPUDevice", "GPUCommandEncoder", "GPUComputePassEncoder", "GPUComputePipeline");
  /** What a device really has: {limits, features}. */
  #has = new WeakMap();
  #times = new Times();
  #timed;
  #errors;
  #plain;
  /** What a compute pass has done: {known, groups, displaced, dispatches}. */
  #passes = new WeakMap();
  /** Dispatches that a command encoder or a command buffer holds. */
  #recorded = new WeakMap();
  /** What is known of a pipeline: the kernel that counts, or why it does not (refused), or both where the device refuses it. */
  #pipelines = new WeakMap();
  /** What devices counted that are gone: the contents of their buffers. */
  #contents = new Map();
  #closing = new Set();
  #lost = [];

  constructor(wasm) {
    this.#errors = new Errors(this.#hooks, this.#own);
    this.#kernels = new Kernels(wasm, this.#own, this.#errors);
    this.#plain = new Plain(this.#hooks, this.#own, this.#errors, (pipeline) => this.#pipelines.get(pipeline)?.kernel);
    this.#hookDevice();
    this.#hookPipelines();
    this.#hookPasses();
    this.#hookTimes();
  }

  /** What was counted since {@link Meter.reset}, or since attaching: see "flopmeter.run/1". */
  async report() {
    await Promise.all(this.#closing);
    for (const counters of this.#devices.values()) {
      for (const [buffer, bytes] of await counters.read()) this.#contents.set(buffer, bytes);
    }
    return report(this.#kernels, this.#contents, this.#lost, await this.times());
  }

  /**
   * Times the program: `work` makes it do its work again, with its own pipelines, each dispatch between timestamps.
   * Reports say from then on how long what they count took. Resolves to what `work` resolves to.
   */
  async time(work) {
    this.beginTiming();
    try {
      return await work();
    } finally {
      await this.endTiming();
    }
  }

  /** Times what passes dispatch that begin from now on, and does not count it. */
  beginTiming() {
    if (!this.#timed.on) this.#times.runs += 1;
    this.#timed.on = true;
  }

  /** Counts again what passes dispatch that begin from now on. Resolves when everything that was timed is known. */
  async endTiming() {
    this.#timed.on = false;
    await this.times();
  }

  /** The times that were taken. */
  async times() {
    await this.#timed.settled();
    return this.#times;
  }

  /** Begins to count anew. */
  reset() {
    for (const counters of this.#devices.values()) counters.clear();
    for (const bytes of this.#contents.values()) bytes.fill(0);
    for (const kernel of this.#kernels.all) this.#kernels.forget(kernel);
    for (const refused of this.#kernels.refused) refused.dispatches = 0;
    this.#times.clear();
  }

  /** Leaves the program as it was. Pipelines that count have nobody who binds their counters: they are to be made anew. */
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
    const has = this.#has;
    // A kernel that counts has one storage buffer more: the device is asked for as many as it can give, for
    // timestamps, and for subgroups, within which counters are added up. The program sees what it asked for.
    hooks.replace("GPUAdapter", "requestDevice", (old) =>
      async function (descriptor = {}) {
        const most = "maxStorageBuffersPerShaderStage";
        const asked = Math.max(descriptor.requiredLimits?.[most] ?? 0, DEFAULTS[most]);
        const requiredLimits = { ...descriptor.requiredLimits, [most]: Math.max(asked, this.limits?.[most] ?? 0) };
        const wanted = new Set(descriptor.requiredFeatures);
        const more = [TIMESTAMPS, SUBGROUPS].filter((feature) => this.features?.has(feature) && !wanted.has(feature));
        const requiredFeatures = [...wanted, ...more];
        const device = await old.call(this, { ...descriptor, requiredLimits, requiredFeatures });
        const { limits, features } = device;
        has.set(device, { limits, features });
        const lanes = features?.has(SUBGROUPS) ? (device.adapterInfo ?? this.info)?.subgroupMaxSize : undefined;
        kernels.sawDevice(device, { limits, lanes, hidesSubgroups: more.includes(SUBGROUPS) });
        if (!limits || !features) return device;
        const limit = (limits, name) => (name === most ? asked : limits[name]);
        Object.defineProperty(device, "limits", { value: new Proxy(limits, { get: limit }) });
        if (more.length > 0) {
          const shown = new Set([...features].filter((feature) => !more.includes(feature)));
          Object.defineProperty(device, "features", { value: shown });
        }
        return device;
      });
    hooks.replace("GPUDevice", "createQuerySet", (old) =>
      function (descriptor) {
        if (descriptor.type === "timestamp" && has.has(this) && !this.features?.has(TIMESTAMPS)) {
          throw new TypeError(`a query set of timestamps needs the feature '${TIMESTAMPS}'`);
        }
        return old.call(this, descriptor);
      });
    const seen = (name, see) => {
      hooks.replace("GPUDevice", name, (old) =>
        function (descriptor) {
          const made = old.call(this, descriptor);
          see(made, descriptor);
          return made;
        });
    };
    hooks.replace("GPUDevice", "createShaderModule", (old) =>
      function (descriptor) {
        const allowed = kernels.allowed(this, descriptor);
        const module = old.call(this, allowed);
        if (allowed === descriptor) kernels.sawModule(module, descriptor);
        else kernels.sawWrongModule(module);
        return module;
      });
    seen("createBindGroupLayout", (layout, descriptor) => kernels.sawGroupLayout(layout, descriptor));
    seen("createPipelineLayout", (layout, descriptor) => kernels.sawLayout(layout, descriptor));
    // A program may destroy its device as soon as it has its results: counters are read first.
    const meter = this;
    hooks.replace("GPUDevice", "destroy", (old) =>
      function () {
        const counters = meter.#devices.get(this);
        if (!counters || counters.chunks.length === 0) return old.call(this);
        meter.#devices.delete(this);
        const closing = meter.#timed
          .settled(this)
          .then(() => counters.read())
          .then((contents) => contents.forEach((bytes, buffer) => meter.#contents.set(buffer, bytes)))
          .catch((error) => meter.#lost.push(String(error)))
          .finally(() => {
            old.call(this);
            meter.#timed.forget(this);
            meter.#closing.delete(closing);
          });
        meter.#closing.add(closing);
      });
  }

  #hookPipelines() {
    const meter = this;
    const kernels = this.#kernels;
    // The plan, and a promise of what the device says of its shader module.
    const planned = (device, descriptor) => {
      try {
        return meter.#errors.guarded(device, () => kernels.plan(device, descriptor));
      } catch (error) {
        return { made: { refused: kernels.refuse(descriptor, error.message) } };
      }
    };
    const why = (error) => `the device refuses the counting kernel: ${error.message}`;
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
        const { made: plan, error: ofModule } = planned(this, descriptor);
        if (plan.refused) return plain(old.call(this, descriptor), plan.refused);
        const make = () => counting(this, old.call(this, plan.descriptor), plan);
        const { made, error: ofPipeline } = meter.#errors.guarded(this, make);
        const known = meter.#pipelines.get(made);
        const { kernel } = known;
        // The page's own pipeline takes over where the device says later that it refuses this one.
        kernel.answer = Promise.all([ofModule, ofPipeline, kernel.texels?.answer]).then(([first, second, ofTexels]) => {
          kernel.answer = undefined;
          const error = first ?? second;
          if (!error && !ofTexels) return undefined;
          kernel.refused = error ? why(error) : ofTexels;
          known.refused = kernels.refuse(descriptor, kernel.refused);
          return meter.#errors.guarded(this, () => meter.#plain.pipeline(kernel)).error;
        });
        meter.#errors.tell(this, kernel.answer);
        return made;
      });
    this.#hooks.replace("GPUDevice", "createComputePipelineAsync", (old) =>
      async function (descriptor) {
        const { made: plan, error: ofModule } = planned(this, descriptor);
        if (plan.refused) return plain(await old.call(this, descriptor), plan.refused);
        let refused;
        try {
          const pipeline = await old.call(this, plan.descriptor);
          refused = await plan.kernel.texels?.answer;
          if (!refused) {
            const { made, error } = meter.#errors.guarded(this, () => counting(this, pipeline, plan));
            const ofCounters = await error;
            if (!ofCounters) return made;
            refused = why(ofCounters);
          }
        } catch (error) {
          refused = why((await ofModule) ?? error);
        }
        return plain(await old.call(this, descriptor), kernels.refuse(descriptor, refused));
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
    const { setBindGroup, setPipeline } = this.#own.GPUComputePassEncoder;
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
        old.call(this, meter.#standing(pipeline));
        if (!meter.#pipelines.has(pipeline)) {
          const refused = meter.#kernels.refuse(pipeline, "it was made before flopmeter was attached");
          meter.#pipelines.set(pipeline, { refused });
        }
        state(this).known = meter.#pipelines.get(pipeline);
      });
    hooks.replace("GPUComputePassEncoder", "setBindGroup", (old) =>
      function (index, asked, ...offsets) {
        const { groups, displaced } = state(this);
        const group = meter.#plain.standing(asked);
        groups.set(index, [group, ...offsetsOf(offsets)]);
        displaced.delete(index);
        return old.call(this, index, group, ...offsets);
      });
    // What a dispatch needs: the counters where the kernel wants them, and back in its place whatever they displaced.
    const prepare = (pass, kernel, { groups, displaced }, counters) => {
      for (const index of displaced) {
        if (index === kernel?.group || !groups.has(index)) continue;
        setBindGroup.call(pass, index, ...groups.get(index));
        displaced.delete(index);
      }
      if (!kernel) return;
      setBindGroup.call(pass, kernel.group, counters);
      displaced.add(kernel.group);
    };
    // A dispatch of a kernel whose counters go to a texture, where they do not fit into one: the page's own pipeline.
    const uncounted = (pass, kernel, done, dispatch) => {
      setPipeline.call(pass, meter.#plain.pipeline(kernel));
      prepare(pass, undefined, done);
      for (const [index, [group, ...offsets]] of done.groups) {
        const own = group && meter.#plain.group(kernel, group);
        if (own === group) continue;
        setBindGroup.call(pass, index, own, ...offsets);
        done.displaced.add(index);
      }
      dispatch();
      setPipeline.call(pass, kernel.pipeline);
    };
    const intoTexels = (pass, kernel, done, extents, dispatch) => {
      const { texels } = kernel;
      const why = texels.refusal(kernel, extents);
      if (why) {
        uncounted(pass, kernel, done, dispatch);
        done.dispatches.push(() => (meter.#kernels.without(kernel, why).dispatches += 1));
        return;
      }
      prepare(pass, kernel, done, texels.bindGroup(kernel, extents));
      dispatch();
      done.dispatches.push(() => meter.#kernels.dispatched(kernel, extents));
      if (extents.includes(0)) return;
      texels.add(pass, kernel, extents);
      done.displaced.add(0);
      setPipeline.call(pass, kernel.pipeline);
    };
    const dispatched = (pass, extents, dispatch) => {
      const done = state(pass);
      const { known, dispatches } = done;
      const kernel = counted(known);
      if (kernel?.texels) {
        intoTexels(pass, kernel, done, extents, dispatch);
        return;
      }
      prepare(pass, kernel, done, kernel?.bindGroup);
      if (kernel) {
        dispatches.push(() => meter.#kernels.dispatched(kernel, extents));
      } else if (known?.refused) {
        dispatches.push(() => (known.refused.dispatches += 1));
      }
      dispatch();
    };
    hooks.replace("GPUComputePassEncoder", "dispatchWorkgroups", (old) =>
      function (x, y = 1, z = 1) {
        dispatched(this, extentsOf(x, y, z), () => old.call(this, x, y, z));
      });
    hooks.replace("GPUComputePassEncoder", "dispatchWorkgroupsIndirect", (old) =>
      function (buffer, offset) {
        dispatched(this, undefined, () => old.call(this, buffer, offset));
      });
  }

  /** Passes of a timed run are none of those above: this comes last. */
  #hookTimes() {
    const kernelOf = (pipeline) => counted(this.#pipelines.get(pipeline));
    const standing = (pipeline) => this.#standing(pipeline);
    const timestamps = (device) => Boolean((this.#has.get(device) ?? device).features?.has(TIMESTAMPS));
    this.#timed = new TimedPasses(this.#hooks, this.#own, {
      plain: this.#plain, standing, kernelOf, timestamps, times: this.#times,
    });
  }

  /** A pipeline, or the page's own in its place where the device refuses its counting kernel. */
  #standing(pipeline) {
    const { kernel } = this.#pipelines.get(pipeline) ?? {};
    return kernel?.refused ? this.#plain.pipeline(kernel) : pipeline;
  }
}

/** The kernel that counts, of what is known of a pipeline. */
const counted = ({ kernel, refused } = {}) => (refused ? undefined : kernel);
