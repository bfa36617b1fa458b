/** Brings what was found into an upstream, beside what is there already. */
import { isDeepStrictEqual } from 'node:util'
import type { Timer } from '../balancing/clock.js'
import type { Target } from '../balancing/target.js'
import type { EngineTargetConfig } from '../engine/target-options.js'
import type { Upstream } from '../engine/upstream.js'
import { refuse } from '../options.js'

/** Targets of a set: with more, a change of them takes seconds. */
const MAX_TARGETS = 100_000

/** Milliseconds that those who go wait for those who come, at most. */
const HANDOVER = 5_000

/**
 * Whose word counts for what:
 * - Targets of the options, and those that were added by hand, are left alone. Each keeps its id: what is found under it is left out.
 * - Which others are there is the source's to say. Their ids differ among themselves, or the whole set is refused.
 * - What is changed of one of those by hand (weight, tier, tags, state) stays, until the source says something else of this target than it did
 *   before.
 */
export class Membership {
  readonly #upstream: Upstream
  /** What was found and is there, with what the source has said of it. */
  #ours = new Map<Target, EngineTargetConfig>()
  /** Of these, the ones that are not in the set any more. */
  #leaving = new Set<Target>()
  #deadline: Timer

  constructor (upstream: Upstream) {
    this.#upstream = upstream
  }

  /**
   * Makes what is found this set. Returns the ids that are left out. Throws `FST_LB_INVALID_OPTIONS` with every fault, and then nothing is changed.
   */
  become (found: unknown): string[] {
    if (Array.isArray(found) && found.length > MAX_TARGETS) refuse([`targets: expected at most ${MAX_TARGETS}, got ${found.length}`])
    const configs = this.#upstream.check(found)
    const there = this.#upstream.targets
    const others = [...there.values()].filter(target => !this.#ours.has(target))
    const taken = new Set(others.map(({ id }) => id))
    const wanted = configs.filter(({ id }) => !taken.has(id))
    const next = wanted.map(config => {
      const target = there.get(config.id)
      return target !== undefined && isDeepStrictEqual(this.#ours.get(target), config) ? target.config as EngineTargetConfig : config
    })
    const staying = [...others, ...next.flatMap(config => isThere(there, config) ? [there.get(config.id)!] : [])]
    this.#leaving = this.#heldOver(new Set(next.map(({ id }) => id)), staying)
    this.#upstream.reconcile([...configsOf(others), ...next, ...configsOf(this.#leaving)])

    const ours = new Map([...this.#leaving].map(target => [target, this.#ours.get(target)!]))
    for (const config of wanted) {
      const target = this.#upstream.targets.get(config.id)
      // Whoever was told of the change may have taken it out again.
      if (target !== undefined) ours.set(target, config)
    }
    this.#ours = ours
    this.#handOver()
    return configs.filter(({ id }) => taken.has(id)).map(({ id }) => id)
  }

  close (): void {
    this.#endHandover()
  }

  /**
   * Who is not in the set any more and has to stay for a moment: with probes, newcomers may not take requests at first, and may not even have
   * started.
   */
  #heldOver (ids: ReadonlySet<string>, staying: Target[]): Set<Target> {
    if (staying.some(({ eligible }) => eligible)) return new Set()
    return new Set([...this.#ours.keys()].filter(target => target.eligible && !ids.has(target.id) && this.#upstream.targets.get(target.id) === target))
  }

  /** Waits until a newcomer may take requests, none of those who go may any more, or time is up. */
  readonly #handOver = (): void => {
    const newcomers = [...this.#ours.keys()].filter(target => !this.#leaving.has(target))
    const fit = [...this.#leaving].some(({ eligible }) => eligible)
    if (!fit || newcomers.length === 0 || newcomers.some(({ eligible }) => eligible)) {
      this.#letGo()
    } else if (this.#deadline === undefined) {
      this.#deadline = this.#upstream.clock.after(HANDOVER, this.#letGo, undefined)
      this.#upstream.on('target:healthy', this.#handOver).on('target:unhealthy', this.#handOver)
    }
  }

  readonly #letGo = (): void => {
    this.#endHandover()
    const gone = this.#leaving
    if (gone.size === 0) return
    this.#leaving = new Set()
    for (const target of gone) this.#ours.delete(target)
    this.#upstream.reconcile(configsOf([...this.#upstream.targets.values()].filter(target => !gone.has(target))))
  }

  #endHandover (): void {
    this.#upstream.clock.cancel(this.#deadline)
    this.#deadline = undefined
    this.#upstream.off('target:healthy', this.#handOver).off('target:unhealthy', this.#handOver)
  }
}

function isThere (targets: ReadonlyMap<string, Target>, { id, url, address }: EngineTargetConfig): boolean {
  const config = targets.get(id)?.config
  return config?.url === url && config.address === address
}

function configsOf (targets: Iterable<Target>): EngineTargetConfig[] {
  return Array.from(targets, ({ config }) => config as EngineTargetConfig)
}
