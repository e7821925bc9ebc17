// Replacing methods of WebGPU's classes, and putting them back. Knows nothing of counting.

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
