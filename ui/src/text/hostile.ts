/**
 * Control characters, line separators, and the marks that reverse or hide text: the same set as `portolan-core`.
 */
const DECEPTIVE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Text that another program chose, for a person: nothing in it moves, hides or reverses what is read. */
export function shown(text: string): string {
  return text.replace(DECEPTIVE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** The last part of a path: what people call a program. */
export function fileName(path: string): string {
  return path.split("/").findLast((part) => part !== "") ?? path;
}

/** The folders of a path with the last slash, and the rest. */
export function splitPath(path: string): [folders: string, file: string] {
  const end = path.lastIndexOf("/") + 1;
  return [path.slice(0, end), path.slice(end)];
}
