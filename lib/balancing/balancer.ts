/**
 * The core: keeps the targets of one upstream, knows who may be picked, asks the policy, and counts what is in flight.
 *
 * Everything that decides who may be picked is worked out once for each change, by the pick that follows it: a thousand targets that turn at the same
 * moment are looked through once, not a thousand times.
 */
import type { Clock, Random } from './clock.js'
import { Ejection, type EjectionRules } from './ejection.js'
import { Lease, type Lessor } from './lease.js'
import type { Settlement } from './outcome.js'
import { PassiveHealth } from './passive-health.js'
import type { Answer, Ask, PickContext, Policy, PolicyFactory } from './policy.js'
import { reconciled } from './reconciled.js'
import type { SlowStart } from './slow-start.js'
import { Target, type TargetConfig, type TargetEvent, type TargetHealth, type TargetUpdate } from './target.js'
import { availability, type Availability, type TierOptions } from './tiers.js'
import { WarmUp } from './warm-up.js'

export interface BalancerOptions extends TierOptions {
  readonly policy: PolicyFactory
  readonly ejection: EjectionRules | false
  readonly slowStart: SlowStart | false
  /** Health of a target that was just added: `pending` keeps it out until its first probe. */
  readonly initialHealth: TargetHealth
  readonly clock: Clock
  readonly random: Random
  readonly ask: Ask
  /** Told of every change of a target, once it is complete. */
  readonly notify: (event: TargetEvent, target: Target, reason?: string) => void
  /** A target may be picked again, for a trial: that is no event for users. */
  readonly opened: () => void
  /** Code of the user has thrown where nobody waits for its result. */
  readonly fault: (error: unknown, where: string) => void
}

/**
 * Why nobody was picked: `none` may take it, all who may are `full`, or the client's own target is not there and no other
 * will do (`affinity-lost`).
 */
export type Refusal = 'none' | 'full' | 'affinity-lost'

const NOTHING: PickContext = Object.freeze({})
const NOBODY: readonly string[] = Object.freeze([])

export class Balancer implements Lessor {
  /** All targets in their configured order, as an array and by id. Replaced whole, never changed. */
  all: readonly Target[] = []
  byId: ReadonlyMap<string, Target> = new Map()
  readonly #options: BalancerOptions
  readonly #policy: Policy
  readonly #passive: PassiveHealth
  /** Undefined when something has changed since. */
  #derived: Availability | undefined
  /** How many targets have no slot left; nobody needs to be looked at while it is 0. As old as `#derived`. */
  #full = 0
  readonly #warmUp: WarmUp | undefined

