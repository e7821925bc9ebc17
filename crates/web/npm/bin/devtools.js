// An installed Chromium, driven over the DevTools protocol through a pipe. Knows nothing of counting.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
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
    process.once("exit", tab.#atExit);
    const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    const args = ["--remote-debugging-pipe", `--user-data-dir=${tab.#profile}`, "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--enable-unsafe-webgpu",
      // Pages that are opened here on purpose may have times that are not rounded.
      "--disable-dawn-features=timestamp_quantization", ...root,
      ...(window ? [] : ["--headless=new"]), "about:blank"];
    tab.#process = spawn(executable, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
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
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
    process.off("exit", this.#atExit);
  }

  /** The same where this process ends before the tab is closed, however far it was opened. */
  #atExit = () => {
    this.#process?.kill("SIGKILL");
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };

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
