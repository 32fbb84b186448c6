/** How amounts become five shades: each shade is so many times more than the one before. */

/** So many shades there are. */
export const CLASSES = 5;

/**
 * The bounds between the shades, ascending, each a round number of `round`; fewer than four where the amounts are close
 * to each other.
 */
export function boundsOf(values: readonly number[], round: readonly number[]): number[] {
  const some = values.filter((value) => value > 0);
  const [least, most] = [Math.min(...some), Math.max(...some)];
  if (some.length === 0 || least === most) return [];
  const bounds = new Set<number>();
  for (let at = 1; at < CLASSES; at += 1) {
    const wanted = Math.log(least) + (Math.log(most / least) * at) / CLASSES;
    const nearest = round.reduce((best, one) => (distance(one, wanted) < distance(best, wanted) ? one : best), 1);
    if (nearest > least && nearest <= most) bounds.add(nearest);
  }
  return [...bounds].sort((a, b) => a - b);
}

const distance = (value: number, logarithm: number) => Math.abs(Math.log(value) - logarithm);

/** The shade of an amount from 1 to 5: the largest amounts always have the fifth; 0 for nothing. */
export function classOf(value: number, bounds: readonly number[]): number {
  if (value <= 0) return 0;
  return CLASSES - bounds.filter((bound) => value < bound).length;
}
