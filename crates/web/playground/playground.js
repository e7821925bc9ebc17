// The playground: a kernel runs on the visitor's GPU and in the interpreter, and both counts are held together.

import { run } from "./flopmeter/index.js";
import { runOnDevice } from "./device.js";
import { examples } from "./examples.js";
import { countedFigures, element, grouped, heated, kinds } from "./view/view.js";

const at = (id) => document.getElementById(id);
const FIELDS = ["source", "grid", "overrides", "bind"];

function fill(values) {
  for (const field of FIELDS) at(field).value = values[field] ?? "";
}

/** What the form says; throws where it cannot be understood. */
function request() {
  const extents = at("grid").value.split(/[ ,x]+/).filter(Boolean).map(Number);
  if (extents.length === 0 || extents.length > 3 || extents.some((extent) => !Number.isInteger(extent) || extent < 1)) {
    throw new Error(`workgroups: '${at("grid").value}' is not one to three whole numbers`);
  }
  const pairs = (field) =>
    at(field).value.split(/\s+/).filter(Boolean).map((pair) => {
      const [, name, value] = pair.match(/^([^=]+)=(.+)$/) ?? [];
      if (!name) throw new Error(`${field}: '${pair}' has no value`);
      return [name, value];
    });
  const overrides = pairs("overrides").map(([name, value]) => {
    if (!Number.isFinite(Number(value))) throw new Error(`overrides: '${value}' is no number`);
    return [name, Number(value)];
  });
  return {
    source: at("source").value,
    grid: [...extents, 1, 1].slice(0, 3),
    overrides: Object.fromEntries(overrides),
    bind: Object.fromEntries(pairs("bind")),
  };
}

/** Where two counts differ, or nothing. */
function difference(one, other) {
  for (const part of ["ops", "traffic"]) {
    for (const key of new Set([...Object.keys(one[part]), ...Object.keys(other[part])])) {
      const [a, b] = [one[part][key] ?? 0n, other[part][key] ?? 0n];
      if (a !== b) return `${key}: ${grouped(a)} on the GPU, ${grouped(b)} in the interpreter`;
    }
  }
  return undefined;
}

async function count() {
  const { source, grid, overrides, bind } = request();
  at("status").textContent = "running";
  const start = performance.now();
  const interpreted = await run(source, { dispatch: grid, overrides, bind });
  const took = performance.now() - start;
  const result = at("result");
  const verdicts = [`Interpreter: ${took.toFixed(1)} ms; its own tally ${interpreted.tally_agrees ? "agrees" : "DIFFERS"}.`];
  let shown = interpreted;
  let failed = !interpreted.tally_agrees;
  try {
    const { counted, milliseconds, name } = await runOnDevice(source, { overrides, grid, fills: interpreted.fills });
    shown = counted;
    const differs = difference(counted, interpreted);
    failed ||= Boolean(differs);
    verdicts.unshift(
      differs ? `GPU (${name}) and interpreter differ in ${differs}.` : `GPU (${name}, ${milliseconds.toFixed(1)} ms) == interpreter, every operation and every byte.`,
    );
  } catch (error) {
    verdicts.unshift(`Not on a GPU: ${error.message}`);
  }
  at("status").textContent = "";
  const verdict = element("p", { id: "verdict", class: failed ? "error" : "" }, verdicts.join(" "));
  result.replaceChildren(countedFigures(shown), verdict, kinds({ ...shown.ops, ...shown.traffic }), element("h2", {}, "By line"), heated(source, shown));
}

/** Everything that the form says, in the URL's fragment. */
function permalink() {
  const values = Object.fromEntries(FIELDS.map((field) => [field, at(field).value]));
  const bytes = new TextEncoder().encode(JSON.stringify(values));
  history.replaceState(null, "", `#${btoa(String.fromCodePoint(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`);
}

function fromLink() {
  const text = location.hash.slice(1).replaceAll("-", "+").replaceAll("_", "/");
  if (!text) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.codePointAt(0))));
  } catch {
    at("status").textContent = "The link is damaged; here is an example instead.";
    return undefined;
  }
}

at("example").append(...examples.map(({ name }, index) => element("option", { value: String(index) }, name)));
at("example").addEventListener("change", () => {
  fill(examples[Number(at("example").value)]);
  history.replaceState(null, "", location.pathname);
});
at("kernel").addEventListener("submit", async (event) => {
  event.preventDefault();
  permalink();
  at("run").disabled = true;
  await count().catch((error) => {
    at("status").textContent = "";
    at("result").replaceChildren(element("p", { class: "error", role: "alert" }, error.message));
  });
  at("run").disabled = false;
});
at("link").addEventListener("click", async () => {
  permalink();
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  at("status").textContent = copied ? "The link is copied." : "The link is in the address bar.";
});
fill(fromLink() ?? examples[0]);
globalThis.isReady = true;
