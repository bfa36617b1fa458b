/** Medians and quartiles: a busy machine makes some rounds much worse, and none much better. */
export function spread (values) {
  const sorted = [...values].sort((a, b) => a - b)
  return { q1: quantile(sorted, 0.25), median: quantile(sorted, 0.5), q3: quantile(sorted, 0.75) }
}

/** Each round's ratio, then the spread of these: what slows a whole round down has no part in it. */
export function ratio (values, references) {
  return spread(values.map((value, round) => value / references[round]))
}

/** Between two values, in proportion. */
function quantile (sorted, share) {
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (position - below) * (sorted[above] - sorted[below])
}
