// The report of a tab: what it executed in all, its kernels by FLOPs, and each kernel's source with heat by line.

import { countedFigures, element, figures, grouped, heated, kinds, milliseconds, perSecond, storageBytes, table, timedFigures } from "./view/view.js";
import { reports } from "./counting.js";

const COLUMNS = [
  { name: "kernel", text: true },
  { name: "dispatches" },
  { name: "FLOPs" },
  { name: "storage bytes" },
  { name: "FLOP/B" },
  { name: "share" },
];

/** Columns of a report that has times. */
const TIMES = [{ name: "ms" }, { name: "GFLOP/s" }, { name: "GB/s" }];

function shown(report, where) {
  const { totals, kernels, not_counted: missing, definition, timing } = report;
  const timed = timing.source !== "none";
  const section = element("section", {}, element("h1", {}, `What ${where} executed`));
  section.append(
    figures([
      ["FLOPs (ieee: fma counts two)", grouped(BigInt(totals.flops))],
      ["dispatches", grouped(totals.dispatches)],
      ["bytes asked of storage buffers and textures", grouped(storageBytes(totals.traffic))],
      ...timedFigures(totals.flops, storageBytes(totals.traffic), totals.seconds),
    ]),
    kinds(totals.ops),
    ...timing.notes.map((note) => element("p", { class: "soft" }, note)),
  );
  const rows = kernels.map(({ name, dispatches, flops, traffic, seconds }) => {
    const bytes = storageBytes(traffic);
    const share = Number(totals.flops) > 0 ? Number(flops) / Number(totals.flops) : 0;
    const intensity = bytes > 0n ? (Number(flops) / Number(bytes)).toFixed(2) : "-";
    const cells = [name, grouped(dispatches), grouped(BigInt(flops)), grouped(bytes), intensity, `${(100 * share).toFixed(1)} %`];
    const times = [milliseconds(seconds), perSecond(flops, seconds), perSecond(bytes, seconds)];
    return { share, cells: timed ? [...cells, ...times] : cells };
  });
  section.append(element("h2", {}, "Kernels"), table(timed ? [...COLUMNS, ...TIMES] : COLUMNS, rows, { class: "kernels", "aria-label": "kernels" }));
  if (missing.length > 0) {
    const listed = missing.map(({ kernel, what, why, dispatches }) => ({ cells: [kernel ?? what, grouped(dispatches), why] }));
    const columns = [{ name: "not counted", text: true }, { name: "dispatches" }, { name: "why", text: true }];
    section.append(element("h2", {}, "Not counted"), table(columns, listed, { "aria-label": "not counted" }));
  }
  for (const kernel of kernels) {
    const summary = element("summary", {}, `${kernel.name}: ${grouped(BigInt(kernel.flops))} FLOPs`);
    section.append(
      element("details", {}, summary, countedFigures(kernel), kinds(kernel.ops), heated(kernel.source, kernel)),
    );
  }
  section.append(element("p", { class: "soft" }, definition));
  return section;
}

const main = document.getElementById("report");
try {
  const tab = Number(new URL(location.href).searchParams.get("tab"));
  const { title } = await chrome.tabs.get(tab);
  const all = await reports(tab);
  main.replaceChildren(...all.map((report, at) => shown(report, at === 0 ? title || "the page" : `worker ${at}`)));
} catch (error) {
  main.replaceChildren(element("p", { class: "error" }, error.message));
}
