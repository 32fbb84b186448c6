import type { Backend } from "../../backend";
import type { QueryResult } from "../../bindings/bindings";
import type { Failure } from "../../bindings/desktop";
import { Asked } from "../../model/asked.svelte";
import type { Dimension } from "../../model/dimensions";
import { inOrderOf } from "../../model/programs";
import type { Scope } from "../../model/scope.svelte";
import { failed, LEVELS, nodesOf, rowsSeen, termsBeside, type Node } from "./tree";

/** How many rows a level has at most; the rest is one row. */
const ROWS_MAX = 500;

/** The rows under a node: a question for each dimension of the level. */
class Branch {
  private readonly asked: readonly Asked<"query">[];
  /** One for each dimension, of one time; `null` before they came. */
  answers = $state.raw<readonly QueryResult[] | null>(null);

  constructor(
    backend: Backend,
    readonly above: Node | null,
    readonly by: readonly Dimension[],
  ) {
    this.asked = by.map(() => new Asked(backend));
  }

  get failure(): Failure | null {
    return this.asked.find((one) => one.failure !== null)?.failure ?? null;
  }

  get busy(): boolean {
    return this.asked.some((one) => one.busy);
  }

  get nodes(): Node[] {
    if (this.answers !== null) return nodesOf(this.answers, this.by, this.above);
    const { above, failure } = this;
    return above !== null && failure !== null ? [failed(above, failure.message)] : [];
  }

  /** Whether all was answered, and nobody asked anew meanwhile. */
  async ask(scope: Scope): Promise<boolean> {
    const ask = (one: Asked<"query">, at: number) => {
      const terms = [...(this.above?.terms ?? []), ...termsBeside(this.by, at)];
      return one.ask({ ask: "query", request: scope.request(this.by.slice(at, at + 1), ROWS_MAX, "", scope.range, terms) });
    };
    const found = await Promise.all(this.asked.map(ask));
    const answers = found.filter((one) => one !== null);
    if (answers.length < found.length) return false;
    this.answers = answers;
    return true;
  }

  cancel(): void {
    for (const one of this.asked) one.cancel();
  }
}

/** The tree's branches, each asked for when it is opened, and again while it is open. */
export class Branches {
  /** Which nodes are open, by id. */
  open = $state.raw<ReadonlySet<string>>(new Set());
  /** Whether rows keep their places, because a person points at them. */
  isHeld = $state(false);
  private order: ReadonlyMap<string, readonly string[]> = new Map();
  private branches = $state.raw<ReadonlyMap<string, Branch>>(new Map());

  constructor(
    private readonly backend: Backend,
    private readonly scope: Scope,
    private readonly levels: (typeof LEVELS)["applications"],
  ) {}

  private readonly nodes = $derived.by(() => {
    const nodes = new Map<string, Node[]>();
    for (const [id, branch] of this.branches) {
      const fresh = branch.nodes;
      nodes.set(id, this.isHeld ? inOrderOf(this.order.get(id) ?? [], fresh, (node) => node.id) : fresh);
    }
    this.order = new Map([...nodes].map(([id, list]) => [id, list.map((node) => node.id)]));
    return nodes;
  });

  readonly rows = $derived.by(() => rowsSeen(this.nodes, this.open, this.levels.length));

  /** The question for the first level; `undefined` before it was asked. */
  get root(): { answer: QueryResult | null; failure: Failure | null } | undefined {
    const branch = this.branches.get("");
    return branch && { answer: branch.answers?.[0] ?? null, failure: branch.failure };
  }

  /** Asks for all that is seen; what is not seen is forgotten. */
  async load(): Promise<void> {
    if (!(await this.ask(null))) return;
    const seen = this.rows.filter((row) => row.isOpen).map((row) => row.node);
    const kept = new Set(["", ...seen.map((node) => node.id)]);
    for (const [id, branch] of this.branches) if (!kept.has(id)) branch.cancel();
    this.branches = new Map([...this.branches].filter(([id]) => kept.has(id)));
    await Promise.all(seen.map((node) => this.ask(node)));
  }

  /** Whether what is under a node is not known yet. */
  isWaiting(id: string): boolean {
    const branch = this.branches.get(id);
    return branch !== undefined && branch.busy && branch.answers === null;
  }

  /** Opens or closes a node. */
  toggle(node: Node): void {
    const open = new Set(this.open);
    if (!open.delete(node.id)) {
      open.add(node.id);
      void this.ask(node);
    }
    this.open = open;
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const branch of this.branches.values()) branch.cancel();
  }

  private ask(above: Node | null): Promise<boolean> {
    const id = above?.id ?? "";
    const before = this.branches.get(id);
    const branch = before ?? new Branch(this.backend, above, this.levels[above?.level ?? 0] ?? []);
    if (!before) this.branches = new Map([...this.branches, [id, branch]]);
    return branch.ask(this.scope);
  }
}
