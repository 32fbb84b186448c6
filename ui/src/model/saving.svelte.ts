import { failureOf, type Answers, type Backend, type QuestionOf } from "../backend/backend";

type Kind = "save-picture" | "save-report" | "export-reviews";

/** A file that is written where a person says, and how that went. */
export class Saving {
  busy = $state(false);
  /** Where the last one is. */
  path = $state<string | null>(null);
  /** Why there is none. */
  failure = $state<string | null>(null);

  constructor(private readonly backend: Backend) {}

  /** Writes; nothing is told where the person said nowhere. */
  async save<K extends Kind>(question: QuestionOf<K>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.forget();
    try {
      const saved: Answers[K] = await this.backend.ask<K>(question);
      this.path = saved?.path ?? null;
    } catch (reason) {
      this.failure = failureOf(reason).message;
    }
    this.busy = false;
  }

  /** Shows the file in its folder. */
  async show(): Promise<void> {
    if (this.path === null) return;
    try {
      await this.backend.ask<"open-folder">({ ask: "open-folder", path: this.path });
    } catch (reason) {
      this.failure = failureOf(reason).message;
    }
  }

  /** It was read. */
  forget(): void {
    [this.path, this.failure] = [null, null];
  }
}
