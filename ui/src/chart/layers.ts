import { stacked, type Frame } from "./frame";
import type { Form, Measure } from "./look.svelte";

/** One area or line of the chart, a value for each step; what is sent is below zero when both ways are drawn. */
export interface Layer {
  slot: number | null;
  upper: readonly number[];
  /** The other edge of an area; `null` for a line. */
  lower: readonly number[] | null;
}

/** What is drawn of a frame. */
export function layersOf(frame: Frame, measure: Measure, form: Form): Layer[] {
  return sides(frame, measure).flatMap((lists): Layer[] => {
    if (form === "lines") return lists.map((upper, at) => ({ slot: slotAt(frame, at), upper, lower: null }));
    const edges = stacked(lists, frame.starts.length);
    const ground = frame.starts.map(() => 0);
    return edges.map((upper, at) => ({ slot: slotAt(frame, at), upper, lower: edges[at - 1] ?? ground }));
  });
}

function sides({ series }: Frame, measure: Measure): number[][][] {
  const received = () => series.map((one) => one.rx);
  const sent = () => series.map((one) => one.tx);
  switch (measure) {
    case "received":
      return [received()];
    case "sent":
      return [sent()];
    case "total":
      return [series.map((one) => one.rx.map((value, at) => value + (one.tx[at] ?? 0)))];
    case "both":
      return [received(), sent().map((list) => list.map((value) => -value))];
  }
}

const slotAt = (frame: Frame, at: number) => frame.series[at]?.slot ?? null;
