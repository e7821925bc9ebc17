// Pipelines that count: made in place of the page's own, each with a window of counters on its device.

import { limitsOf } from "./instrument.js";
import { TEXELS, Texels } from "./texels.js";

/** Bytes of the buffers that windows of counters are cut from. */
const CHUNK = 4 << 20;

/** A window begins at a multiple of this many bytes: no device asks for more. */
const ALIGNMENT = 256;

/** The only entry of the bind group layout that counters have in an explicit pipeline layout. */
const COUNTERS = { binding: 0, visibility: 4 /* compute */, buffer: { type: "storage" } };

/** A directive of WGSL that enables subgroups, up to their name. */
const ENABLES_SUBGROUPS = /(\benable\s+(?:\w+\s*,\s*)*)subgroups\b/g;

const COMMENTS = /\/\*[^]*?\*\/|\/\/.*/g;

/** The counters of one device: buffers, and what is cut from them. */
export class Counters {
  chunks = [];
  #at = CHUNK;

  constructor(device) {
    this.device = device;
  }

  /** A zeroed window of `bytes` bytes. */
  window(bytes) {
    if (this.#at + bytes > (this.chunks.at(-1)?.size ?? 0)) {
      const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
      const size = Math.max(CHUNK, bytes);
      this.chunks.push(
        this.device.createBuffer({ label: "flopmeter counters", size, usage: STORAGE | COPY_SRC | COPY_DST }),
      );
      this.#at = 0;
    }
    const window = { buffer: this.chunks.at(-1), offset: this.#at, size: bytes };
    this.#at = Math.ceil((this.#at + bytes) / ALIGNMENT) * ALIGNMENT;
    return window;
  }

  /** Zeroes all windows. */
  clear() {
    if (this.chunks.length === 0) return;
    const encoder = this.device.createCommandEncoder();
    for (const chunk of this.chunks) encoder.clearBuffer(chunk);
    this.device.queue.submit([encoder.finish()]);
  }

  /** The contents of all windows, by buffer. */
  async read() {
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const encoder = this.device.createCommandEncoder();
    const copies = this.chunks.map((chunk) => {
      const copy = this.device.createBuffer({ size: chunk.size, usage: MAP_READ | COPY_DST });
      encoder.copyBufferToBuffer(chunk, 0, copy, 0, chunk.size);
      return copy;
    });
    this.device.queue.submit([encoder.finish()]);
    await Promise.all(copies.map((copy) => copy.mapAsync(GPUMapMode.READ)));
    return new Map(
      copies.map((copy, index) => {
        const bytes = new Uint8Array(copy.getMappedRange().slice(0));
        copy.destroy();
        return [this.chunks[index], bytes];
      }),
    );
  }
}

/** What is known of the page's shader modules and layouts, and the pipelines that were made to count. */
export class Kernels {
  /** Every kernel that counts, in the order in which they were made. */
  all = [];
  /** Kernels that do not, and why: {kernel, why, dispatches}. */
  refused = [];
  #wasm;
  #own;
  #errors;
  /** What takes counters of kernels that leave no storage buffer, for each device that has such kernels. */
  #texels = new WeakMap();
  #modules = new WeakMap();
  #storageBuffers = new WeakMap();
  #layouts = new WeakMap();
  #groupLayouts = new WeakMap();
  #allows = new WeakMap();
  #wrong = new WeakSet();

  /**
   * @param own WebGPU's methods before they were replaced
   * @param errors what keeps errors from the program
   */
  constructor(wasm, own, errors) {
    this.#wasm = wasm;
    this.#own = own;
    this.#errors = errors;
  }

  /** Remembers what a device really allows: {limits, lanes (of a subgroup at most), hidesSubgroups (from the program)}. */
  sawDevice(device, allows) {
    this.#allows.set(device, allows);
    this.opened ??= device.adapterInfo ?? {};
  }

  #limitsOf(device) {
    return this.#allows.get(device)?.limits ?? device.limits;
  }

