/** Options of the calls that an upstream has. */
import type { PickContext } from '../balancing/policy.js'
import type { Duration, Settled } from '../duration.js'
import { array, milliseconds, object, oneOf, optional, string } from '../options.js'
import { tagsOption, tierOption, weightOption, type TargetUpdateOptions } from './target-options.js'

/** How long what is taken out may go on. */
export interface DrainOptions {
  /** Milliseconds that requests in flight and upgraded connections have to end. @default 30_000 */
  drainMs?: Duration
}

export const DRAIN_MS = 30_000

export const drainMsOption = optional(milliseconds(0, 100), DRAIN_MS)
export const drainOptions = object<Settled<DrainOptions>>({ drainMs: drainMsOption })

export const updateOptions = object<Omit<TargetUpdateOptions, 'drainMs'> & Settled<DrainOptions>>({
  weight: optional(weightOption),
  state: optional(oneOf('ready', 'drain', 'maintenance')),
  tier: optional(tierOption),
  tags: optional(tagsOption),
  drainMs: drainMsOption
} as never)

export const pickOptions = object<PickContext>({
  hashKey: optional(string),
  affinity: optional(string),
  address: optional(string),
  tags: optional(tagsOption),
  fallback: optional(oneOf('any', 'none')),
  tried: optional(array(string))
} as never)
