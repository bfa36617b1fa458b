/** The upstreams of a scope, with what belongs to each besides balancing: probes, affinity, header settings. */
import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { MemorySessions } from '../balancing/sessions.js'
import { Discovery } from '../discovery/discovery.js'
import { drainOptions, type DrainOptions } from '../engine/call-options.js'
import { Upstream } from '../engine/upstream.js'
import { logChanges, logDoubts } from '../operations/log.js'
import { Prober } from '../health/prober.js'
import type { SharedSnapshot } from '../sharing/link.js'
import type { Shared } from '../sharing/shared.js'
import { checked, defaultsOf, faultsWith, LONGEST_TIMEOUT, refuse, type Doubt } from '../options.js'
import { AffinityCookie, type SerializeCookie } from './affinity-cookie.js'
import { AffinitySession } from './affinity-session.js'
import type { PathMode } from './paths.js'
import type { Affinity } from './affinity.js'
import { clientLimits, type ClientLimitSettings } from './client-limits.js'
import { hashKeyOf, type ReadKey } from './hash-key.js'
import { reportFieldsOf } from './report-fields.js'
import type { HeaderSettings } from './header-options.js'
import { checkNames, upstreamOption, type UpstreamOptions, type UpstreamSettings } from './options.js'

/** An upstream as the plugin uses it. */
export interface Entry {
  readonly upstream: Upstream
  readonly affinity: Affinity | undefined
  readonly headers: HeaderSettings
  /** Protocols that clients may change to, in lower case. */
  readonly upgrades: ReadonlySet<string>
  /** What of a request the policy goes by. */
  readonly hashKey: ReadKey | undefined
  /** Response fields that targets send for the policy. */
  readonly reportFields: readonly string[]
  readonly prober: Prober | undefined
  readonly discovery: Discovery | undefined
}

/** By HTTP server: sibling scopes have upstreams of their own, but their clients are the same. Names, and how many upstreams have them. */
const cookieNamesOf = new WeakMap<object, Map<string, number>>()

/** `fastify.upstreams`. Iterating yields the upstreams. */
export class Upstreams implements Iterable<Upstream> {
  /** @internal Names of the cookies that are ours, of all scopes of the server: targets do not get to see them. */
  readonly cookieNames: Map<string, number>
  /** @internal What clients may take of the gateway. */
  readonly clientLimits: ClientLimitSettings
  /** @internal The server closes: clients are told not to use their connections again. */
  closing = false
  #cut: NodeJS.Timeout | undefined
  #cutAt = 0
  readonly #entries = new Map<string, Entry>()
  readonly #log: FastifyBaseLogger
  readonly #serializeCookie: SerializeCookie
  readonly #firstProbes = new Set<Promise<unknown>>()
  /** Taken out, and not gone yet. */
  readonly #leaving = new Set<Upstream>()
  readonly #watchers: Array<(upstream: Upstream) => void> = []
  /** @internal What happens to ambiguous paths. */
  readonly paths: PathMode
  readonly #shared: Shared | undefined
  #randomSecret: string | undefined

  /** @internal */
  constructor (server: object, log: FastifyBaseLogger, serializeCookie: SerializeCookie, sharing?: Shared, paths: PathMode = 'strict', limits = defaultsOf(clientLimits)) {
    this.paths = paths
    this.#log = log
    this.#shared = sharing
    this.clientLimits = limits
    this.cookieNames = cookieNamesOf.get(server) ?? new Map()
    cookieNamesOf.set(server, this.cookieNames)
    this.#serializeCookie = serializeCookie
  }

  /** The upstream of this name; undefined where there is none. */
  get (name: string): Upstream | undefined {
    return this.#entries.get(name)?.upstream
  }

  /** Whether there is an upstream of this name. */
  has (name: string): boolean {
    return this.#entries.has(name)
  }

  /** How sharing with other gateways goes; null where there is none. */
  get shared (): SharedSnapshot | null {
    return this.#shared?.snapshot() ?? null
  }

