import type { Backend } from "../../backend";
import { Asked } from "../../model/asked.svelte";
import { inOrderOf } from "../../model/programs";
import type { Scope } from "../../model/scope.svelte";
import { LEVELS, nodesOf, rowsSeen, type Node } from "./tree";

/** How many rows a level has at most; the rest is one row. */
const ROWS_MAX = 500;

interface Branch {
  above: Node | null;
  asked: Asked<"query">;
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
    for (const [id, { above, asked }] of this.branches) {
      if (!asked.answer) continue;
      const fresh = nodesOf(asked.answer, this.levels[above?.level ?? 0] ?? [], above);
      nodes.set(id, this.isHeld ? inOrderOf(this.order.get(id) ?? [], fresh, (node) => node.id) : fresh);
    }
    this.order = new Map([...nodes].map(([id, list]) => [id, list.map((node) => node.id)]));
    return nodes;
  });

  readonly rows = $derived.by(() => rowsSeen(this.nodes, this.open, this.levels.length));

  /** The question for the first level; `undefined` before it was asked. */
  get root(): Asked<"query"> | undefined {
    return this.branches.get("")?.asked;
  }

  /** Asks for all that is seen; what is not seen is forgotten. */
  async load(): Promise<void> {
    await this.ask(null);
    const seen = this.rows.filter((row) => row.isOpen).map((row) => row.node);
    const kept = new Set(["", ...seen.map((node) => node.id)]);
    for (const [id, { asked }] of this.branches) if (!kept.has(id)) asked.cancel();
    this.branches = new Map([...this.branches].filter(([id]) => kept.has(id)));
    await Promise.all(seen.map((node) => this.ask(node)));
  }

  /** Whether what is under a node is not known yet. */
  isWaiting(id: string): boolean {
    const asked = this.branches.get(id)?.asked;
    return asked !== undefined && asked.busy && asked.answer === null;
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
    for (const { asked } of this.branches.values()) asked.cancel();
  }

  private async ask(above: Node | null): Promise<void> {
    const id = above?.id ?? "";
    const before = this.branches.get(id);
    const asked = before?.asked ?? new Asked<"query">(this.backend);
    if (!before) this.branches = new Map([...this.branches, [id, { above, asked }]]);
    const by = this.levels[above?.level ?? 0] ?? [];
    await asked.ask({ ask: "query", request: this.scope.request(by, ROWS_MAX, "", this.scope.range, above?.terms ?? []) });
  }
}
