// Methods of WebGPU's classes: as they are, replaced, and put back. Knows nothing of counting.

/** The methods of some classes as they are now, by class and name. */
export function methodsOf(...owners) {
  const methods = (owner) =>
    Object.entries(Object.getOwnPropertyDescriptors(globalThis[owner]?.prototype ?? {}))
      .map(([name, { value }]) => [name, value])
      .filter(([name, value]) => typeof value === "function" && name !== "constructor");
  return Object.fromEntries(owners.map((owner) => [owner, Object.fromEntries(methods(owner))]));
}

/**
 * What stands behind a bind group where one is set, to be told again later: the program may write its list of
 * offsets anew as soon as the call returns.
 */
export function offsetsOf([offsets, start, length]) {
  if (offsets === undefined) return [];
  return [start === undefined ? [...offsets] : [...offsets.subarray(start, start + length)]];
}

/** The extents of a dispatch as WebGPU reads them: fractions are cut off. */
export function extentsOf(...extents) {
  return extents.map((extent) => Math.trunc(Number(extent)) || 0);
}

/** Methods that are replaced, and what they were. */
export class Hooks {
  #undo = [];

  /**
   * Replaces `owner.prototype[name]` by what `make` returns for the old method.
   * Does nothing where this program has no such class or method.
   */
  replace(owner, name, make) {
    const prototype = globalThis[owner]?.prototype;
    const descriptor = prototype && Object.getOwnPropertyDescriptor(prototype, name);
    if (typeof descriptor?.value !== "function") return;
    Object.defineProperty(prototype, name, { ...descriptor, value: make(descriptor.value) });
    this.#undo.push(() => Object.defineProperty(prototype, name, descriptor));
  }

  /** Puts every method back, the last one first. */
  restore() {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}
