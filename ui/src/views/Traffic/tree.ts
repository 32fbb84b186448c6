/** The tree at the left, as values: what stands in a level, and which rows a person sees. */

import type { QueryResult } from "../../bindings/bindings";
import { executableOf, identityOf, termsOfGroup, type Dimension, type Keys } from "../../model/dimensions";
import { otherOf, rowsOf } from "../../model/groups";
import type { Subject } from "../../model/scope.svelte";
import { withTerm, type TermOf } from "../../model/terms";

/** What each level is grouped by; where the first is not known, by the second. Each is a question of its own, so that sums are whole. */
export const LEVELS: Record<"applications" | "destinations", readonly (readonly Dimension[])[]> = {
  applications: [["application"], ["executable"], ["domain", "remote"]],
  destinations: [["registrable_domain"], ["remote"], ["application"]],
};

/** One row. */
export interface Node {
  /** Its place in the tree, the same as long as it is the same thing. */
  id: string;
  level: number;
  /** What it is a group of; `null` for all that has no row of its own. */
  dimension: Dimension | null;
  keys: Keys;
  rx: number;
  tx: number;
  /** How many groups it stands for. */
  groups: number;
  /** Why nothing is known, where that is all that the row says. */
  failure?: string;
  /** What a query requires to find just this. */
  terms: readonly TermOf[];
}

/** A row as it is drawn. */
export interface Row {
  node: Node;
  parent: string | null;
  isOpen: boolean;
  canOpen: boolean;
  place: number;
  siblings: number;
}

/** What the question about a dimension of a level requires besides: of two, the first is known in the one and not in the other. */
export function termsBeside(by: readonly Dimension[], at: number): TermOf[] {
  const [first] = by;
  if (first === undefined || by.length < 2) return [];
  return [[at === 0 ? `!${first}` : first, null]];
}

/** The rows of a level under a node, the largest first; with `other` they add up to the total of the answers, one for each dimension. */
export function nodesOf(answers: readonly QueryResult[], by: readonly Dimension[], above: Node | null): Node[] {
  const level = above === null ? 1 : above.level + 1;
  const begun = above?.id ?? "";
  const found = new Map<string, Node>();
  const rest: Node = { id: `${begun}/other`, level, dimension: null, keys: {}, rx: 0, tx: 0, groups: 0, terms: [] };
  for (const [at, { groups }] of answers.entries()) {
    const dimension = by[at];
    if (dimension === undefined) continue;
    for (const group of rowsOf(groups)) {
      const id = `${begun}/${dimension}=${identityOf(dimension, group.keys)}`;
      const before = found.get(id);
      if (before) {
        before.rx += group.rx;
        before.tx += group.tx;
        continue;
      }
      const own = at === 0 ? [] : termsBeside(by, at);
      const terms = [...(above?.terms ?? []), ...termsOfGroup(dimension, group.keys), ...own];
      found.set(id, { id, level, dimension, keys: group.keys, rx: group.rx, tx: group.tx, groups: 1, terms });
    }
    const other = otherOf(groups.other);
    rest.rx += other?.rx ?? 0;
    rest.tx += other?.tx ?? 0;
    rest.groups += groups.other?.groups ?? 0;
  }
  const nodes = [...found.values()].sort(bySize);
  return rest.groups === 0 ? nodes : [...nodes, rest];
}

/** The row under a node of which nothing was answered. */
export function failed({ id, level }: Node, failure: string): Node {
  return { id: `${id}/failed`, level: level + 1, dimension: null, keys: {}, rx: 0, tx: 0, groups: 0, failure, terms: [] };
}

const bySize = (a: Node, b: Node) => b.rx + b.tx - a.rx - a.tx || (a.id < b.id ? -1 : 1);

/** The rows that are seen, from the top: those under a node follow it while it is open. */
export function rowsSeen(branches: ReadonlyMap<string, readonly Node[]>, open: ReadonlySet<string>, depth: number): Row[] {
  const rows: Row[] = [];
  const add = (parent: string | null) => {
    const nodes = branches.get(parent ?? "") ?? [];
    for (const [at, node] of nodes.entries()) {
      const canOpen = node.dimension !== null && node.level < depth;
      const isOpen = canOpen && open.has(node.id);
      rows.push({ node, parent, isOpen, canOpen, place: at + 1, siblings: nodes.length });
      if (isOpen) add(node.id);
    }
  };
  add(null);
  return rows;
}

/** What the inspector is to show of a row; `null` for what is no single thing. */
export function subjectOf(node: Node): Subject | null {
  if (node.dimension === null) return null;
  const [application, executable] = [node.keys["application"], executableOf(node.keys)];
  if (node.level === 1 && node.dimension === "application" && application !== undefined) return { kind: "application", key: application };
  if (node.dimension === "executable" && executable !== null) return { kind: "executable", key: executable };
  const query = node.terms.reduce((text, [field, value]) => withTerm(text, field, value), "");
  return query === "" ? null : { kind: "flow", key: query };
}

/** Where a key of the keyboard leads from a row. */
export type Move = { to: string } | { open: string } | { close: string } | null;

/** What an arrow means in a tree: along the rows, into a node and out of it. */
export function moveBy(key: string, rows: readonly Row[], active: string | null): Move {
  const at = rows.findIndex((row) => row.node.id === active);
  const row = rows[at];
  const to = (index: number): Move => {
    const id = rows[Math.max(0, Math.min(rows.length - 1, index))]?.node.id;
    return id === undefined ? null : { to: id };
  };
  if (key === "ArrowDown") return to(at + 1);
  if (key === "ArrowUp") return to(at - 1);
  if (key === "Home") return to(0);
  if (key === "End") return to(rows.length - 1);
  if (row === undefined) return null;
  if (key === "ArrowRight" && row.canOpen) return row.isOpen ? to(at + 1) : { open: row.node.id };
  if (key === "ArrowLeft") return row.isOpen ? { close: row.node.id } : row.parent === null ? null : { to: row.parent };
  return null;
}
