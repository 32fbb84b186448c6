// Everything with the keyboard alone, and at 200 % zoom.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { TABS, go, settled, start, violations, whyNot } from "./window.mjs";

/** More stops than any view has; a trap never comes back. */
const STOPS_MAX = 400;

describe("keyboard", { concurrency: 2, skip: whyNot() }, () => {
  let window;
  before(async () => {
    window = await start();
  });
  after(() => window?.end());

  /** Opens a scene, does something there, and expects no complaint. */
  async function within(scene, how, work) {
    const { page, faults, close } = await window.open(scene, how);
    await work(page);
    assert.deepEqual(faults, []);
    await close();
  }

  const current = (page) => page.locator('nav a[aria-current="page"]').getAttribute("href");

  test("the tabs are reached with Tab and opened with Enter", () =>
    within("busy", {}, async (page) => {
      const opened = [];
      for (let stop = 0; opened.length < TABS.length && stop < STOPS_MAX; stop += 1) {
        await page.keyboard.press("Tab");
        const href = await page.evaluate(() => document.activeElement?.closest("nav a[href^='#']")?.getAttribute("href") ?? null);
        if (href === null) continue;
        await page.keyboard.press("Enter");
        assert.equal(await current(page), href);
        opened.push(href.slice(1));
      }
      assert.deepEqual(opened, TABS);
    }));

  for (const [at, tab] of TABS.entries()) {
    test(`${tab}: each stop of Tab is seen, and none is a trap`, () =>
      within("busy", {}, async (page) => {
        await page.keyboard.press(String(at + 1));
        assert.equal(await current(page), `#${tab}`);
        await settled(page);
        // From the beginning of the page, wherever the focus was.
        await page.evaluate(() => document.querySelector(".skip")?.focus());
        const unseen = [];
        let stop = 0;
        for (; stop < STOPS_MAX; stop += 1) {
          await page.keyboard.press("Tab");
          const where = await page.evaluate(focusSeen);
          if (where === "end") break;
          if (where !== null) unseen.push(where);
        }
        assert.ok(stop < STOPS_MAX, `${tab}: Tab never leaves the page; the last stop was ${await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 160))}`);
        assert.deepEqual(unseen, [], `${tab}: nothing shows where the focus is`);
      }));
  }

  test("the skip link leads past the header", () =>
    within("busy", {}, async (page) => {
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "panes");
    }));

  test("shortcuts, their list, and the way back", () =>
    within("busy", {}, async (page) => {
      await page.keyboard.press("5");
      assert.equal(await current(page), "#map");
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await violations(page), []);
      await page.keyboard.press("2");
      assert.equal(await current(page), "#map", "a key did something behind the dialog");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await current(page), "#map", "Escape closes the dialog and does nothing else");
      await page.keyboard.press("Escape");
      assert.equal(await current(page), "#applications");
      await page.keyboard.press("r");
      assert.equal(await page.evaluate(() => document.activeElement?.ariaPressed), "true");
      await page.keyboard.press("[");
      assert.equal(await page.locator('[aria-pressed="true"]').count() > 0, true);
      await page.keyboard.press("/");
      await page.getByRole("combobox", { name: "Filter" }).waitFor();
      await page.keyboard.type("country:DE ?7");
      assert.equal(await current(page), "#applications", "letters of a query are no shortcuts");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox", { name: "Filter" }).waitFor();
    }));

  test("a setting that is refused says why, and shows what is in force", () =>
    within("reduced", {}, async (page) => {
      await go(page, "settings");
      const row = page.locator('[data-key="recording.ports"]');
      await row.getByRole("switch").focus();
      await page.keyboard.press("Space");
      await row.getByRole("alert").waitFor();
      assert.match(await row.getByRole("alert").innerText(), /administrator's password in a local session/u);
      assert.equal(await row.getByRole("switch").isChecked(), true);
    }));

  test("a setting is changed, says where it stands, and goes back", () =>
    within("busy", {}, async (page) => {
      await go(page, "settings");
      const row = page.locator('[data-key="retention.max_size"]');
      await row.getByRole("spinbutton").fill("5");
      await page.keyboard.press("Enter");
      await row.getByText("50-set.toml:1").waitFor();
      assert.equal(await row.getByRole("spinbutton").inputValue(), "5");
      await row.getByRole("button", { name: /^Back to default/u }).click();
      await row.getByText("Default", { exact: true }).waitFor();
      assert.equal(await row.getByRole("spinbutton").inputValue(), "2");
      const list = page.locator('[data-key="exclusions.domains"]');
      await list.getByRole("textbox").fill('*.example.org "quoted"');
      await page.keyboard.press("Enter");
      await list.getByRole("listitem").waitFor();
      assert.equal((await list.getByRole("listitem").innerText()).trim(), '*.example.org "quoted"');
    }));

  test("language, colours and units count at once", () =>
    within("busy", {}, async (page) => {
      await go(page, "settings");
      await page.getByLabel("Español").check();
      await page.getByText("Qué se registra", { exact: true }).first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), "es");
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("value")), "es", "the focus was lost");
      await page.getByLabel("Oscuro").check();
      assert.equal(await page.evaluate(() => document.documentElement.dataset["theme"]), "dark");
      await page.getByRole("radio", { name: /^1024/u }).check();
      assert.match(await page.locator("footer").innerText(), /MiB/u);
    }));

  for (const language of ["en", "es"]) {
    for (const [width, height, what] of [[640, 400, "200 % zoom"], [720, 700, "a narrow window"]]) {
      for (const scene of ["busy", "hostile", "gone"]) {
        test(`${what} loses no control: ${scene}, ${language}`, () =>
          within(scene, { width, height, language }, async (page) => {
            const lost = [];
            for (const tab of TABS) {
              await go(page, tab);
              lost.push(...(await page.evaluate(lostControls)).map((one) => `${tab}: ${one}`));
            }
            assert.equal(lost.length, 0, `\n  ${lost.join("\n  ")}`);
          }));
      }
    }
  }
});

