/** A target that was away, or was added while others run, gets its share gradually (nginx `slow_start`, Envoy `slow_start_config`). */
import type { Duration, Settled } from '../duration.js'
import { milliseconds, number, object, optional } from '../options.js'

/** How a target that was away, or was added while others run, comes to its full share (nginx `slow_start`). */
export interface SlowStartOptions {
  /** Milliseconds until the full share is reached. @default 30_000 */
  window?: Duration
  /** 1 rises in a straight line; more rises faster at first. @default 1 */
  aggression?: number
  /** Share of the weight to begin with, above 0, at most 1. @default 0.1 */
  floor?: number
}

export type SlowStart = Settled<SlowStartOptions>

export const slowStartOptions = object<SlowStart>({
  window: optional(milliseconds(1, 150), 30_000),
  aggression: optional(number(0.01), 1),
  floor: optional(number(0.001, 1), 0.1)
})

/** The factor on the weight of a target that has been warming up for `age` milliseconds: 1 from `window` on. */
export function slowStartFactor (age: number, { window, aggression, floor }: SlowStart): number {
  if (age >= window) return 1
  return Math.max(floor, (Math.max(age, 0) / window) ** (1 / aggression))
}
