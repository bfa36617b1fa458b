/** Where learned sessions are kept: session → id of its target. */
import type { Clock } from './clock.js'

export interface SessionStore {
  /** The target of a session, which counts as a use of it. */
  get (session: string): string | undefined
  set (session: string, target: string): void
  /** Looks elsewhere for one that is not known here; undefined where there is no place to look. Never rejects. */
  find? (session: string): Promise<string | undefined> | undefined
}

interface Known { target: string, until: number, renewAt: number }

export interface MemorySessionsOptions {
  ttl: number
  max: number
  now: Clock['now']
  /** Told of a session that is in use, once in half of `ttl`. */
  renewed?: (session: string, target: string) => void
}

/** In memory: forgets what was not used for `ttl` milliseconds, and the least recently used beyond `max`. */
export class MemorySessions implements SessionStore {
  readonly #ttl: number
  readonly #max: number
  readonly #now: Clock['now']
  readonly #renewed: MemorySessionsOptions['renewed']
  /** Least recently used first: a use puts a session at the end. */
  readonly #sessions = new Map<string, Known>()

  constructor ({ ttl, max, now, renewed }: MemorySessionsOptions) {
    this.#ttl = ttl
    this.#max = max
    this.#now = now
    this.#renewed = renewed
  }

  get size (): number { return this.#sessions.size }

  get (session: string): string | undefined {
    const known = this.#sessions.get(session)
    if (known === undefined) return undefined
    const now = this.#now()
    if (known.until <= now) {
      this.#sessions.delete(session)
      return undefined
    }
    const { target } = known
    if (this.#renewed === undefined || now < known.renewAt) {
      this.#put(session, target, now, known.renewAt)
    } else {
      this.#put(session, target, now)
      this.#renewed(session, target)
    }
    return target
  }

  set (session: string, target: string): void {
    this.#put(session, target, this.#now())
    if (this.#sessions.size > this.#max) this.#sessions.delete(this.#sessions.keys().next().value!)
  }

  /** Those that are remembered, with their targets. */
  * [Symbol.iterator] (): Generator<[string, string]> {
    for (const [session, { target }] of this.#sessions) yield [session, target]
  }

  #put (session: string, target: string, now: number, renewAt = now + this.#ttl / 2): void {
    this.#sessions.delete(session)
    this.#sessions.set(session, { target, until: now + this.#ttl, renewAt })
  }
}
