/** Whether each word of a search is somewhere in the texts. */
export function fits(texts: readonly (string | null | undefined)[], words: string): boolean {
  const text = texts.filter(Boolean).join("\n").toLowerCase();
  return words.toLowerCase().split(/\s+/u).every((word) => text.includes(word));
}
