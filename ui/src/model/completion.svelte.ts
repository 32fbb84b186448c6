import type { Backend } from "../backend";
import type { Completion } from "../bindings/bindings";
import { Asked } from "./asked.svelte";

/** Characters to the place in a text that JavaScript counts by halves of them. */
export function placeOf(text: string, characters: number): number {
  return [...text].slice(0, characters).join("").length;
}

/** So long nobody writes before it is asked. */
const PAUSE_MS = 100;

/** What could stand at the cursor of the query that somebody writes. */
export class Suggestions {
  private readonly asked: Asked<"complete">;
  /** An answer, and the text that it is about: the places in the one are places in the other. */
  private told = $state.raw<{ text: string; answer: Completion } | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The one that the arrow keys chose; −1 for none. */
  chosen = $state(-1);

  constructor(backend: Backend) {
    this.asked = new Asked(backend);
  }

  /** The likeliest first. */
  get words(): readonly string[] {
    return this.told?.answer.words ?? [];
  }

  /** Asks soon about a place in the text; `cursor` as the input field counts it. */
  look(text: string, cursor: number): void {
    this.chosen = -1;
    this.asked.cancel();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(text, [...text.slice(0, cursor)].length), PAUSE_MS);
  }

  /** There is nothing to complete any more. */
  clear(): void {
    clearTimeout(this.timer);
    this.asked.cancel();
    this.told = null;
    this.chosen = -1;
  }

  /** The next (1) or the one before (−1), round and round. */
  move(direction: -1 | 1): void {
    const count = this.words.length;
    if (count > 0) this.chosen = (Math.max(this.chosen, direction === 1 ? -1 : 0) + direction + count) % count;
  }

  /** The text that was asked about with a word put in, and where the cursor stands then. */
  with(word: string): { text: string; cursor: number } {
    const { text, answer } = this.told ?? { text: "", answer: { start: 0, end: 0 } };
    const start = placeOf(text, answer.start);
    const end = placeOf(text, answer.end);
    // A value is done; after a field its value is still to come.
    const put = word.endsWith(":") ? word : `${word} `;
    const after = text.slice(end).replace(/^ /u, "");
    return { text: `${text.slice(0, start)}${put}${after}`, cursor: start + put.length };
  }

  private async ask(text: string, cursor: number): Promise<void> {
    const answer = await this.asked.ask({ ask: "complete", text, cursor });
    if (answer === null) return;
    this.told = { text, answer };
    this.chosen = -1;
  }
}
