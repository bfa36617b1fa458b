import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'

/** Up to this many targets all are looked at: a process knows its own in-flight exactly, and then looking at all beats sampling. */
const FULL_SCAN = 128
const DRAWS = 5

/**
 * The fewest requests in flight for its weight: least `(inFlight + 1) / weight` (HAProxy `leastconn`, nginx `least_conn`). The +1 makes weights
 * count among idle targets. Ties are broken at random: a fixed order would send all light load to the first.
 * Above 128 targets, the best of five distinct draws.
 */
export function leastRequests ({ random }: PolicyTools): Policy {
  const drawn: number[] = []

  /** Distinct positions below `n`, by Floyd's algorithm: for each j, a position up to j, or j itself when that is taken. */
  function draw (n: number): void {
    drawn.length = 0
    for (let j = n - DRAWS; j < n; j++) {
      const position = Math.floor(random() * (j + 1))
      drawn.push(drawn.includes(position) ? j : position)
    }
  }

  function pick (targets: readonly Target[]): Target {
    const sampling = targets.length > FULL_SCAN
    if (sampling) draw(targets.length)
    const count = sampling ? DRAWS : targets.length
    let best = targets[0]!
    let least = Infinity
    let ties = 0
    for (let i = 0; i < count; i++) {
      const target = targets[sampling ? drawn[i]! : i]!
      const load = (target.inFlight + 1) / target.effectiveWeight
      if (load < least) {
        least = load
        best = target
        ties = 1
      } else if (load === least && random() * ++ties < 1) {
        best = target
      }
    }
    return best
  }

  return { pick }
}
