import { m } from "../paraglide/messages.js";
import { clock, date, rate, span } from "../text/format";
import { shown } from "../text/hostile";
import { tickAt, unknown } from "./frame";
import type { Picture } from "./plot";

/** How far from the pointer it stands, in pixels. */
const DISTANCE = 14;

/**
 * All lines at the instant that is pointed at, beside the pointer.
 *
 * Made by hand: it follows each move of the pointer, which a component would pay for with a frame.
 */
export class Reading {
  private readonly box = document.createElement("div");
  private step: number | null = null;
  private picture: Picture | null = null;

  constructor(private readonly place: HTMLElement) {
    this.box.className = "reading";
    this.box.hidden = true;
    place.append(this.box);
  }

  /** Shows what is at an instant; `left` is its place in the chart. */
  show(picture: Picture, unixMs: number | null, left: number): void {
    this.box.hidden = unixMs === null;
    if (unixMs === null) return;
    const tick = tickAt(picture.frame, unixMs);
    // Stretches of which nothing is known are counted from -1 down.
    const step = tick ?? -1 - unknown(picture.frame).findIndex(([, to]) => unixMs <= to);
    if (step !== this.step || picture !== this.picture) this.write(picture, step);
    [this.step, this.picture] = [step, picture];
    const isRight = left > this.place.clientWidth / 2;
    this.box.style.left = isRight ? "auto" : `${left + DISTANCE}px`;
    this.box.style.right = isRight ? `${this.place.clientWidth - left + DISTANCE}px` : "auto";
  }

  private write({ frame, measure }: Picture, step: number): void {
    this.box.replaceChildren();
    if (step < 0) {
      const gap = unknown(frame)[-1 - step];
      if (gap !== undefined) this.add("p", stretch(...gap));
      this.add("p", m.traffic_not_recorded());
      return;
    }
    const [from, to] = [frame.starts[step] ?? 0, frame.ends[step] ?? 0];
    this.add("p", stretch(from, to));
    const list = this.add("ul", "");
    for (const { name, slot, rx, tx } of frame.series) {
      const [received, sent] = [rx[step] ?? 0, tx[step] ?? 0];
      if (received + sent === 0) continue;
      const line = document.createElement("li");
      const swatch = document.createElement("i");
      swatch.style.background = `var(--series-${slot ?? "other"})`;
      const label = document.createElement("span");
      label.className = "foreign";
      label.textContent = shown(name);
      line.append(swatch, label, amount("rx", measure === "sent" ? null : measure === "total" ? received + sent : received), amount("tx", measure === "both" || measure === "sent" ? sent : null));
      list.append(line);
    }
    if (list.childElementCount === 0) this.add("p", m.traffic_nothing_moved());
  }

  private add(tag: "p" | "ul", text: string): HTMLElement {
    const element = document.createElement(tag);
    element.textContent = text;
    this.box.append(element);
    return element;
  }
}

function stretch(fromMs: number, toMs: number): string {
  if (toMs - fromMs < 60_000) return `${clock(fromMs)} – ${clock(toMs)}`;
  const isDay = toMs - fromMs === 86_400_000 && new Date(fromMs).getHours() === 0;
  return isDay ? date(fromMs) : span(fromMs, toMs);
}

function amount(side: "rx" | "tx", bytesPerSecond: number | null): HTMLElement {
  const element = document.createElement("span");
  element.className = side;
  element.textContent = bytesPerSecond === null ? "" : rate(bytesPerSecond);
  return element;
}
