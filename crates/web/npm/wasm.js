// The WebAssembly half: loads it and calls its functions. Knows nothing of WebGPU.

/** Bytes in front of a reply's text: its length and whether it is a result. */
const HEAD = 8;

/** In place of a number of invocations: it is not known. */
const UNKNOWN = 2n ** 64n - 1n;

export class Wasm {
  #exports;

  constructor(instance) {
    this.#exports = instance.exports;
  }

  /**
   * Loads the module.
   * @param {BufferSource | string | URL} [source] its bytes or where they are; by default beside this file
   * @throws where it cannot be fetched, or the page's policy forbids WebAssembly
   */
  static async load(source = new URL("./flopmeter.wasm", import.meta.url)) {
    const bytes = typeof source === "string" || source instanceof URL ? await fetched(source) : source;
    try {
      return new Wasm((await WebAssembly.instantiate(bytes, {})).instance);
    } catch (error) {
      throw new Error(
        `flopmeter: WebAssembly cannot be started (${error.message}); where a page's Content-Security-Policy ` +
          "forbids it, add 'wasm-unsafe-eval' to script-src",
      );
    }
  }

  /** Rewrites a kernel; see meter.rs for request and reply. Throws with the reason where it is refused. */
  instrument(request) {
    const bytes = new TextEncoder().encode(JSON.stringify(request));
    return JSON.parse(this.#call(bytes, (pointer) => this.#exports.fm_instrument(pointer, bytes.length)));
  }

  /**
   * Turns the bytes of a kernel's counters into counts, each a BigInt. Throws where fewer invocations were counted than
   * `launched`, a BigInt; it is `undefined` where their number is not known.
   */
  decode(table, raw, launched = UNKNOWN) {
    const text = this.#call(raw, (pointer) => this.#exports.fm_decode(table, pointer, raw.length, launched));
    return JSON.parse(text, counts);
  }

  /** Runs a kernel in the interpreter; see interpret.rs for request and reply. */
  interpret(request) {
    const bytes = new TextEncoder().encode(JSON.stringify(request));
    const text = this.#call(bytes, (pointer) => this.#exports.fm_interpret(pointer, bytes.length));
    const { fills, buffers, entry, out_of_bounds, ...counted } = JSON.parse(text);
    return { ...JSON.parse(JSON.stringify(counted), counts), fills, buffers, entry, out_of_bounds };
  }

  #call(bytes, call) {
    const { fm_alloc, fm_free, memory } = this.#exports;
    const argument = fm_alloc(bytes.length);
    new Uint8Array(memory.buffer, argument, bytes.length).set(bytes);
    const reply = call(argument);
    fm_free(argument, bytes.length);
    // Memory may have grown, which detaches earlier views of it.
    const head = new DataView(memory.buffer, reply, HEAD);
    const [length, isResult] = [head.getUint32(0, true), head.getUint32(4, true)];
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer, reply + HEAD, length));
    fm_free(reply, HEAD + length);
    if (!isResult) throw new Error(text);
    return text;
  }
}

/** A reviver for JSON in which counts are decimal strings, and nothing else is a string. */
const counts = (_, value) => (typeof value === "string" ? BigInt(value) : value);

/** What is wrong with a file of this package that cannot be read: in a checkout it may not be built yet. */
export function unbuilt(error, url) {
  if (error.code !== "ENOENT") return error;
  return new Error(`flopmeter: ${url.pathname} is not there; \`bash crates/web/build\` in flopmeter's sources makes it`);
}

async function fetched(source) {
  const url = new URL(source, import.meta.url);
  if (url.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = await import("node:fs/promises");
    return readFile(url).catch((error) => {
      throw unbuilt(error, url);
    });
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`flopmeter: ${url} cannot be fetched: ${response.status}`);
  return response.arrayBuffer();
}
