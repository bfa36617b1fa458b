import type { Random } from '../clock.js'
import type { Target } from '../target.js'

/** The one of `targets` with the least of `values`, which go by index; of equals, each as likely as the others. */
export function least (targets: readonly Target[], values: Float64Array, random: Random): Target {
  // When they are all there are, each stands at its index, and nothing of them has to be read from memory.
  const all = targets.length === values.length
  let lowest = Infinity
  let best = 0
  let ties = 0
  for (let i = 0; i < targets.length; i++) {
    const value = values[all ? i : targets[i]!.index]!
    if (value > lowest) continue
    ties = value < lowest ? 1 : ties + 1
    lowest = value
    best = i
  }
  if (ties < 2) return targets[best]!
  // The last one of them is known. Chance is asked once for all, and not at each: it costs more than looking again.
  for (let after = Math.floor(random() * ties); after > 0; after--) {
    do best--; while (values[targets[best]!.index] !== lowest)
  }
  return targets[best]!
}
