import { failureOf, type Backend } from "../backend/backend";

/** The end of the first hours, when a person wants it at once. */
export class EndOfLearning {
  busy = $state(false);
  /** Why it was refused. Hostile text. */
  refusal: string | null = $state(null);

  constructor(private readonly backend: Backend) {}

  /** Whether it ended. */
  async ask(): Promise<boolean> {
    this.busy = true;
    try {
      await this.backend.ask<"end-learning">({ ask: "end-learning" });
      this.refusal = null;
    } catch (reason) {
      this.refusal = failureOf(reason).message;
    }
    this.busy = false;
    return this.refusal === null;
  }
}
