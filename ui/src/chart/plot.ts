import uPlot from "uplot";

import { axisRate, axisSteps, axisTime } from "../text/format";
import { unknown, type Frame } from "./frame";
import { hatchUnknown } from "./hatch";
import { layersOf, type Layer } from "./layers";
import type { Form, Measure } from "./look.svelte";
import { stepPath } from "./steps";

/** How high the chart is at least, so that silence is flat and not magnified, in bytes in a second. */
const LEAST_RATE = 1000;

/** What is marked can be seen, however short it is, in pixels. */
const MARK_LEAST = 4;

/** What is drawn, and how. */
export interface Picture {
  frame: Frame;
  measure: Measure;
  form: Form;
}

/** What a person does with the chart. */
export interface Handlers {
  /** Points at an instant, or at nothing any more; for each move of the pointer. */
  onHover?: (unixMs: number | null, plot: uPlot) => void;
  /** Drew a stretch of time. */
  onSelect?: (fromMs: number, toMs: number) => void;
}

/** A chart of rates over time, in steps. All colours are those of the place's CSS variables. */
export class StackedPlot {
  private plot: uPlot | null = null;
  private layers: Layer[] = [];
  private shape = "";
  private marked: [fromMs: number, toMs: number] | null = null;
  private held = false;
  private size = { width: 0, height: 0 };

  constructor(
    private readonly place: HTMLElement,
    private picture: Picture,
    private readonly handlers: Handlers = {},
    /** A strip without axes, on which the stretch that is looked at is marked. */
    private readonly isBrush = false,
  ) {}

  /** Shows a picture in a size; not before a person lets go of what they are drawing. */
  draw(next: Picture, width: number, height: number): void {
    this.picture = next;
    this.size = { width, height };
    if (width <= 0 || height <= 0 || this.held) return;
    const { frame, measure, form } = next;
    this.layers = layersOf(frame, measure, form);
    const data: uPlot.AlignedData = [frame.starts.map((start, at) => (start + (frame.ends[at] ?? start)) / 2), ...this.layers.map(({ upper }) => [...upper])];
    const shape = JSON.stringify([measure, form, frame.series.map((one) => [one.key, one.slot])]);
    if (this.plot && shape === this.shape) {
      if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
      this.plot.setData(data);
    } else {
      this.plot?.destroy();
      this.shape = shape;
      this.plot = new uPlot(this.options(width, height), data, this.place);
      this.plot.over.addEventListener("pointerdown", this.hold);
    }
  }

  /** Marks a stretch of time as the one that is looked at. */
  mark(range: [fromMs: number, toMs: number] | null): void {
    this.marked = range;
    if (this.plot) this.showMark(this.plot);
  }

  /** Points at a step as the pointer would, for the keyboard. */
  point(unixMs: number | null): void {
    const plot = this.plot;
    plot?.setCursor({ left: unixMs === null ? -10 : plot.valToPos(unixMs, "x"), top: unixMs === null ? -10 : 8 });
  }

  /** Draws anew with the colours as they are now. */
  recolour(): void {
    this.shape = "";
  }

  /** Takes the chart away. */
  destroy(): void {
    removeEventListener("pointerup", this.letGo);
    this.plot?.destroy();
    this.plot = null;
  }

  private readonly hold = () => {
    this.held = true;
    addEventListener("pointerup", this.letGo);
  };

  private readonly letGo = () => {
    removeEventListener("pointerup", this.letGo);
    // uPlot ends its selection at the mouse event, which comes after this one.
    setTimeout(() => {
      this.held = false;
      if (this.plot) this.draw(this.picture, this.size.width, this.size.height);
    });
  };