  /** Adds an upstream; its probes start at once. Throws `FST_LB_INVALID_OPTIONS`. */
  add (name: string, options: UpstreamOptions): Upstream {
    const doubts: Doubt[] = []
    const faults = faultsWith(doubts)
    const settings = upstreamOption(options, name, faults)
    checkNames({ [name]: settings }, '', this, faults)
    refuse(faults)
    logDoubts(this.#log, doubts)
    return this.install(name, settings)
  }

  /**
   * Takes an upstream out at once; what is in flight has `drainMs` (default 30,000) to end. Rejects with `FST_LB_INVALID_OPTIONS`,
   * also when there is no such upstream.
   * @returns a promise, resolved when nothing of it is left
   */
  async remove (name: string, options: DrainOptions = {}): Promise<void> {
    const { drainMs } = checked(drainOptions, options, '')
    const entry = this.#entries.get(name)
    if (entry === undefined) {
      refuse([`no upstream ${JSON.stringify(name)}; there are ${[...this.#entries.keys()].join(', ') || 'none'}`])
      return
    }
    this.#entries.delete(name)
    if (entry.affinity instanceof AffinityCookie) this.#countCookie(entry.affinity.name, -1)
    entry.prober?.close()
    entry.discovery?.close()
    this.#shared?.forget(entry.upstream)
    this.#leaving.add(entry.upstream)
    await entry.upstream.close(drainMs)
    this.#leaving.delete(entry.upstream)
  }

  [Symbol.iterator] (): Iterator<Upstream> {
    return [...this.#entries.values()].map(entry => entry.upstream)[Symbol.iterator]()
  }

  /** @internal An upstream with what belongs to it. */
  entry (name: string): Entry | undefined {
    return this.#entries.get(name)
  }

  /** @internal Hands over each upstream: those that are there, and those that come. */
  watch (seen: (upstream: Upstream) => void): void {
    this.#watchers.push(seen)
    for (const upstream of this) seen(upstream)
  }

  /** @internal The upstream that a cookie belongs to. */
  cookieOwner (cookie: string): string | undefined {
    for (const [name, { affinity }] of this.#entries) {
      if (affinity instanceof AffinityCookie && affinity.name === cookie) return name
    }
    return undefined
  }

  /** @internal From options that were checked. */
  install (name: string, settings: UpstreamSettings): Upstream {
    const { active, passive } = settings.health
    const upstream = new Upstream(name, settings, {
      ejection: passive,
      initialHealth: active !== false && active.initial === 'pending' ? 'pending' : 'unchecked',
      fault: (error, where) => { this.#log.error({ err: error, upstream: name }, `${where} has thrown`) }
    })
    logChanges(upstream, this.#log)
    for (const seen of this.#watchers) seen(upstream)
    this.#shared?.watch(upstream)
    const prober = active === false ? undefined : new Prober(upstream, active, this.#shared?.divide(name))
    const discovery = settings.discovery === false ? undefined : new Discovery(upstream, settings.discovery, this.#log)
    upstream.finder = discovery ?? null
    this.#entries.set(name, {
      upstream,
      prober,
      discovery,
      affinity: this.#affinityOf(upstream, settings),
      headers: settings.headers,
      upgrades: settings.upgrades,
      hashKey: hashKeyOf(settings.policy),
      reportFields: reportFieldsOf(settings.policy)
    })
    const probed = prober?.start()
    const found = discovery?.start().then(() => prober?.settled())
    const first: Promise<unknown> = Promise.all([probed, found]).finally(() => this.#firstProbes.delete(first))
    this.#firstProbes.add(first)
    return upstream
  }

  /** @internal Resolved when targets have been found, and each has been probed once, or there was time for it; after `limitMs` at the latest. */
  async probed (limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => { timer = setTimeout(resolve, limitMs) })
    await Promise.race([Promise.all([this.#shared?.begun, ...this.#firstProbes]), late])
    clearTimeout(timer)
  }

  /**
   * @internal The server is about to close, and waits for what is in flight. Nothing is taken away yet, since that may need another attempt; after
   * `drainMs` it is cut, so that the server does not wait for ever.
   */
  beginClosing (drainMs: number): void {
    this.closing = true
    this.#cutAt = performance.now() + drainMs
    this.#cut = setTimeout(() => { void this.close() }, Math.min(drainMs, LONGEST_TIMEOUT)).unref()
  }

  /** @internal The server is closed: what is still in flight has the rest of its time. */
  async close (): Promise<void> {
    clearTimeout(this.#cut)
    const drainMs = Math.max(0, Math.round(this.#cutAt - performance.now()))
    this.#shared?.close()
    const leaving = [...this.#leaving].map(upstream => upstream.close(drainMs))
    await Promise.all([...leaving, ...[...this.#entries.keys()].map(name => this.remove(name, { drainMs }))])
  }

  #affinityOf (upstream: Upstream, { affinity }: UpstreamSettings): Affinity | undefined {
    if (affinity === false) return undefined
    const required = affinity.onUnavailable === 'fail'
    if ('session' in affinity) {
      const { session, ttl, max, learn } = affinity
      const store = this.#shared?.sessions(upstream.name, { ttl, max }) ?? new MemorySessions({ ttl, max, now: upstream.clock.now })
      return new AffinitySession(upstream, session, store, { required, learn })
    }
    const { name = `lb_${upstream.name}`, secret, maxIdle, maxLife, ...attributes } = affinity.cookie
    this.#countCookie(name, 1)
    const secrets = secret ?? [this.#secretOfOurOwn(upstream.name)]
    return new AffinityCookie(upstream, { name, secrets, maxIdle, maxLife, attributes, required }, this.#serializeCookie)
  }

  /** Two scopes may have an upstream of the same name: the cookie is ours for as long as one of them is there. */
  #countCookie (name: string, change: number): void {
    const count = (this.cookieNames.get(name) ?? 0) + change
    if (count === 0) this.cookieNames.delete(name)
    else this.cookieNames.set(name, count)
  }

  #secretOfOurOwn (upstream: string): string {
    const common = this.#shared?.commonSecret
    if (common !== undefined) {
      this.#log.info({ upstream }, 'affinity.cookie has no secret: one is used that all workers have in common, so clients lose their target when the primary restarts, and other gateways do not know their cookies')
      return common
    }
    this.#log.warn({ upstream }, 'affinity.cookie has no secret: a random one is used, so clients lose their target when this process restarts, and other processes do not know their cookies')
    this.#randomSecret ??= randomBytes(32).toString('base64url')
    return this.#randomSecret
  }
}
