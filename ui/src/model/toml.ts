/** Values of the configuration, as a file has them. */

/** The text of a string; anything else as it is written. */
export function textOf(value: string): string {
  if (/^'[^']*'$/u.test(value)) return value.slice(1, -1);
  if (!/^"(?:[^"\\]|\\.)*"$/u.test(value)) return value;
  return value.slice(1, -1).replace(/\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))/gu, (_, short: string, long: string, one: string) => {
    if (one !== undefined) return ESCAPES[one] ?? one;
    const code = Number.parseInt(short ?? long, 16);
    return code > 0x10_ff_ff ? "\ufffd" : String.fromCodePoint(code);
  });
}

const ESCAPES: Record<string, string> = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r" };

/** A text as a string. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/** The entries of a list, each as it is written. */
export function entriesOf(value: string): string[] {
  const inner = /^\s*\[([\s\S]*)\]\s*$/u.exec(value)?.[1] ?? "";
  const entries = inner.match(/"(?:[^"\\]|\\.)*"|'[^']*'|\{[^{}]*\}|[^\s,]+/gu) ?? [];
  return [...entries];
}

/** What a person typed as an entry: a number, a table, or else a text. */
export function entryOf(typed: string): string {
  const text = typed.trim();
  return /^\d+$/u.test(text) || /^\{.*\}$/u.test(text) ? text : quoted(textOf(text));
}

/** A list of entries. */
export function listOf(entries: readonly string[]): string {
  return `[${entries.join(", ")}]`;
}
