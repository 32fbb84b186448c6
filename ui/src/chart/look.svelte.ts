import type { Dimension } from "../model/dimensions";

/** Which bytes are drawn: both ways, mirrored at a middle line; one of them; or their sum. */
export type Measure = "both" | "received" | "sent" | "total";
export type Form = "stacked" | "lines";

/** How a person wants the chart; kept while the window is open. */
export const look = $state<{ measure: Measure; form: Form; by: { applications: Dimension; destinations: Dimension } }>({
  measure: "both",
  form: "stacked",
  by: { applications: "application", destinations: "registrable_domain" },
});
