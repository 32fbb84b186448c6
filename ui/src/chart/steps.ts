import uPlot from "uplot";

import type { Frame } from "./frame";

/** An area of a stack: from `lower` to `upper`, one value for each step of the frame. */
export interface Area {
  lower: readonly number[];
  upper: readonly number[];
}

/**
 * Draws an area as steps: each rate holds from the beginning to the end of its interval, and nothing is drawn where
 * nothing is known. uPlot's own stepped path knows neither the width of an interval nor a stack with gaps.
 */
export function stepPath(areaOf: (seriesIndex: number) => Area | undefined, drawn: () => Frame): uPlot.Series.PathBuilder {
  return (plot, seriesIndex) => {
    const area = areaOf(seriesIndex);
    if (!area) return null;
    const { starts, ends, gapBefore } = drawn();
    const x = (unixMs: number) => plot.valToPos(unixMs, "x", true);
    const y = (rate: number) => plot.valToPos(rate, "y", true);
    const fill = new Path2D();
    const stroke = new Path2D();
    let run = 0;
    for (let index = 0; index < starts.length; index += 1) {
      const last = index + 1 === starts.length || gapBefore[index + 1] === true;
      if (!last) continue;
      addRun(run, index);
      run = index + 1;
    }
    return { fill, stroke, clip: null, band: null, gaps: [] };

    function addRun(first: number, final: number): void {
      for (let index = first; index <= final; index += 1) {
        const [from, to] = [x(left(index, first)), x(ends[index] ?? 0)];
        const top = y(area?.upper[index] ?? 0);
        if (index === first) {
          fill.moveTo(from, top);
          stroke.moveTo(from, top);
        } else {
          fill.lineTo(from, top);
          stroke.lineTo(from, top);
        }
        fill.lineTo(to, top);
        stroke.lineTo(to, top);
      }
      for (let index = final; index >= first; index -= 1) {
        const bottom = y(area?.lower[index] ?? 0);
        fill.lineTo(x(ends[index] ?? 0), bottom);
        fill.lineTo(x(left(index, first)), bottom);
      }
      fill.closePath();
    }

    /** Within a run each step begins where the one before it ended. */
    function left(index: number, first: number): number {
      return (index > first ? ends[index - 1] : starts[index]) ?? 0;
    }
  };
}