/** In the page: `end` behind the last stop, `null` where the focus is seen, else what has it. */
function focusSeen() {
  const focused = document.activeElement;
  if (focused === null || focused === document.body || focused.matches(".skip")) return "end";
  const { outlineStyle, outlineWidth } = getComputedStyle(focused);
  const { width, height } = focused.getBoundingClientRect();
  // A country's ring is a shape of its own above all others.
  const isRinged = focused.matches(".country") && document.querySelector(".ring.focused") !== null;
  const isSeen = isRinged || (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0 && width > 0 && height > 0);
  return isSeen ? null : focused.outerHTML.slice(0, 160);
}

/** In the page: what nobody can reach by scrolling downwards, or within a box that scrolls by itself. */
function lostControls() {
  const lost = [];
  if (document.documentElement.scrollWidth > innerWidth + 1) lost.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  for (const control of document.querySelectorAll("#app a[href]:not(.skip), #app button, #app input, #app select, #app [tabindex='0']")) {
    const { left, right, width, height } = control.getBoundingClientRect();
    if (width === 0 || height === 0) continue;
    let [from, to] = [0, innerWidth];
    for (let box = control.parentElement; box !== null; box = box.parentElement) {
      const { overflowX } = getComputedStyle(box);
      if ((overflowX === "auto" || overflowX === "scroll") && box.scrollWidth > box.clientWidth && box !== document.body && !box.matches("main")) {
        [from, to] = [-Infinity, Infinity];
        break;
      }
      if (overflowX === "hidden" || overflowX === "clip") {
        const { left: boxLeft, right: boxRight } = box.getBoundingClientRect();
        [from, to] = [Math.max(from, boxLeft), Math.min(to, boxRight)];
      }
    }
    if (left < from - 1 || right > to + 1) lost.push(`${Math.round(left)}–${Math.round(right)} of ${Math.round(from)}–${Math.round(to)} px: ${control.outerHTML.slice(0, 160)}`);
  }
  return lost;
}
