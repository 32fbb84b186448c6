/** The query as a person sees it: one chip a term. The daemon alone reads it (`docs/query.md`). */

/** A term as it was written, and its place in the text. */
export interface Term {
  text: string;
  start: number;
  end: number;
}

/** The terms side by side at the top; what is in quotes or parentheses stays together, and so do the two sides of an `or`. */
export function termsIn(query: string): Term[] {
  return joined(query, wordsIn(query));
}

/** The same, each `or` and `not` by itself. */
function wordsIn(query: string): Term[] {
  const words: Term[] = [];
  let [start, depth, quoted] = [-1, 0, false];
  for (let at = 0; at <= query.length; at += 1) {
    const sign = query[at];
    if (sign === undefined || (/[\s|]/u.test(sign) && depth === 0 && !quoted)) {
      if (start >= 0) words.push({ text: query.slice(start, at), start, end: at });
      if (sign === "|") words.push({ text: sign, start: at, end: at + 1 });
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (sign === "\\") at += 1;
    else if (sign === '"') quoted = !quoted;
    else if (sign === "(" && !quoted) depth += 1;
    else if (sign === ")" && !quoted) depth = Math.max(0, depth - 1);
  }
  return words;
}

/** The query without one of its terms. */
export function without(query: string, term: Term): string {
  return `${query.slice(0, term.start)}${query.slice(term.end)}`.replace(/\s+/gu, " ").trim();
}

/** A field and what it is to be; `null` for what is not known. */
export type TermOf = readonly [field: string, value: string | null];

/** The query with a further term, which is there once. */
export function withTerm(query: string, field: string, value: string | null): string {
  const term = `${field}:${value === null ? "-" : quoted(value)}`;
  if (termsIn(query).some((one) => one.text === term)) return query;
  return beside(query, term);
}

/** A value as the language takes it, whatever is in it. */
export function quoted(value: string): string {
  if (/^[\p{L}\p{N}_./@-]+$/u.test(value) && !value.startsWith("-")) return value;
  const escaped = value.replace(/["\\]/gu, "\\$&").replace(/\p{C}/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);
  return `"${escaped}"`;
}

/** The query, and something required besides: an `or` needs parentheses then, and a comment ends with its line. */
export function beside(query: string, more: string): string {
  if (query.trim() === "" || more === "") return query.trim() || more;
  return `${isChoice(query) ? `(${query}\n)` : query}${query.includes("#") ? "\n" : " "}${more}`;
}

/**
 * The query within a short time, to try whether it means something, and how many characters stand in front of it.
 *
 * The time comes first: behind a `not` it would become its term.
 */
export function trial(query: string, time: string): { text: string; front: number } {
  const front = `${time} ${isChoice(query) ? "(" : ""}`;
  return { text: `${front}${query}${isChoice(query) ? "\n)" : ""}`.trim(), front: front.length };
}

/** Whether there is an `or` outside of parentheses. */
function isChoice(query: string): boolean {
  return wordsIn(query).some((word) => OR.test(word.text));
}

const OR = /^(?:or|\|)$/iu;
const LINKS = /^(?:or|\||and|not)$/iu;

function joined(query: string, words: Term[]): Term[] {
  const hasOr = words.some((word) => OR.test(word.text));
  const [first, last] = [words[0], words.at(-1)];
  if (hasOr && first && last) return [{ text: query.slice(first.start, last.end), start: first.start, end: last.end }];
  const terms: Term[] = [];
  let open: Term | null = null;
  for (const word of words) {
    if (LINKS.test(word.text)) {
      open ??= word;
      continue;
    }
    const start: number = open?.start ?? word.start;
    terms.push({ text: query.slice(start, word.end), start, end: word.end });
    open = null;
  }
  return open === null ? terms : [...terms, open];
}
