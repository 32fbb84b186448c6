import type { Subject } from "../../model/scope.svelte";
import { quoted } from "../../model/terms";

/** What it moved, as a query. */
export function queryOf({ kind, key }: Subject): string {
  if (kind === "application") return `app:${quoted(key)}`;
  if (kind === "flow") return key;
  const [hash, path] = executableOf(key);
  return [hash === "" ? "" : `sha256:${hash}`, path === "" ? "" : `exe:${quoted(path)}`].filter(Boolean).join(" ");
}

/** The hash and the path in the key of an executable. */
export function executableOf(key: string): [hash: string, path: string] {
  const [, hash, path] = /^([0-9a-f]{64})(?: (.*))?$/su.exec(key) ?? [];
  return hash === undefined ? ["", key] : [hash, path ?? ""];
}
