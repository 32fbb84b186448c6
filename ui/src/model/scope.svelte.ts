import type { QueryRequest } from "../bindings/bindings";
import { requestOf } from "./request";
import { stepped, termsOf, type Range } from "./range";
import { beside, withTerm, type TermOf } from "./terms";

/** What the window can show. */
export const TABS = ["applications", "destinations", "review", "live", "map", "history", "settings"] as const;
export type Tab = (typeof TABS)[number];

/** The tabs that are about a time, which a person chooses there. */
export const RANGED: readonly Tab[] = ["applications", "destinations", "map"];

/** What is looked at in the inspector. */
export interface Subject {
  kind: "application" | "executable" | "flow";
  key: string;
}

interface Step {
  tab: Tab;
  query: string;
  range: Range;
  subject: Subject | null;
}

/** So many steps back a person can take. */
const STEPS_MAX = 50;

/** What is looked at: one tab, one query, one range, one subject for the whole window. Each change can be taken back. */
export class Scope {
  private step = $state.raw<Step>({ tab: "applications", query: "", range: { last: "24h" }, subject: null });
  private before = $state.raw<readonly Step[]>([]);

  get tab(): Tab {
    return this.step.tab;
  }

  get query(): string {
    return this.step.query;
  }

  get range(): Range {
    return this.step.range;
  }

  get subject(): Subject | null {
    return this.step.subject;
  }

  get canGoBack(): boolean {
    return this.before.length > 0;
  }

  /** Changes something of what is looked at. */
  go(change: Partial<Step>): void {
    const next = { ...this.step, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.step)) return;
    this.before = [...this.before.slice(1 - STEPS_MAX), this.step];
    this.step = next;
  }

  /** Requires something besides; `null` is what is not known. */
  narrow(field: string, value: string | null): void {
    this.narrowTo([[field, value]]);
  }

  /** Requires all of these besides, as one step. */
  narrowTo(terms: readonly TermOf[]): void {
    this.go({ query: terms.reduce((query, [field, value]) => withTerm(query, field, value), this.query) });
  }

  /** The range before (−1) or after (1). */
  shift(direction: -1 | 1, nowMs: number): void {
    this.go({ range: stepped(this.range, direction, nowMs) });
  }

  /** Takes the last change back. */
  back(): void {
    const last = this.before.at(-1);
    if (last === undefined) return;
    this.before = this.before.slice(0, -1);
    this.step = last;
  }

  /** A question about what is looked at, or about a part of it. */
  request(by: readonly string[], top: number, step = "", range: Range = this.range, terms: readonly TermOf[] = []): QueryRequest {
    const query = terms.reduce((query, [field, value]) => withTerm(query, field, value), this.query);
    return requestOf(beside(query, termsOf(range)), by, top, step);
  }
}
