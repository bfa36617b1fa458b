import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { isBelow, levelOf } from './least-requests.js'
import { WeightedDraw } from './weighted-draw.js'

/** A second draw that keeps naming the first target is given up after so many: then one of the others is taken as it comes. */
const DRAWS = 8

/**
 * Two distinct targets are drawn by weight, and the first is taken unless the second is clearly better: with one request more, it would still have fewer
 * for its weight than the first has now. So shares follow the weights also when hardly anything is in flight (Mitzenmacher 1996; nginx `random two least_conn`, HAProxy `random(2)`). Costs the same for any number of targets, and many gateways that do this do not all run
 * to the same target.
 */
export function powerOfTwo ({ random }: PolicyTools): Policy {
  const draw = new WeightedDraw(random)

  function another (targets: readonly Target[], first: Target): Target {
    if (targets.length === 2) return targets[0] === first ? targets[1]! : targets[0]!
    for (let i = 0; i < DRAWS; i++) {
      const second = draw.next()
      if (second !== first) return second
    }
    const at = Math.floor(random() * targets.length)
    return targets[at] === first ? targets[at === 0 ? 1 : at - 1]! : targets[at]!
  }

  return {
    pick (targets) {
      const first = draw.among(targets).next()
      const second = another(targets, first)
      return isBelow(first, levelOf([first, second])) ? first : second
    },
    update () {
      draw.forget()
    }
  }
}
