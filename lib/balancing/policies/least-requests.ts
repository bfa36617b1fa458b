import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { least } from './least.js'

/** Up to this many targets all are looked at: a process knows its own in-flight exactly, and then looking at all beats sampling. */
const FULL_SCAN = 128
const DRAWS = 5

/**
 * The fewest requests in flight for its weight: least `(inFlight + 1) / weight` (HAProxy `leastconn`, nginx `least_conn`). The +1 makes weights
 * count among idle targets. Ties are broken at random: a fixed order would send all light load to the first.
 * Above 128 targets, the best of five distinct draws.
 */
export function leastRequests ({ random }: PolicyTools): Policy {
  /** By index. */
  let loads = new Float64Array(0)
  const drawn: Target[] = []

  /** Distinct ones, by Floyd's algorithm: for each j, a position up to j, or j itself when that is taken. */
  function draw (targets: readonly Target[]): readonly Target[] {
    drawn.length = 0
    for (let j = targets.length - DRAWS; j < targets.length; j++) {
      const target = targets[Math.floor(random() * (j + 1))]!
      drawn.push(drawn.includes(target) ? targets[j]! : target)
    }
    return drawn
  }

  return {
    pick: targets => least(targets.length > FULL_SCAN ? draw(targets) : targets, loads, random),
    update (all) {
      loads = new Float64Array(all.length)
      for (const target of all) loads[target.index] = loadOf(target)
    },
    loaded (target) { loads[target.index] = loadOf(target) }
  }
}

/** Requests for one unit of weight, with the one at hand. */
export function loadOf ({ inFlight, effectiveWeight }: Target): number {
  return (inFlight + 1) / effectiveWeight
}
