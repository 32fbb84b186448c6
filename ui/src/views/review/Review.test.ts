import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test, vi } from "vitest";

import App from "../../App.svelte";
import { mock, type Scene } from "../../backend/mock";

let close: () => void = () => {};

function open(scene: Scene, nowMs = 1_700_000_000_000) {
  const backend = mock(scene, nowMs);
  const app = mount(App, { target: document.body, props: { backend } });
  flushSync();
  document.querySelector<HTMLElement>('a[href="#review"]')?.click();
  flushSync();
  close = () => {
    backend.stop();
    void unmount(app);
  };
  return backend;
}

const rows = () => [...document.querySelectorAll<HTMLElement>("li[data-finding]")].map((row) => Number(row.dataset["finding"]));
const current = () => Number(document.querySelector<HTMLElement>("li.current")?.dataset["finding"]);
const evidence = () => document.querySelector(".evidence")?.textContent?.replace(/\s+/gu, " ") ?? "";

function key(name: string, repeat = false): void {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: name, repeat, bubbles: true, cancelable: true }));
  flushSync();
}

function eventually(expectation: () => void): Promise<void> {
  return vi.waitFor(() => {
    flushSync();
    expectation();
  });
}

afterEach(() => {
  close();
  document.body.replaceChildren();
});

test("loud findings come first, with what they rest on", () => {
  open("busy");
  expect(rows()[0]).toBe(2);
  expect(evidence()).toContain("Changed application · loud");
  expect(evidence()).toContain("deb openssh-client 1:9.2p1-2, MODIFIED");
  expect(evidence()).toMatch(/before.*→.*now/u);
  expect(evidence()).toMatch(/vim.*by ?bash.*by ?sshd/u);
  expect(evidence()).toContain("by LD_PRELOAD");
  expect(evidence()).toContain("~deb.debian.org ([2a04:4e42::644]:443)");
});

test("keys move and decide; what comes next takes the place of what left", async () => {
  const backend = open("busy");
  const order = rows();
  key("j");
  expect(current()).toBe(order[1]);
  key("a");
  await eventually(() => expect(rows()).not.toContain(order[1]));
  expect(current()).toBe(order[2]);
  expect(backend.asked).toContainEqual({ ask: "review", application: "path:/usr/bin/curl", state: "approved" });
  await eventually(() => expect(document.querySelector(".decided")?.textContent).toContain("Approved: curl"));
  key("u");
  await eventually(() => expect(backend.asked).toContainEqual({ ask: "review", application: "path:/usr/bin/curl", state: "unreviewed" }));
});

test("a key that is held moves, and decides nothing", () => {
  const backend = open("busy");
  const order = rows();
  key("j", true);
  expect(current()).toBe(order[1]);
  for (const held of ["a", "i", "d", "s", "x"]) key(held, true);
  expect(backend.asked.filter(({ ask }) => ask === "review" || ask === "dismiss" || ask === "snooze")).toEqual([]);
  expect(document.querySelector('[role="menu"], li[data-finding] input:checked')).toBeNull();
});

test("what no review answers can be dismissed, and what is dismissed cannot come back", async () => {
  const backend = open("busy");
  for (let step = 0; step < 9; step += 1) key("j");
  const last = current();
  expect(evidence()).toContain("Upgraded");
  key("a");
  key("d");
  await eventually(() => expect(rows()).not.toContain(last));
  expect(backend.asked.filter((question) => question.ask === "review")).toEqual([]);
  expect(document.querySelector(".decided button")).toBeNull();
});

test("one decision about the first hours answers all that nobody decided", async () => {
  const backend = open("busy");
  document.querySelector<HTMLElement>('li[data-finding="22"] button')?.click();
  flushSync();
  key("a");
  await eventually(() => expect(rows()).not.toContain(22));
  const approved = backend.asked.flatMap((question) => (question.ask === "review" && question.state === "approved" ? [question.application] : []));
  expect(approved).toHaveLength(7);
  expect(approved).not.toContain("path:/usr/lib/firefox/firefox");
});

test("several are decided at once and taken back at once", async () => {
  const backend = open("hostile");
  const order = rows();
  for (const step of ["x", "j", "x", "i"]) key(step);
  await eventually(() => expect(rows()).toHaveLength(order.length - 2));
  key("u");
  await eventually(() => expect(backend.asked.filter((question) => question.ask === "review" && question.state === "unreviewed")).toHaveLength(2));
});

test("what was put off says when it comes back, and comes back at once", async () => {
  const backend = open("busy", Date.now());
  const listed = () => [...document.querySelectorAll<HTMLElement>("li[data-snoozed]")].map((row) => Number(row.dataset["snoozed"]));
  const list = () => [...document.querySelectorAll<HTMLElement>(".lists button")].find((one) => one.textContent?.includes("Snoozed"));
  await eventually(() => expect(list()?.textContent).toContain("2"));
  list()?.click();
  flushSync();
  expect(listed()).toEqual([31, 32]);
  document.querySelector<HTMLElement>('[aria-label="Wake sync-notes now"]')?.click();
  await eventually(() => expect(listed()).toEqual([32]));
  expect(backend.asked).toContainEqual({ ask: "snooze", finding: 31, until_unix_ms: null });
  key("u");
  await eventually(() => expect(listed()).toEqual([31, 32]));
});

test("a refusal leaves the finding where it is, and says why", async () => {
  open("reduced");
  const order = rows();
  key("a");
  await eventually(() => expect(document.querySelector("[role=alert]")?.textContent).toContain("Members of the group portolan in a local session may"));
  expect(rows()).toEqual(order);
});

test("learning is explained, and can be ended", async () => {
  const backend = open("reduced");
  expect(document.body.textContent).toContain("Portolan is learning until");
  backend.asked.length = 0;
  [...document.querySelectorAll("button")].find((one) => one.textContent === "End learning now")?.click();
  await eventually(() => expect(backend.asked).toEqual([{ ask: "end-learning" }]));
});

test("nothing is drawn, too", () => {
  open("quiet");
  expect(document.body.textContent).toContain("Nothing waits for you");
});
