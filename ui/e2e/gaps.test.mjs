// Time in which nobody recorded: hatched, never a step or a line over it, and said to whoever points at it or does not see it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { go, settled, start, whyNot } from "./window.mjs";

describe("gaps", { concurrency: 2, skip: whyNot() }, () => {
  let window;
  before(async () => {
    window = await start();
  });
  after(() => window?.end());

  for (const [theme, language, words, says] of [
    ["light", "en", "Not recorded", /Not recorded for \d+ d/u],
    ["dark", "es", "Sin registro", /Sin registro durante \d+ d/u],
  ]) {
    test(`${theme}, ${language}`, async () => {
      const { page, faults, close } = await window.open("busy", { theme, language });
      await go(page, "applications");
      // 5 min, 1 h, 24 h, 7 d, 30 d.
      await page.locator(".ranges button[aria-pressed]").nth(4).click();
      await settled(page);
      const chart = page.locator('.place[role="application"]');
      assert.match(await chart.getAttribute("aria-label"), says);
      const box = await chart.boundingBox();
      const at = (share) => 82 + (box.width - 98) * share;
      const read = async (share) => {
        await page.mouse.move(box.x + at(share), box.y + box.height / 2);
        return chart.locator(".reading").innerText();
      };
      const [unrecorded, moved] = [[], []];
      for (let share = 0.01; share < 1; share += 0.01) ((await read(share)).includes(words) ? unrecorded : moved).push(share);
      assert.ok(unrecorded.length >= 3 && unrecorded.length < 40, `${unrecorded.length} of 99 places are not recorded`);
      assert.match(await read(unrecorded[1]), /\d/u, "it is said from when to when");
      await page.mouse.move(0, 0);
      // Before the pixels are read, which the browser calls slow.
      assert.deepEqual(faults, []);
      const changes = async (share) => page.evaluate(changesAt, at(share));
      // Not by colour alone: the band is hatched from top to bottom, which is what nothing else is.
      assert.ok((await changes(unrecorded[1])) > 20, "no hatching where nobody recorded");
      assert.ok((await changes(moved[40])) < 20, "hatching where somebody recorded");
      await close();
    });
  }
});

/** How often the colour changes down the chart. */
function changesAt(left) {
  const canvas = document.querySelector('.place[role="application"] canvas');
  const ratio = canvas.width / canvas.clientWidth;
  const { data } = canvas.getContext("2d").getImageData(Math.round(left * ratio), 0, 1, canvas.height);
  const colours = Array.from({ length: canvas.height }, (_, y) => data.slice(4 * y, 4 * y + 4).join());
  return colours.filter((colour, y) => y > 0 && colour !== colours[y - 1]).length;
}
