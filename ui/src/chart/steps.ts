import uPlot from "uplot";

import type { Frame } from "./frame";
import type { Layer } from "./layers";

/** From how many pixels a step on areas are told apart by a line, which would hide narrower ones. */
const SEPARATE_FROM = 4;

/**
 * Draws a layer as steps: each rate holds from the beginning to the end of its interval, and nothing is drawn where
 * nothing is known. uPlot's own stepped path knows neither the width of an interval nor a stack with gaps.
 *
 * Steps that share a pixel are one, as high as the highest of them: never more than two points a pixel.
 */
export function stepPath(layerOf: (seriesIndex: number) => Layer | undefined, drawn: () => Frame): uPlot.Series.PathBuilder {
  return (plot, seriesIndex) => {
    const layer = layerOf(seriesIndex);
    if (!layer) return null;
    const { starts, ends, gapBefore } = drawn();
    const x = (unixMs: number) => plot.valToPos(unixMs, "x", true);
    const y = (rate: number) => plot.valToPos(rate, "y", true);
    const fill = new Path2D();
    const stroke = new Path2D();
    let run = 0;
    for (let index = 0; index < starts.length; index += 1) {
      if (index + 1 < starts.length && gapBefore[index + 1] !== true) continue;
      addRun(layer, stepsOf(layer, run, index));
      run = index + 1;
    }
    const isDense = plot.bbox.width < starts.length * SEPARATE_FROM;
    return { fill: layer.lower === null ? null : fill, stroke: layer.lower !== null && isDense ? null : stroke, clip: null, band: null, gaps: [] };

    function addRun({ lower }: Layer, steps: Step[]): void {
      for (const [at, { from, to, highest }] of steps.entries()) {
        const top = y(layer?.upper[highest] ?? 0);
        for (const path of lower === null ? [stroke] : [fill, stroke]) {
          if (at === 0) path.moveTo(from, top);
          else path.lineTo(from, top);
          path.lineTo(to, top);
        }
      }
      if (lower === null) return;
      for (const { from, to, highest } of steps.toReversed()) {
        const bottom = y(lower[highest] ?? 0);
        fill.lineTo(to, bottom);
        fill.lineTo(from, bottom);
      }
      fill.closePath();
    }

    /** The steps from one to another without a gap; each begins where the one before it ended. */
    function stepsOf({ upper }: Layer, first: number, final: number): Step[] {
      const steps: Step[] = [];
      let from = x(starts[first] ?? 0);
      for (let index = first; index <= final; index += 1) {
        const to = x(ends[index] ?? 0);
        const last = steps.at(-1);
        if (last && last.to - last.from < 1) {
          last.to = to;
          if (Math.abs(upper[index] ?? 0) > Math.abs(upper[last.highest] ?? 0)) last.highest = index;
        } else steps.push({ from, to, highest: index });
        from = to;
      }
      return steps;
    }
  };
}

/** Where it is drawn, and which of the frame's steps it shows. */
interface Step {
  from: number;
  to: number;
  highest: number;
}
