/** How many of the attempts in the last `window` milliseconds failed: ten buckets that are emptied as time passes over them. */
const BUCKETS = 10

export class FailureRate {
  total = 0
  failed = 0
  readonly #width: number
  readonly #totals = new Uint32Array(BUCKETS)
  readonly #failures = new Uint32Array(BUCKETS)
  /** Number of the newest bucket, counted from time 0. */
  #newest: number

  constructor (window: number, now: number) {
    this.#width = window / BUCKETS
    this.#newest = Math.floor(now / this.#width)
  }

  add (now: number, failed: boolean): void {
    const bucket = Math.floor(now / this.#width)
    if (bucket !== this.#newest) this.#advance(bucket)
    this.#totals[bucket % BUCKETS]!++
    this.total++
    if (failed) {
      this.#failures[bucket % BUCKETS]!++
      this.failed++
    }
  }

  clear (now: number): void {
    this.#advance(Math.floor(now / this.#width) + BUCKETS)
    this.#newest = Math.floor(now / this.#width)
  }

  #advance (bucket: number): void {
    const first = Math.max(this.#newest + 1, bucket - BUCKETS + 1)
    for (let i = first; i <= bucket; i++) {
      const slot = i % BUCKETS
      this.total -= this.#totals[slot]!
      this.failed -= this.#failures[slot]!
      this.#totals[slot] = 0
      this.#failures[slot] = 0
    }
    this.#newest = bucket
  }
}
