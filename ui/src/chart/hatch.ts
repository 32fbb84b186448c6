import type uPlot from "uplot";

import { m } from "../paraglide/messages.js";
import { unknown, type Frame } from "./frame";

/** How far apart the lines are, and how much room the words have around them, in pixels. */
const [APART, AROUND] = [12, 6];

/** The colours of what is not known. */
export interface Wash {
  ground: string;
  lines: string;
  surface: string;
  font: string;
}

/** Where nothing is known must not look like silence: hatched, and said where there is room for the words. */
export function hatchUnknown({ ctx, bbox, valToPos }: uPlot, frame: Frame, wash: Wash, says: boolean): void {
  const pattern = patternOf(ctx, wash);
  ctx.save();
  ctx.font = wash.font;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const text = m.traffic_not_recorded();
  const wide = ctx.measureText(text).width + 2 * AROUND * devicePixelRatio;
  const high = 18 * devicePixelRatio;
  for (const [from, to] of unknown(frame)) {
    const left = Math.max(bbox.left, valToPos(from, "x", true));
    const width = Math.min(bbox.left + bbox.width, valToPos(to, "x", true)) - left;
    if (width <= 0) continue;
    for (const fill of [wash.ground, pattern]) {
      ctx.fillStyle = fill;
      ctx.fillRect(left, bbox.top, width, bbox.height);
    }
    if (!says || width < wide) continue;
    const [middle, top] = [left + width / 2, bbox.top + AROUND * devicePixelRatio];
    ctx.fillStyle = wash.surface;
    ctx.fillRect(middle - wide / 2, top, wide, high);
    ctx.fillStyle = wash.lines;
    ctx.fillText(text, middle, top + high / 2);
  }
  ctx.restore();
}

function patternOf(ctx: CanvasRenderingContext2D, { lines }: Wash): CanvasPattern | string {
  const side = Math.round(APART * devicePixelRatio);
  const tile = document.createElement("canvas");
  [tile.width, tile.height] = [side, side];
  const pen = tile.getContext("2d");
  if (pen === null) return "transparent";
  pen.strokeStyle = lines;
  pen.globalAlpha = 0.3;
  pen.lineWidth = devicePixelRatio;
  pen.beginPath();
  // Twice beyond the corners, so that tiles join.
  for (const shift of [-side, 0, side]) {
    pen.moveTo(shift - 1, side + 1);
    pen.lineTo(shift + side + 1, -1);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat") ?? "transparent";
}
