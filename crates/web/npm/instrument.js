// One kernel, rewritten for whoever dispatches it themselves.

import { checked } from "./options.js";
import { Wasm } from "./wasm.js";

/** What every WebGPU device allows: the default limits of the standard. */
export const DEFAULTS = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxBindGroups: 4,
};

/** The limits of a device as the rewriter takes them. */
export function limitsOf(limits = {}) {
  const limit = (name) => limits[name] ?? DEFAULTS[name];
  return {
    storage_bindings: limit("maxStorageBuffersPerShaderStage"),
    workgroup_bytes: limit("maxComputeWorkgroupStorageSize"),
    bind_groups: limit("maxBindGroups"),
  };
}

let loading;

/**
 * Rewrites a compute kernel so that it counts what it executes.
 *
 * @param {string} wgsl the kernel's source
 * @param {{entry?: string, overrides?: Record<string, number>, limits?: GPUSupportedLimits}} [options]
 * @returns the WGSL that counts; where its counters are bound; how many bytes they take; and `decode`, which turns
 *   these bytes into counts. The buffer is zeroed before the first dispatch, and dispatches add to it.
 * @throws where an option is unknown, or the kernel is not valid or cannot be counted, with the reason
 */
export async function instrument(wgsl, options = {}) {
  const { entry, overrides = {}, limits } = checked("instrument", wgsl, options, ["entry", "overrides", "limits"]);
  const wasm = await (loading ??= Wasm.load());
  const reply = wasm.instrument({ source: wgsl, entry, overrides, limits: limitsOf(limits) });
  return {
    wgsl: reply.wgsl,
    group: reply.group,
    binding: reply.binding,
    bytes: reply.bytes,
    workgroup_size: reply.workgroup_size,
    resources: reply.resources,
    decode: (bytes, launched) => wasm.decode(reply.table, bytes, launched),
  };
}
