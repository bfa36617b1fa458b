export function greatestCommonDivisor (a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/**
 * Whoever goes round a circle of `n` positions in steps of this length meets each once before any twice, and the first few spread evenly over all:
 * next to n over the golden ratio, and without a divisor in common with n.
 */
export function evenStep (n: number): number {
  let step = Math.round(n * 0.6180339887)
  while (greatestCommonDivisor(n, step) > 1) step--
  return step
}
