/** Results of several seeds: their mean, and how far they lie apart. */
export function spread (values) {
  return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, least: Math.min(...values), most: Math.max(...values) }
}
