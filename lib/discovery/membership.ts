/** Brings what was found into an upstream, beside what is there already. */
import { isDeepStrictEqual } from 'node:util'
import type { Timer } from '../balancing/clock.js'
import type { Target } from '../balancing/target.js'
import { inSlices, nextTurn } from '../engine/slices.js'
import type { EngineTargetConfig } from '../engine/target-options.js'
import type { Upstream, UpstreamEvent } from '../engine/upstream.js'
import { refuse } from '../options.js'

/** Targets of a set: with more, a change of them takes seconds. */
const MAX_TARGETS = 100_000

/** Targets that come, change or go in one turn of the event loop. Each turn costs something for every target there is, so there are not too many. */
const STEP = 5_000

/** Targets that are compared in a few milliseconds. */
const SLICE = 2_000

/** Milliseconds that those who go wait for those who come, at most. */
const HANDOVER = 5_000

const NONE: ReadonlySet<Target> = new Set()

/** One target of a set. */
interface Found {
  readonly config: EngineTargetConfig
  /** The target that is there, where the source says the same of it as before. */
  readonly unchanged: Target | undefined
}

/**
 * Whose word counts for what:
 * - Targets of the options, and those that were added by hand, are left alone. Each keeps its id: what is found under it is left out.
 * - Which others are there is the source's to say. Their ids differ among themselves, or the whole set is refused.
 * - What is changed of one of those by hand (weight, tier, tags, state) stays, until the source says something else of this target than it did
 *   before.
 *
 * A set is looked at as a whole before anything is changed. A large one comes in steps, between which the event loop turns: first those who come, then
 * those who go. Each step goes by what is there at that moment.
 */
export class Membership {
  readonly #upstream: Upstream
  /** What was found and is there, with what the source has said of it. */
  readonly #ours = new Map<Target, EngineTargetConfig>()
  /** Of these, the ones that are not in the set any more, and stay until others are fit. */
  readonly #leaving = new Set<Target>()
  /** Of those that leave, the ones that are fit themselves. */
  readonly #fit = new Set<Target>()
  /** Those that are on their way out. */
  readonly #going = new Set<Target>()
  #removing = false
  #deadline: Timer
  readonly #hold: number
  /** Those that are not in the set any more and are held, with when that ends: the first of them first. */
  readonly #held = new Map<Target, number>()
  #holdTimer: Timer
  #closed = false

  /** `hold`: milliseconds that a target stays which is not found any more, for the clients that belong to it. */
  constructor (upstream: Upstream, hold: number) {
    this.#upstream = upstream
    this.#hold = hold
  }