  /** The descriptor of a shader module, which is an error as before where it enables what the program did not ask for. */
  allowed(device, descriptor) {
    const { code } = descriptor;
    if (!this.#allows.get(device)?.hidesSubgroups || !code.includes("subgroups")) return descriptor;
    if (code.replace(COMMENTS, " ").search(ENABLES_SUBGROUPS) < 0) return descriptor;
    return { ...descriptor, code: code.replace(ENABLES_SUBGROUPS, "$1subgroups_not_asked_for") };
  }

  /** Remembers a shader module that is an error. */
  sawWrongModule(module) {
    this.#wrong.add(module);
  }

  /** Remembers the source of a shader module. */
  sawModule(module, { code, label = "" }) {
    this.#modules.set(module, { code, label });
  }

  /** Remembers how many storage buffers a bind group layout has for compute shaders. */
  sawGroupLayout(layout, { entries }) {
    const storage = [...entries].filter(
      ({ visibility, buffer }) => visibility & COUNTERS.visibility && /storage/.test(buffer?.type ?? ""),
    );
    this.#storageBuffers.set(layout, storage.length);
  }

  /** Remembers which bind group layouts a pipeline layout has. */
  sawLayout(layout, descriptor) {
    this.#layouts.set(layout, { ...descriptor, bindGroupLayouts: [...descriptor.bindGroupLayouts] });
  }

  /**
   * What to make in place of the page's pipeline: its descriptor and what to know of it.
   * @throws with the reason where the kernel cannot be counted
   */
  plan(device, descriptor) {
    const { module, entryPoint, constants = {} } = descriptor.compute;
    if (this.#wrong.has(module)) throw new Error(`it enables subgroups, and the program did not ask the device for them`);
    const source = this.#modules.get(module);
    if (!source) throw new Error("its shader module was made before flopmeter was attached");
    const layout = this.#layoutFor(device, descriptor.layout);
    const label = descriptor.label || source.label;
    const reply = this.#wasm.instrument({
      source: source.code,
      entry: entryPoint,
      overrides: Object.fromEntries(Object.entries(constants)),
      label: label || entryPoint || "compute",
      group: layout.group,
      texture: layout.texture ?? "where-needed",
      limits: { ...limitsOf(this.#limitsOf(device)), subgroup_lanes: this.#allows.get(device)?.lanes },
    });
    const texels = reply.texel_counters ? this.#texelsOf(device, reply) : undefined;
    if (texels?.refused) throw new Error(texels.refused);
    const counting = this.#own.GPUDevice.createShaderModule.call(device, { label, code: reply.wgsl });
    const spec_constants = { ...constants };
    const own = { ...descriptor, compute: { ...descriptor.compute, constants: spec_constants } };
    return {
      descriptor: { ...descriptor, layout: layout.layout, compute: { module: counting } },
      groupLayout: layout.groupLayout,
      kernel: { ...reply, texels, name: label || reply.entry, source: source.code, spec_constants, descriptor: own },
    };
  }

  #texelsOf(device, { texel_columns: columns }) {
    if (!this.#texels.has(device)) this.#texels.set(device, new Texels(device, columns, this.#own, this.#errors));
    return this.#texels.get(device);
  }

  /** The layout of a counting pipeline: the page's with one group more, or `auto`. */
  #layoutFor(device, layout) {
    const original = this.#own.GPUDevice;
    if (layout === "auto") return { layout };
    const known = this.#layouts.get(layout);
    if (!known) throw new Error("its pipeline layout was made before flopmeter was attached");
    const groups = known.bindGroupLayouts;
    const { maxStorageBuffersPerShaderStage: most, maxBindGroups } = this.#limitsOf(device);
    const storage = groups.reduce((sum, group) => sum + (this.#storageBuffers.get(group) ?? 0), 0);
    if (groups.length >= maxBindGroups) throw new Error(`its layout takes all ${maxBindGroups} bind groups`);
    const entry = storage < most ? COUNTERS : TEXELS;
    if (!this.#groupLayouts.has(device)) this.#groupLayouts.set(device, new Map());
    const made = this.#groupLayouts.get(device);
    if (!made.has(entry)) {
      made.set(entry, original.createBindGroupLayout.call(device, { label: "flopmeter", entries: [entry] }));
    }
    const groupLayout = made.get(entry);
    const bindGroupLayouts = [...groups, groupLayout];
    return {
      layout: original.createPipelineLayout.call(device, { ...known, bindGroupLayouts }),
      groupLayout,
      group: groups.length,
      texture: entry === TEXELS ? "always" : "never",
    };
  }

  /** Registers a pipeline that was made by a plan. */
  add(pipeline, counters, { kernel, groupLayout }) {
    const window = counters.window(kernel.bytes);
    const layout = groupLayout ?? pipeline.getBindGroupLayout(kernel.group);
    const added = { ...kernel, id: this.all.length, counters, window, pipeline, groupLayout: layout };
    if (!kernel.texels) {
      const entries = [{ binding: kernel.binding, resource: window }];
      added.bindGroup = counters.device.createBindGroup({ label: "flopmeter", layout, entries });
    }
    this.all.push(added);
    return this.forget(added);
  }

  /** Forgets how often a kernel was dispatched, and over which grids. */
  forget(kernel) {
    return Object.assign(kernel, { dispatches: 0, launched: 0n, grids: new Map() });
  }

  /** Remembers a dispatch that was submitted. How many workgroups an indirect one has only the device knows. */
  dispatched(kernel, extents) {
    const grid = extents?.join() ?? "indirect";
    kernel.dispatches += 1;
    kernel.grids.set(grid, (kernel.grids.get(grid) ?? 0) + 1);
    if (!extents) kernel.launched = undefined;
    if (kernel.launched === undefined) return;
    kernel.launched += [...extents, ...kernel.workgroup_size].reduce((product, extent) => product * BigInt(extent), 1n);
  }

  /** Registers a kernel that is not counted, by its descriptor or pipeline; the page's own pipeline runs. */
  refuse({ label, compute }, why) {
    const kernel = label || this.#modules.get(compute?.module)?.label || compute?.entryPoint || "compute";
    const refused = { kernel, why, dispatches: 0 };
    this.refused.push(refused);
    return refused;
  }

  /** Registers why some dispatches of a kernel that counts are not counted. */
  without(kernel, why) {
    const known = this.refused.find((refused) => refused.of === kernel && refused.why === why);
    if (known) return known;
    const refused = this.refuse({ label: kernel.name }, why);
    Object.defineProperty(refused, "of", { value: kernel });
    return refused;
  }

  /** What a kernel's counters say, given the contents of its device's buffers. */
  decode(kernel, contents) {
    const { buffer, offset, size } = kernel.window;
    const raw = contents.get(buffer).subarray(offset, offset + size);
    return this.#wasm.decode(kernel.table, raw, kernel.launched);
  }
}
