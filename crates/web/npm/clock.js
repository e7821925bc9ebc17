// The timestamps of one device: pairs of queries around dispatches, and how they are read. Knows nothing of kernels.

/** Pairs in one query set. */
const PAIRS = 128;

/** Bytes of a pair. */
const BYTES = 16;

/** Hands out pairs of timestamp queries, and reads them once the commands that hold them were submitted. */
export class Clock {
  #device;
  #free = [];
  #reading = new Set();

  /** @param {GPUDevice} device a device that has the feature `timestamp-query` */
  constructor(device, own) {
    this.#device = device;
    this.createQuerySet = (count) => own.GPUDevice.createQuerySet.call(device, { type: "timestamp", count });
  }

  /**
   * The `timestampWrites` of one more dispatch in the commands whose blocks of queries these are. `taken` is called
   * with both timestamps, BigInts in nanoseconds.
   */
  pair(blocks, taken) {
    if (blocks.length === 0 || blocks.at(-1).pairs.length === PAIRS) blocks.push(this.#free.pop() ?? this.#block());
    const { pairs, queries: querySet } = blocks.at(-1);
    const at = 2 * pairs.length;
    pairs.push(taken);
    return { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  #block() {
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const buffer = (usage) => this.#device.createBuffer({ label: "flopmeter times", size: BYTES * PAIRS, usage });
    return {
      clock: this,
      queries: this.createQuerySet(2 * PAIRS),
      resolved: buffer(QUERY_RESOLVE | COPY_SRC),
      copy: buffer(COPY_DST | MAP_READ),
      pairs: [],
    };
  }

  /** The last commands of an encoder: what its queries say becomes readable. */
  resolve(encoder, { queries, resolved, copy, pairs }) {
    encoder.resolveQuerySet(queries, 0, 2 * pairs.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, copy, 0, BYTES * pairs.length);
  }

  /** Reads a block whose commands were submitted just now; `failed` is called where it cannot be read. */
  read(block, failed) {
    const { copy, pairs } = block;
    const reading = copy
      .mapAsync(GPUMapMode.READ)
      .then(() => {
        const stamps = new BigUint64Array(copy.getMappedRange().slice(0));
        copy.unmap();
        pairs.splice(0).forEach((taken, index) => taken(stamps[2 * index], stamps[2 * index + 1]));
        // Commands that fail must not leave what earlier ones left.
        this.#device.queue.writeBuffer(copy, 0, new Uint8Array(BYTES * PAIRS));
        this.#free.push(block);
      })
      .catch(failed)
      .finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** Waits until everything that was submitted is read. */
  async settled() {
    await Promise.all(this.#reading);
  }
}
