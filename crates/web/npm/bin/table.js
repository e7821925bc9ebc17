// A report for a terminal.

const grouped = (count) => count.toLocaleString("en");

/** The report as a table: kernels by FLOPs, then what was not counted. */
export function table(report) {
  const { totals, kernels, not_counted: missing, devices } = report;
  const rows = kernels.map(({ name, dispatches, flops, traffic }) => {
    const bytes = (traffic["storage.load_bytes"] ?? 0) + (traffic["storage.store_bytes"] ?? 0);
    const share = totals.flops > 0 ? `${((100 * Number(flops)) / Number(totals.flops)).toFixed(1)} %` : "-";
    return [name, grouped(dispatches), grouped(flops), grouped(bytes), bytes ? (Number(flops) / bytes).toFixed(2) : "-", share];
  });
  const head = ["kernel", "dispatches", "FLOPs", "storage bytes", "FLOP/B", "share"];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  ");
  const lines = [
    `device     ${devices.map(({ name }) => name).join(", ") || "none opened"}`,
    `executed   ${grouped(totals.flops)} FLOPs (convention ${report.convention}) in ${grouped(totals.dispatches)} dispatches`,
    "",
    line(head),
    ...rows.map(line),
  ];
  for (const { kernel, what, why, dispatches } of missing) {
    lines.push("", `not counted: ${kernel ?? what}, ${grouped(dispatches)} dispatches: ${why}`);
  }
  return lines.join("\n");
}
