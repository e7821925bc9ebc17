// What was counted, as elements of a page: figures, operations, and the source with heat by line. Texts of others
// are set as text, never as markup.

/** A count with its thousands apart. */
export const grouped = (count) => count.toLocaleString("en");

/** An element with attributes and children; a string child is text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Bytes that a kernel asks of storage buffers and textures. */
export function storageBytes(traffic) {
  const kinds = ["storage.load_bytes", "storage.store_bytes", "texture.load_bytes", "texture.store_bytes"];
  return kinds.reduce((sum, kind) => sum + BigInt(traffic[kind] ?? 0), 0n);
}

/** A time in milliseconds, where there is one. */
export const milliseconds = (seconds) => (seconds === null ? "-" : (1e3 * seconds).toFixed(3));

/** How many thousand millions of something there were each second, where it was timed. */
export const perSecond = (count, seconds) => (seconds === null ? "-" : (Number(count) / seconds / 1e9).toFixed(3));

/** A list of figures, each a name and a text. */
export function figures(pairs) {
  const list = element("dl", { class: "figures" });
  for (const [name, text] of pairs) {
    list.append(element("div", {}, element("dt", {}, name), element("dd", {}, text)));
  }
  return list;
}

/** The figures of how long something took; none where it was not timed. */
export function timedFigures(flops, bytes, seconds) {
  if (seconds === null) return [];
  return [["ms", milliseconds(seconds)], ["GFLOP/s", perSecond(flops, seconds)], ["GB/s", perSecond(bytes, seconds)]];
}

/** The figures of what a kernel was counted for. */
export function countedFigures({ flops, traffic, seconds = null }) {
  const bytes = storageBytes(traffic);
  const intensity = bytes > 0n ? (Number(flops) / Number(bytes)).toFixed(3) : "-";
  return figures([
    ["FLOPs (ieee: fma counts two)", grouped(BigInt(flops))],
    ["bytes asked of storage buffers and textures", grouped(bytes)],
    ["FLOP/B", intensity],
    ...timedFigures(flops, bytes, seconds),
  ]);
}

/** Operations and traffic by kind, in a sentence. */
export function kinds(counts) {
  const texts = Object.entries(counts).map(([kind, count]) => `${kind} ${grouped(BigInt(count))}`);
  return element("p", { class: "soft" }, texts.join(" · ") || "nothing");
}

/** A table that scrolls by itself where it is too wide; `columns` are names, those of texts marked `text`. */
export function table(columns, rows, attributes = {}) {
  const head = element("tr", {}, ...columns.map(({ name, text }) => element("th", { scope: "col", class: text ? "text" : "" }, name)));
  const body = rows.map((row) => {
    const cells = row.cells.map((cell, at) => element("td", { class: columns[at].text ? "text" : "" }, cell));
    const made = element("tr", {}, ...cells);
    if (row.share > 0) made.style.setProperty("--share", row.share.toFixed(3));
    return made;
  });
  const made = element("table", attributes, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": attributes["aria-label"] ?? "table" }, made);
}

/** A kernel's source, each line beside what it was counted for; the more of the FLOPs, the warmer. */
export function heated(source, { flops, lines }) {
  const counted = new Map(lines.map((line) => [line.line, line]));
  const total = Number(flops);
  const columns = [{ name: "line" }, { name: "executions" }, { name: "FLOPs" }, { name: "bytes" }, { name: "source", text: true }];
  const rows = source.split("\n").map((text, index) => {
    const line = counted.get(index + 1);
    const shown = (count) => (BigInt(count ?? 0) > 0n ? grouped(BigInt(count)) : "");
    return {
      share: line && total > 0 ? Number(line.flops) / total : 0,
      cells: [String(index + 1), shown(line?.executions), shown(line?.flops), line ? shown(storageBytes(line.traffic)) : "", text],
    };
  });
  return table(columns, rows, { class: "source", "aria-label": "source with counts by line" });
}
