import uPlot from "uplot";

import { axisRate, axisSteps, clock } from "../text/format";
import { stacked, unknown, type Frame } from "./frame";
import { stepPath, type Area } from "./steps";

/** How high the chart is at least, so that silence is flat and not magnified, in bytes in a second. */
const LEAST_RATE = 1000;

/** The live chart: what is received goes up from the middle line, what is sent goes down. */
export class StackedPlot {
  private plot: uPlot | null = null;
  private areas: Area[] = [];
  private shape = "";

  constructor(
    private readonly place: HTMLElement,
    private drawn: Frame,
    private readonly onHover: (unixMs: number | null) => void,
  ) {}

  /** Shows a frame in a size; the place's CSS variables give the colours. */
  draw(next: Frame, width: number, height: number): void {
    if (width <= 0 || height <= 0) return;
    this.drawn = next;
    const data = this.stack();
    const shape = JSON.stringify(next.series.map((one) => [one.key, one.slot]));
    if (this.plot && shape === this.shape) {
      if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
      this.plot.setData(data);
    } else {
      this.plot?.destroy();
      this.shape = shape;
      this.plot = new uPlot(this.options(width, height), data, this.place);
    }
  }

  /** Draws anew with the colours as they are now. */
  recolour(): void {
    this.shape = "";
  }

  /** Takes the chart away. */
  destroy(): void {
    this.plot?.destroy();
    this.plot = null;
  }

  /** Two columns for each series: first all that is received, then all that is sent. */
  private stack(): uPlot.AlignedData {
    const { starts, ends, series } = this.drawn;
    const middles = starts.map((start, index) => (start + (ends[index] ?? start)) / 2);
    const received = stacked(series.map((one) => one.rx), starts.length);
    const sent = stacked(series.map((one) => one.tx.map((value) => -value)), starts.length);
    const zeros = starts.map(() => 0);
    const areas = (edges: number[][]) => edges.map((upper, index) => ({ upper, lower: edges[index - 1] ?? zeros }));
    this.areas = [...areas(received), ...areas(sent)];
    return [middles, ...received, ...sent];
  }

  private options(width: number, height: number): uPlot.Options {
    const style = getComputedStyle(this.place);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--ink-soft"),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const paths = stepPath(
      (index) => this.areas[index - 1],
      () => this.drawn,
    );
    const column = (slot: number | null): uPlot.Series => ({
      paths,
      points: { show: false },
      fill: colour(slot === null ? "--series-other" : `--series-${slot}`),
      // Areas that touch are told apart by a line of the ground.
      stroke: colour("--surface"),
      width: 1,
    });
    const columns = this.drawn.series.map((one) => column(one.slot));
    return {
      width,
      height,
      ms: 1,
      padding: [8, 12, 0, 4],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: () => [this.drawn.fromMs, this.drawn.toMs] },
        y: { range: (_, low, high) => this.height(low, high) },
      },
      axes: [
        { ...axis, size: 26, gap: 4, space: 90, values: (_, splits) => splits.map(clock) },
        { ...axis, size: 78, space: 32, incrs: axisSteps(), values: (_, splits) => splits.map(axisRate) },
      ],
      series: [{}, ...columns, ...columns],
      hooks: {
        setCursor: [(plot) => this.hover(plot)],
        drawClear: [(plot) => this.shadeUnknown(plot, colour("--unknown"))],
        draw: [(plot) => middleLine(plot, colour("--ink-soft"))],
      },
    };
  }

  private height(low: number | null, high: number | null): [number, number] {
    const up = Math.max(high ?? 0, LEAST_RATE) * 1.08;
    const down = Math.min(low ?? 0, -LEAST_RATE / 4) * 1.08;
    // The smaller side keeps room for its name.
    return [Math.min(down, -up * 0.18), Math.max(up, -down * 0.18)];
  }

  /** Where nothing is known must not look like silence. */
  private shadeUnknown(plot: uPlot, colour: string): void {
    plot.ctx.save();
    plot.ctx.fillStyle = colour;
    for (const [from, to] of unknown(this.drawn)) {
      const left = Math.max(plot.bbox.left, plot.valToPos(from, "x", true));
      const width = plot.valToPos(to, "x", true) - left;
      if (width > 0) plot.ctx.fillRect(left, plot.bbox.top, width, plot.bbox.height);
    }
    plot.ctx.restore();
  }

  private hover(plot: uPlot): void {
    const left = plot.cursor.left ?? -1;
    this.onHover(left < 0 ? null : plot.posToVal(left, "x"));
  }
}

function middleLine(plot: uPlot, colour: string): void {
  const y = Math.round(plot.valToPos(0, "y", true)) + 0.5;
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.lineWidth = devicePixelRatio;
  plot.ctx.beginPath();
  plot.ctx.moveTo(plot.bbox.left, y);
  plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
  plot.ctx.stroke();
  plot.ctx.restore();
}
