// Workers count too: each is started through a script that attaches flopmeter first, and reports over a channel.

import { Report } from "./report.js";

/** Where a worker finds the name of its page's channel. */
const CHANNEL = "flopmeterChannel";

/** How long all workers have to say that they are there, in milliseconds. */
const GRACE = 200;

/** How long a worker may take to say that it has a report, in milliseconds. */
const PATIENCE = 2000;

/**
 * Makes workers that are started from now on attach themselves, and answers for this one if it is a worker.
 * @param {Promise<import("./index.d.ts").Meter>} ready this program's own meter
 * @param {() => string} injected the source that attaches
 * @param {() => boolean} timing whether times are taken now
 */
export function wrapWorkers(ready, injected, timing) {
  // Another page of the same origin has a channel of its own.
  const name = globalThis[CHANNEL] ?? `flopmeter ${crypto.randomUUID()}`;
  delete globalThis[CHANNEL];
  const channel = new BroadcastChannel(name);
  const isWorker = typeof WorkerGlobalScope !== "undefined";
  if (isWorker) {
    channel.addEventListener("message", async ({ data }) => {
      const meter = await ready.catch(() => undefined);
      if (data.reset) meter?.reset();
      if (data.time === true) meter?.beginTiming();
      if (data.time === false) await meter?.endTiming();
      if (!data.ask) return;
      if (!meter) return;
      channel.postMessage({ asked: data.ask });
      // An answer that cannot be had is as if nothing had run.
      const answer = data.what === "times" ? meter.times().then(({ plain }) => plain) : meter.report();
      channel.postMessage({ to: data.ask, answer: await answer.catch(() => undefined) });
    });
  }
  if (isWorker) channel.postMessage({ begun: true });
  else channel.addEventListener("message", ({ data }) => data.begun && channel.postMessage({ time: timing() }));
  let started = 0;
  if (globalThis.Worker) {
    const Original = globalThis.Worker;
    globalThis.Worker = class Worker extends Original {
      constructor(url, options = {}) {
        const source = bootstrap(name, injected(), new URL(url, globalThis.location.href).href, options.type);
        super(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), options);
        started += 1;
      }
    };
  }
  const asked = (what) => (started > 0 && !isWorker ? ask(channel, what) : []);
  return {
    async reports() {
      const reports = (await asked("report")).map((fields) => new Report(fields));
      return reports.filter((report) => report.kernels.length > 0 || report.not_counted.length > 0);
    },
    times: () => asked("times"),
    reset: () => channel.postMessage({ reset: true }),
    time: (on) => channel.postMessage({ time: on }),
  };
}

/** Asks all workers for their reports, or for their times, and waits for those that answer. */
function ask(channel, what) {
  const question = crypto.randomUUID();
  return new Promise((resolve) => {
    const answers = [];
    let [asked, answered, early] = [0, 0, true];
    const listen = ({ data }) => {
      if (data.asked === question) asked += 1;
      if (data.to === question) {
        answered += 1;
        if (data.answer) answers.push(data.answer);
        if (answered >= asked && !early) finish();
      }
    };
    // One may have answered before another has said that it is there.
    const grace = setTimeout(() => {
      early = false;
      if (answered >= asked && asked > 0) finish();
    }, GRACE);
    const finish = () => {
      channel.removeEventListener("message", listen);
      clearTimeout(timer);
      clearTimeout(grace);
      resolve(answers);
    };
    const timer = setTimeout(finish, PATIENCE);
    channel.addEventListener("message", listen);
    channel.postMessage({ ask: question, what });
  });
}

/**
 * What a worker runs in place of its script: flopmeter, then the script. Its base URL is the blob's, so what the
 * script fetches is resolved against its own; messages that arrive before it listens are kept for it.
 */
function bootstrap(channel, injected, url, type) {
  const rebase = `self[${JSON.stringify(CHANNEL)}] = ${JSON.stringify(channel)};
  {
    const base = ${JSON.stringify(url)};
    const absolute = (to) => { try { return new URL(to, base).href; } catch { return to; } };
    const { fetch: fetched } = self;
    self.fetch = (to, ...rest) => fetched.call(self, typeof to === "string" ? absolute(to) : to, ...rest);
    const { open } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.open = function (method, to, ...rest) { return open.call(this, method, absolute(to), ...rest); };
  }`;
  if (type !== "module") return `${rebase}\n${injected}\nimportScripts(${JSON.stringify(url)});`;
  return `${rebase}\n${injected}
    const kept = [];
    const keep = (event) => kept.push(event);
    self.addEventListener("message", keep);
    await import(${JSON.stringify(url)});
    self.removeEventListener("message", keep);
    for (const { data, ports } of kept) self.dispatchEvent(new MessageEvent("message", { data, ports: [...ports] }));`;
}
