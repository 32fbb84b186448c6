import type { WindowEvent } from "../bindings/desktop";

/** What a person can decide about an application. */
export type Review = "approved" | "ignored" | "unreviewed";

/** The app behind the page. Nothing else in the page talks to the outside. */
export interface Backend {
  /** Listens; everything is told from the beginning. */
  attach(listener: (event: WindowEvent) => void): Promise<void>;
  /** Rejects with a sentence for a person when the answer was not stored. */
  review(application: string, state: Review): Promise<void>;
  /** Tries to reach the daemon now. */
  retry(): Promise<void>;
}
