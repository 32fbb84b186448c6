/** How many series have a colour of their own; the rest is “other”. */
export const SLOTS = 8;

/**
 * Colours for the largest series. A series keeps its colour while it is among the largest, so that nothing changes
 * colour because something else grew.
 */
export class Palette {
  private readonly slots: (string | null)[] = Array.from({ length: SLOTS }, () => null);

  /** Gives colours to the first eight of `largest`, which are series in the order of their size; each has one colour. */
  assign(largest: readonly string[]): void {
    const wanted = [...new Set(largest)].slice(0, SLOTS);
    for (const [slot, series] of this.slots.entries()) {
      if (series !== null && !wanted.includes(series)) this.slots[slot] = null;
    }
    for (const series of wanted.filter((one) => !this.slots.includes(one))) {
      this.slots[this.slots.indexOf(null)] = series;
    }
  }

  /** The colour's number from 1; `null` for what belongs to “other”. */
  slotOf(series: string): number | null {
    const slot = this.slots.indexOf(series);
    return slot < 0 ? null : slot + 1;
  }

  /** The coloured series, in the order of their colours. */
  inOrder(): string[] {
    return this.slots.filter((series) => series !== null);
  }
}
