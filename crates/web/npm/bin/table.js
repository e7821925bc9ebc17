// A report for a terminal.

const grouped = (count) => count.toLocaleString("en");

const milliseconds = (seconds) => (seconds === null ? "-" : (1e3 * seconds).toFixed(3));

/** How many thousand millions of something there were each second. */
const perSecond = (count, seconds) => (seconds === null ? "-" : (Number(count) / seconds / 1e9).toFixed(3));

function took({ totals: { flops, seconds }, timing: { runs } }) {
  const times = `by timestamps around each dispatch of the page's own kernels, in ${runs === 1 ? "a second run" : `${runs} more runs`}`;
  if (seconds === null) return `time       ${times}; not every kernel has one`;
  return `time       ${milliseconds(seconds)} ms, ${perSecond(flops, seconds)} GFLOP/s: ${times}`;
}

/** The report as a table: kernels by FLOPs, then what was not counted. */
export function table(report) {
  const { totals, kernels, not_counted: missing, devices, timing } = report;
  const timed = timing.source !== "none";
  const rows = kernels.map(({ name, dispatches, flops, traffic, seconds }) => {
    const bytes = (traffic["storage.load_bytes"] ?? 0) + (traffic["storage.store_bytes"] ?? 0);
    const share = totals.flops > 0 ? `${((100 * Number(flops)) / Number(totals.flops)).toFixed(1)} %` : "-";
    const counted = [name, grouped(dispatches), grouped(flops), grouped(bytes), bytes ? (Number(flops) / bytes).toFixed(2) : "-", share];
    return timed ? [...counted, milliseconds(seconds), perSecond(flops, seconds), perSecond(bytes, seconds)] : counted;
  });
  const counted = ["kernel", "dispatches", "FLOPs", "storage bytes", "FLOP/B", "share"];
  const head = timed ? [...counted, "ms", "GFLOP/s", "GB/s"] : counted;
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  ");
  const lines = [
    `device     ${devices.map(({ name }) => name).join(", ") || "none opened"}`,
    `executed   ${grouped(totals.flops)} FLOPs (convention ${report.convention}) in ${grouped(totals.dispatches)} dispatches`,
    ...(timed ? [took(report)] : []),
    ...timing.notes.map((note) => `note       ${note}`),
    "",
    ...(rows.length > 0 ? [line(head), ...rows.map(line)] : ["no compute kernel was counted"]),
  ];
  for (const { kernel, what, why, dispatches } of missing) {
    lines.push("", `not counted: ${kernel ?? what}, ${grouped(dispatches)} dispatches: ${why}`);
  }
  return lines.join("\n");
}
