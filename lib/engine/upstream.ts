/** A named group of interchangeable targets: a Balancer, the connections to its targets, and the undici dispatcher that uses both. */
import { EventEmitter } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { Balancer } from '../balancing/balancer.js'
import type { Clock, Random } from '../balancing/clock.js'
import type { EjectionRules } from '../balancing/ejection.js'
import type { Settlement } from '../balancing/outcome.js'
import type { Ask, PickContext, Policy } from '../balancing/policy.js'
import type { Target, TargetEvent, TargetHealth, TargetUpdate } from '../balancing/target.js'
import { NoTargetError } from '../errors.js'
import { checked, fault, refuse } from '../options.js'
import { targetChannel, type TargetMessage } from './channels.js'
import { Asker } from './asker.js'
import type { Change } from './change.js'
import { systemClock } from './clock.js'
import { DRAIN_MS, drainOptions, pickOptions, updateOptions, type DrainOptions } from './call-options.js'
import { UpstreamDispatcher, type FetchDispatcher } from './dispatcher.js'
import { Deadlines } from './deadlines.js'
import type { TargetPool } from './pool.js'
import { Pools } from './pools.js'
import { RecentTimes } from './quantile.js'
import { Queue } from './queue.js'
import { RetryBudget } from './retry-budget.js'
import { atOnce } from './slices.js'
import { UpstreamCounters } from './upstream-counters.js'
import { checkEngine, type EngineSettings } from './upstream-options.js'
import { snapshotOf, type TargetFinder, type UpstreamSnapshot } from './upstream-snapshot.js'
import { checkingTargets, targetOption, type EngineTargetConfig, type TargetOptions, type TargetUpdateOptions, type TlsOptions } from './target-options.js'

/** What every event of an upstream is called with. */
export interface UpstreamEvent {
  /** Name of the upstream. */
  upstream: string
  /** Id of the target. */
  target: string
  /** Why, in words, where there is more to say than the event's name does. */
  reason?: string
}

/** The events of an upstream, each with one argument. */
export type UpstreamEvents = { [E in `target:${TargetEvent}`]: [UpstreamEvent] }

/** What an upstream is made from besides its own options. */
export interface UpstreamParts {
  ejection: EjectionRules | false
  /** Health of a target that was just added. */
  initialHealth: TargetHealth
  /** Code of the user (a policy, a listener) has thrown where nobody waits for its result. */
  fault: (error: unknown, where: string) => void
}

/** A named group of interchangeable targets, with one policy and its settings. */
export class Upstream extends EventEmitter<UpstreamEvents> {
  /** Its name, unique in the scope. */
  readonly name: string
  /** @internal */
  readonly balancer: Balancer
  /** @internal */
  readonly settings: EngineSettings
  /** @internal */
  readonly clock: Clock
  /** @internal */
  readonly random: Random
  /** @internal What attempts wait for. */
  readonly deadlines: Deadlines
  /** @internal */
  readonly counters = new UpstreamCounters()
  /** @internal Requests that wait for a slot. */
  readonly queue: Queue
  /** @internal What retries are allowed; undefined for no limit. */
  readonly budget: RetryBudget | undefined
  /** @internal Times to the headers of good answers, where hedging goes by them. */
  readonly times: RecentTimes | undefined
  /** An undici dispatcher: `fetch(url, { dispatcher })` and `undici.request` are balanced too. The path counts, the origin is replaced. */
  readonly dispatcher: FetchDispatcher
  /** @internal What finds its targets; set by whoever starts that. */
  finder: TargetFinder | null = null
  /** @internal Code of the user has thrown where nobody waits for its result. */
  readonly fault: UpstreamParts['fault']
  /** @internal Told of each change that a user makes, before it is made: whoever hears of that may make others. */
  changing: ((change: Change) => void) | undefined
  readonly #pools: Pools
  readonly #asker: Asker
  readonly #failureStatuses: ReadonlySet<number>

