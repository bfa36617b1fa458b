/** Medians and quartiles: a busy machine makes some rounds much worse, and none much better. */
export function spread (values) {
  const sorted = [...values].sort((a, b) => a - b)
  return { q1: quantile(sorted, 0.25), median: quantile(sorted, 0.5), q3: quantile(sorted, 0.75) }
}

/** Each round's ratio, then the spread of these: what slows a whole round down has no part in it. */
export function ratio (values, references) {
  return spread(values.map((value, round) => value / references[round]))
}

/** Between two of the values, which are in order, in proportion. */
export function quantile (sorted, share) {
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (position - below) * (sorted[above] - sorted[below])
}

/** The line through points, by least squares: `slope`, and its standard error. */
export function lineThrough (points) {
  const n = points.length
  const mean = key => points.reduce((sum, point) => sum + point[key], 0) / n
  const [x, y] = [mean('x'), mean('y')]
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)
  const slope = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread
  const residual = points.reduce((sum, point) => sum + (point.y - y - slope * (point.x - x)) ** 2, 0)
  return { slope, error: Math.sqrt(residual / (n - 2) / spread) }
}
