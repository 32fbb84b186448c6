import type { Application } from "../../bindings/bindings";

/** Whether each word of a search is somewhere in what is known of an application. */
export function fits(application: Application, words: string): boolean {
  const { application: key, path, sha256, script, provenance } = application;
  const text = [key, path, sha256, script?.path, script?.sha256, provenance?.package_name].filter(Boolean).join("\n").toLowerCase();
  return words.toLowerCase().split(/\s+/u).every((word) => text.includes(word));
}
