// Compute passes of a run that is timed: each dispatch is a pass of its own between two timestamps, and the page's own
// pipeline runs in it. What the page holds in place of its pass only remembers what it was told.

import { Clock } from "./clock.js";
import { extentsOf, offsetsOf } from "./hooks.js";

export class TimedPasses {
  /** Whether passes that begin now are timed. */
  on = false;
  #own;
  #plain;
  #standing;
  #kernelOf;
  #timestamps;
  #times;
  #clocks = new Map();
  /** What stands behind each object that a page holds in place of a pass. */
  #passes = new WeakMap();
  /** The blocks of queries that a command encoder or a command buffer holds. */
  #blocks = new WeakMap();

  /**
   * @param plain the page's own pipelines
   * @param standing a pipeline, or what stands in for it
   * @param kernelOf the kernel of a pipeline that counts
   * @param timestamps whether a device has timestamps
   * @param times where times are added up
   */
  constructor(hooks, own, { plain, standing, kernelOf, timestamps, times }) {
    this.#own = own;
    this.#plain = plain;
    this.#standing = standing;
    this.#kernelOf = kernelOf;
    this.#timestamps = timestamps;
    this.#times = times;
    this.#hook(hooks);
  }

  /** Waits until every timestamp of a device, or of all, is read. */
  async settled(device) {
    const clocks = device ? [this.#clocks.get(device)] : [...this.#clocks.values()];
    await Promise.all(clocks.map((clock) => clock?.settled()));
  }

  /** Forgets a device that is gone. */
  forget(device) {
    this.#clocks.delete(device);
  }

  #hook(hooks) {
    const [timed, passes, blocks] = [this, this.#passes, this.#blocks];
    hooks.replace("GPUCommandEncoder", "beginComputePass", (old) =>
      function (descriptor) {
        if (!timed.on) return old.call(this, descriptor);
        const held = Object.create(globalThis.GPUComputePassEncoder.prototype);
        Object.defineProperty(held, "label", { value: descriptor?.label ?? "", writable: true });
        passes.set(held, new Split(this, descriptor, timed.#own, (...asked) => timed.#prepare(this, ...asked)));
        return held;
      });
    hooks.replace("GPUCommandEncoder", "finish", (old) =>
      function (descriptor) {
        const held = blocks.get(this) ?? [];
        for (const block of held) block.clock.resolve(this, block);
        const commands = old.call(this, descriptor);
        blocks.set(commands, held);
        return commands;
      });
    hooks.replace("GPUQueue", "submit", (old) =>
      function (commands) {
        const list = [...commands];
        old.call(this, list);
        for (const block of list.flatMap((buffer) => blocks.get(buffer) ?? [])) {
          block.clock.read(block, (error) => timed.#times.note(`timestamps cannot be read: ${error.message}`));
        }
      });
    for (const name of Object.keys(this.#own.GPUComputePassEncoder)) {
      hooks.replace("GPUComputePassEncoder", name, (old) =>
        function (...told) {
          const split = passes.get(this);
          if (!split) return old.apply(this, told);
          return split[name] ? split[name](...told) : split.tell(name, told);
        });
    }
  }

  /** What a dispatch runs: the pipeline, its bind groups and its timestamps. */
  #prepare(encoder, pipeline, groups, grid) {
    const kernel = this.#kernelOf(pipeline);
    const plain = this.#plain;
    const mapped = (map) => [...groups].map(([index, [group, ...rest]]) => [index, [group && map(group), ...rest]]);
    if (!kernel) {
      const own = pipeline && this.#standing(pipeline);
      return { pipeline: own, groups: mapped((group) => plain.standing(group)) };
    }
    const taken = (begin, end) => this.#times.add(kernel, grid, begin, end);
    const clock = this.#clock(kernel.counters.device);
    if (clock && !this.#blocks.has(encoder)) this.#blocks.set(encoder, []);
    return {
      pipeline: plain.pipeline(kernel),
      groups: mapped((group) => plain.group(kernel, group)),
      timestampWrites: clock?.pair(this.#blocks.get(encoder), taken),
    };
  }

  #clock(device) {
    if (!this.#timestamps(device)) {
      this.#times.note("a device has no timestamps: its adapter lacks 'timestamp-query', or it was opened before flopmeter was attached");
      return undefined;
    }
    if (!this.#clocks.has(device)) this.#clocks.set(device, new Clock(device, this.#own));
    return this.#clocks.get(device);
  }
}

/** One pass of the page, as a pass for each of its dispatches. Its methods are those of a compute pass. */
class Split {
  #encoder;
  #label;
  #writes;
  #begin;
  #methods;
  #prepare;
  #pipeline;
  #groups = new Map();
  #immediates = [];
  #rest = new Map();

  constructor(encoder, descriptor, own, prepare) {
    this.#encoder = encoder;
    this.#label = descriptor?.label;
    this.#writes = descriptor?.timestampWrites;
    this.#begin = own.GPUCommandEncoder.beginComputePass;
    this.#methods = own.GPUComputePassEncoder;
    this.#prepare = prepare;
    const { querySet, beginningOfPassWriteIndex } = this.#writes ?? {};
    if (beginningOfPassWriteIndex !== undefined) this.#stamp({ querySet, beginningOfPassWriteIndex });
  }

  setPipeline(pipeline) {
    this.#pipeline = pipeline;
  }

  setBindGroup(index, group, ...offsets) {
    this.#groups.set(index, [group, ...offsetsOf(offsets)]);
  }

  setImmediates(at, data, first = 0, count = undefined) {
    const unit = data.BYTES_PER_ELEMENT ?? 1;
    const start = (data.byteOffset ?? 0) + first * unit;
    const end = count === undefined ? (data.byteOffset ?? 0) + data.byteLength : start + count * unit;
    const bytes = new Uint8Array(data.buffer ?? data).slice(start, end);
    const covered = ([earlier, { length }]) => earlier >= at && earlier + length <= at + bytes.length;
    this.#immediates = [...this.#immediates.filter((one) => !covered(one)), [at, bytes]];
  }

  /** State of which nothing is known but that the last call holds. */
  tell(name, told) {
    this.#rest.set(name, told);
  }

  dispatchWorkgroups(x, y = 1, z = 1) {
    this.#dispatch("dispatchWorkgroups", [x, y, z], extentsOf(x, y, z).join());
  }

  dispatchWorkgroupsIndirect(buffer, offset) {
    this.#dispatch("dispatchWorkgroupsIndirect", [buffer, offset], "indirect");
  }

  #dispatch(name, told, grid) {
    const { pipeline, groups, timestampWrites } = this.#prepare(this.#pipeline, this.#groups, grid);
    const pass = this.#begin.call(this.#encoder, { label: this.#label, timestampWrites });
    const tell = (name, ...told) => this.#methods[name].apply(pass, told);
    if (pipeline) tell("setPipeline", pipeline);
    for (const [index, group] of groups) tell("setBindGroup", index, ...group);
    for (const immediates of this.#immediates) tell("setImmediates", ...immediates);
    for (const [name, told] of this.#rest) tell(name, ...told);
    tell(name, ...told);
    tell("end");
  }

  // Groups and markers are the encoder's: they hold passes as they would hold dispatches.
  pushDebugGroup(label) {
    this.#encoder.pushDebugGroup(label);
  }

  popDebugGroup() {
    this.#encoder.popDebugGroup();
  }

  insertDebugMarker(label) {
    this.#encoder.insertDebugMarker(label);
  }

  writeTimestamp(querySet, index) {
    this.#stamp({ querySet, beginningOfPassWriteIndex: index });
  }

  end() {
    const { querySet, endOfPassWriteIndex } = this.#writes ?? {};
    if (endOfPassWriteIndex !== undefined) this.#stamp({ querySet, endOfPassWriteIndex });
  }

  /** A timestamp of the page's own, in a pass that does nothing else. */
  #stamp(timestampWrites) {
    this.#methods.end.call(this.#begin.call(this.#encoder, { label: this.#label, timestampWrites }));
  }
}
