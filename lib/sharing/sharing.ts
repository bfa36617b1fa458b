/**
 * What gateways have in common. Each holds all of it and works without the others: a change is made here first, then kept in the store and told.
 * Whoever comes later, or has lost the store, reads all that is kept, and puts there what is missing or older there. Nothing that comes from others
 * is told again.
 */
import { randomInt } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Clock, Random } from '../balancing/clock.js'
import type { Log } from '../engine/log.js'
import type { Change } from '../engine/change.js'
import { Pauses } from '../engine/pauses.js'
import type { WaitTools } from '../engine/within.js'
import type { Upstream } from '../engine/upstream.js'
import { isObject } from '../options.js'
import { Link, type SharedSnapshot } from './link.js'
import { entry, isOld, parse, read, Records, written, type Entry } from './records.js'
import { Replica } from './replica.js'
import type { SharedSettings, SharedStore } from './store.js'
import { GATEWAYS, VersionClock } from './version.js'

/** Milliseconds until all that is kept is read again: messages are not certain to arrive. Half of that to one and a half. */
const LOOK = 10_000
/** The same while the store is lost. */
const LOOK_AGAIN = 1_000
/** Characters of a message: a change of 100,000 targets has about 20 million. Redis itself closes the connection of whoever lags by 32 MB. */
const LONGEST_MESSAGE = 33_554_432
/** Keys whose values cannot be used here, and of which that is remembered. */
const REFUSED = 1_000
/** A removal is held for a day: whoever was away for longer, and still has the target, brings it back. */
const REMOVED = 86_400_000

export interface SharingParts { clock: Clock, random: Random, log: Log }

export class Sharing {
  /** Tells this gateway from others. */
  readonly gateway = String(randomInt(GATEWAYS))
  readonly link: Link
  /** For whatever waits as long as this lasts. */
  readonly waiting: WaitTools
  readonly probes: SharedSettings['probes']
  readonly #store: SharedStore
  readonly #random: Random
  readonly #log: Log
  readonly #versions: VersionClock
  readonly #records = new Records()
  readonly #replicas = new Map<string, Replica>()
  readonly #topics = new Map<string, (said: unknown, gateway: string) => void>()
  readonly #returns = new Map<string, () => void>()
  readonly #closing = new AbortController()
  readonly #pauses: Pauses
  /** The store may have lost what it had: it was lost for a moment that nobody noticed, perhaps. */
  #wasAway = false
  #looking: Promise<Record<string, string>> | undefined
  #hasBegun!: () => void
  readonly #begun = new Promise<void>(resolve => { this.#hasBegun = resolve })
  /** Versions that cannot be used here, by key: each is told once. */
  readonly #refused = new Map<string, string>()

