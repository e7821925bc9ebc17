// The button: counts a page from its next load on, and shows what was counted.

import { grouped } from "./view/view.js";
import { begin, end, isCounted, reports, reset, time } from "./counting.js";

const at = (id) => document.getElementById(id);

/** The tab that the button speaks of: the active one, or the one that a test names. */
async function tab() {
  const named = new URL(location.href).searchParams.get("tab");
  if (named) return chrome.tabs.get(Number(named));
  const [active] = await chrome.tabs.query({ active: true, currentWindow: true });
  return active;
}

async function show() {
  for (const button of document.querySelectorAll("button")) button.hidden = true;
  const { id, url } = await tab();
  if (!/^https?:/.test(url ?? "")) {
    at("state").textContent = "Only pages on the web can be counted.";
    return;
  }
  if (!(await isCounted(url))) {
    at("state").textContent = "This page is not counted. Counting begins when it is loaded again.";
    at("count").hidden = false;
    return;
  }
  at("stop").hidden = false;
  const found = await reports(id).catch((error) => ({ error }));
  if (found.error) {
    at("state").textContent = `This page cannot be counted: ${found.error.message}`;
    return;
  }
  const total = (key) => found.reduce((sum, { totals }) => sum + BigInt(totals[key]), 0n);
  at("state").textContent = `${grouped(total("flops"))} FLOPs in ${grouped(total("dispatches"))} dispatches so far.`;
  at("report").hidden = false;
  at("time").hidden = false;
  at("reset").hidden = false;
}

/** How long a page that repeats its work is timed, in seconds. */
const WATCH = 5;

at("count").addEventListener("click", async () => {
  const { id, url } = await tab();
  await begin(url);
  await chrome.tabs.reload(id);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await show();
});
at("stop").addEventListener("click", async () => {
  const { id, url } = await tab();
  await end(url);
  await chrome.tabs.reload(id);
  await show();
});
at("reset").addEventListener("click", async () => {
  await reset((await tab()).id);
  await show();
});
at("time").addEventListener("click", async () => {
  at("time").disabled = true;
  at("state").textContent = "The page's own kernels run now, each between timestamps, and are not counted.";
  const { dispatches, error } = await time((await tab()).id, WATCH).catch((error) => ({ error: error.message }));
  at("time").disabled = false;
  await show();
  const none = "The page dispatched nothing in that time: let it repeat its work, and try again.";
  if (error) at("state").textContent = `The page cannot be timed: ${error}`;
  else at("state").textContent += dispatches > 0 ? ` ${grouped(dispatches)} dispatches were timed.` : ` ${none}`;
});
at("report").addEventListener("click", async () => {
  const { id } = await tab();
  await chrome.tabs.create({ url: chrome.runtime.getURL(`report.html?tab=${id}`) });
});
await show();
