/**
 * How long requests take a server at present, given how many it has: the latencies of the last few answers to requests that came when it had about as
 * many.
 */

/** Answers that an estimate is the median of. */
const NEAREST = 16
/** Milliseconds after which an answer is out of date. */
const MAX_AGE = 500
/** Where none is up to date, the last counts for half of itself after so many milliseconds: a server that was slow once must be tried again. */
const HALF_LIFE = 1_000
/** Answers to requests that found more in flight than this are counted among those that found as many. */
const MOST_IN_FLIGHT = 1_023

interface Answers {
  /** Milliseconds each, round and round. */
  readonly latencies: number[]
  readonly at: number[]
  next: number
}

export class RecentLatencies {
  readonly #now: () => number
  /** By requests in flight when the request came. */
  readonly #answers: Array<Answers | undefined> = []
  #last = 0
  #lastAt = -Infinity

  /** `now`: milliseconds that never run backwards. */
  constructor (now: () => number) {
    this.#now = now
  }

  /** A request that found so many others in flight was answered after `ms`. */
  add (inFlight: number, ms: number): void {
    const now = this.#now()
    const level = Math.min(inFlight, MOST_IN_FLIGHT)
    const answers = this.#answers[level] ??= { latencies: [], at: [], next: 0 }
    answers.latencies[answers.next] = ms
    answers.at[answers.next] = now
    answers.next = (answers.next + 1) % NEAREST
    this.#last = ms
    this.#lastAt = now
  }

  /** Milliseconds that a request would take that finds so many in flight; 0 where nothing is known. */
  estimate (inFlight: number): number {
    const now = this.#now()
    const found: number[] = []
    const level = Math.min(inFlight, MOST_IN_FLIGHT)
    const furthest = Math.max(level, this.#answers.length - 1 - level)
    for (let distance = 0; distance <= furthest && found.length < NEAREST; distance++) {
      this.#collect(level + distance, now, found)
      if (distance > 0) this.#collect(level - distance, now, found)
    }
    if (found.length > 0) return found.sort((a, b) => a - b)[found.length >> 1]!
    return this.#last * 0.5 ** ((now - this.#lastAt) / HALF_LIFE)
  }

  #collect (level: number, now: number, found: number[]): void {
    const answers = this.#answers[level]
    if (answers === undefined) return
    for (let i = 0; i < answers.at.length && found.length < NEAREST; i++) {
      if (now - answers.at[i]! <= MAX_AGE) found.push(answers.latencies[i]!)
    }
  }
}
