import type { Finding, LiveTick, Status } from "../bindings/bindings";
import type { LinkState, WindowEvent, WindowTab } from "../bindings/desktop";
import { frame, largest, type Frame } from "../chart/frame";
import { Load } from "./load";
import { Palette } from "./palette";
import { programs, type Program } from "./programs";
import { withHistory, withTick } from "./ticks";

/** What the window shows: everything follows from the events that were applied. */
export class View {
  link = $state<LinkState>("connecting");
  /** Why there is no daemon, and what to do. */
  reason = $state<string | null>(null);
  status = $state.raw<Status | null>(null);
  /** How much of one core the daemon uses; `null` before its first status. */
  cpu = $state<number | null>(null);
  findings = $state.raw<readonly Finding[]>([]);
  ticks = $state.raw<readonly LiveTick[]>([]);
  /** Whether the daemon sent its history; until then an empty view means “not known”. */
  seeded = $state(false);
  users = $state.raw<Readonly<Record<number, string>>>({});
  /** The finding that a person wants to see; a new object each time. `null` before the first wish. */
  focus = $state.raw<{ finding: number } | null>(null);
  /** Where a person wants to look; a new object each time. */
  wish = $state.raw<{ tab: WindowTab } | null>(null);
  /** Answers that the ticks do not know yet, by application. */
  private answers = $state.raw<Readonly<Record<string, string>>>({});
  private readonly palette = new Palette();
  private readonly load = new Load();

  readonly frame: Frame = $derived.by(() => {
    this.palette.assign(largest(this.ticks));
    return frame(this.ticks, this.palette);
  });

  readonly programs: Program[] = $derived(
    programs(this.ticks).map((program) => {
      const answer = program.application === null ? undefined : this.answers[program.application];
      return answer === undefined ? program : { ...program, review: answer };
    }),
  );

  /** The colour's number of a series; `null` for “other”. */
  slotOf(series: string): number | null {
    return this.frame.series.find((one) => one.key === series)?.slot ?? null;
  }

  /** The name of a user; the number where it has none. */
  userName(uid: number): string {
    return this.users[uid] ?? String(uid);
  }

  /** Takes an event in. */
  apply(event: WindowEvent): void {
    switch (event.event) {
      case "link":
        this.link = event.state;
        this.reason = event.reason;
        if (event.state !== "up") this.status = null;
        break;
      case "status":
        this.status = event.status;
        this.cpu = this.load.of(event.status, Date.now());
        break;
      case "findings":
        this.findings = event.open;
        break;
      case "reviewed":
        this.answers = { ...this.answers, [event.application]: event.review };
        break;
      case "history":
        this.seeded = true;
        this.ticks = withHistory(this.ticks, event.ticks);
        break;
      case "tick":
        this.seeded = true;
        this.ticks = withTick(this.ticks, event.tick);
        this.forgetAnswersIn(event.tick);
        break;
      case "users":
        this.users = { ...this.users, ...event.names };
        break;
      case "focus":
        this.wish = { tab: event.tab };
        if (event.tab === "review") this.focusOn(event.finding ?? this.findings[0]?.id);
        break;
    }
  }

  /** A wish to see all findings is a wish to see the newest; later ones do not take its place. */
  private focusOn(finding: number | undefined): void {
    if (finding !== undefined) this.focus = { finding };
  }

  /** What a tick says is newer than an answer that it agrees with. */
  private forgetAnswersIn(tick: LiveTick): void {
    const known = tick.rows.filter((row) => row.application !== null && this.answers[row.application] === row.review);
    if (known.length === 0) return;
    const left = { ...this.answers };
    for (const row of known) if (row.application !== null) delete left[row.application];
    this.answers = left;
  }
}
