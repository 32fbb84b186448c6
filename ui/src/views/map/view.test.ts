import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import App from "../../App.svelte";
import { mock, type Scene } from "../../backend/mock";
import { preferences } from "../../model/preferences.svelte";
import { bytes } from "../../text/format";

const NOW = 1_700_000_000_000;
let close: () => void = () => {};

type Stand = ReturnType<typeof mock>;

/** The map; `change` puts something in the stand-in's way. */
async function open(scene: Scene, change: (backend: Stand) => void = () => {}) {
  const backend = mock(scene, NOW);
  change(backend);
  const app = mount(App, { target: document.body, props: { backend } });
  flushSync();
  document.querySelector<HTMLElement>('a[href="#map"]')?.click();
  close = () => {
    backend.stop();
    void unmount(app);
  };
  await eventually(() => expect(document.querySelector(".map footer, .map [role=alert]")).not.toBeNull());
  return backend;
}

function eventually(expectation: () => void): Promise<void> {
  return vi.waitFor(() => {
    flushSync();
    expectation();
  });
}

const one = <E extends Element = HTMLElement>(selector: string) => {
  const found = document.querySelector<E & HTMLElement>(selector);
  if (found === null) throw new Error(`there is no ${selector}`);
  return found;
};
const press = (target: Element, key: string) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const button = (text: string) => {
  const found = [...document.querySelectorAll<HTMLButtonElement>(".map button")].find((each) => each.textContent?.trim() === text || each.getAttribute("aria-label") === text);
  if (found === undefined) throw new Error(`there is no button “${text}”`);
  return found;
};
const queries = (backend: ReturnType<typeof mock>) => backend.asked.flatMap((question) => (question.ask === "query" ? [question.request.query] : []));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  preferences.home = "ES";
});

afterEach(() => {
  close();
  vi.useRealTimers();
  document.body.replaceChildren();
});

test("the list has every place, also what is on no map, and their sum", async () => {
  const backend = await open("busy");
  const { total } = await backend.ask({ ask: "query", request: { query: "since:24h", by: [], top: 0, step: "", zone: "", token: 0 } });
  const list = one('[aria-label="Places"]');
  for (const name of ["United States", "Gibraltar", "Local network", "This machine", "Unknown place", "Somewhere in Europe"]) expect(list.textContent).toContain(name);
  expect(list.textContent).toContain(`All places${bytes(total.rx_bytes + total.tx_bytes)}`);
  expect(document.querySelectorAll(".arc").length).toBeGreaterThan(5);
});

test("a country is reached with the keys, and Enter filters everything by it", async () => {
  const backend = await open("busy");
  const [first] = [one<SVGPathElement>('[data-code][tabindex="0"]')];
  expect(document.querySelectorAll('[data-code][tabindex="0"]')).toHaveLength(1);
  first.focus();
  flushSync();
  press(first, "ArrowRight");
  flushSync();
  const second = one('[data-code][tabindex="0"]');
  expect(second).not.toBe(first);
  expect(document.activeElement).toBe(second);
  const code = second.dataset["code"] ?? "";
  press(second, "Enter");
  await eventually(() => expect(queries(backend).some((query) => query.startsWith(`country:${code} `))).toBe(true));
  await eventually(() => expect(document.querySelectorAll("[data-code]")).toHaveLength(1));
});

test("what is on no map filters, too", async () => {
  const backend = await open("busy");
  one<HTMLButtonElement>('[title="Show only Unknown place"]').click();
  await eventually(() => expect(queries(backend).some((query) => query.startsWith("country:- range:public "))).toBe(true));
});

test("the table is sorted by what is pressed", async () => {
  await open("busy");
  button("Table").click();
  flushSync();
  const names = () => [...document.querySelectorAll("tbody th")].map((cell) => cell.textContent?.trim() ?? "");
  expect(names()[0]).toBe("United States");
  one<HTMLButtonElement>("thead th button").click();
  flushSync();
  expect(names()).toEqual([...names()].sort((a, b) => a.localeCompare(b, "en")));
  expect(one("thead th").getAttribute("aria-sort")).toBe("ascending");
});

