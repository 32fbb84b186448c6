import { failureOf, type Answers, type Backend, type Kind, type QuestionOf } from "../backend/backend";
import type { Failure } from "../bindings/desktop";

let lastToken = 0;

/**
 * What a pane shows of one question: the answer before stays until there is a newer one.
 *
 * A question that nobody waits for any more is cancelled, and a late answer never takes the place of a newer one.
 */
export class Asked<K extends Kind> {
  answer = $state.raw<Answers[K] | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  private token = 0;
  /** Whether the daemon was told the token, and so can be told to stop. */
  private isTold = false;

  constructor(private readonly backend: Backend) {}

  /** Asks; what it asked before does not matter any more. The answer, or `null` when it was overtaken or failed. */
  async ask(question: QuestionOf<K>): Promise<Answers[K] | null> {
    this.cancel();
    const token = (lastToken += 1);
    [this.token, this.isTold] = [token, "request" in question];
    this.busy = true;
    try {
      const answer = await this.backend.ask<K>(withToken(question, token));
      if (this.token !== token) return null;
      this.answer = answer;
      this.failure = null;
      this.end();
      return answer;
    } catch (reason) {
      if (this.token !== token) return null;
      const failure = failureOf(reason);
      if (failure.kind !== "cancelled") this.failure = failure;
      this.end();
      return null;
    }
  }

  /** Nobody waits any more. */
  cancel(): void {
    if (this.token === 0) return;
    if (this.isTold) void this.backend.ask<"cancel">({ ask: "cancel", token: this.token }).catch(() => {});
    this.end();
  }

  private end(): void {
    this.token = 0;
    this.busy = false;
  }
}

function withToken<K extends Kind>(question: QuestionOf<K>, token: number): QuestionOf<K> {
  return "request" in question ? { ...question, request: { ...question.request, token } } : question;
}
