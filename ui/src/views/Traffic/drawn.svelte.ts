import type { SeriesResult } from "../../bindings/bindings";
import type { Backend } from "../../backend";
import { frame, largest, type Frame } from "../../chart/frame";
import { frameOf } from "../../chart/history";
import { Asked } from "../../model/asked.svelte";
import { identityOf, nameOfGroup, termsOfGroup, type Dimension, type Names } from "../../model/dimensions";
import { linesOf } from "../../model/groups";
import { Palette, SLOTS } from "../../model/palette";
import { endsOf, type Range } from "../../model/range";
import type { Scope } from "../../model/scope.svelte";
import type { TermOf } from "../../model/terms";
import type { View } from "../../model/view.svelte";
import { m } from "../../paraglide/messages.js";

/** An answer, and what it is the answer to. */
interface Told {
  answer: SeriesResult;
  by: Dimension;
  range: Range;
  nowMs: number;
}

/** What the chart of the history draws: the daemon's seconds where they are all that is asked for, its series otherwise. */
export class Drawn {
  readonly asked: Asked<"series">;
  private told = $state.raw<Told | null>(null);
  /** One for each dimension: a line keeps its colour whatever time is looked at. */
  private readonly palettes = new Map<Dimension, Palette>();

  constructor(
    backend: Backend,
    private readonly scope: Scope,
    private readonly view: View,
    private readonly by: () => Dimension,
    private readonly names: () => Names,
  ) {
    this.asked = new Asked(backend);
  }

  /** Whether the live seconds are what is asked for: they know neither the query nor another dimension. */
  readonly isLive = $derived.by(() => {
    const { range, query } = this.scope;
    return "last" in range && range.last === "5m" && query.trim() === "" && this.by() === "application";
  });

  /** `null` before the first answer. */
  readonly frame: Frame | null = $derived.by(() => (this.isLive ? this.liveFrame() : this.toldFrame()));

  /** The length of a step; `null` before the first answer. */
  readonly stepMs = $derived.by(() => (this.isLive ? (this.view.ticks.at(-1)?.interval_ms ?? null) : (this.told?.answer.step_ms ?? null)));

  /** What finds each line in a query, by its key. */
  readonly terms: ReadonlyMap<string, readonly TermOf[]> = $derived.by(() => {
    if (this.isLive) return new Map((this.frame?.series ?? []).map(({ key }) => [key, termsOfLive(key)]));
    const told = this.told;
    if (told === null) return new Map();
    return new Map(linesOf(told.answer).map(({ keys }) => [identityOf(told.by, keys), termsOfGroup(told.by, keys)]));
  });

  /** Asks anew. */
  async load(): Promise<void> {
    if (this.isLive) return this.asked.cancel();
    const [by, { range }] = [this.by(), this.scope];
    const answer = await this.asked.ask({ ask: "series", request: this.scope.request([by], SLOTS) });
    if (answer !== null) this.told = { answer, by, range, nowMs: Date.now() };
  }

  private liveFrame(): Frame {
    const palette = this.paletteOf("application");
    palette.assign(largest(this.view.ticks));
    return frame(this.view.ticks, palette);
  }

  private toldFrame(): Frame | null {
    if (this.told === null) return null;
    const { answer, by, range, nowMs } = this.told;
    return frameOf(answer, endsOf(range, nowMs), nowMs, this.paletteOf(by), {
      identity: ({ keys }) => identityOf(by, keys),
      name: ({ keys }) => nameOfGroup(by, keys, this.names()),
      other: m.traffic_other(),
    });
  }

  private paletteOf(by: Dimension): Palette {
    const palette = this.palettes.get(by) ?? new Palette();
    this.palettes.set(by, palette);
    return palette;
  }
}

function termsOfLive(key: string): TermOf[] {
  if (key.startsWith("none:")) return [["owner", key.slice("none:".length)]];
  return [["app", key]];
}
