import type { Status } from "../bindings/bindings";

/** How much of one core the daemon uses: between two of its statuses, and since its start for the first of them. */
export class Load {
  private before: { cpuMs: number; atMs: number; startedMs: number } | null = null;

  /** The share of a core, 1 for all of it. */
  of({ started_unix_ms: startedMs, resources: { cpu_ms: cpuMs } }: Status, nowMs: number): number {
    const before = this.before?.startedMs === startedMs ? this.before : { cpuMs: 0, atMs: startedMs, startedMs };
    this.before = { cpuMs, atMs: nowMs, startedMs };
    return Math.max(0, cpuMs - before.cpuMs) / Math.max(1, nowMs - before.atMs);
  }
}