test("the time is played step by step up to its end", async () => {
  await open("busy");
  button("Play").click();
  await eventually(() => expect(one("output").textContent).not.toContain("last 24 hours"));
  const first = one("output").textContent;
  vi.advanceTimersByTime(220);
  flushSync();
  expect(one("output").textContent).not.toBe(first);
  vi.advanceTimersByTime(60_000);
  flushSync();
  expect(button("Play")).toBeDefined();
  button("The whole time").click();
  flushSync();
  expect(one("output").textContent).toContain("last 24 hours");
});

test("says whose data it is, or that there is none", async () => {
  await open("busy");
  expect(one(".map footer").textContent).toContain("CC BY-SA 4.0");
  close();
  document.body.replaceChildren();
  await open("reduced");
  expect(one(".map footer").textContent).toContain("There is no database of countries");
});

/** Answers in another way, where it has one. */
function instead(backend: Stand, other: (question: Parameters<Stand["ask"]>[0]) => unknown): void {
  const ask = backend.ask;
  backend.ask = (async (question: Parameters<Stand["ask"]>[0]) => (await other(question)) ?? ask(question)) as Stand["ask"];
}

const byWhat = (question: { ask: string; request?: { by: string[] } }) => (question.ask === "query" ? (question.request?.by.join() ?? "") : "");

test("what has no application has its row and its name beside the others", async () => {
  const column = (key: string, at: number[], text: string) => ({ key, texts: [text], at });
  const groups = {
    keys: [column("application", [1, 0, 0, 0], "path:/usr/bin/curl"), column("kernel", [0, 1, 0, 0], "wireguard"), column("unattributed", [0, 0, 1, 2], "late")],
    tx_bytes: [4, 3, 2, 1], rx_bytes: [0, 0, 0, 0], flows: [1, 1, 1, 1], first_unix_ms: [1, 1, 1, 1], last_unix_ms: [1, 1, 1, 1], other: null,
  };
  groups.keys[2]?.texts.push("lost");
  let answer: typeof groups | null = groups;
  await open("busy", (backend) =>
    instead(backend, async (question) => {
      if (byWhat(question) !== "application" || answer === null) return null;
      return { ...(await backend.ask<"query">({ ask: "query", request: { query: "", by: ["user"], top: 1, step: "", zone: "", token: 0 } })), groups: answer };
    }),
  );
  const names = () => [...document.querySelectorAll('.card ul:first-of-type li span:first-child')].map((name) => name.textContent);
  one<SVGPathElement>('[data-code][tabindex="0"]').focus();
  await eventually(() => expect(names()).toContain("curl"));
  expect(names()[0]).toBe("curl");
  // All that is beside the four is one line more.
  expect(names()).toHaveLength(5);
  expect(new Set(names()).size).toBe(5);
});

test("asks again after a failure, when told to and by itself", async () => {
  let isBroken = true;
  const backend = await open("busy", (each) =>
    instead(each, (question) => {
      if (isBroken && byWhat(question) === "country,domain") throw { kind: "other", message: "the disk is tired", place: null };
      return null;
    }),
  );
  await eventually(() => expect(one(".map [role=alert]").textContent).toContain("the disk is tired"));
  isBroken = false;
  button("Try again").click();
  await eventually(() => expect(document.querySelector(".map [role=alert]")).toBeNull());
  const before = queries(backend).length;
  vi.advanceTimersByTime(60_000);
  await eventually(() => expect(queries(backend).length).toBeGreaterThan(before));
});

test("the first touch of the slider chooses its step", async () => {
  let answer: () => void = () => {};
  const wanted = new Promise<void>((resolve) => (answer = resolve));
  await open("busy", (backend) => instead(backend, (question) => (question.ask === "series" ? wanted : null)));
  const slider = one<HTMLInputElement>('.map input[type="range"]');
  slider.dispatchEvent(new Event("pointerdown", { bubbles: true }));
  slider.value = "50";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve));
  answer();
  await eventually(() => expect(one("output").textContent).not.toContain("The whole time"));
  expect(Math.abs(Number(slider.value) / Number(slider.max) - 0.5)).toBeLessThan(0.1);
});
