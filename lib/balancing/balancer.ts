/** The core: keeps the targets of one upstream and what is known of them, and counts what is in flight. Who gets a request is for its `Picker`. */
import type { Clock, Random } from './clock.js'
import { Ejection, type Chance, type EjectionRules } from './ejection.js'
import { Lease, type Lessor } from './lease.js'
import type { Settlement } from './outcome.js'
import { PassiveHealth } from './passive-health.js'
import type { Answer, Ask, PickContext, Policy, PolicyFactory } from './policy.js'
import { Picker, type Members, type Refusal } from './picker.js'
import { reconciled, revised, type Reconciled } from './reconciled.js'
import type { SlowStart } from './slow-start.js'
import { Target, type TargetConfig, type TargetEvent, type TargetHealth, type TargetUpdate } from './target.js'
import type { TierOptions } from './tiers.js'
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

const NOTHING: PickContext = Object.freeze({})

export class Balancer implements Lessor, Members {
  /** All targets in their configured order, as an array and by id. Replaced whole, never changed. */
  all: readonly Target[] = []
  byId: ReadonlyMap<string, Target> = new Map()
  readonly #options: BalancerOptions
  readonly #policy: Policy
  readonly #passive: PassiveHealth
  readonly #picker: Picker
  readonly #warmUp: WarmUp | undefined

  constructor (options: BalancerOptions) {
    this.#options = options
    const { random, clock, slowStart } = options
    if (slowStart !== false) this.#warmUp = new WarmUp(slowStart, clock)
    this.#policy = options.policy({ random, now: () => clock.now(), later: run => { clock.after(0, call, run) }, ask: options.ask })
    this.#picker = new Picker(this, this.#policy, options)
    this.#passive = new PassiveHealth({
      rules: options.ejection,
      clock,
      all: () => this.all,
      has: target => this.#has(target),
      changed: () => { this.#picker.changed() },
      opened: () => { options.opened() },
      ejected: (target, reason) => {
        this.#picker.changed()
        options.notify('ejected', target, reason)
      },
      restored: (target, reason, shared) => {
        // After an outage of all, there is nobody whose load it could take over gently.
        if (!shared) this.#warmUp?.begin(target)
        this.#picker.changed()
        options.notify('restored', target, reason)
      }
    })
  }

  /** Health is being ignored, in a tier or altogether, because too few targets are eligible. */
  get panic (): boolean { return this.#picker.panic }

  /** The target for this request, or why there is none. Nothing is counted yet: `begin` does that. */
  pick (context: PickContext = NOTHING): Target | Refusal {
    if (this.#warmUp?.step() === true) this.#tellOfWeights()
    return this.#picker.pick(context)
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
    this.#picker.took(target)
    this.loaded(target)
    return new Lease(this, target, this.#passive.began(target))
  }

  // ---- what a lease asks and tells, see `Lessor` ----------------------------------------------------------------------

  /** @internal */
  release (target: Target): void {
    this.#picker.gives(target)
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
  record (target: Target, settlement: Settlement, chance: Chance | undefined): void {
    if (this.#has(target)) {
      try {
        this.#policy.settle?.(target, settlement)
      } catch (error) {
        this.#options.fault(error, 'policy.settle')
      }
    }
    this.#passive.record(target, settlement, chance)
  }

  /** @internal */
  proven (target: Target, chance: Chance): void {
    this.#passive.proven(target, chance)
  }

  // ---- active health ----------------------------------------------------------------------------------------------

  /** Probes have decided. Listeners are told when that is a change. */
  setHealth (target: Target, health: 'healthy' | 'unhealthy', reason?: string): void {
    if (!this.#has(target)) return
    this.#passive.probed(target, health)
    if (target.health === health) return
    const wasPending = target.health === 'pending'
    target.health = health
    if (health === 'unhealthy') this.#passive.fell(target)
    // A pool that has just started has nobody whose load a new target could take over gently.
    if (health === 'healthy' && (!wasPending || (target.joined && this.all.some(other => other !== target && other.eligible)))) this.#warmUp?.begin(target)
    this.#picker.changed()
    this.#options.notify(health, target, reason)
  }

  /** What probes have found before no longer holds: it takes nobody until the next one has ended. */
  setPending (target: Target): void {
    target.health = 'pending'
    this.#picker.changed()
  }

  // ---- membership -------------------------------------------------------------------------------------------------

  /** Its source has ceased to find it, or finds it again. */
  setObsolete (target: Target, obsolete: boolean): void {
    target.obsolete = obsolete
    this.#picker.changed()
  }

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
    return this.#become(reconciled(this.all, this.byId, configs, this.#create()))
  }

  /** Puts these behind the others, or in the place of those that have their ids, and takes `gone` out. For steps of a change of very many. */
  revise (configs: readonly TargetConfig[], gone: ReadonlySet<Target>): { added: Target[], removed: Target[] } {
    return this.#become(revised(this.all, this.byId, configs, gone, this.#create()))
  }

  #create (): (config: TargetConfig) => Target {
    const { clock, initialHealth, ejection } = this.#options
    const now = clock.now()
    return config => new Target(config, initialHealth, new Ejection(ejection, now))
  }

  #become ({ all, byId, added, changed, removed }: Reconciled): { added: Target[], removed: Target[] } {
    const { notify } = this.#options
    const before = this.all
    this.all = all
    this.byId = byId
    for (const target of removed) {
      this.#passive.forget(target)
      this.#warmUp?.forget(target)
    }
    const running = before.some(other => other.health !== 'pending' && this.#has(other))
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
    this.#picker.changed()
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
}

function call (run: () => void): void {
  run()
}