  /** Targets that were found and are there. */
  get size (): number { return this.#ours.size }

  /** Of these, the ones that are held. */
  get held (): number { return this.#held.size }

  /**
   * Makes what is found this set. Resolved with the ids that are left out. Rejects with `FST_LB_INVALID_OPTIONS` with every fault, and then nothing is
   * changed.
   */
  async become (found: unknown): Promise<string[]> {
    if (Array.isArray(found) && found.length > MAX_TARGETS) refuse([`targets: expected at most ${MAX_TARGETS}, got ${found.length}`])
    const set = await inSlices(this.#compare(found))
    this.#leaving.clear()
    this.#fit.clear()
    const leftOut = await this.#place(set)
    if (!this.#closed) await this.#letGoOfOthers(set)
    return leftOut
  }

  /** Nothing is found any more, and what was is not to be believed. */
  async leave (): Promise<void> {
    this.#leaving.clear()
    this.#endHandover()
    for (const target of this.#ours.keys()) this.#going.add(target)
    await this.#remove()
  }

  close (): void {
    this.#closed = true
    this.#endHandover()
    this.#upstream.clock.cancel(this.#holdTimer)
  }

  * #compare (found: unknown): Generator<undefined, Found[]> {
    const set: Found[] = []
    for (const config of yield * this.#upstream.checking(found)) {
      const target = this.#upstream.targets.get(config.id)
      const before = target === undefined ? undefined : this.#ours.get(target)
      set.push({ config, unchanged: before !== undefined && saysTheSame(before, config) ? target : undefined })
      if (set.length % SLICE === 0) yield
    }
    return set
  }

  /** Brings in those who are new, and what is new of others. Resolved with the ids that are left out. */
  async #place (set: readonly Found[]): Promise<string[]> {
    const leftOut: string[] = []
    let news: EngineTargetConfig[] = []
    const bringIn = (): void => {
      if (news.length > 0) this.#upstream.revise(news, NONE)
      for (const config of news) {
        const target = this.#upstream.targets.get(config.id)
        // Whoever was told of the change may have taken it out again.
        if (target !== undefined) this.#ours.set(target, config)
      }
      news = []
    }
    for (const { config, unchanged } of set) {
      const target = this.#upstream.targets.get(config.id)
      if (target !== undefined && !this.#ours.has(target)) leftOut.push(config.id)
      else if (target === undefined || target !== unchanged) news.push(config)
      if (news.length < STEP) continue
      bringIn()
      await nextTurn()
      if (this.#closed) return leftOut
    }
    bringIn()
    return leftOut
  }

  /**
   * Those that are not in the set go; but with probes, newcomers may not take requests at first, and may not even have started: then those who can stay
   * until one of them has passed.
   */
  async #letGoOfOthers (set: readonly Found[]): Promise<void> {
    const { targets } = this.#upstream
    const ids = new Set(set.map(({ config }) => config.id))
    const others = new Set<Target>()
    for (const target of this.#ours.keys()) {
      // Taken out by hand, or another server has its id now.
      if (targets.get(target.id) !== target) this.#forget(target)
      else if (ids.has(target.id)) this.#keep(target)
      else others.add(target)
    }
    const areNeeded = set.length > 0 && others.size > 0 && !this.#upstream.balancer.all.some(target => target.eligible && !others.has(target))
    for (const target of others) {
      if (areNeeded && target.eligible) this.#leaving.add(target)
      else this.#retire(target)
    }
    this.#handOver()
    if (this.#ours.size > STEP) await nextTurn()
    this.#waitForHeld()
    await this.#remove()
    if (this.#ours.size > STEP) await nextTurn()
    if (!this.#closed) this.#arrange(set)
  }

  /** It is in the set. */
  #keep (target: Target): void {
    this.#going.delete(target)
    if (this.#held.delete(target)) this.#upstream.balancer.setObsolete(target, false)
  }

  /** It is not: it goes, or is held before. */
  #retire (target: Target): void {
    if (this.#hold === 0) {
      this.#going.add(target)
    } else if (!this.#held.has(target)) {
      this.#held.set(target, this.#upstream.clock.now() + this.#hold)
      this.#upstream.balancer.setObsolete(target, true)
    }
  }

  #forget (target: Target): void {
    this.#ours.delete(target)
    this.#held.delete(target)
  }

  readonly #waitForHeld = (): void => {
    if (this.#closed) return
    const { clock } = this.#upstream
    clock.cancel(this.#holdTimer)
    this.#holdTimer = undefined
    for (const [target, until] of this.#held) {
      if (until > clock.now()) {
        if (until !== Infinity) this.#holdTimer = clock.after(until - clock.now(), this.#waitForHeld, undefined)
        break
      }
      this.#held.delete(target)
      this.#going.add(target)
    }
    void this.#remove()
  }

  #handOver (): void {
    if (this.#leaving.size === 0) {
      this.#endHandover()
      return
    }
    for (const target of this.#leaving) this.#fit.add(target)
    // With another set in the meantime, the time goes on.
    if (this.#deadline !== undefined) return
    this.#deadline = this.#upstream.clock.after(HANDOVER, this.#letGo, undefined)
    this.#upstream.on('target:healthy', this.#onHealthy).on('target:unhealthy', this.#onUnhealthy)
  }

  /** Puts the targets in order: those of others, those of the set, those that leave. */
  #arrange (set: readonly Found[]): void {
    const { all, byId } = this.#upstream.balancer
    const ordered = all.filter(target => !this.#ours.has(target))
    for (const { config: { id } } of set) {
      const target = byId.get(id)
      if (target !== undefined && this.#ours.has(target)) ordered.push(target)
    }
    for (const target of this.#leaving) ordered.push(target)
    for (const target of this.#held.keys()) ordered.push(target)
    if (ordered.some((target, i) => target !== all[i])) this.#upstream.reconcile(configsOf(ordered))
  }

  readonly #onHealthy = ({ target: id }: UpstreamEvent): void => {
    const target = this.#upstream.targets.get(id)!
    if (this.#leaving.has(target)) this.#fit.add(target)
    else if (target.eligible) this.#letGo()
  }

  readonly #onUnhealthy = ({ target: id }: UpstreamEvent): void => {
    if (this.#fit.delete(this.#upstream.targets.get(id)!) && this.#fit.size === 0) this.#letGo()
  }

  readonly #letGo = (): void => {
    this.#endHandover()
    for (const target of this.#leaving) this.#retire(target)
    this.#leaving.clear()
    this.#waitForHeld()
  }

  /** Takes out those who go. The first step is over when it returns, unless it is at work already. */
  async #remove (): Promise<void> {
    if (this.#removing) {
      while (this.#removing) await nextTurn()
      return
    }
    this.#removing = true
    while (this.#going.size > 0 && !this.#closed) {
      const gone = new Set<Target>()
      for (const target of this.#going) {
        this.#going.delete(target)
        this.#forget(target)
        // Somebody may have taken it out meanwhile.
        if (this.#upstream.targets.get(target.id) === target) gone.add(target)
        if (gone.size === STEP) break
      }
      this.#upstream.revise([], gone)
      if (this.#going.size > 0) await nextTurn()
    }
    this.#removing = false
  }

  #endHandover (): void {
    this.#upstream.clock.cancel(this.#deadline)
    this.#deadline = undefined
    this.#fit.clear()
    this.#upstream.off('target:healthy', this.#onHealthy).off('target:unhealthy', this.#onUnhealthy)
  }
}

function configsOf (targets: readonly Target[]): EngineTargetConfig[] {
  return targets.map(({ config }) => config as EngineTargetConfig)
}

function saysTheSame (before: EngineTargetConfig, now: EngineTargetConfig): boolean {
  return before.url === now.url && before.address === now.address && before.weight === now.weight && before.tier === now.tier &&
    before.ownLimit === now.ownLimit && isDeepStrictEqual(before.tags, now.tags) && (before.tls === now.tls || isDeepStrictEqual(before.tls, now.tls))
}