  /** @internal Use `fastify.upstreams.add()`. */
  constructor (name: string, settings: EngineSettings, { ejection, initialHealth, fault }: UpstreamParts) {
    super()
    this.name = name
    this.settings = settings
    this.fault = fault
    this.random = settings.random
    const now = settings.now ?? systemClock.now
    const timers = settings.timers ?? systemClock
    this.clock = { now, after: (ms, run, arg) => timers.after(ms, run, arg), cancel: timer => { if (timer !== undefined) timers.cancel(timer) } }
    this.deadlines = new Deadlines(this.clock)
    this.#asker = new Asker(settings, this.clock, target => this.targets.get(target.id) === target)
    this.#pools = new Pools(settings, this.clock, this.#asker)
    const { retry, limits } = settings
    this.queue = new Queue(limits.queue, this.clock)
    this.budget = retry === false || retry.budget === false ? undefined : new RetryBudget(retry.budget, now)
    this.times = retry !== false && retry.hedge !== false && retry.hedge.after === 'p95' ? new RecentTimes(now) : undefined
    this.#failureStatuses = new Set(ejection === false ? [] : ejection.failureStatuses)
    this.balancer = new Balancer({
      policy: tools => usable(settings.policy.create(tools), name),
      ejection,
      slowStart: settings.slowStart,
      initialHealth,
      spill: settings.spill,
      panic: settings.panic,
      panicThreshold: settings.panicThreshold,
      clock: this.clock,
      random: settings.random,
      notify: (event, target, reason) => {
        const message: UpstreamEvent = { upstream: name, target: target.id, ...(reason !== undefined && { reason }) }
        if (targetChannel.hasSubscribers) targetChannel.publish({ event, ...message } satisfies TargetMessage)
        try {
          this.emit(`target:${event}`, message)
        } catch (error) {
          fault(error, `a listener of target:${event}`)
        }
        this.queue.manySlots()
      },
      opened: () => { this.queue.manySlots() },
      ask: (target, path, timeoutMs, heard) => {
        this.ask(target, path, timeoutMs, answer => {
          try {
            heard(answer)
          } catch (error) {
            fault(error, 'what a policy does with an answer')
          }
        })
      },
      fault
    })
    this.dispatcher = new UpstreamDispatcher(this) as never
    this.reconcile(settings.targets)
  }

  /** The targets by id, in their configured order. A change of membership makes a new map. */
  get targets (): ReadonlyMap<string, Target> {
    return this.balancer.byId
  }

  // ---- changing it --------------------------------------------------------------------------------------------------

  /** Adds a target. It takes requests from the next pick on; with probes configured, once it has passed one. Throws `FST_LB_INVALID_OPTIONS`. */
  add (target: string | TargetOptions): Target {
    const config = this.#checkOne(target)
    this.changing?.({ did: 'add', config })
    return this.balancer.add(this.#limited(config))
  }

  /**
   * Takes a target out at once: nothing new goes to it. What is in flight has `drainMs` to end, then it is cut.
   * Rejects with `FST_LB_INVALID_OPTIONS`, also when there is no such target.
   * @returns a promise, resolved when nothing of it is left
   */
  async remove (id: string, options: DrainOptions = {}): Promise<void> {
    const { drainMs } = checked(drainOptions, options, '')
    const target = this.#known(id)
    this.changing?.({ did: 'remove', id, drainMs })
    this.balancer.remove(target)
    await this.#pools.drain(target, drainMs)
  }

  /** Changes a target that is there; health, counters and connections stay. Throws `FST_LB_INVALID_OPTIONS`, also when there is no such target. */
  update (id: string, options: TargetUpdateOptions): void {
    const target = this.#known(id)
    const { drainMs, ...update } = checked(updateOptions, options, '')
    this.changing?.({ did: 'update', id, update })
    this.amend(target, update, drainMs)
  }

  /** @internal `update`, with what was checked. */
  amend (target: Target, update: TargetUpdate, drainMs = DRAIN_MS): void {
    this.balancer.update(target, update)
    if (update.state !== undefined) this.#pools.endTunnels(target, drainMs)
  }

  /**
   * Makes the targets these, in this order. What keeps its id and url keeps everything else; what is not in the list any more drains.
   * When one is wrong nothing is changed, and `FST_LB_INVALID_OPTIONS` lists every fault.
   */
  replace (targets: Array<string | TargetOptions>): void {
    const configs = this.check(targets)
    this.changing?.({ did: 'replace', before: this.configs(), after: configs })
    this.reconcile(configs)
  }

  /** @internal What `replace` makes of these; throws as it does. */
  check (targets: unknown): EngineTargetConfig[] {
    return atOnce(this.checking(targets))
  }

  /** @internal The same in slices. */
  * checking (targets: unknown): Generator<undefined, EngineTargetConfig[]> {
    const faults: string[] = []
    const configs = yield * checkingTargets(targets, 'targets', faults)
    this.#refuse(faults, configs)
    return configs
  }

  #checkOne (target: unknown): EngineTargetConfig {
    const faults: string[] = []
    const config = targetOption(target, 'target', faults)
    if (config !== undefined && this.balancer.byId.has(config.id)) fault(faults, 'target.id', 'an id that is not in use', config.id)
    this.#refuse(faults, [config])
    return config
  }

