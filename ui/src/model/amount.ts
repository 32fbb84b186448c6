/** Durations and sizes of the configuration: a number and a unit, as the daemon writes them. */

/** The units of what there is, the smallest first. The daemon reads each of these words. */
export const UNITS = {
  duration: ["ms", "s", "min", "h", "days", "years"],
  size: ["kB", "MB", "GB", "TB", "KiB", "MiB", "GiB"],
} as const;
export type Unit = (typeof UNITS)[keyof typeof UNITS][number];

export interface Amount {
  number: string;
  unit: Unit | "for ever";
}

const ONE: Record<string, Unit> = { day: "days", year: "years" };

/** `7 days`, `for ever`; `null` for what is none. */
export function amountOf(text: string): Amount | null {
  if (text === "for ever") return { number: "", unit: "for ever" };
  const [, number, word] = /^(\d+) ?(\S+)$/u.exec(text) ?? [];
  if (number === undefined || word === undefined) return null;
  const unit = ONE[word] ?? [...UNITS.duration, ...UNITS.size].find((one) => one === word);
  return unit === undefined ? null : { number, unit };
}

/** The other way round. */
export function amountText({ number, unit }: Amount): string {
  return unit === "for ever" ? unit : `${number} ${unit}`;
}
