// An installed Chromium, driven over the DevTools protocol through a pipe. Knows nothing of counting.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const INSTALLED = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * The longest path, in bytes, of a folder in which Chromium can make its own: it puts a socket below
 * `org.chromium.Chromium.XXXXXX`, and macOS takes 103 bytes for a socket's path.
 */
const LONGEST = 103 - "/org.chromium.Chromium.XXXXXX/SingletonSocket".length;

/** Whether processes here have groups. */
const GROUPS = process.platform !== "win32";

/** How often a profile is tried to be removed, and the milliseconds between. */
const [TRIES, PAUSE] = [50, 50];

/** Where a Chromium is installed. */
export const installed = () => INSTALLED.find(existsSync);

/** One tab of a Chromium of its own, with a profile that is thrown away. */
export class Tab {
  #process;
  #profile;
  #session;
  #last = 0;
  #waiting = new Map();
  #listeners = new Map();

  /** Starts the browser at `executable`; without a window unless `window` is set. */
  static async open(executable, { window = false } = {}) {
    const tab = new Tab();
    tab.#profile = mkdtempSync(path.join(tmpdir(), "flopmeter-"));
    process.once("exit", tab.#discard);
    const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    const args = ["--remote-debugging-pipe", `--user-data-dir=${tab.#profile}`, "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--enable-unsafe-webgpu",
      // Pages that are opened here on purpose may have times that are not rounded.
      "--disable-dawn-features=timestamp_quantization", ...root,
      ...(window ? [] : ["--headless=new"]), "about:blank"];
    // Whatever a browser that is killed leaves behind lies in its profile, and is thrown away with it.
    const within = Buffer.byteLength(tab.#profile) <= LONGEST ? { TMPDIR: tab.#profile } : {};
    const env = { ...process.env, ...within };
    // A group of its own, by which its processes can be killed together.
    const detached = GROUPS;
    tab.#process = spawn(executable, args, { env, detached, stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const failed = new Promise((_, reject) => {
      tab.#process.once("error", (error) => reject(new Error(`${executable} cannot be started: ${error.message}`)));
      tab.#process.once("exit", (code) => {
        const error = new Error(`${executable} has ended (${code})`);
        for (const { reject } of tab.#waiting.values()) reject(error);
        reject(error);
      });
    });
    failed.catch(() => {});
    tab.#listen(tab.#process.stdio[4]);
    tab.#process.stdio[3].on("error", () => {});
    const { targetId } = await Promise.race([tab.call("Target.createTarget", { url: "about:blank" }), failed]);
    const { sessionId } = await tab.call("Target.attachToTarget", { targetId, flatten: true });
    tab.#session = sessionId;
    return tab;
  }

  /** Calls a method of the protocol. */
  call(method, params = {}) {
    this.#last += 1;
    const id = this.#last;
    const sessionId = this.#session;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Waits for an event of the protocol. */
  event(method) {
    return new Promise((resolve) => this.#listeners.set(method, resolve));
  }

  /** The value of an expression, which may be a promise, in the page. */
  async evaluate(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails: thrown } = await this.call("Runtime.evaluate", options);
    if (thrown) throw new Error(thrown.exception?.description ?? thrown.text);
    return result.value;
  }

  /** Ends the browser and throws its profile away. */
  async close() {
    const { exitCode, signalCode } = this.#process;
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill();
    if (exitCode === null && signalCode === null) await gone;
    process.off("exit", this.#discard);
    this.#discard();
  }

  /** Kills what is left of the browser and throws its profile away; this process may be about to exit. */
  #discard = () => {
    this.#kill();
    // A killed process writes until the kernel has come to end it.
    for (let left = TRIES; left > 0; left -= 1) {
      try {
        return rmSync(this.#profile, { recursive: true, force: true });
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
      }
    }
  };

  /** Kills the browser with the processes that it started. */
  #kill() {
    if (!GROUPS) return this.#process?.kill("SIGKILL");
    try {
      if (this.#process?.pid) process.kill(-this.#process.pid, "SIGKILL");
    } catch {
      // All of them have ended.
    }
  }

  #listen(pipe) {
    let rest = "";
    pipe.setEncoding("utf8");
    pipe.on("error", () => {});
    pipe.on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const { id, result, error, method, params } of messages.map((message) => JSON.parse(message))) {
        if (method) this.#listeners.get(method)?.(params);
        const waiting = this.#waiting.get(id);
        this.#waiting.delete(id);
        if (error) waiting?.reject(new Error(error.message));
        else waiting?.resolve(result);
      }
    });
  }
}
