// flopmeter for a program that does not know of it: this file, bundled into one script, runs before any script of
// the page. The page waits for it where it asks for its adapter, and workers are started through it.

import { attach } from "./npm/attach.js";
import { wrapWorkers } from "./npm/workers.js";
import wasm from "./npm/flopmeter.wasm";

if (globalThis.GPU && !globalThis.flopmeter) {
  const ready = attach({ wasm });
  let timing = false;
  // A worker that is started while times are taken takes times from its start, and asks whether they still are.
  const begun = `${INJECTED}\nglobalThis.flopmeter?.beginTiming({ alone: true }).catch(() => {});`;
  const workers = wrapWorkers(ready, () => (timing ? begun : INJECTED), () => timing);
  const { requestAdapter } = GPU.prototype;
  GPU.prototype.requestAdapter = async function (...options) {
    // A page whose policy forbids WebAssembly runs uncounted.
    await ready.catch(() => {});
    return requestAdapter.apply(this, options);
  };
  globalThis.flopmeter = Object.freeze({
    /** Reports of this page and of each of its workers. */
    async reports() {
      return [await (await ready).report(), ...(await workers.reports())];
    },
    /** Begins to count anew, here and in workers. */
    async reset() {
      (await ready).reset();
      workers.reset();
    },
    /** From now on, here and in workers, the page's own pipelines run between timestamps, and nothing is counted. */
    async beginTiming({ alone = false } = {}) {
      timing = true;
      if (!alone) workers.time(true);
      (await ready).beginTiming();
    },
    /** Counts again. */
    async endTiming() {
      timing = false;
      workers.time(false);
      await (await ready).endTiming();
    },
    /** Times taken by this page and by each of its workers, as plain values. */
    async times() {
      return [(await (await ready).times()).plain, ...(await workers.times())];
    },
  });
}