  constructor (options: BalancerOptions) {
    this.#options = options
    const { random, clock, slowStart } = options
    if (slowStart !== false) this.#warmUp = new WarmUp(slowStart, clock)
    this.#policy = options.policy({ random, now: () => clock.now(), later: run => { clock.after(0, call, run) }, ask: options.ask })
    this.#passive = new PassiveHealth({
      rules: options.ejection,
      clock,
      all: () => this.all,
      has: target => this.#has(target),
      changed: () => { this.#refresh() },
      opened: () => { options.opened() },
      ejected: (target, reason) => {
        this.#refresh()
        options.notify('ejected', target, reason)
      },
      restored: (target, reason) => {
        this.#warmUp?.begin(target)
        this.#refresh()
        options.notify('restored', target, reason)
      }
    })
  }

  /** Health is being ignored, in a tier or altogether, because too few targets are eligible. */
  get panic (): boolean { return this.#available.panic }

  // ---- picking ----------------------------------------------------------------------------------------------------

  /** The target for this request, or why there is none. Nothing is counted yet: `begin` does that. */
  pick (context: PickContext = NOTHING): Target | Refusal {
    if (this.#warmUp?.step() === true) this.#tellOfWeights()
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
    const target = this.byId.get(context.affinity!)
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
    const ready = this.all.filter(target => target.lastResort && target.health !== 'pending' && matches(target, context.tried, tags))
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
    if (!(chosen instanceof Target) || this.all[chosen.index] !== chosen) throw new TypeError('the policy has picked none of the targets')
    return chosen
  }

  /** It is one of the targets still. */
  #has (target: Target): boolean {
    return this.byId.get(target.id) === target
  }

  // ---- attempts ---------------------------------------------------------------------------------------------------

  /** An attempt at this target begins: takes a slot, which the lease gives back. */
  begin (target: Target): Lease {
    target.requests++
    target.inFlight++
    if (target.inFlight === target.config.maxRequests) this.#full++
    this.loaded(target)
    const trial = target.ejection.standing === 'trial' && !target.ejection.trying
    if (trial) {
      target.ejection.trying = true
      this.#refresh()
    }
    return new Lease(this, target, trial)
  }

  // ---- what a lease asks and tells, see `Lessor` ----------------------------------------------------------------------

  /** @internal */
  release (target: Target): void {
    if (target.inFlight === target.config.maxRequests && this.#has(target)) this.#full--
    target.inFlight--
    this.loaded(target)
  }

  /** @internal */
  loaded (target: Target): void {
    if (this.#policy.loaded === undefined || !this.#has(target)) return
    try {
      this.#policy.loaded(target)
    } catch (error) {
      this.#options.fault(error, 'policy.loaded')
    }
  }

  /** @internal */
  get listening (): boolean { return this.#policy.answered !== undefined }

  /** @internal */
  hear (target: Target, answer: Answer): void {
    if (!this.#has(target)) return
    try {
      this.#policy.answered?.(target, answer)
    } catch (error) {
      this.#options.fault(error, 'policy.answered')
    }
  }

  /** @internal */
  record (target: Target, settlement: Settlement, trial: boolean): void {
    if (this.#has(target)) {
      try {
        this.#policy.settle?.(target, settlement)
      } catch (error) {
        this.#options.fault(error, 'policy.settle')
      }
    }
    this.#passive.record(target, settlement, trial)
  }

  /** @internal */
  proven (target: Target): void {
    this.#passive.proven(target)
  }

  // ---- active health ----------------------------------------------------------------------------------------------

  /** Probes have decided. Listeners are told when that is a change. */
  setHealth (target: Target, health: 'healthy' | 'unhealthy', reason?: string): void {
    if (!this.#has(target)) return
    if (health === 'healthy' && target.ejection.standing !== 'in' && this.#options.ejection !== false && this.#options.ejection.restoredByProbe) {
      this.#passive.restore(target, 'a probe passed')
    }
    if (target.health === health) return
    const wasPending = target.health === 'pending'
    target.health = health
    // A pool that has just started has nobody whose load a new target could take over gently.
    if (health === 'healthy' && (!wasPending || (target.joined && this.all.some(other => other !== target && other.eligible)))) this.#warmUp?.begin(target)
    this.#refresh()
    this.#options.notify(health, target, reason)
  }

  // ---- membership -------------------------------------------------------------------------------------------------

  add (config: TargetConfig): Target {
    const [target] = this.replace([...this.all.map(other => other.config), config]).added
    return target!
  }

  remove (target: Target): void {
    this.replace(this.all.filter(other => other !== target).map(other => other.config))
  }

  update (target: Target, { weight, state, tier, tags }: TargetUpdate): void {
    const { config } = target
    target.config = { ...config, weight: weight ?? config.weight, tier: tier ?? config.tier, tags: tags ?? config.tags }
    const returned = state === 'ready' && target.state !== 'ready'
    target.state = state ?? target.state
    if (target.warmingSince === undefined) target.effectiveWeight = target.weight
    if (returned) this.#warmUp?.begin(target)
    this.#rebuild()
    this.#options.notify('changed', target)
  }

  /**
   * Makes the targets these, in this order. What keeps its id, url and address keeps its health, its counters and its requests in
   * flight; another url or address under the same id is another server, and starts afresh.
   */
  replace (configs: readonly TargetConfig[]): { added: Target[], removed: Target[] } {
    const { clock, initialHealth, ejection, notify } = this.#options
    const now = clock.now()
    const before = this.all
    const { all, kept, added, changed, removed } = reconciled(before, this.byId, configs, config => new Target(config, initialHealth, new Ejection(ejection, now)))
    this.all = all
    this.byId = new Map(all.map(target => [target.id, target]))
    for (const target of removed) {
      this.#passive.forget(target)
      this.#warmUp?.forget(target)
    }
    const running = before.some(other => kept.has(other) && other.health !== 'pending')
    for (const target of added) {
      target.joined = running
      if (running && target.health !== 'pending') this.#warmUp?.begin(target)
    }
    if (added.length + changed.length + removed.length > 0 || before.some((target, i) => target !== this.all[i])) this.#rebuild()
    for (const target of removed) notify('removed', target)
    // A listener may have changed the targets again.
    for (const target of added) if (this.#has(target)) notify('added', target)
    for (const target of changed) if (this.#has(target)) notify('changed', target)
    return { added, removed }
  }

  // ---- what is derived --------------------------------------------------------------------------------------------

  /** Membership, order or weights changed. */
  #rebuild (): void {
    this.all.forEach((target, index) => { target.index = index })
    this.#warmUp?.renew()
    this.#refresh()
    this.#tellOfWeights()
  }

  /** Membership is as it is now, whatever the policy makes of that: who was taken out must be let go. */
  #tellOfWeights (): void {
    try {
      this.#policy.update?.(this.all)
    } catch (error) {
      this.#options.fault(error, 'policy.update')
    }
  }

  /** State, health or ejection of somebody changed. */
  #refresh (): void {
    this.#derived = undefined
  }

  get #available (): Availability { return this.#derived ?? this.#derive() }

  #derive (): Availability {
    this.#full = this.all.reduce((count, target) => count + (target.full ? 1 : 0), 0)
    this.#derived = availability(this.all, this.#options)
    return this.#derived
  }
}

function call (run: () => void): void {
  run()
}

function matches (target: Target, tried: PickContext['tried'], tags: PickContext['tags']): boolean {
  if (tried !== undefined && tried.includes(target.id)) return false
  if (tags === undefined) return true
  for (const name of Object.keys(tags)) if (target.tags[name] !== tags[name]) return false
  return true
}
