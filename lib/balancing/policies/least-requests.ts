import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { least } from './least.js'
import { WeightedDraw } from './weighted-draw.js'

/** Up to this many targets all are looked at: a process knows its own in-flight exactly, and then looking at all beats sampling. */
const FULL_SCAN = 128
const DRAWS = 5
/** Draws by weight that keep naming targets that are drawn already are given up after so many. */
const TRIES = 20

/** Rounding must not make a target look less loaded than one that it is level with. */
const CLEARLY = 1 - 1e-9

/**
 * The fewest requests in flight for its weight (HAProxy `leastconn`, nginx `least_conn`). A target is as good as any other while its load, in flight for
 * its weight, is below what the best one would have with one request more. Among those, each is as likely as its weight says, so that shares follow the
 * weights also when hardly anything is in flight. With equal weights that is the minimum, with ties broken at random.
 * Above 128 targets, the same among five that are drawn by weight.
 */
export function leastRequests ({ random }: PolicyTools): Policy {
  /** With one request more, by index. */
  let loads = new Float64Array(0)
  let equal = true
  const draw = new WeightedDraw(random)
  const drawn: Target[] = []

  function byWeight (targets: readonly Target[]): Target {
    const level = levelOf(targets)
    let sum = 0
    for (const target of targets) if (isBelow(target, level)) sum += target.effectiveWeight
    let left = random() * sum
    let chosen: Target | undefined
    for (const target of targets) {
      if (!isBelow(target, level)) continue
      chosen = target
      left -= target.effectiveWeight
      if (left < 0) break
    }
    return chosen!
  }

  /** Of five that are drawn by weight, the first that is as good as any: it was drawn first in proportion to its weight. */
  function bestOfDrawn (targets: readonly Target[]): Target {
    drawn.length = 0
    draw.among(targets)
    for (let i = 0; i < TRIES && drawn.length < DRAWS; i++) {
      const target = draw.next()
      if (!drawn.includes(target)) drawn.push(target)
    }
    // A single one of overwhelming weight is not to be the only choice.
    if (drawn.length === 1) drawn.push(targets[Math.floor(random() * targets.length)]!)
    const level = levelOf(drawn)
    return drawn.find(target => isBelow(target, level))!
  }

  return {
    pick (targets) {
      if (targets.length > FULL_SCAN) return bestOfDrawn(targets)
      return equal ? least(targets, loads, random) : byWeight(targets)
    },
    update (all) {
      draw.forget()
      loads = new Float64Array(all.length)
      for (const target of all) loads[target.index] = loadWithOneMore(target)
      const [first] = all
      equal = all.every(target => target.effectiveWeight === first!.effectiveWeight)
    },
    loaded (target) { loads[target.index] = loadWithOneMore(target) }
  }
}

/** Requests for one unit of weight, with the one at hand. */
function loadWithOneMore ({ inFlight, effectiveWeight }: Target): number {
  return (inFlight + 1) / effectiveWeight
}

/** The load that the best of them would have with one request more. */
export function levelOf (targets: readonly Target[]): number {
  let level = Infinity
  for (const target of targets) level = Math.min(level, loadWithOneMore(target))
  return level * CLEARLY
}

/** Below that, a target is as good as the best. */
export function isBelow ({ inFlight, effectiveWeight }: Target, level: number): boolean {
  return inFlight / effectiveWeight < level
}
