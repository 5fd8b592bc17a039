/** The parts of a wake that name its job. */
export interface JobName {
  readonly runId: string;
  readonly version: number;
  readonly name: string;
}

/**
 * Deterministic, so that the same wake twice is one job: `B-142-7-preflight`. No colon: BullMQ reserves it.
 * A delayed wake carries its due second, because a waiting job would otherwise silently swallow an immediate one.
 */
export function jobId(wake: JobName, delayMs: number, nowMs: number): string {
  const id = `${wake.runId}-${wake.version}-${wake.name}`.replaceAll(':', '-');
  return delayMs > 0 ? `${id}-at-${Math.round((nowMs + delayMs) / 1000)}` : id;
}
