export interface Slope {
  perStep: number
  /** Standard error of it. */
  error: number
}

/** The line through values at equal distances, by least squares. */
export function slopeOf (values: number[]): Slope {
  const n = values.length
  const middle = (n - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const spread = values.reduce((sum, _, x) => sum + (x - middle) ** 2, 0)
  const perStep = values.reduce((sum, value, x) => sum + (x - middle) * (value - mean), 0) / spread
  const residual = values.reduce((sum, value, x) => sum + (value - mean - perStep * (x - middle)) ** 2, 0)
  return { perStep, error: Math.sqrt(residual / (n - 2) / spread) }
}
