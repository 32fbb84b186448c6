/** The words for the time that is looked at. */

import type { Range, Span } from "../model/range";
import { m } from "../paraglide/messages.js";
import { span } from "./format";

const SPANS: Record<Span, () => string> = {
  "5m": m.range_last_5m,
  "1h": m.range_last_1h,
  "24h": m.range_last_24h,
  "7d": m.range_last_7d,
  "30d": m.range_last_30d,
  "365d": m.range_last_365d,
  all: m.range_in_all,
};

/** `last 7 days`, or from when to when. */
export function rangeWord(range: Range): string {
  return "last" in range ? SPANS[range.last]() : span(range.fromMs, range.toMs);
}
