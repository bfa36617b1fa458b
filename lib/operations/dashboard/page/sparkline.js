import { SAMPLES } from './model.js'

/** Of the viewBox. */
const HEIGHT = 20
/** Requests a second: less than this is not drawn as if it were much. */
const LEAST_PEAK = 1

/**
 * The points of a line through the samples, the newest at the right.
 * @param {Float32Array} samples
 */
export function points (samples) {
  const known = samples.filter(sample => !Number.isNaN(sample))
  const peak = Math.max(LEAST_PEAK, ...known)
  const from = SAMPLES - known.length
  return Array.from(known, (sample, i) => `${from + i},${(HEIGHT - 1 - (HEIGHT - 2) * sample / peak).toFixed(1)}`).join(' ')
}
