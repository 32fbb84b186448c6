// Every view in every scene: no complaint of the browser, the policy or axe, in both themes and both languages.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { TABS, go, start, violations, whyNot } from "./window.mjs";

const SCENES = ["busy", "quiet", "gone", "lost", "denied", "hostile", "crowd", "reduced"];
const THEMES = ["light", "dark"];
const LANGUAGES = ["en", "es"];

describe("views", { concurrency: 2, skip: whyNot() }, () => {
  let window;
  before(async () => {
    window = await start();
  });
  after(() => window?.end());

  for (const scene of SCENES) {
    for (const theme of THEMES) {
      for (const language of LANGUAGES) {
        test(`${scene}, ${theme}, ${language}`, async () => {
          const { page, faults, close } = await window.open(scene, { theme, language });
          const wrong = [];
          for (const tab of TABS) {
            await go(page, tab);
            const found = [...faults.splice(0), ...(await violations(page)), ...(await effects(page))];
            wrong.push(...found.map((one) => `${tab} in scene ${scene} (${theme}, ${language}): ${one}`));
          }
          await close();
          assert.equal(wrong.length, 0, `\n  ${wrong.join("\n  ")}`);
        });
      }
    }
  }
});

/** What a name did that is more than text, and what a page that stayed blank lacks. */
async function effects(page) {
  return page.evaluate(() => {
    // The app's own pictures are bytes that it has read, and nothing else is one.
    const isOurs = (one) => one.matches("img.program-icon") && /^data:image\/(?:png|svg\+xml);/u.test(one.src) && one.alt === "";
    const found = [...document.querySelectorAll("#app img, #app script, #app iframe, #app object")].filter((one) => !isOurs(one)).map((one) => `foreign markup: ${one.outerHTML}`);
    if (document.title !== "Portolan") found.push(`the title became ${document.title}`);
    if (!document.getElementById("fault")?.hidden) found.push("the page says that it has a fault");
    if ((document.querySelector("main")?.textContent ?? "").trim() === "") found.push("the view is blank");
    const deceptive = /[\u0000-\u0008\u200b\u202a-\u202e\u2066-\u2069]/u;
    for (const one of document.querySelectorAll("#app *")) {
      const texts = [one.getAttribute("title"), one.getAttribute("aria-label"), ...[...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data)];
      if (texts.some((text) => text !== null && deceptive.test(text))) found.push(`text that deceives: ${one.outerHTML.slice(0, 160)}`);
    }
    return found;
  });
}
