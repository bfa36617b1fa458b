/**
 * Learned sessions that gateways have in common. Each knows those that it has seen; one that it does not know is looked up, which is given up after
 * 50 ms. What it learns is told behind the response, which waits for nothing.
 */
import { createHash } from 'node:crypto'
import { MemorySessions, type SessionStore } from '../balancing/sessions.js'
import { within } from '../engine/within.js'
import type { Link } from './link.js'
import type { Sharing } from './sharing.js'

/** Milliseconds that a request waits for the store, which is then to know nothing of the session. */
const PATIENCE = 50
/** Calls that the store has not answered: beyond that it is not asked, or the memory would fill while it hangs. */
const PENDING = 1_000
/** Sessions that are told at a time when the store is back. */
const AT_ONCE = 100

export interface SharedSessionsOptions { ttl: number, max: number }

export class SharedSessions implements SessionStore {
  readonly #sharing: Sharing
  readonly #link: Link
  readonly #upstream: string
  readonly #topic: string
  readonly #ttl: number
  readonly #known: MemorySessions
  #pending = 0

  constructor (sharing: Sharing, upstream: string, { ttl, max }: SharedSessionsOptions) {
    this.#sharing = sharing
    this.#link = sharing.link
    this.#upstream = upstream
    this.#ttl = ttl
    this.#known = new MemorySessions({ ttl, max, now: sharing.waiting.clock.now, renewed: (key, target) => { this.#remember(key, target).catch(ignored) } })
    this.#topic = `sessions/${upstream}`
    sharing.on(this.#topic, said => { this.#moved(said) })
    sharing.onReturn(this.#topic, () => { this.#tellAll().catch(ignored) })
  }

  get (session: string): string | undefined {
    return this.#known.get(keyOf(session))
  }

  set (session: string, target: string, issued = false): void {
    const key = keyOf(session)
    const before = this.#known.get(key)
    this.#known.set(key, target, issued)
    this.#remember(key, target).catch(ignored)
    // Those who know it believe that it is still where it was.
    if (before !== undefined && before !== target) this.#sharing.say(this.#topic, [key, target])
  }

  find (session: string): Promise<string | undefined> | undefined {
    const { sessions } = this.#link.counts
    if (!this.#mayAsk()) {
      sessions.late++
      return undefined
    }
    return this.#recall(keyOf(session)).then(target => {
      sessions[target === undefined ? 'unknown' : 'found']++
      return target
    }, () => {
      sessions.late++
      return undefined
    })
  }

  async #recall (key: string): Promise<string | undefined> {
    const target = await within(PATIENCE, this.#sharing.waiting, () => this.#counted(this.#link.store.recall(this.#name(key))))
    if (typeof target !== 'string') return undefined
    this.#known.set(key, target)
    return target
  }

  async #remember (key: string, target: string): Promise<void> {
    if (this.#mayAsk()) await this.#counted(this.#link.store.remember(this.#name(key), target, this.#ttl))
  }

  #mayAsk (): boolean {
    return this.#link.up && this.#pending < PENDING
  }

  /** Until it is answered, whether somebody still waits for that or not. */
  async #counted<T> (answer: Promise<T>): Promise<T> {
    this.#pending++
    try {
      return await answer
    } finally {
      this.#pending--
    }
  }

  #name (key: string): string {
    return `${this.#upstream}/${key}`
  }

  #moved (said: unknown): void {
    const [key, target] = Array.isArray(said) ? said as unknown[] : []
    if (typeof key === 'string' && typeof target === 'string' && this.#known.get(key) !== undefined) this.#known.set(key, target)
  }

  /** The store may have lost them. */
  async #tellAll (): Promise<void> {
    const all = [...this.#known]
    for (let i = 0; i < all.length && this.#link.up; i += AT_ONCE) {
      await Promise.all(all.slice(i, i + AT_ONCE).map(([key, target]) => this.#remember(key, target)))
    }
  }
}

/** A session's id is a secret of its user: the store gets to see its digest. */
function keyOf (session: string): string {
  return createHash('sha256').update(session).digest('base64url')
}

function ignored (): void {}
