/**
 * Between one upstream and what is held of it: what users change of it becomes entries, and entries of others change it, by the calls below those
 * that users have.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Target, TargetUpdate } from '../balancing/target.js'
import { DRAIN_MS, updateOptions } from '../engine/call-options.js'
import type { Change } from '../engine/change.js'
import type { EngineTargetConfig, TargetOptions } from '../engine/target-options.js'
import type { Upstream } from '../engine/upstream.js'
import { array, checked, milliseconds, string } from '../options.js'
import { FIELDS, isRemoval, type Entry, type Records, type Removal, type What } from './records.js'
import { writtenTarget } from './written-target.js'

/** What is said of a target, or of the order of all. */
export interface Said { what: What, id: string, value: unknown }

const ids = array(string)
const drainMs = milliseconds()

export class Replica {
  readonly #upstream: Upstream
  readonly #records: Records
  /** An entry that cannot be used here. */
  readonly #refused: (entry: Entry, error: unknown) => void

  constructor (upstream: Upstream, records: Records, refused: (entry: Entry, error: unknown) => void) {
    this.#upstream = upstream
    this.#records = records
    this.#refused = refused
    // What was said of it may have come before it, or before discovery had found it.
    upstream.on('target:added', ({ target }) => { this.#amend(target) })
  }

  // ---- what users change ------------------------------------------------------------------------------------------------

  /** What there is to tell of a change. A target with a certificate of its own is left out, and its id is in `kept`. */
  told (change: Change): { said: Said[], kept: string[] } {
    if (change.did === 'remove') return { said: [{ what: 'target', id: change.id, value: { drainMs: change.drainMs } satisfies Removal }], kept: [] }
    if (change.did === 'update') return { said: fieldsOf(change.id, change.update), kept: [] }
    const configs = change.did === 'add' ? [change.config] : change.after
    const before = new Map(change.did === 'add' ? [] : change.before.map(config => [config.id, config]))
    const said: Said[] = []
    const kept: string[] = []
    for (const config of configs) {
      const { id } = config
      const known = before.get(id)
      before.delete(id)
      const value = writtenTarget(config)
      if (known !== undefined && sameBut(known, config)) said.push(...fieldsOf(id, changesTo(known, config)))
      else if (value === undefined) kept.push(id)
      else said.push({ what: 'target', id, value }, ...this.#stateKept(known, config))
    }
    // Those that are left are not in the new set.
    for (const id of before.keys()) said.push({ what: 'target', id, value: { drainMs: DRAIN_MS } satisfies Removal })
    if (change.did === 'replace') said.push({ what: 'order', id: '', value: configs.map(({ id }) => id) })
    return { said, kept }
  }

  /** Another limit or other TLS leave the state as it is; to the others, the target begins anew with them. */
  #stateKept (known: EngineTargetConfig | undefined, { id, url, address }: EngineTargetConfig): Said[] {
    if (known?.url !== url || known.address !== address) return []
    return [{ what: 'state', id, value: this.#upstream.targets.get(id)!.state }]
  }

  // ---- what others have changed -------------------------------------------------------------------------------------------

  /** Brings the upstream to what these entries say, which are held already. */
  apply (news: readonly Entry[]): void {
    const configs = new Map(this.#upstream.configs().map(config => [config.id, config]))
    const drains = new Map<string, number>()
    const begun = new Set<string>()
    for (const entry of news) {
      if (entry.what !== 'target') continue
      this.#use(entry, () => {
        if (isRemoval(entry)) {
          drains.set(entry.id, checked(drainMs, (entry.value as Removal).drainMs, 'drainMs'))
          configs.delete(entry.id)
        } else {
          const [config] = this.#upstream.check([{ ...entry.value as TargetOptions, id: entry.id }]) as [EngineTargetConfig]
          configs.set(entry.id, config)
          begun.add(entry.id)
        }
      })
    }
    const concerned = new Set(news.map(({ id }) => id))
    const wanted = this.#inOrder([...configs.values()].map(config => concerned.has(config.id) ? this.#asSaid(config) : config))
    // A pool of a thousand is brought up to date once, not a thousand times.
    if (!isDeepStrictEqual(wanted, this.#upstream.configs())) this.#upstream.reconcile(wanted, id => drains.get(id) ?? DRAIN_MS)
    for (const id of concerned) this.#amend(id, begun.has(id))
  }

  #asSaid (config: EngineTargetConfig): EngineTargetConfig {
    const { weight = config.weight, tier = config.tier, tags = config.tags } = this.#saidOf(config.id)
    return { ...config, weight, tier, tags }
  }

  /**
   * Of a target that is there, what others have said and what is not so yet. `anew`: it was added by one of them, and so is ready unless somebody has
   * said otherwise since.
   */
  #amend (id: string, anew = false): void {
    const target = this.#upstream.targets.get(id)
    if (target === undefined) return
    const said: TargetUpdate = { ...(anew && { state: 'ready' }), ...this.#saidOf(id) }
    const news = Object.fromEntries(Object.entries(said).filter(([what, value]) => !isDeepStrictEqual(target[what as keyof Target], value)))
    if (Object.keys(news).length > 0) this.#upstream.amend(target, news)
  }

  #saidOf (id: string): TargetUpdate {
    const said: TargetUpdate = {}
    for (const what of FIELDS) {
      const entry = this.#records.get({ upstream: this.#upstream.name, what, id })
      if (entry === undefined) continue
      this.#use(entry, () => { Object.assign(said, { [what]: checked(updateOptions, { [what]: entry.value }, '')[what] }) })
    }
    return said
  }

  /** As somebody has put them; those he did not know come behind, in the order that they have. */
  #inOrder (configs: EngineTargetConfig[]): EngineTargetConfig[] {
    const entry = this.#records.get({ upstream: this.#upstream.name, what: 'order', id: '' })
    if (entry === undefined) return configs
    const places = new Map<string, number>()
    this.#use(entry, () => { checked(ids, entry.value, '').forEach((id, place) => places.set(id, place)) })
    const placeOf = ({ id }: EngineTargetConfig): number => {
      const target = this.#records.get({ upstream: this.#upstream.name, what: 'target', id })
      // Whoever was added after that is behind, whatever place he had before.
      return target !== undefined && target.version > entry.version ? Infinity : places.get(id) ?? Infinity
    }
    return configs.map(config => ({ config, place: placeOf(config) })).sort((a, b) => a.place === b.place ? 0 : a.place - b.place).map(({ config }) => config)
  }

  #use (entry: Entry, use: () => void): void {
    try {
      use()
    } catch (error) {
      this.#refused(entry, error)
    }
  }
}

function fieldsOf (id: string, update: TargetUpdate): Said[] {
  return FIELDS.filter(what => update[what] !== undefined).map(what => ({ what, id, value: update[what] }))
}

/** The same server with the same limit and TLS: the rest can be changed while it lives. */
function sameBut (a: EngineTargetConfig, b: EngineTargetConfig): boolean {
  return a.url === b.url && a.address === b.address && a.ownLimit === b.ownLimit && isDeepStrictEqual(a.tls, b.tls)
}

function changesTo (before: EngineTargetConfig, { weight, tier, tags }: EngineTargetConfig): TargetUpdate {
  return {
    ...(weight !== before.weight && { weight }),
    ...(tier !== before.tier && { tier }),
    ...(!isDeepStrictEqual(tags, before.tags) && { tags })
  }
}
