import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import App from "./App.svelte";
import { HOSTILE, mock, type Scene } from "./backend/mock";
import { shown } from "./text/hostile";

let close: () => void = () => {};

function open(scene: Scene) {
  const backend = mock(scene, 1_700_000_000_000);
  const app = mount(App, { target: document.body, props: { backend } });
  flushSync();
  document.querySelector<HTMLElement>('a[href="#live"]')?.click();
  flushSync();
  close = () => {
    backend.stop();
    void unmount(app);
  };
  return backend;
}

function press(label: string): void {
  const button = document.querySelector<HTMLButtonElement>(`button[aria-label="${label}"]`);
  if (!button) throw new Error(`there is no button “${label}”`);
  button.click();
}

/** Waits until the window shows what was expected. */
function eventually(expectation: () => void): Promise<void> {
  return vi.waitFor(() => {
    flushSync();
    expectation();
  });
}

const text = () => document.body.textContent ?? "";
const row = (application: string) => document.querySelector<HTMLElement>(`tr[data-application="${application}"]`);

beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));

afterEach(() => {
  close();
  vi.useRealTimers();
  document.body.replaceChildren();
});

test("the table carries exact totals", () => {
  open("busy");
  const curl = row("path:/usr/bin/curl");
  expect(Number(curl?.dataset["rxTotal"])).toBeGreaterThan(1_000_000);
  expect(curl?.dataset["sha256"]).toHaveLength(64);
  const before = Number(curl?.dataset["rxTotal"]);
  vi.advanceTimersByTime(120_000);
  flushSync();
  expect(Number(row("path:/usr/bin/curl")?.dataset["rxTotal"])).not.toBe(before);
});

test("what waits is told in one line, which leads to it", () => {
  open("busy");
  const line = [...document.querySelectorAll("main p")].find((one) => one.textContent?.includes("5 findings wait for you"));
  expect(line?.textContent).toContain("loud");
  line?.querySelector("button")?.click();
  flushSync();
  expect(document.querySelectorAll("li[data-finding]")).toHaveLength(5);
});

test.each(["applications", "destinations", "map"])("a time is chosen for %s", (tab) => {
  open("busy");
  expect(document.querySelector('[aria-label="Time"]')).toBeNull();
  document.querySelector<HTMLElement>(`a[href="#${tab}"]`)?.click();
  flushSync();
  expect(document.querySelector('[aria-label="Time"]')).not.toBeNull();
});

test("the range changes only where it is seen", () => {
  open("busy");
  const pressed = () => [...document.querySelectorAll('[aria-label="Time"] [aria-pressed="true"]')].map((one) => one.textContent);
  const key = (name: string) => {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
    flushSync();
  };
  key("[");
  key("1");
  expect(pressed()).toEqual(["24 h"]);
  key("[");
  expect(pressed()).not.toEqual(["24 h"]);
});

test("what was decided is told wherever it was, and can be taken back", async () => {
  const backend = open("busy");
  press("Ignore curl");
  await eventually(() => expect(document.querySelector(".floats")?.textContent).toContain("Ignored: curl"));
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "u", bubbles: true, cancelable: true }));
  await eventually(() => expect(document.querySelector(".floats")?.textContent).toContain("Taken back: curl"));
  const states = backend.asked.flatMap((question) => (question.ask === "review" ? [question.state] : []));
  expect(states).toEqual(["ignored", "unreviewed"]);
});

test("decisions that come quickly are all stored, in their order", async () => {
  const backend = open("busy");
  press("Ignore curl");
  press("Ignore firefox");
  await eventually(() => {
    const told = backend.asked.flatMap((question) => (question.ask === "review" ? [question.application] : []));
    expect(told).toEqual(["path:/usr/bin/curl", "path:/usr/lib/firefox/firefox"]);
  });
});

test("the live table is filtered, sorted and held", () => {
  open("busy");
  const names = () => [...document.querySelectorAll("tr[data-application] .name")].map((one) => one.textContent);
  const named = (name: string) => [...document.querySelectorAll("button")].find((one) => one.textContent?.trim() === name);
  named("Application")?.click();
  flushSync();
  expect(names()).toEqual([...names()].sort());
  named("Pause")?.click();
  flushSync();
  const before = row("path:/usr/bin/curl")?.dataset["rxTotal"];
  vi.advanceTimersByTime(30_000);
  flushSync();
  expect(row("path:/usr/bin/curl")?.dataset["rxTotal"]).toBe(before);
  named("Go on")?.click();
  flushSync();
  expect(row("path:/usr/bin/curl")?.dataset["rxTotal"]).not.toBe(before);
  const field = document.querySelector<HTMLInputElement>('input[aria-label="Filter the table"]');
  if (field) field.value = "deb.debian.org";
  field?.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
  expect(names().length).toBeGreaterThan(0);
  expect(names()).not.toContain("firefox");
});

test("the header says what Portolan is, and that recording goes on", async () => {
  open("busy");
  document.querySelector<HTMLElement>("header .about")?.click();
  await eventually(() => expect(document.querySelector('[role="dialog"]')?.textContent).toContain("Recording goes on"));
  expect(document.querySelector('[role="dialog"]')?.textContent).toContain("MIT or Apache-2.0");
});

test("a refused answer is told in a sentence", async () => {
  open("reduced");
  press("Ignore curl");
  const told = () => document.querySelector("[role=alert]")?.textContent ?? "";
  await eventually(() => expect(told()).toContain("Members of the group portolan in a local session may"));
});

test("hostile names are text and nothing else", () => {
  const title = document.title;
  open("hostile");
  expect(document.querySelector("img, script")).toBeNull();
  expect(document.title).toBe(title);
  for (const name of HOSTILE) expect(text()).toContain(shown(name.split("/").at(-1) ?? ""));
  expect(text()).not.toMatch(/[\u202e\u0007\u200b]/u);
  for (const element of document.querySelectorAll("[title], [aria-label]")) {
    expect(`${element.getAttribute("title")}${element.getAttribute("aria-label")}`).not.toMatch(/[\u202e\u0007\u200b]/u);
  }
});

test.each<[Scene, string]>([
  ["connecting", "Looking for Portolan's daemon"],
  ["gone", "systemctl start portoland"],
  ["denied", "not allowed to see the traffic"],
  ["lost", "where the connection ended"],
  ["quiet", "Nothing talked in the last five minutes"],
  ["reduced", "The kernel has no hook for sent datagrams"],
  ["busy", "99.98 % attributed"],
])("the state “%s” is drawn", (scene, sentence) => {
  open(scene);
  expect(text()).toContain(sentence);
});
