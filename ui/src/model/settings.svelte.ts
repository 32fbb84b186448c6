import { SvelteMap, SvelteSet } from "svelte/reactivity";

import { failureOf, type Backend } from "../backend/backend";
import type { Setting } from "../bindings/bindings";
import type { Failure } from "../bindings/desktop";

/** The file that `set` writes to, and `reset` takes out of. */
const OWN_FILE = /\/50-set\.toml:\d+$/u;

/** The daemon's configuration, and what a person is changing of it. */
export class Settings {
  all = $state.raw<readonly Setting[] | null>(null);
  problems = $state.raw<readonly string[]>([]);
  /** Why nothing is known of it. */
  failure = $state.raw<Failure | null>(null);
  /** Keys that are being stored: polkit may be asking. */
  readonly pending = new SvelteSet<string>();
  /** Why a key was not changed. */
  readonly refusals = new SvelteMap<string, string>();

  constructor(private readonly backend: Backend) {}

  async load(): Promise<void> {
    try {
      const { settings, problems } = await this.backend.ask<"settings">({ ask: "settings" });
      [this.all, this.problems, this.failure] = [settings, problems, null];
    } catch (reason) {
      this.failure = failureOf(reason);
    }
  }

  /** Whether it is stored. `value` is as a person types it. */
  async set(key: string, value: string): Promise<boolean> {
    return this.change(key, () => this.backend.ask<"set">({ ask: "set", key, value }));
  }

  /** Takes what was set here away. */
  async reset(key: string): Promise<boolean> {
    return this.change(key, () => this.backend.ask<"reset">({ ask: "reset", key }));
  }

  private async change(key: string, ask: () => Promise<Setting>): Promise<boolean> {
    this.pending.add(key);
    this.refusals.delete(key);
    try {
      const setting = await ask();
      this.all = (this.all ?? []).map((one) => (one.key === key ? setting : one));
      return true;
    } catch (reason) {
      this.refusals.set(key, failureOf(reason).message);
      return false;
    } finally {
      this.pending.delete(key);
    }
  }
}

/** Whether it was set here, and not by a file that a person wrote. */
export function isSetHere({ sources }: Setting): boolean {
  return sources.some((source) => OWN_FILE.test(source));
}
