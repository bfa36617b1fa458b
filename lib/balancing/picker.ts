/**
 * Who gets a request: the target that its client belongs to, or whom the policy chooses in the tier that the request falls to.
 *
 * What decides who may be picked is worked out once for each change, by the pick that follows it: a thousand targets that turn at the same moment are
 * looked through once, not a thousand times.
 */
import type { Random } from './clock.js'
import type { PickContext, Policy } from './policy.js'
import { Target } from './target.js'
import { availability, type Availability, type TierOptions } from './tiers.js'

/**
 * Why nobody was picked: `none` may take it, all who may are `full`, or the client's own target is not there and no other
 * will do (`affinity-lost`).
 */
export type Refusal = 'none' | 'full' | 'affinity-lost'

/** Whose targets they are: the Balancer. */
export interface Members {
  readonly all: readonly Target[]
  readonly byId: ReadonlyMap<string, Target>
}

export interface PickerOptions extends TierOptions {
  readonly random: Random
}

const NOBODY: readonly string[] = Object.freeze([])

export class Picker {
  readonly #members: Members
  readonly #policy: Policy
  readonly #options: PickerOptions
  /** Undefined when something has changed since. */
  #derived: Availability | undefined
  /** How many targets have no slot left; nobody needs to be looked at while it is 0. As old as `#derived`. */
  #full = 0

  constructor (members: Members, policy: Policy, options: PickerOptions) {
    this.#members = members
    this.#policy = policy
    this.#options = options
  }

  /** Health is being ignored, in a tier or altogether, because too few targets are eligible. */
  get panic (): boolean { return this.#available.panic }

  // ---- what it is told --------------------------------------------------------------------------------------------

  /** Membership, state, health or ejection of somebody is another than before. */
  changed (): void {
    this.#derived = undefined
  }

  /** A request has taken a slot of this target. */
  took (target: Target): void {
    if (target.inFlight === target.config.maxRequests) this.#full++
  }

  /** A slot of this target is about to be given back. */
  gives (target: Target): void {
    if (target.inFlight === target.config.maxRequests && this.#members.byId.get(target.id) === target) this.#full--
  }

  // ---- picking ----------------------------------------------------------------------------------------------------

  /** The target for this request, or why there is none. */
  pick (context: PickContext): Target | Refusal {
    const { tags } = context
    if (tags === undefined || context.fallback !== 'any') return this.#pickTagged(context, tags, true)
    // A healthy target without the tags is better than an unhealthy one with them.
    const picked = this.#pickTagged(context, tags, false)
    return typeof picked === 'string' ? this.#pickTagged(context, undefined, true) : picked
  }

  /** `lastResort`: a target that health keeps out will do, when no other is left. */
  #pickTagged (context: PickContext, tags: PickContext['tags'], lastResort: boolean): Target | Refusal {
    if (context.affinity !== undefined) {
      const own = this.#ownTarget(context, tags)
      if (own !== undefined) return own
    }
    const { levels } = this.#available
    const drawn = this.#drawTier(levels)
    if (levels.length > 0 && this.#full === 0 && tags === undefined && (context.tried ?? NOBODY).length === 0) {
      return this.#choose(levels[drawn]!.targets, context)
    }
    const picked = this.#pickAmong(levels, drawn, context, tags)
    return picked === 'none' && lastResort ? this.#lastResort(context, tags) : picked
  }

  /** The tier that this request falls to, by the tiers' shares of the load: its place in `levels`. */
  #drawTier (levels: Availability['levels']): number {
    if (levels.length <= 1 || levels[0]!.upTo === 1) return 0
    const point = this.#options.random()
    return levels.findIndex(level => point < level.upTo)
  }

  /** The target that the client belongs to, when it may have it; a refusal when it may have no other. */
  #ownTarget (context: PickContext, tags: PickContext['tags']): Target | Refusal | undefined {
    const target = this.#members.byId.get(context.affinity!)
    if (target !== undefined && matches(target, context.tried, tags) && this.#mayKeep(target)) {
      if (!target.full) {
        this.#policy.charge?.(target)
        return target
      }
      if (context.affinityRequired === true) return 'full'
    }
    return context.affinityRequired === true ? 'affinity-lost' : undefined
  }

  #mayKeep (target: Target): boolean {
    return target.holds || (target.lastResort && this.#available.panic && this.#available.levels.some(level => level.targets.includes(target)))
  }

  #pickAmong (levels: Availability['levels'], drawn: number, context: PickContext, tags: PickContext['tags']): Target | Refusal {
    let full = false
    for (let i = 0; i < levels.length; i++) {
      // The tier that was drawn first, then the others from the best on.
      const level = levels[i === 0 ? drawn : i <= drawn ? i - 1 : i]!
      const able = level.targets.filter(target => matches(target, context.tried, tags))
      const free = able.filter(target => !target.full)
      if (free.length > 0) return this.#choose(free.length === level.targets.length ? level.targets : free, context)
      if (able.length > 0) full = true
    }
    return full ? 'full' : 'none'
  }

  /** All who may be picked were tried: before the request fails, one of those that health keeps out is tried. */
  #lastResort (context: PickContext, tags: PickContext['tags']): Target | Refusal {
    if (this.#options.panic === 'fail-closed') return 'none'
    const ready = this.#members.all.filter(target => target.lastResort && target.health !== 'pending' && matches(target, context.tried, tags))
    const tier = Math.min(...ready.map(target => target.tier))
    const lowest = ready.filter(target => target.tier === tier)
    if (lowest.length === 0) return 'none'
    const free = lowest.filter(target => !target.full)
    return free.length === 0 ? 'full' : this.#choose(free, context)
  }

  #choose (targets: readonly Target[], context: PickContext): Target {
    if (targets.length === 1) return targets[0]!
    const chosen = this.#policy.pick(targets, context)
    // A policy of the user's own may choose nobody by mistake, for whom a request would wait for ever, or somebody who was taken out.
    if (!(chosen instanceof Target) || this.#members.all[chosen.index] !== chosen) throw new TypeError('the policy has picked none of the targets')
    return chosen
  }

  // ---- what is derived --------------------------------------------------------------------------------------------

  get #available (): Availability { return this.#derived ?? this.#derive() }

  #derive (): Availability {
    const { all } = this.#members
    this.#full = all.reduce((count, target) => count + (target.full ? 1 : 0), 0)
    this.#derived = availability(all, this.#options)
    return this.#derived
  }
}

function matches (target: Target, tried: PickContext['tried'], tags: PickContext['tags']): boolean {
  if (tried !== undefined && tried.includes(target.id)) return false
  if (tags === undefined) return true
  for (const name of Object.keys(tags)) if (target.tags[name] !== tags[name]) return false
  return true
}
