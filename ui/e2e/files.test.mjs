// Pictures, answers for another machine, and the pictures of applications, as a person meets them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { go, settled, start, violations, whyNot } from "./window.mjs";

describe("files", { concurrency: 2, skip: whyNot() }, () => {
  let window;
  before(async () => {
    window = await start();
  });
  after(() => window?.end());

  async function within(scene, how, work) {
    const { page, faults, close } = await window.open(scene, how);
    await settled(page);
    await work(page);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(faults, []);
    await close();
  }

  test("a picture is saved with the keyboard, and its place is told", () =>
    within("busy", {}, async (page) => {
      await page.getByRole("button", { name: "Save picture: Traffic over time" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("menuitem", { name: /^SVG/u }).waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      const note = page.getByRole("status").filter({ hasText: "Saved:" });
      assert.match(await note.innerText(), /portolan-applications-.*\.svg/u);
      await note.getByRole("button", { name: "Open folder" }).click();
      await note.getByRole("button", { name: "Close" }).click();
      await note.waitFor({ state: "detached" });
    }));

  for (const [tab, name] of [["destinations", "destinations"], ["live", "live"], ["map", "map"]]) {
    test(`Ctrl S saves what ${tab} shows`, () =>
      within("busy", { theme: "dark" }, async (page) => {
        await go(page, tab);
        await page.keyboard.press("Control+s");
        assert.match(await page.getByRole("status").filter({ hasText: "Saved:" }).innerText(), new RegExp(`portolan-${name}-.*\\.png`, "u"));
      }));
  }

  test("the report of a month is saved", () =>
    within("busy", {}, async (page) => {
      await go(page, "history");
      await page.getByLabel("Report of").selectOption({ index: 1 });
      await page.getByRole("button", { name: "Save…" }).click();
      assert.match(await page.getByRole("status").filter({ hasText: "Saved:" }).innerText(), /portolan-\d{4}-\d\d\.html/u);
    }));

  test("a picture that cannot be written is told with the reason", () =>
    within("hostile", { language: "es" }, async (page) => {
      await page.keyboard.press("Control+s");
      assert.match(await page.getByRole("alert").innerText(), /No se ha guardado nada.*No space left on device/u);
    }));

  test("answers are shown before they are taken over, and what became of them after", () =>
    within("busy", {}, async (page) => {
      await go(page, "review");
      await page.getByRole("button", { name: "Approved", exact: true }).click();
      await page.getByRole("button", { name: "Import…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("6 answers change:").waitFor();
      assert.deepEqual(await violations(page), []);
      assert.equal(await dialog.getByRole("listitem").count(), 6);
      assert.match(await dialog.getByRole("listitem").nth(1).innerText(), /curl[\s\S]*unreviewed → ✓ approved[\s\S]*not the content/u);
      await dialog.getByRole("button", { name: "Take over 6 answers" }).click();
      await dialog.getByText("6 answers were taken over.").waitFor();
      await dialog.getByRole("button", { name: "Close" }).click();
      // Firefox was approved, and the file says ignored.
      await page.getByRole("button", { name: "Ignored", exact: true }).click();
      await page.locator("li").filter({ hasText: "/usr/lib/firefox/firefox" }).waitFor();
    }));

  test("answers that are refused are told with how far it went", () =>
    within("reduced", {}, async (page) => {
      await go(page, "review");
      await page.getByRole("button", { name: "Approved", exact: true }).click();
      await page.getByRole("button", { name: "Import…" }).click();
      await page.getByRole("button", { name: /^Take over/u }).click();
      assert.match(await page.getByRole("dialog").getByRole("alert").innerText(), /^0 of 6 answers were taken over, then: .*Members of the group portolan in a local session may/u);
    }));

  test("pictures of applications are pictures, and what is none becomes a letter", () =>
    within("hostile", {}, async (page) => {
      // The broken ones are gone when none of them waits any more.
      await page.waitForFunction(() => [...document.querySelectorAll("img.program-icon")].every((one) => one.complete && one.naturalWidth > 0) && document.querySelectorAll("[role=treeitem] .letter").length > 0);
      assert.ok((await page.locator("[role=treeitem] img.program-icon").count()) > 0);
      assert.equal(await page.title(), "Portolan");
    }));
});
