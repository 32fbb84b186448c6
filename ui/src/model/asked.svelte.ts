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

  constructor(private readonly backend: Backend) {}

  /** Asks; what it asked before does not matter any more. */
  async ask(question: QuestionOf<K>): Promise<void> {
    this.cancel();
    const token = (lastToken += 1);
    this.token = token;
    this.busy = true;
    try {
      const answer = await this.backend.ask<K>(withToken(question, token));
      if (this.token !== token) return;
      this.answer = answer;
      this.failure = null;
    } catch (reason) {
      const failure = failureOf(reason);
      if (this.token !== token || failure.kind === "cancelled") return;
      this.failure = failure;
    }
    this.busy = false;
    this.token = 0;
  }

  /** Nobody waits any more. */
  cancel(): void {
    if (this.token === 0) return;
    void this.backend.ask<"cancel">({ ask: "cancel", token: this.token }).catch(() => {});
    this.token = 0;
    this.busy = false;
  }
}

function withToken<K extends Kind>(question: QuestionOf<K>, token: number): QuestionOf<K> {
  return "request" in question ? { ...question, request: { ...question.request, token } } : question;
}
