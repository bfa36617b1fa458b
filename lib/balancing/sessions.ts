/** Where learned sessions are kept: session → id of its target. */
import type { Clock } from './clock.js'

export interface SessionStore {
  /** The target of a session, which counts as a use of it. */
  get (session: string): string | undefined
  set (session: string, target: string): void
}

/** In memory: forgets what was not used for `ttl` milliseconds, and the least recently used beyond `max`. */
export class MemorySessions implements SessionStore {
  readonly #ttl: number
  readonly #max: number
  readonly #now: Clock['now']
  /** Least recently used first: a use puts a session at the end. */
  readonly #sessions = new Map<string, { target: string, until: number }>()

  constructor ({ ttl, max, now }: { ttl: number, max: number, now: Clock['now'] }) {
    this.#ttl = ttl
    this.#max = max
    this.#now = now
  }

  get size (): number { return this.#sessions.size }

  get (session: string): string | undefined {
    const known = this.#sessions.get(session)
    if (known === undefined) return undefined
    if (known.until <= this.#now()) {
      this.#sessions.delete(session)
      return undefined
    }
    this.#put(session, known.target)
    return known.target
  }

  set (session: string, target: string): void {
    this.#put(session, target)
    if (this.#sessions.size > this.#max) this.#sessions.delete(this.#sessions.keys().next().value!)
  }

  #put (session: string, target: string): void {
    this.#sessions.delete(session)
    this.#sessions.set(session, { target, until: this.#now() + this.#ttl })
  }
}