  /** With what shows only when the targets are looked at beside the other options. */
  #refuse (faults: string[], targets: EngineTargetConfig[]): void {
    if (faults.length === 0) checkEngine({ ...this.settings, limits: {}, targets }, this.name, faults)
    refuse(faults)
  }

  #known (id: string): Target {
    const target = this.balancer.byId.get(id)
    if (target === undefined) refuse([`${this.name}: no target ${JSON.stringify(id)}; there are ${[...this.balancer.byId.keys()].join(', ') || 'none'}`])
    return target!
  }

  /** @internal The targets as they were written down, with what was changed since. */
  configs (): EngineTargetConfig[] {
    return this.balancer.all.map(target => target.config as EngineTargetConfig)
  }

  /** @internal `replace`, with what was checked. `drainMs`: for what is in flight at targets that go. */
  reconcile (configs: EngineTargetConfig[], drainMs: (id: string) => number = () => DRAIN_MS): void {
    const before = this.balancer.all
    const tlsBefore = before.map(({ config }) => (config as EngineTargetConfig).tls)
    const { removed } = this.balancer.replace(configs.map(config => this.#limited(config)))
    this.#renewed(before, tlsBefore)
    for (const target of removed) void this.#pools.drain(target, drainMs(target.id))
  }

  /**
   * @internal Puts these behind the others, or in the place of those that have their ids, and takes `gone` out: a step of a change of very many. The
   * targets are checked.
   */
  revise (configs: EngineTargetConfig[], gone: ReadonlySet<Target>): void {
    const before = configs.map(({ id }) => this.balancer.byId.get(id))
    const tlsBefore = before.map(target => (target?.config as EngineTargetConfig | undefined)?.tls)
    const { removed } = this.balancer.revise(configs.map(config => this.#limited(config)), gone)
    this.#renewed(before, tlsBefore)
    for (const target of removed) void this.#pools.drain(target, DRAIN_MS)
  }

  /** Other TLS than before wants other connections. */
  #renewed (targets: ReadonlyArray<Target | undefined>, tlsBefore: ReadonlyArray<TlsOptions | undefined>): void {
    targets.forEach((target, i) => {
      if (target === undefined) return
      const { tls } = target.config as EngineTargetConfig
      if (tls !== tlsBefore[i] && !isDeepStrictEqual(tls, tlsBefore[i])) this.#pools.renew(target)
    })
  }

  /** With the upstream's limit where it has none of its own. */
  #limited (config: EngineTargetConfig): EngineTargetConfig {
    const { limits, pool } = this.settings
    const maxRequests = config.ownLimit ?? limits.maxRequests ?? pool.connections
    return config.maxRequests === maxRequests ? config : { ...config, maxRequests }
  }

  // ---- using it -------------------------------------------------------------------------------------------------------

  /**
   * The policy's choice for such a request. Nothing is sent; a rotation moves on. Throws `FST_LB_NO_TARGET` when nobody may take it.
   * `affinity`: id of the target the client belongs to; `tried`: ids not to be picked again.
   */
  pick (context: Omit<PickContext, 'affinityRequired'> = {}): Target {
    const picked = this.balancer.pick(checked(pickOptions, context, ''))
    if (typeof picked === 'string') throw new NoTargetError()
    return picked
  }

  /** What it looks like now, as plain JSON. */
  snapshot (): UpstreamSnapshot {
    return snapshotOf(this)
  }

  /** @internal */
  isFailureStatus (status: number): boolean {
    return this.#failureStatuses.has(status)
  }

  /** @internal The connections to a target; made when they are first needed. */
  poolOf (target: Target): TargetPool {
    return this.#pools.of(target)
  }

  /** @internal Asks a target something for its policy. */
  ask (...question: Parameters<Ask>): void {
    this.#asker.ask(...question)
  }

  /** @internal Open connections to a target, upgraded ones included. */
  connectionsOf (target: Target): number {
    return this.#pools.sizeOf(target)
  }

  // ---- ending it ------------------------------------------------------------------------------------------------------

  /** @internal An attempt at `target` has ended: somebody may wait for its slot, or for the last one. */
  attemptEnded (target: Target, { outcome, ttfbMs }: Settlement): void {
    if (this.times !== undefined && outcome === 'success') this.times.add(ttfbMs!)
    if (this.queue.length > 0) this.queue.oneSlot()
    if (target.inFlight === 0) this.#pools.idle(target)
  }

  /** @internal Lets what is in flight end within `drainMs`, then cuts it. Nothing is picked any more. */
  async close (drainMs: number): Promise<void> {
    const targets = [...this.#pools.leaving, ...this.balancer.all]
    this.balancer.replace([])
    await Promise.all(targets.map(target => this.#pools.drain(target, drainMs)))
  }
}

/** What a factory of the user's own has returned may be anything. */
function usable (policy: Policy, upstream: string): Policy {
  if (typeof (policy as Policy | undefined)?.pick !== 'function') refuse([`upstreams.${upstream}.policy: expected a function that returns a policy, with pick(), and it has returned something else`])
  return policy
}
