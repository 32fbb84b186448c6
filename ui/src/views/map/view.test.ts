import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import App from "../../App.svelte";
import { mock, type Scene } from "../../backend/mock";
import { preferences } from "../../model/preferences.svelte";
import { bytes } from "../../text/format";

const NOW = 1_700_000_000_000;
let close: () => void = () => {};

async function open(scene: Scene) {
  const backend = mock(scene, NOW);
  const app = mount(App, { target: document.body, props: { backend } });
  flushSync();
  document.querySelector<HTMLElement>('a[href="#map"]')?.click();
  close = () => {
    backend.stop();
    void unmount(app);
  };
  await eventually(() => expect(document.querySelector(".map footer")).not.toBeNull());
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
  await eventually(() => expect(one("output").textContent).not.toContain("The whole time"));
  const first = one("output").textContent;
  vi.advanceTimersByTime(220);
  flushSync();
  expect(one("output").textContent).not.toBe(first);
  vi.advanceTimersByTime(60_000);
  flushSync();
  expect(button("Play")).toBeDefined();
  button("The whole time").click();
  flushSync();
  expect(one("output").textContent).toContain("The whole time");
});

test("says whose data it is, or that there is none", async () => {
  await open("busy");
  expect(one(".map footer").textContent).toContain("CC BY-SA 4.0");
  close();
  document.body.replaceChildren();
  await open("reduced");
  expect(one(".map footer").textContent).toContain("There is no database of countries");
});
