/** The values that occur more than once: Kafka refuses a request that names one thing twice. */
export function repeated<T>(values: Iterable<T>): ReadonlySet<T> {
  const seen = new Set<T>();
  const twice = new Set<T>();
  for (const value of values) {
    if (seen.has(value)) twice.add(value);
    seen.add(value);
  }
  return twice;
}
