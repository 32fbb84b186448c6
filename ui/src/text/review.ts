/** The words for what a person decided. */

import { m } from "../paraglide/messages.js";

const WORDS: Record<string, () => string> = { unreviewed: m.review_unreviewed, approved: m.review_approved, ignored: m.review_ignored };
const SIGNS: Record<string, string> = { unreviewed: "◆", approved: "✓", ignored: "–" };

/** The sign and the word, `✓ approved`; nothing for what nobody reviews. */
export function reviewWord(review: string | null): string {
  const word = WORDS[review ?? ""];
  return word === undefined ? "" : `${SIGNS[review ?? ""]} ${word()}`;
}

/** The word alone. */
export function reviewName(review: string | null): string {
  return WORDS[review ?? ""]?.() ?? "";
}

/** The sign alone, where the word is told beside; nothing for what nobody reviews. */
export function reviewSign(review: string | null): string {
  return SIGNS[review ?? ""] ?? "";
}
