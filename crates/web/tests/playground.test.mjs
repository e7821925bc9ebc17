// The playground in headless Chromium, clicked through: GPU and interpreter say the same, line by line.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, serve, skip } from "./server.mjs";

let server, chromium;
before(async () => {
  if (skip) return;
  server = await serve();
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  server?.close();
});

async function open(hash = "") {
  const page = await chromium.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(`${server.url}/playground/index.html${hash}`);
  await page.waitForFunction("globalThis.isReady");
  return { page, errors };
}

const run = async (page) => {
  await page.getByRole("button", { name: "Run on GPU and interpreter" }).click();
  await page.waitForFunction('!document.getElementById("run").disabled');
};

test("every example is the same on the GPU and in the interpreter", { skip }, async () => {
  const { page, errors } = await open();
  const names = await page.locator("#example option").allInnerTexts();
  assert.ok(names.length >= 5);
  for (const name of names) {
    await page.locator("#example").selectOption({ label: name });
    await run(page);
    const verdict = await page.locator("#verdict").innerText();
    assert.match(verdict, /== interpreter, every operation and every byte/, name);
    assert.match(verdict, /its own tally agrees/, name);
  }
  assert.deepEqual(errors, []);
});

test("Collatz is 158,090 FLOPs, and its hot line is the warm one", { skip }, async () => {
  const { page } = await open();
  await run(page);
  assert.match(await page.locator("#result dl").innerText(), /158,090/);
  const share = (text) =>
    page.locator("table.source tr", { hasText: text }).evaluate((row) => Number(row.style.getPropertyValue("--share")));
  assert.ok((await share("let half = x * 0.5;")) > 0.1);
  assert.equal(await share("n[id.x] = steps;"), 0);
});

test("a link carries the whole form, and a damaged one says so", { skip }, async () => {
  const { page } = await open();
  await page.locator("#source").fill("@compute @workgroup_size(1) fn main() {}");
  await page.locator("#grid").fill("3,2");
  await page.getByRole("button", { name: "Copy a link to this" }).click();
  const { hash } = new URL(page.url());
  const again = await open(hash);
  assert.equal(await again.page.locator("#source").inputValue(), "@compute @workgroup_size(1) fn main() {}");
  assert.equal(await again.page.locator("#grid").inputValue(), "3,2");
  const damaged = await open("#%%%");
  assert.match(await damaged.page.locator("#status").innerText(), /damaged/);
});

test("what is wrong is said, and nothing else is shown", { skip }, async () => {
  const { page, errors } = await open();
  const cases = [
    ["#source", "fn main( {", /expected/i],
    ["#grid", "many", /'many' is not one to three whole numbers/],
    ["#bind", "0.0", /'0.0' has no value/],
    ["#overrides", "N=x", /'x' is no number/],
  ];
  for (const [field, text, message] of cases) {
    await page.locator("#example").selectOption("1");
    await page.locator("#example").selectOption("0");
    await page.locator(field).fill(text);
    await run(page);
    assert.match(await page.getByRole("alert").innerText(), message);
    assert.equal(await page.locator("table").count(), 0);
  }
  assert.deepEqual(errors, []);
});

test("nothing overflows at any width, light and dark", { skip }, async () => {
  const { page } = await open();
  await run(page);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 800, 1400]) {
      await page.setViewportSize({ width, height: 800 });
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.ok(overflow <= 0, `${overflow} pixels too wide at ${width}, ${colorScheme}`);
      if (process.env.FLOPMETER_SCREENSHOTS) {
        await page.screenshot({ path: `${process.env.FLOPMETER_SCREENSHOTS}/${colorScheme}-${width}.png`, fullPage: true });
      }
    }
  }
});
