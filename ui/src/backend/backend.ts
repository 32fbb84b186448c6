import type {
  Application,
  Completion,
  Configuration,
  DetailsResult,
  Finding,
  HistoryContents,
  LookupResult,
  QueryResult,
  SelfTest,
  SeriesResult,
  Setting,
  Status,
} from "../bindings/bindings";
import type { Failure, Imported, Preferences, Question, Saved, WindowEvent } from "../bindings/desktop";

/** What a person can decide about an application. */
export type Review = "approved" | "ignored" | "unreviewed";

/** What each question is answered with; the daemon's own types. */
export interface Answers {
  query: QueryResult;
  series: SeriesResult;
  complete: Completion;
  details: DetailsResult;
  cancel: boolean;
  lookup: LookupResult;
  findings: Finding[];
  applications: Application[];
  contents: HistoryContents;
  settings: Configuration;
  review: null;
  dismiss: null;
  snooze: null;
  "end-learning": null;
  "self-test": SelfTest;
  set: Setting;
  reset: Setting;
  preferences: Preferences;
  prefer: null;
  "open-folder": null;
  "virus-total": null;
  status: Status;
  "save-picture": Saved | null;
  "save-report": Saved | null;
  "export-reviews": Saved | null;
  "import-reviews": Imported | null;
  icons: Record<string, string>;
}

/** The name of a question. */
export type Kind = Question["ask"] & keyof Answers;

/** A question of a kind. */
export type QuestionOf<K extends Kind> = Extract<Question, { ask: K }>;

/** The app behind the page. Nothing else in the page talks to the outside. */
export interface Backend {
  /** Listens; everything is told from the beginning. */
  attach(listener: (event: WindowEvent) => void): Promise<void>;
  /** Rejects with a `Failure`. */
  ask<K extends Kind>(question: QuestionOf<K>): Promise<Answers[K]>;
  /** Tries to reach the daemon now. */
  retry(): Promise<void>;
}

/** What a question was rejected with, whatever it was. */
export function failureOf(reason: unknown): Failure {
  if (typeof reason === "object" && reason !== null && "kind" in reason && "message" in reason) return reason as Failure;
  return { kind: "other", message: String(reason), place: null };
}
