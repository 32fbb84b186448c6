import type { Frame } from "../../chart/frame";

/** Reading and choosing with the keyboard: arrows go from step to step, with Shift they draw, Enter takes what was drawn. */
export class KeyCursor {
  private at: number | null = null;
  private begun: number | null = null;

  constructor(
    private readonly point: (unixMs: number | null) => void,
    private readonly mark: (fromMs: number, toMs: number) => void,
  ) {}

  /** What was chosen, `moved`, or `null` where the key means nothing here. */
  press(event: KeyboardEvent, frame: Frame): [fromMs: number, toMs: number] | "moved" | null {
    const last = frame.starts.length - 1;
    if (last < 0) return null;
    if (event.key === "Enter") return this.take(frame);
    const targets: Record<string, number> = { ArrowLeft: (this.at ?? last + 1) - 1, ArrowRight: (this.at ?? last - 1) + 1, Home: 0, End: last };
    const target = targets[event.key];
    if (target === undefined || event.ctrlKey || event.altKey || event.metaKey) return null;
    this.begun = event.shiftKey ? (this.begun ?? this.at ?? last) : null;
    this.at = Math.max(0, Math.min(last, target));
    this.point(((frame.starts[this.at] ?? 0) + (frame.ends[this.at] ?? 0)) / 2);
    const [from, to] = this.drawn(frame);
    this.mark(from, to);
    return "moved";
  }

  /** The chart is left. */
  leave(): void {
    [this.at, this.begun] = [null, null];
    this.point(null);
    this.mark(0, 0);
  }

  private take(frame: Frame): [number, number] | null {
    if (this.at === null || this.begun === null) return null;
    const drawn = this.drawn(frame);
    this.leave();
    return drawn;
  }

  private drawn(frame: Frame): [number, number] {
    if (this.at === null || this.begun === null) return [0, 0];
    const [first, final] = [Math.min(this.at, this.begun), Math.max(this.at, this.begun)];
    return [frame.starts[first] ?? 0, frame.ends[final] ?? 0];
  }
}
