// What happened between two looks at the metrics.

/** The increase of a counter per second, or null without two values, or after a restart. */
export function rate(before, now, seconds) {
  if (before === null || now === null || seconds <= 0 || now < before) return null;
  return (now - before) / seconds;
}

/** What a histogram counted between two looks. */
export function between(before, now) {
  const earlier = new Map(before);
  return now.map(([bound, total]) => [bound, Math.max(0, total - (earlier.get(bound) ?? 0))]);
}

/** The quantile of a histogram, linear within its bucket; null if it counted nothing. */
export function quantile(counts, share) {
  const total = counts.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const wanted = share * total;
  let [below, countBelow] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= wanted) {
      // Beyond the last bound nothing is known.
      if (bound === Infinity) return below;
      const inside = count - countBelow;
      return inside === 0 ? bound : below + ((bound - below) * (wanted - countBelow)) / inside;
    }
    [below, countBelow] = [bound, count];
  }
  return below;
}
