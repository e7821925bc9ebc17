// What was counted, as a report: "flopmeter.run/1", the same fields as the program's `flopmeter run`.

import { version } from "./version.js";

const DEFINITION =
  "Executed operations: every arithmetic operation, load and store that an active invocation executes, as the " +
  "kernel's naga IR states it, after constant evaluation and after pipeline overrides are resolved, and " +
  "before anything a browser adds or removes. Neither a static estimate nor a hardware instruction count.";

/**
 * A report. Counts are BigInts; `JSON.stringify` writes those that a number holds exactly as numbers, and others as
 * decimal strings.
 */
export class Report {
  constructor(fields) {
    Object.assign(this, fields);
  }

  toJSON() {
    return plain({ ...this });
  }
}

/** Puts together what was counted, and how long it took where that was measured. */
export function report(kernels, contents, lost, times) {
  const rows = [];
  const notCounted = kernels.refused.filter(({ dispatches }) => dispatches > 0).map((row) => ({ ...row }));
  for (const kernel of kernels.all.filter(({ dispatches }) => dispatches > 0)) {
    if (kernel.refused) {
      const why = `recorded before the device had answered, and not run: ${kernel.refused}`;
      notCounted.push({ kernel: kernel.name, why, dispatches: kernel.dispatches });
      continue;
    }
    try {
      rows.push(row(kernel, kernels.decode(kernel, contents)));
    } catch (error) {
      notCounted.push({ kernel: kernel.name, why: error.message, dispatches: kernel.dispatches });
    }
  }
  rows.sort((a, b) => (a.flops === b.flops ? a.id - b.id : a.flops < b.flops ? 1 : -1));
  for (const why of lost) notCounted.push({ what: "a device", why, dispatches: 0 });
  const dispatches = rows.reduce((sum, { dispatches }) => sum + dispatches, 0);
  const counted = new Report({
    schema: "flopmeter.run/1",
    tool: { name: "flopmeter", version },
    command: ["attach"],
    date: new Date().toISOString(),
    exit_code: null,
    devices: devices(kernels),
    definition: DEFINITION,
    convention: "ieee",
    totals: {
      ops: sum(rows.map(({ ops }) => ops)),
      dead_ops: {},
      flops: rows.reduce((total, { flops }) => total + flops, 0n),
      traffic: sum(rows.map(({ traffic }) => traffic)),
      dispatches,
      seconds: null,
    },
    kernels: rows,
    not_counted: notCounted,
    timing: { source: "none", runs: 0, notes: [] },
    unfinished_submissions: 0,
  });
  return times.join(counted);
}

function row(kernel, { ops, flops, traffic, lines }) {
  return {
    id: kernel.id,
    name: kernel.name,
    entry: kernel.entry,
    module: kernel.module,
    spec_constants: kernel.spec_constants,
    dispatches: kernel.dispatches,
    // How often over which grid: workgroups, or `indirect`.
    grids: Object.fromEntries(kernel.grids),
    timed_dispatches: 0,
    // Unknown where a dispatch was indirect.
    invocations: kernel.launched ?? null,
    counters: kernel.bytes,
    ops,
    dead_ops: {},
    flops,
    traffic,
    seconds: null,
    lines,
    source: kernel.source,
  };
}

/** The devices that kernels were counted on, or else the first that was opened. */
function devices({ all, opened }) {
  const counted = [...new Set(all.map(({ counters }) => counters.device))].map(({ adapterInfo }) => adapterInfo);
  return (counted.length > 0 || !opened ? counted : [opened]).map(device);
}

function device({ vendor = "", architecture = "", device = "", description = "" } = {}) {
  const name = description || device || [vendor, architecture].filter(Boolean).join(" ") || "unknown";
  return { name, driver: vendor, api: "WebGPU" };
}

/** Adds up objects whose values are BigInts, key by key. */
function sum(objects) {
  const total = {};
  for (const [key, value] of objects.flatMap(Object.entries)) total[key] = (total[key] ?? 0n) + value;
  return total;
}

/** The same value without BigInts. */
function plain(value) {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
