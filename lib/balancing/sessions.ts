/** Where learned sessions are kept: session → id of its target. */
import type { Clock } from './clock.js'

export interface SessionStore {
  /** The target of a session, which counts as a use of it. */
  get (session: string): string | undefined
  /** `issued`: a target has made its id. Ids that were only seen in requests may have been made up, and are the first to be forgotten. */
  set (session: string, target: string, issued?: boolean): void
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

/**
 * In memory: forgets what was not used for `ttl` milliseconds. Beyond `max` it forgets the least recently used session of those that were only seen in
 * requests: a client that invents ids must not push out the sessions of others. They have an eighth of the places for themselves, since a client whose
 * session was forgotten is among them.
 */
export class MemorySessions implements SessionStore {
  readonly #ttl: number
  readonly #max: number
  readonly #now: Clock['now']
  readonly #renewed: MemorySessionsOptions['renewed']
  /** Sessions that targets have issued. Least recently used first: a use puts a session at the end. */
  readonly #issued = new Map<string, Known>()
  /** Sessions that were only seen in requests, in the same order. */
  readonly #seen = new Map<string, Known>()

  constructor ({ ttl, max, now, renewed }: MemorySessionsOptions) {
    this.#ttl = ttl
    this.#max = max
    this.#now = now
    this.#renewed = renewed
  }

  get size (): number { return this.#issued.size + this.#seen.size }

  get (session: string): string | undefined {
    const sessions = this.#issued.has(session) ? this.#issued : this.#seen
    const known = sessions.get(session)
    if (known === undefined) return undefined
    const now = this.#now()
    if (known.until <= now) {
      sessions.delete(session)
      return undefined
    }
    const { target } = known
    if (this.#renewed === undefined || now < known.renewAt) {
      this.#put(sessions, session, target, now, known.renewAt)
    } else {
      this.#put(sessions, session, target, now)
      this.#renewed(session, target)
    }
    return target
  }

  set (session: string, target: string, issued = false): void {
    const now = this.#now()
    const sessions = issued || this.#issued.has(session) ? this.#issued : this.#seen
    if (issued) this.#seen.delete(session)
    this.#put(sessions, session, target, now)
    if (this.size > this.#max) this.#forgetOne(now)
  }

  #forgetOne (now: number): void {
    const [oldest] = this.#issued
    const expired = oldest !== undefined && oldest[1].until <= now
    const sessions = expired || this.#seen.size <= Math.max(1, this.#max / 8) ? this.#issued : this.#seen
    sessions.delete(sessions.keys().next().value!)
  }

  /** Those that are remembered, with their targets. */
  * [Symbol.iterator] (): Generator<[string, string]> {
    for (const sessions of [this.#issued, this.#seen]) for (const [session, { target }] of sessions) yield [session, target]
  }

  #put (sessions: Map<string, Known>, session: string, target: string, now: number, renewAt = now + this.#ttl / 2): void {
    sessions.delete(session)
    sessions.set(session, { target, until: now + this.#ttl, renewAt })
  }
}
