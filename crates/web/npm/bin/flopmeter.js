#!/usr/bin/env node
// `npx flopmeter URL`: opens a page in an installed Chromium, lets it run, and prints what its kernels executed.

import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { Times } from "../times.js";
import { unbuilt } from "../wasm.js";
import { Tab, installed } from "./devtools.js";
import { table } from "./table.js";

const USAGE = `Counts the floating-point operations that a page's WebGPU kernels execute.

usage: flopmeter URL [options]

  --json            print the report as JSON ("flopmeter.run/1", one for the page and one for each worker)
  --time            load the page once more, and time its own kernels, which do not count
  --seconds N       watch the page for N seconds; by default until its dispatches come to rest, 60 at most
  --browser PATH    the Chromium to use; by default one that is installed
  --window          show the browser's window

exit code: 0 counted; 1 something that the page ran was not counted; 2 the page or the browser cannot be opened`;

/** How long dispatches must stay the same to have come to rest, and how long that is waited for, in seconds. */
const [REST, MOST] = [3, 60];

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function main() {
  const options = {
    json: { type: "boolean" },
    time: { type: "boolean" },
    seconds: { type: "string" },
    browser: { type: "string" },
    window: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  };
  const { values, positionals } = parsed({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  const [asked, more] = positionals;
  if (more !== undefined) throw new Error(`one URL is expected, and '${more}' is another argument: --json takes no path`);
  if (asked === undefined) throw new Error(`one URL is expected\n\n${USAGE}`);
  if (!/^([a-z][a-z0-9+.-]*:\/\/|(about|data|file):)/i.test(asked)) {
    const served = asked.includes(":") ? asked : `localhost/${asked}`;
    throw new Error(`'${asked}' is no URL: say http://${served} for a page that is served, or file://${path.resolve(asked)}`);
  }
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
  if (seconds !== undefined && !(seconds > 0)) throw new Error(`--seconds: '${values.seconds}' is no number of seconds`);
  const executable = values.browser ?? installed();
  if (!executable) throw new Error("no Chromium is installed here: install one, or say where it is with --browser PATH");

  // A tab discards what it has of its own when the process exits, which a signal alone would not let it do.
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(128 + constants.signals[signal]));
  const tab = await Tab.open(executable, { window: values.window });
  try {
    const url = new URL(asked).href;
    const reports = await count(tab, url, seconds);
    if (values.time) await time(tab, url, seconds, reports);
    console.log(values.json ? JSON.stringify(reports, null, 2) : reports.map(table).join("\n\n"));
    process.exitCode = reports.some((report) => report.not_counted.length > 0) ? 1 : 0;
  } finally {
    await tab.close();
  }
}

/** The arguments; an unknown option is told with those that there are. */
function parsed(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    if (error.code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION") throw error;
    const known = Object.keys(config.options).map((name) => `--${name}`);
    throw new Error(`${error.message.split(". ")[0]}; there are ${known.join(", ")}`);
  }
}

/** The reports of the page and of its workers. */
async function count(tab, url, seconds) {
  const reports = async () => JSON.parse(await tab.evaluate("flopmeter.reports().then(JSON.stringify)"));
  const dispatches = (reports) => reports.reduce((sum, { totals }) => sum + totals.dispatches, 0);
  return watch(tab, url, seconds, "", reports, dispatches);
}

/** Loads the page again to time it, and puts times into its reports. */
async function time(tab, url, seconds, reports) {
  const times = async () => JSON.parse(await tab.evaluate("flopmeter.times().then(JSON.stringify)"));
  const dispatches = (all) => all.flatMap(({ rows }) => rows).reduce((sum, { dispatches }) => sum + dispatches, 0);
  const taken = new Times();
  const begin = "\nglobalThis.flopmeter?.beginTiming().catch(() => {});";
  for (const one of await watch(tab, url, seconds, begin, times, dispatches)) taken.merge(one);
  for (const report of reports) taken.join(report);
}

/** Opens the page and asks it when its dispatches have come to rest, or after so many seconds. */
async function watch(tab, url, seconds, begin, ask, dispatches) {
  const inject = new URL("../inject.js", import.meta.url);
  const script = await readFile(inject, "utf8").catch((error) => {
    throw unbuilt(error, inject);
  });
  const source = script + begin;
  await tab.call("Page.enable");
  await tab.call("Page.setBypassCSP", { enabled: true });
  const { identifier } = await tab.call("Page.addScriptToEvaluateOnNewDocument", { source });
  const loaded = tab.event("Page.loadEventFired");
  const { errorText } = await tab.call("Page.navigate", { url });
  if (errorText) throw new Error(`${url} cannot be opened: ${errorText}`);
  await loaded;
  const status = await tab.evaluate("performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0");
  if (status >= 400) throw new Error(`${url} cannot be opened: the server answers ${status}`);
  if (!(await tab.evaluate("Boolean(globalThis.flopmeter)"))) {
    throw new Error(`${url} has no WebGPU here: it takes a secure origin (https, or localhost)`);
  }
  await tab.call("Page.removeScriptToEvaluateOnNewDocument", { identifier });
  if (seconds !== undefined) {
    await sleep(seconds);
    return ask();
  }
  let [last, since] = [-1, 0];
  for (let passed = 0; passed < MOST && since < REST; passed += 1) {
    await sleep(1);
    const now = dispatches(await ask());
    since = now === last && now > 0 ? since + 1 : 0;
    last = now;
  }
  return ask();
}

main().catch((error) => {
  console.error(`flopmeter: ${error.message}`);
  process.exitCode = 2;
});
