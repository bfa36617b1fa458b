import type { Policy } from '../policy.js'

/** The first available target in the configured order: one works, the others wait (HAProxy `first`). */
export function first (): Policy {
  return { pick: targets => targets[0]! }
}
