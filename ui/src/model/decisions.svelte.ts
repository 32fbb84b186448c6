import { failureOf, type Backend, type Review } from "../backend/backend";
import type { Finding } from "../bindings/bindings";
import { applicationsOf, isDismissed } from "./inbox";
import type { View } from "./view.svelte";

/** What was decided last, and how it can be taken back. */
export interface Decided {
  what: "approved" | "ignored" | "unreviewed" | "snoozed" | "woken" | "dismissed" | "undone";
  /** What it was about: hostile. */
  paths: readonly string[];
  /** Of snoozed ones. */
  untilMs: number | null;
  /** `null` where nothing can be taken back. */
  undo: (() => Promise<void>) | null;
}

/** What a person decides, wherever they do: one step for one finding or for many, and back. */
export class Decisions {
  last = $state.raw<Decided | null>(null);
  /** Why the last one was not stored. */
  failure = $state<string | null>(null);
  busy = $state(false);
  /** Single decisions wait for each other: a person is faster than polkit. */
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly backend: Backend,
    private readonly view: View,
  ) {}

  /** Reviews an application, also one that no finding is about. */
  decide(key: string, state: Review): Promise<void> {
    const work = async () => {
      const known = await this.backend.ask<"applications">({ ask: "applications" });
      const application = known.find((one) => one.application === key);
      const before = reviewOf(application?.review ?? "unreviewed");
      await this.reviewAll([[key, state]]);
      const path = application?.script?.path ?? application?.path ?? key;
      this.last = { what: state, paths: [path], untilMs: null, undo: before === state ? null : () => this.reviewAll([[key, before]]) };
    };
    return (this.queue = this.queue.then(() => this.step(work)));
  }

  /** Reviews the applications of findings that a review answers. */
  async review(findings: readonly Finding[], state: "approved" | "ignored"): Promise<void> {
    const about = findings.filter((finding) => applicationsOf(finding).length > 0);
    if (about.length === 0) return;
    await this.step(async () => {
      const known = await this.backend.ask<"applications">({ ask: "applications" });
      const before = new Map(known.map((application) => [application.application, reviewOf(application.review)]));
      const wanted = new Set(about.flatMap((finding) => applicationsOf(finding).filter((key) => mayChange(finding, before.get(key)))));
      const done = new Map<string, Review>();
      const undo = () => this.reviewAll([...done]);
      for (const key of wanted) {
        await this.reviewAll([[key, state]]);
        done.set(key, before.get(key) ?? "unreviewed");
        const isSame = [...done.values()].every((one) => one === state);
        this.last = { what: state, paths: pathsOf(about), untilMs: null, undo: isSame ? null : undo };
      }
    });
  }

  /** Keeps findings from being shown before a time; `null` shows them now. */
  async snooze(findings: readonly Finding[], untilMs: number | null): Promise<void> {
    const done: Finding[] = [];
    const put = async ({ id }: Finding, until_unix_ms: number | null) => {
      await this.backend.ask<"snooze">({ ask: "snooze", finding: id, until_unix_ms });
    };
    const undo = async () => {
      for (const finding of done) await put(finding, finding.snoozed_until_unix_ms);
    };
    await this.step(async () => {
      for (const finding of findings) {
        await put(finding, untilMs);
        done.push(finding);
        this.last = { what: untilMs === null ? "woken" : "snoozed", paths: pathsOf(done), untilMs, undo };
      }
    });
  }

  /** Answers findings that no review answers; the next one of the kind is told again. */
  async dismiss(findings: readonly Finding[]): Promise<void> {
    const about = findings.filter(isDismissed);
    await this.step(async () => {
      for (const finding of about) {
        await this.backend.ask<"dismiss">({ ask: "dismiss", finding: finding.id });
        this.last = { what: "dismissed", paths: pathsOf(about), untilMs: null, undo: null };
      }
    });
  }

  /** Takes the last decision back. */
  async undo(): Promise<void> {
    const decided = this.last;
    const undo = decided?.undo;
    if (!decided || !undo) return;
    await this.step(async () => {
      await undo();
      this.last = { ...decided, what: "undone", undo: null };
    });
  }

  /** What was decided last needs no more words. */
  forget(): void {
    [this.last, this.failure] = [null, null];
  }

  private async reviewAll(reviews: readonly (readonly [string, Review])[]): Promise<void> {
    for (const [application, state] of reviews) {
      await this.backend.ask<"review">({ ask: "review", application, state });
      this.view.apply({ event: "reviewed", application, review: state });
    }
  }

  private async step(work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await work();
      this.failure = null;
    } catch (reason) {
      this.failure = failureOf(reason).message;
    }
    this.busy = false;
  }
}

/** One decision about many is not about those that a person decided before. */
function mayChange(finding: Finding, before: Review | undefined): boolean {
  return finding.application !== null || before === undefined || before === "unreviewed";
}

function reviewOf(word: string): Review {
  return word === "approved" || word === "ignored" ? word : "unreviewed";
}

function pathsOf(findings: readonly Finding[]): string[] {
  return findings.map((finding) => finding.path ?? finding.application ?? "");
}
