// One kernel in the interpreter: no GPU, the same counters, and a tally of its own beside them.

import { Wasm } from "./wasm.js";

let loading;

const bytesOf = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const decoded = (buffers) =>
  Object.fromEntries(Object.entries(buffers).map(([at, digits]) => [at, bytesOf(digits)]));

/**
 * Runs a compute kernel once on the embedded executor.
 *
 * @param {string} wgsl the kernel's source
 * @param {{entry?: string, overrides?: Record<string, number>, dispatch: number | number[],
 *          bind?: Record<string, string>}} options
 *   `dispatch`: workgroups; `bind`: what buffers hold, by "GROUP.BINDING": "zeros:COUNT", "iota:COUNT",
 *   "random:COUNT[:SEED]", "values:1,2,3"
 * @returns what was counted; `tally_agrees`: whether the executor's own tally has the same operations and bytes;
 *   `fills` and `buffers`: what buffers held before and hold after, as bytes
 * @throws where the kernel is not valid or cannot be counted, or buffers and grid do not fit it
 */
export async function run(wgsl, { entry, overrides = {}, dispatch, bind = {} }) {
  const wasm = await (loading ??= Wasm.load(new URL("./interpreter.wasm", import.meta.url)));
  const grid = [...[dispatch].flat(), 1, 1].slice(0, 3);
  const { fills, buffers, ...counted } = wasm.interpret({ source: wgsl, entry, overrides, dispatch: grid, bind });
  return { ...counted, fills: decoded(fills), buffers: decoded(buffers) };
}
