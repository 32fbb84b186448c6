import type { LiveTick } from "../../bindings/bindings";
import { perSecond, seriesOf } from "../../model/programs";

/** Bytes in a second. */
export interface Rate {
  rx: number;
  tx: number;
}

/**
 * What moves now, by the rows of the tree that stand for applications and their executables.
 *
 * A tick names one destination of an application, the largest: of destinations no rate is known.
 */
export function ratesOf(tick: LiveTick | undefined): ReadonlyMap<string, Rate> {
  const rates = new Map<string, Rate>();
  for (const row of tick?.rows ?? []) {
    const application = `/application=${seriesOf(row)}`;
    const ids = row.sha256 === null ? [application] : [application, `${application}/executable=${row.sha256} ${row.path}`];
    for (const id of ids) {
      const rate = rates.get(id) ?? { rx: 0, tx: 0 };
      rates.set(id, { rx: rate.rx + (tick ? perSecond(row.rx_bytes, tick) : 0), tx: rate.tx + (tick ? perSecond(row.tx_bytes, tick) : 0) });
    }
  }
  return rates;
}
