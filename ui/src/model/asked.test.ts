import { beforeEach, afterEach, expect, test, vi } from "vitest";

import type { Backend } from "../backend";
import type { Question } from "../bindings/desktop";
import { Asked } from "./asked.svelte";
import { Suggestions } from "./completion.svelte";
import { stepped } from "./range";
import { beside, trial } from "./terms";

/** What was asked, each to be answered by hand. */
function byHand() {
  const open: { question: Question; answer: (answer: unknown) => void; fail: (reason: unknown) => void }[] = [];
  const cancelled: number[] = [];
  const ask = (question: Question) => {
    if (question.ask === "cancel") return Promise.resolve(cancelled.push(question.token) > 0);
    return new Promise((answer, fail) => open.push({ question, answer, fail }));
  };
  return { open, cancelled, backend: { ask } as unknown as Backend };
}

const details = (key: string) => ({ ask: "details", kind: "flow", key }) as const;

test("who was overtaken gets no answer, whichever comes first", async () => {
  const { open, cancelled, backend } = byHand();
  const asked = new Asked<"details">(backend);
  const both = [asked.ask(details("a")), asked.ask(details("b"))];
  open[0]?.answer("A");
  expect(await both[0]).toBeNull();
  expect([asked.answer, asked.busy]).toEqual([null, true]);
  open[1]?.answer("B");
  expect([await both[1], asked.answer, asked.busy]).toEqual(["B", "B", false]);
  // The daemon knows no token of it.
  expect(cancelled).toEqual([]);
});

test("a question that failed has no answer, and one that can be stopped is", async () => {
  const { open, cancelled, backend } = byHand();
  const asked = new Asked<"query">(backend);
  const request = { query: "", by: [], top: 1, step: "", zone: "", token: 0 };
  const first = asked.ask({ ask: "query", request });
  const second = asked.ask({ ask: "query", request });
  expect(cancelled).toHaveLength(1);
  open[0]?.fail({ kind: "cancelled", message: "", place: null });
  open[1]?.fail({ kind: "other", message: "no", place: null });
  expect([await first, await second, asked.failure?.message, asked.busy]).toEqual([null, null, "no", false]);
});

test("a query is tried within a short time, and what it says of it has its place", () => {
  expect(trial("app:curl", "since:5m")).toEqual({ text: "since:5m app:curl", front: 9 });
  expect(trial("a or b # c", "since:5m")).toEqual({ text: "since:5m (a or b # c\n)", front: 10 });
  expect(trial("", "since:5m").text).toBe("since:5m");
  // A time of its own cannot stand in parentheses.
  expect(beside("(a or b) since:7d", "since:1h")).toBe("(a or b) since:7d since:1h");
  expect([beside("a|b", "since:1h"), beside('"a|b"', "since:1h")]).toEqual(["(a|b\n) since:1h", '"a|b" since:1h']);
  expect(trial("(a or b) since:7d", "since:5m").text).toBe("since:5m (a or b) since:7d");
  // A term must not complete what is incomplete.
  expect(trial("a not", "since:5m").text).toBe("since:5m a not");
});

test("steps end where the present begins", () => {
  const now = 1_000_000_000;
  expect(stepped({ last: "1h" }, 1, now)).toEqual({ last: "1h" });
  const before = stepped({ last: "1h" }, -1, now);
  expect(before).toEqual({ fromMs: now - 7_200_000, toMs: now - 3_600_000 });
  expect(stepped(before, 1, now + 5000)).toEqual({ last: "1h" });
  expect(stepped(before, 1, now + 600_000)).toEqual({ fromMs: now - 3_600_000, toMs: now });
  expect(stepped({ fromMs: now - 100_000, toMs: now - 5 }, 1, now)).toEqual({ fromMs: now - 99_995, toMs: now });
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a word is put into the text that it was suggested for, and a pause is waited for", async () => {
  const { open, backend } = byHand();
  const suggestions = new Suggestions(backend);
  suggestions.look("a", 1);
  suggestions.look("ap", 2);
  await vi.advanceTimersByTimeAsync(200);
  expect(open.map(({ question }) => question)).toEqual([{ ask: "complete", text: "ap", cursor: 2 }]);
  open[0]?.answer({ start: 0, end: 2, words: ["app:"] });
  await vi.advanceTimersByTimeAsync(0);
  suggestions.look("app:curl p", 10);
  expect(suggestions.with("app:")).toEqual({ text: "app:", cursor: 4 });
  await vi.advanceTimersByTimeAsync(200);
  expect(suggestions.with("app:").text).toBe("app:");
  open[1]?.answer({ start: 9, end: 10, words: ["port:"] });
  await vi.advanceTimersByTimeAsync(0);
  expect(suggestions.with("port:").text).toBe("app:curl port:");
});
