// One kernel in the interpreter: no GPU, the same counters, and a tally of its own beside them.

import { checked } from "./options.js";
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
 *   `out_of_bounds`: which lines access what no buffer has, which is no error, since loads of it read 0 and stores store
 *   nothing; `fills` and `buffers`: what buffers held before and hold after, as bytes
 * @throws where an option is unknown or not of its kind, the kernel is not valid or cannot be counted, or buffers and grid
 *   do not fit it
 */
export async function run(wgsl, options = {}) {
  const { entry, overrides = {}, dispatch, bind = {} } = checked("run", wgsl, options, ["entry", "overrides", "dispatch", "bind"]);
  const isExtent = (extent) => Number.isInteger(extent) && extent > 0;
  const extents = [dispatch].flat();
  if (extents.length < 1 || extents.length > 3 || !extents.every(isExtent)) {
    throw new TypeError("flopmeter: run: 'dispatch' says how many workgroups run: a whole number, or up to three of them");
  }
  for (const [at, fill] of Object.entries(bind)) {
    if (typeof fill !== "string") {
      throw new TypeError(`flopmeter: run: 'bind' says in words what ${at} holds, as in "iota:64" or "values:1,2,3"`);
    }
  }
  const wasm = await (loading ??= Wasm.load(new URL("./interpreter.wasm", import.meta.url)));
  const grid = [...extents, 1, 1].slice(0, 3);
  const { fills, buffers, ...counted } = wasm.interpret({ source: wgsl, entry, overrides, dispatch: grid, bind });
  return { ...counted, fills: decoded(fills), buffers: decoded(buffers) };
}
