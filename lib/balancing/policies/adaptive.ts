import type { Duration, Settled } from '../../duration.js'
import { defaultsOf, milliseconds, object, optional } from '../../options.js'
import type { Settlement } from '../outcome.js'
import type { Policy, PolicyTools } from '../policy.js'
import type { Target } from '../target.js'
import { evenStep } from './divisors.js'
import { Estimates } from './estimates.js'
import { hasFailed, isFailure } from './failures.js'
import { least } from './least.js'

/** Options of the policy `adaptive`. */
export interface AdaptiveOptions {
  /**
   * Milliseconds after which an answer weighs 1/e of what a new one does. Less follows changes faster, and takes chance for change more often.
   * @default 2_000
   */
  window?: Duration
  /**
   * Milliseconds without an answer after which 1/e of what was known of a target is left. One that takes ten times as long as the others is asked
   * again after some three times as long, if not before because the others are busy. @default 5_000
   */
  forget?: Duration
  /** Milliseconds that a failure costs, where five times the median latency of all targets is not more. @default 1_000 */
  failurePenalty?: Duration
}

export type AdaptiveSettings = Settled<AdaptiveOptions>

export const adaptiveOptions = object<AdaptiveSettings>({
  window: optional(milliseconds(1), 2_000),
  forget: optional(milliseconds(1), 5_000),
  failurePenalty: optional(milliseconds(), 1_000)
})

/** Up to this many targets, a pick looks at all of them: many gateways with few requests each need that. */
const FULL_SCAN = 128
/** Of more targets than that, a pick looks at this many. */
const LOOKED_AT = 64

/**
 * The least expected time: latency to first byte × (requests in flight + 1) / weight, where the latency is that of recent answers and a failure
 * counts as a very slow one, by the share of attempts that fail. Without that, whoever fails fast would get everything. As peak EWMA (Finagle) and
 * nginx's `least_time`, but over all targets and with failures.
 *
 * - A target that nothing is known of is taken for as fast as the median, and gets one request at a time until its first answer.
 * - Above 128 targets, 64 of them are looked at, from a random one on and spread evenly over all.
 * - Event streams and upgraded connections are not in flight for this: how many of them are open says nothing about the next answer.
 */
export function adaptive ({ random, now }: PolicyTools, settings: AdaptiveSettings = defaultsOf(adaptiveOptions)): Policy {
  const estimates = new Estimates(settings)
  /** The step from one target that is looked at to the next, for so many targets. */
  let step = 1
  let stepFor = 0

  function leastOfSome (targets: readonly Target[]): Target {
    const { scores } = estimates
    const n = targets.length
    if (n !== stepFor) {
      step = evenStep(n)
      stepFor = n
    }
    // Each stands at its index when they are all there are.
    const all = n === scores.length
    let at = Math.floor(random() * n)
    let best = at
    let lowest = Infinity
    for (let i = 0; i < LOOKED_AT; i++) {
      const score = scores[all ? at : targets[at]!.index]!
      if (score < lowest) {
        lowest = score
        best = at
      }
      at += step
      if (at >= n) at -= n
    }
    return targets[best]!
  }

  return {
    pick (targets) {
      estimates.refresh(now())
      return targets.length > FULL_SCAN ? leastOfSome(targets) : least(targets, estimates.scores, random)
    },

    loaded (target) {
      estimates.loaded(target)
    },

    update (all) {
      estimates.update(all, now())
    },

    answered ({ index }, { status, ttfbMs }) {
      if (!isFailure(status)) estimates.hear(index, ttfbMs, now())
    },

    settle ({ index }, settlement) {
      if (hasFailed(settlement)) estimates.hear(index, 'failed', now())
      else if (gaveUp(settlement) && settlement.durationMs > estimates.latency(index, now())) estimates.hear(index, settlement.durationMs, now())
    }
  }
}

/** Nobody waited for the answer any more: nobody's fault, but it would have taken longer still. */
function gaveUp ({ outcome, ttfbMs }: Settlement): boolean {
  return ttfbMs === undefined && (outcome === 'client-aborted' || outcome === 'abandoned')
}