  constructor ({ store, probes }: SharedSettings, { clock, random, log }: SharingParts) {
    this.probes = probes
    this.#store = store
    this.#random = random
    this.#log = log
    this.#versions = new VersionClock(clock.now, Number(this.gateway))
    this.waiting = { clock, signal: this.#closing.signal }
    // As many as there are calls to the store at a time.
    setMaxListeners(0, this.#closing.signal)
    this.link = new Link(store, this.waiting, log)
    this.#pauses = new Pauses(this.waiting)
    this.on('changes', said => { this.#hear(said) })
  }

  /** Begins. */
  open (): void {
    this.#store.open({ heard: this.#heard, missed: this.#missed })
    void this.#run()
  }

  readonly #missed = (): void => {
    this.#wasAway = true
    this.#pauses.wake()
  }

  /** Resolved when what is held has been taken over for the first time, or could not be. */
  get begun (): Promise<void> { return this.#begun }

  /** The secret that all have in common; undefined where the store has none, or does not say. */
  async secret (): Promise<string | undefined> {
    if (this.#store.secret === undefined) return undefined
    return this.link.ask(store => store.secret!()).catch(() => undefined)
  }

  /** From now on what users change of it is told, and what others have changed is done. */
  watch (upstream: Upstream): void {
    const { name } = upstream
    const replica = new Replica(upstream, this.#records, (entry, error) => { this.#refuse(entry, error) })
    this.#replicas.set(name, replica)
    upstream.changing = change => { this.#tell(name, replica, change) }
    replica.apply([...this.#records].filter(entry => entry.upstream === name))
  }

  /** It was taken out: what is said of it is held for others. */
  forget (upstream: Upstream): void {
    upstream.changing = undefined
    this.#replicas.delete(upstream.name)
    for (const heard of [this.#topics, this.#returns]) {
      for (const topic of [...heard.keys()]) if (topic.endsWith(`/${upstream.name}`)) heard.delete(topic)
    }
  }

  snapshot (): SharedSnapshot {
    const { sessions, ...counts } = this.link.counts
    return { ...counts, sessions: { ...sessions } }
  }

  close (): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#hasBegun()
    this.#store.close()
  }

  // ---- messages -----------------------------------------------------------------------------------------------------------

  /** What other gateways say on this topic. One that ends with `/` and the name of an upstream ends with the upstream. */
  on (topic: string, heard: (said: unknown, gateway: string) => void): void {
    this.#topics.set(topic, heard)
  }

  /** Called when the store had been lost, and is back, or may have been. */
  onReturn (topic: string, run: () => void): void {
    this.#returns.set(topic, run)
  }

  /** Says something to all others who are there now. While the store is lost, nothing. */
  say (topic: string, said: unknown): void {
    if (this.link.up) this.link.ask(store => store.publish(this.#message(topic, said))).catch(ignored)
  }

  #message (topic: string, said: unknown): string {
    return JSON.stringify({ from: this.gateway, topic, said })
  }

  readonly #heard = (text: string): void => {
    const message = parse(text, error => { this.#unreadable('a message', error) }, LONGEST_MESSAGE)
    if (typeof message?.from !== 'string' || message.from === this.gateway) return
    this.#topics.get(message.topic as string)?.(message.said, message.from)
  }

  // ---- changes ------------------------------------------------------------------------------------------------------------

  #tell (upstream: string, replica: Replica, change: Change): void {
    const { said, kept } = replica.told(change)
    if (kept.length > 0) this.#log.warn({ upstream, targets: kept }, 'targets with a certificate of their own are not shared')
    const entries = said.map(({ value, ...subject }) => entry({ upstream, ...subject }, this.#versions.next(), value))
    for (const entry of entries) this.#records.merge(entry)
    this.link.counts.told += entries.length
    // While the store is lost: what it lacks when it is back is given to it then.
    if (this.link.up) this.#give(entries).catch(ignored)
  }

  /** Has these kept, and tells everybody who is there now. */
  async #give (entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return
    const said = Object.fromEntries(entries.map(entry => [entry.key, written(entry)]))
    // Clients may keep what they are asked until the store is back: what is kept as late as that is told then, though nobody waits for it any more.
    await this.link.ask(async store => {
      await Promise.all(entries.map(entry => store.put(entry.key, said[entry.key]!)))
      await store.publish(this.#message('changes', said))
    })
  }

  #hear (said: unknown): void {
    if (!isObject(said)) return
    const news: Entry[] = []
    const late: Entry[] = []
    for (const entry of this.#entriesOf(said)) {
      const held = this.#records.held(entry.key)
      if (this.#take(entry)) news.push(entry)
      // It has been put over a later one of ours, perhaps.
      else if (held !== undefined && held.version > entry.version && this.#versions.isOurs(held.version)) late.push(held)
    }
    this.#apply(news)
    this.#give(late).catch(ignored)
  }

  #entriesOf (texts: Record<string, unknown>): Entry[] {
    const before = this.#oldest()
    return Object.entries(texts).map(([key, text]) => typeof text === 'string' ? read(key, text, error => { this.#unreadable(key, error) }) : undefined)
      .filter(entry => entry !== undefined && !isOld(entry, before)) as Entry[]
  }

  #oldest (): number {
    return this.waiting.clock.now() - REMOVED
  }

  #take (entry: Entry): boolean {
    this.#versions.saw(entry.version)
    return this.#records.merge(entry)
  }

  #apply (news: readonly Entry[]): void {
    this.link.counts.heard += news.length
    for (const [name, replica] of this.#replicas) {
      const its = news.filter(({ upstream }) => upstream === name)
      if (its.length > 0) replica.apply(its)
    }
  }

  #refuse (entry: Entry, error: unknown): void {
    if (!this.#isNews(entry.key, entry.version)) return
    this.#log.warn({ upstream: entry.upstream, target: entry.id, err: error }, `the ${entry.what} that another gateway has set cannot be used here`)
  }

  /** What is none of ours is passed over, and what is beyond all bounds as well. But that is told: it may have been put there to do harm. */
  #unreadable (key: string, error: unknown): void {
    const reason = (error as Error).message
    if (this.#isNews(`unreadable/${key}`, reason)) this.#log.warn({ key, err: error }, 'a value in the shared store exceeds a bound, ignoring it')
  }

  /** Something is wrong with this key that was not told before. Beyond `REFUSED` keys, nothing is told: whoever writes them might fill the log. */
  #isNews (key: string, what: string): boolean {
    if (this.#refused.get(key) === what || (this.#refused.size >= REFUSED && !this.#refused.has(key))) return false
    this.#refused.set(key, what)
    return true
  }

  // ---- all that is held ---------------------------------------------------------------------------------------------------

  async #run (): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.#look().catch(ignored)
      this.#hasBegun()
      await this.#pauses.pause(this.link.up ? LOOK * (0.5 + this.#random()) : LOOK_AGAIN)
    }
  }

  /** Reads all that is kept; puts there what is missing or older there. */
  async #look (): Promise<void> {
    const held = await this.link.ask(() => this.#held())
    const wasAway = this.link.reached() || this.#wasAway
    this.#wasAway = false
    this.#records.forget(this.#oldest())
    const kept = this.#entriesOf(held)
    this.#apply(kept.filter(entry => this.#take(entry)))
    const versions = new Map(kept.map(({ key, version }) => [key, version]))
    const lacking = [...this.#records].filter(({ key, version }) => versions.get(key) !== version)
    // Removals that are forgotten, and what was said of a target before it began anew. What is no entry may be that of a later release.
    const useless = Object.keys(held).filter(key => this.#records.held(key) === undefined && read(key, held[key]!) !== undefined)
    await this.#give(lacking)
    await this.link.ask(store => Promise.all(useless.map(key => store.drop(key))))
    if (wasAway) for (const run of this.#returns.values()) run()
  }

  /** While a store is away, clients may keep what they are asked until it is back: one question is enough. */
  #held (): Promise<Record<string, string>> {
    this.#looking ??= this.#store.held().finally(() => { this.#looking = undefined })
    return this.#looking
  }
}

function ignored (): void {}
