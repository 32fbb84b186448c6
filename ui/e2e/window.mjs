// The built page in Debian's Chromium, served from this process with the app's own content security policy. No network.
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const CONFIG = new URL("../../src-tauri/tauri.conf.json", import.meta.url);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };

/** In the order of the keys 1 to 7. */
export const TABS = ["applications", "destinations", "review", "live", "map", "history", "settings"];
/** What must hold (WCAG 2.1 AA). */
const RULES = ["wcag2a", "wcag2aa", "wcag21aa"];

/** Why nothing can be tried here; `false` where it can. */
export function whyNot() {
  if (!existsSync(CHROMIUM)) return `${CHROMIUM} is missing (package chromium)`;
  return false;
}

/** A browser with the page in it. */
export async function start() {
  if (!existsSync(join(DIST, "index.html"))) throw new Error("ui/dist is missing; run “npm run build” first");
  const server = await serve();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
  const address = `http://127.0.0.1:${server.address().port}`;
  return {
    open: (scene, how = {}) => open(browser, address, scene, how),
    async end() {
      await browser.close();
      server.close();
    },
  };
}

async function serve() {
  const { csp } = JSON.parse(readFileSync(CONFIG, "utf8")).app.security;
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = join(DIST, path === "/" ? "index.html" : path);
    try {
      const body = await readFile(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": csp });
      response.end(body);
    } catch {
      // Chromium asks for an icon by itself.
      response.writeHead(path === "/favicon.ico" ? 204 : 404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

/** The page in a scene of the stand-in. `faults` grows with all that a console, a policy or the page complains about. */
async function open(browser, address, scene, { theme = "light", language = "en", width = 1280, height = 800 }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: language,
    reducedMotion: "reduce",
  });
  const faults = [];
  // A name that becomes code reaches for one of these, or asks the network.
  await context.route((url) => url.origin !== address, (route) => {
    faults.push(`a request to ${route.request().url()}`);
    return route.abort();
  });
  await context.addInitScript({ content: AXE });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${address}/?mock=${scene}`);
  await page.waitForSelector("footer");
  return { page, faults, close: () => context.close() };
}

/** Goes to a tab as a person does, and waits until nothing is under way there. */
export async function go(page, tab) {
  await page.locator(`nav a[href="#${tab}"]`).click();
  await page.waitForFunction((wanted) => document.querySelector(`nav a[href="#${wanted}"]`)?.ariaCurrent === "page", tab);
  await settled(page);
}

/** Waits for what is drawn in the next two frames, and for panes that say they are busy. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** What axe finds, one line for each node: the rule, where it is, and why. */
export async function violations(page) {
  return page.evaluate(async (values) => {
    const found = await axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] });
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary, html }) => {
        const why = (failureSummary ?? "").split("\n").slice(1).map((line) => line.trim()).join("; ");
        return `${id} at ${target.flat().join(" ")}: ${why}\n      ${html.slice(0, 160)}`;
      }),
    );
  }, RULES);
}