  private options(width: number, height: number): uPlot.Options {
    const style = getComputedStyle(this.place);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const wash = { ground: colour("--unknown"), lines: colour("--ink-soft"), surface: colour("--surface"), font: `${11 * devicePixelRatio}px ${style.fontFamily}` };
    const axis = {
      stroke: colour("--ink-soft"),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const times: uPlot.Axis = { ...axis, size: 26, gap: 4, space: 90, values: (_, splits, __, ___, step) => splits.map((at) => axisTime(at, step)) };
    const rates: uPlot.Axis = { ...axis, size: 78, space: 32, incrs: axisSteps(), values: (_, splits) => splits.map(axisRate) };
    const paths = stepPath(
      (index) => this.layers[index - 1],
      () => this.picture.frame,
    );
    const columns = this.layers.map(({ slot, lower }): uPlot.Series => {
      const own = colour(this.isBrush || slot === null ? "--series-other" : `--series-${slot}`);
      const shared = { paths, points: { show: false } };
      // Areas that touch are told apart by a line of the ground.
      return lower === null ? { ...shared, stroke: own, width: 1.5 } : { ...shared, fill: own, stroke: this.isBrush ? own : colour("--surface"), width: this.isBrush ? 0 : 1 };
    });
    const canSelect = this.handlers.onSelect !== undefined;
    return {
      width,
      height,
      ms: 1,
      padding: this.isBrush ? [2, 12, 2, 78] : [8, 12, 0, 4],
      legend: { show: false },
      cursor: { y: false, x: !this.isBrush, points: { show: false }, drag: { x: canSelect, y: false, setScale: false, dist: 4 } },
      scales: {
        x: { time: true, range: () => [this.picture.frame.fromMs, this.picture.frame.toMs] },
        y: { range: (_, low, high) => this.height(low, high) },
      },
      axes: this.isBrush ? [{ ...times, grid: { show: false }, size: 18, gap: 1 }, { show: false }] : [times, rates],
      series: [{}, ...columns],
      hooks: {
        setCursor: [(plot) => this.hover(plot)],
        setSelect: [(plot) => this.select(plot)],
        drawClear: [(plot) => hatchUnknown(plot, this.picture.frame, wash, !this.isBrush)],
        draw: [(plot) => middleLine(plot, this.picture.frame, colour("--ink-soft")), (plot) => this.showMark(plot)],
      },
    };
  }

  private height(low: number | null, high: number | null): [number, number] {
    const up = Math.max(high ?? 0, this.isBrush ? 1 : LEAST_RATE) * 1.08;
    if (this.picture.measure !== "both") return [0, up];
    const down = Math.min(low ?? 0, -LEAST_RATE / 4) * 1.08;
    // The smaller side keeps room for its name.
    return [Math.min(down, -up * 0.18), Math.max(up, -down * 0.18)];
  }

  private showMark(plot: uPlot): void {
    if (this.held) return;
    const { fromMs, toMs } = this.picture.frame;
    const x = (unixMs: number) => plot.valToPos(Math.max(fromMs, Math.min(toMs, unixMs)), "x");
    const [left, right] = this.marked === null ? [0, 0] : [x(this.marked[0]), x(this.marked[1])];
    const width = this.marked === null ? 0 : Math.max(MARK_LEAST, right - left);
    plot.setSelect({ left: Math.min(left, plot.over.clientWidth - width), width, top: 0, height: plot.over.clientHeight }, false);
  }

  private hover(plot: uPlot): void {
    const left = plot.cursor.left ?? -1;
    this.handlers.onHover?.(left < 0 ? null : plot.posToVal(left, "x"), plot);
  }

  private select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width <= 0) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    if (!this.isBrush) plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.handlers.onSelect?.(from, to);
  }
}

/** Not through stretches of which nothing is known: there it would say zero. */
function middleLine({ ctx, bbox, valToPos }: uPlot, frame: Frame, colour: string): void {
  const y = Math.round(valToPos(0, "y", true)) + 0.5;
  const x = (unixMs: number) => Math.max(bbox.left, Math.min(bbox.left + bbox.width, valToPos(unixMs, "x", true)));
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  let from = bbox.left;
  for (const [start, end] of [...unknown(frame), [Infinity, Infinity] as const]) {
    ctx.moveTo(from, y);
    ctx.lineTo(x(start), y);
    from = x(end);
  }
  ctx.stroke();
  ctx.restore();
}
