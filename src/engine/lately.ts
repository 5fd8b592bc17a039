/** Keeps the value as the latest of at most `most`; whatever was kept longest ago leaves first. */
export function keepLately<V>(kept: Map<string, V>, key: string, value: V, most: number): void {
  kept.delete(key);
  kept.set(key, value);
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break;
    kept.delete(oldest);
  }
}
