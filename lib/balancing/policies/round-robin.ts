import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'

/** A random start never costs more picks than this. */
const LONGEST_START = 1_000

/**
 * Smooth weighted round robin, as nginx's `ngx_http_upstream_get_peer`: each pick adds every target's weight to its `current`, takes
 * the strictly largest (the first of equals), and subtracts the sum of the weights from the one taken. Weights 5, 1, 1 give
 * `a a b a c a a`. With equal weights this is taking turns, which costs O(log n) at most.
 *
 * It starts at a random point of its cycle, so that many processes do not send their first requests to the same target.
 */
export function roundRobin ({ random }: PolicyTools): Policy {
  let current = new Float64Array(0)
  let members: readonly Target[] = []
  let equal = true
  let started = false
  /** Greatest common divisor of the weights: a target has weight / unit turns in a rotation. */
  let unit = 1
  let total = 0
  /** With equal weights: position of the target that had the last turn, and who has had its next turn already. */
  let last = -1
  const owing = new Set<Target>()

  function takeTurns (targets: readonly Target[]): Target {
    let at = firstAfter(targets, last)
    // A debt is one turn, so one round of skipping is the most there can be.
    for (let skipped = 0; skipped < targets.length && owing.delete(targets[at]!); skipped++) at = (at + 1) % targets.length
    last = targets[at]!.index
    return targets[at]!
  }

  function smooth (targets: readonly Target[]): Target {
    let sum = 0
    let best: Target | undefined
    let most = -Infinity
    for (const target of targets) {
      const weight = target.effectiveWeight
      sum += weight
      const value = current[target.index]! += weight
      if (value > most) {
        most = value
        best = target
      }
    }
    current[best!.index]! -= sum
    return best!
  }

  function start (): void {
    started = true
    if (equal) {
      last = Math.floor(random() * members.length) - 1
    } else {
      const weighted = members.filter(target => target.weight > 0)
      const picks = Math.min(total / unit, LONGEST_START)
      for (let i = Math.floor(random() * picks); i > 0; i--) smooth(weighted)
    }
  }

  return {
    pick: (targets) => equal ? takeTurns(targets) : smooth(targets),

    update (all) {
      const previous = current
      const indexes = new Map(members.map((target, index) => [target, index]))
      const lastTarget = members[last]
      current = Float64Array.from(all, target => previous[indexes.get(target) ?? -1] ?? 0)
      last = lastTarget === undefined ? last : lastTarget.index
      members = [...all]
      const weights = all.map(target => target.effectiveWeight).filter(weight => weight > 0)
      equal = weights.every(weight => weight === weights[0])
      unit = all.reduce((gcd, target) => greatestCommonDivisor(gcd, target.weight), 0) || 1
      total = weights.reduce((sum, weight) => sum + weight, 0)
      for (const target of owing) if (all[target.index] !== target) owing.delete(target)
      if (!started && weights.length > 0) start()
    },

    charge (target) {
      if (equal) {
        owing.add(target)
      } else {
        const floor = -total * Math.max(1, target.weight / unit)
        current[target.index] = Math.max(floor, current[target.index]! - total)
      }
    }
  }
}

/** Where in `targets`, which is in configured order, the first one stands whose index is above `index`; 0 when there is none. */
function firstAfter (targets: readonly Target[], index: number): number {
  let low = 0
  let high = targets.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (targets[middle]!.index > index) high = middle
    else low = middle + 1
  }
  return low === targets.length ? 0 : low
}

function greatestCommonDivisor (a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
