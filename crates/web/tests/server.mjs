// Serves this folder to a browser on the loopback, and opens one.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves crates/web, and what `made` makes of a path beside it. */
export async function serve(made = () => undefined) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = path.join(ROOT, path.normalize(decodeURIComponent(pathname)));
    try {
      const body = made(pathname) ?? (await readFile(file));
      response.setHeader("content-type", TYPES[path.extname(file)] ?? "application/octet-stream");
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
      // A page that allows its own scripts only, and no WebAssembly.
      if (pathname.endsWith("/forbidden.html")) response.setHeader("content-security-policy", "script-src 'self'");
      response.end(body);
    } catch {
      response.statusCode = 404;
      // With a text of its own, as servers have it, a browser shows the page.
      response.end("there is no such file");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A page's own script, bundled as a page's builder would. */
export async function bundled(name) {
  const entryPoints = [fileURLToPath(new URL(`pages/${name}.mjs`, import.meta.url))];
  const options = { entryPoints, bundle: true, format: "esm", target: "esnext", write: false, logLevel: "error" };
  return (await build(options)).outputFiles[0].contents;
}

/** A page once it is ready, with a script that runs before its own if one is given. */
export async function opened(browser, url, script) {
  const page = await browser.newPage();
  if (script) await page.addInitScript(script);
  await page.goto(url);
  // Not `waitForFunction`, which a page's policy may forbid.
  while (!(await page.evaluate("globalThis.isReady"))) await new Promise((resolve) => setTimeout(resolve, 50));
  return page;
}

/** The browser that is installed, if one is. */
export const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const required = process.env.FLOPMETER_REQUIRE_BROWSER === "1";

/** Why tests in a browser are skipped, or `false`. Where a browser is required, they fail instead. */
export const skip = !browser && !required ? "SKIPPED: no Chromium" : false;

/** Opens the installed browser without a window, with WebGPU on whatever it has. */
export function launch() {
  const args = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-unsafe-webgpu"];
  return chromium.launch({ executablePath: browser, headless: true, args });
}
