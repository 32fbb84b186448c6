import type { QueryRequest } from "../bindings/bindings";

/** A question in the query language; dates in it are where the person is. */
export function requestOf(query: string, by: readonly string[], top: number, step = ""): QueryRequest {
  return { query, by: [...by], top, step, zone: Intl.DateTimeFormat().resolvedOptions().timeZone, token: 0 };
}
