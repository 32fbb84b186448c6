import type { Program } from "./programs";
import type { View } from "./view.svelte";

/** What the live view draws: of now, or of the moment in which a person held it. */
export type Seen = Pick<View, "link" | "seeded" | "ticks" | "frame" | "programs" | "slotOf" | "userName">;

/** What is seen now, and stays so. */
export function held(view: View): Seen {
  const { link, seeded, ticks, frame, programs } = view;
  const slots = new Map(frame.series.map(({ key, slot }) => [key, slot]));
  return { link, seeded, ticks, frame, programs, slotOf: (series) => slots.get(series) ?? null, userName: (uid) => view.userName(uid) };
}

/** What can be sorted by. */
export type SortBy = "name" | "remote" | "parent" | "user" | "flows" | "rxRate" | "txRate" | "rxTotal" | "txTotal" | "review";

/** The programs in another order. */
export function sorted(programs: readonly Program[], by: SortBy, isUp: boolean, userName: (uid: number) => string): Program[] {
  const value = (program: Program): string | number => {
    if (by === "user") return userName(program.uid);
    if (by === "remote") return program.domain ?? program.remote ?? "";
    return program[by] ?? "";
  };
  const direction = isUp ? 1 : -1;
  return [...programs].sort((a, b) => {
    const [one, other] = [value(a), value(b)];
    const order = typeof one === "string" ? one.localeCompare(String(other), "en", { numeric: true }) : one - Number(other);
    return order * direction || (a.key < b.key ? -1 : 1);
  });
}

/** Whether a column begins with its first letter, and not with its largest number. */
export function beginsUp(by: SortBy): boolean {
  return by === "name" || by === "remote" || by === "parent" || by === "user" || by === "review";
}
