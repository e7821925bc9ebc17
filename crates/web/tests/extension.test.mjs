// The extension in headless Chromium: the button counts a page that does not know of it, and the report shows it.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { browser, serve, skip } from "./server.mjs";

test("the button counts a page, and its report shows every line", { skip }, async () => {
  const server = await serve();
  const profile = await mkdtemp(path.join(tmpdir(), "flopmeter-extension-"));
  const extension = fileURLToPath(new URL("../extension", import.meta.url));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browser,
    headless: true,
    ignoreDefaultArgs: ["--disable-extensions"],
    args: ["--no-sandbox", "--enable-unsafe-webgpu", `--disable-extensions-except=${extension}`,
      `--load-extension=${extension}`, "--disable-features=DisableLoadExtensionCommandLineSwitch"],
  });
  try {
    const page = await context.newPage();
    await page.goto(`${server.url}/tests/pages/collatz.html`);
    await page.waitForFunction("globalThis.isReady");
    assert.equal(await page.evaluate("typeof flopmeter"), "undefined", "a page is counted only when it is asked for");

    const id = await extensionId(context);
    const popup = await context.newPage();
    await popup.goto(`chrome-extension://${id}/popup.html`);
    const tab = await popup.evaluate(
      async (url) => (await chrome.tabs.query({})).find((tab) => tab.url.startsWith(url)).id,
      server.url,
    );
    await popup.goto(`chrome-extension://${id}/popup.html?tab=${tab}`);
    await popup.getByRole("button", { name: "Count this page" }).click();
    await page.waitForFunction("globalThis.flopmeter && globalThis.isReady");
    await popup.reload();
    await popup.getByText("158,090 FLOPs in 1 dispatches so far.").waitFor();

    await popup.getByRole("button", { name: "Time the next five seconds" }).click();
    await popup.getByText("The page dispatched nothing in that time").waitFor();

    const report = await context.newPage();
    const errors = [];
    report.on("pageerror", (error) => errors.push(String(error)));
    await report.goto(`chrome-extension://${id}/report.html?tab=${tab}`);
    await report.getByRole("heading", { name: "What Collatz executed" }).waitFor();
    await report.locator("summary").click();
    const hot = report.locator("table.source tr", { hasText: "fma(3.0, x, 1.0)" });
    assert.match(await hot.innerText(), /\d/);
    assert.deepEqual(errors, []);
    for (const width of [360, 800, 1400]) {
      await report.setViewportSize({ width, height: 800 });
      const overflow = await report.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.ok(overflow <= 0, `the report is ${overflow} pixels too wide at ${width}`);
    }
  } finally {
    await context.close();
    server.close();
    await rm(profile, { recursive: true, force: true });
  }
});

/** The identity that the browser gave to the extension: it has no service worker to ask. */
async function extensionId(context) {
  const page = await context.newPage();
  await page.goto("chrome://extensions");
  const id = await page.evaluate(
    () => new Promise((resolve) => chrome.developerPrivate.getExtensionsInfo((all) => resolve(all.find((e) => e.name === "flopmeter")?.id))),
  );
  await page.close();
  assert.ok(id, "the extension is loaded");
  return id;
}
