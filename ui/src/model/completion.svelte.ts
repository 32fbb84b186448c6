import type { Backend } from "../backend";
import { Asked } from "./asked.svelte";

/** Characters to the place in a text that JavaScript counts by halves of them. */
export function placeOf(text: string, characters: number): number {
  return [...text].slice(0, characters).join("").length;
}

/** What could stand at the cursor of the query that somebody writes. */
export class Suggestions {
  private readonly asked: Asked<"complete">;
  private text = "";
  /** The one that the arrow keys chose; −1 for none. */
  chosen = $state(-1);

  constructor(backend: Backend) {
    this.asked = new Asked(backend);
  }

  /** The likeliest first. */
  get words(): readonly string[] {
    return this.asked.answer?.words ?? [];
  }

  /** Asks about a place in the text; `cursor` as the input field counts it. */
  async look(text: string, cursor: number): Promise<void> {
    this.text = text;
    this.chosen = -1;
    await this.asked.ask({ ask: "complete", text, cursor: [...text.slice(0, cursor)].length });
  }

  /** There is nothing to complete any more. */
  clear(): void {
    this.asked.cancel();
    this.asked.answer = null;
    this.chosen = -1;
  }

  /** The next (1) or the one before (−1), round and round. */
  move(direction: -1 | 1): void {
    const count = this.words.length;
    if (count > 0) this.chosen = (Math.max(this.chosen, direction === 1 ? -1 : 0) + direction + count) % count;
  }

  /** The text with a word put in, and where the cursor stands then. */
  with(word: string): { text: string; cursor: number } {
    const answer = this.asked.answer;
    const start = placeOf(this.text, answer?.start ?? 0);
    const end = placeOf(this.text, answer?.end ?? 0);
    // A value is done; after a field its value is still to come.
    const put = word.endsWith(":") ? word : `${word} `;
    const after = this.text.slice(end).replace(/^ /u, "");
    return { text: `${this.text.slice(0, start)}${put}${after}`, cursor: start + put.length };
  }
}
