/** More than a year back is asked for on the command line. */
const MONTHS_MAX = 24;

/** The months that a history is of, the newest first, as `2026-10`; where the person is. */
export function monthsOf(firstMs: number, nowMs: number): string[] {
  const months: string[] = [];
  const [first, at] = [new Date(firstMs), new Date(nowMs)];
  for (let [year, month] = [at.getFullYear(), at.getMonth()]; months.length < MONTHS_MAX; month -= 1) {
    const start = new Date(year, month, 1);
    if (months.length > 0 && start < new Date(first.getFullYear(), first.getMonth(), 1)) break;
    months.push(`${start.getFullYear()}-${String(start.getMonth() + 1).padStart(2, "0")}`);
  }
  return months;
}

/** An instant in such a month, to name it by. */
export function within(month: string): Date {
  const [year, number] = month.split("-").map(Number);
  return new Date(year ?? 0, (number ?? 1) - 1, 15);
}
