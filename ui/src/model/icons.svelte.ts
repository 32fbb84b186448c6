import type { Backend } from "../backend";

/** Those of one question; the app leaves more out. */
const AT_ONCE = 200;
const kept = new WeakMap<Backend, Icons>();

/** The pictures of the backend's applications, the same for the whole window. */
export function iconsOf(backend: Backend): Icons {
  const icons = kept.get(backend) ?? new Icons(backend);
  kept.set(backend, icons);
  return icons;
}

/** The pictures of applications: each is asked for once, together with those that are wanted at the same time. */
export class Icons {
  private found = $state.raw<Readonly<Record<string, string>>>({});
  private readonly asked = new Set<string>();
  private waiting: string[] = [];

  constructor(private readonly backend: Backend) {}

  /** An address for `<img>`; `null` where there is none, or not yet. */
  of(application: string): string | null {
    return this.found[application] ?? null;
  }

  /** It is seen. */
  want(application: string): void {
    if (this.asked.has(application)) return;
    this.asked.add(application);
    if (this.waiting.push(application) === 1) queueMicrotask(() => void this.ask());
  }

  /** It cannot be drawn. */
  drop(application: string): void {
    const { [application]: _, ...others } = this.found;
    this.found = others;
  }

  private async ask(): Promise<void> {
    const wanted = this.waiting;
    this.waiting = [];
    for (let at = 0; at < wanted.length; at += AT_ONCE) {
      const applications = wanted.slice(at, at + AT_ONCE);
      try {
        this.found = { ...this.found, ...(await this.backend.ask<"icons">({ ask: "icons", applications })) };
      } catch {
        // A letter stands there instead.
      }
    }
  }
}
