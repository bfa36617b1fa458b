import type { Policy, PolicyTools } from '../policy.js'
import { WeightedDraw } from './weighted-draw.js'

/** Weighted random: nothing to remember and nothing to agree on, so many gateways never move in step. */
export function weightedRandom ({ random }: PolicyTools): Policy {
  const draw = new WeightedDraw(random)
  return {
    pick: targets => draw.among(targets).next(),
    update () {
      draw.forget()
    }
  }
}
