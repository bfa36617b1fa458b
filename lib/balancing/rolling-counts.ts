/** Two counts over the last `window` milliseconds: ten buckets that are emptied as time passes over them. */
const BUCKETS = 10

export class RollingCounts {
  /** Sums over the window, as of the last `add`. */
  total = 0
  marked = 0
  readonly #width: number
  // Not typed arrays: of a thousand targets, these would take longer to make than all the rest.
  readonly #totals: number[] = new Array<number>(BUCKETS).fill(0)
  readonly #marks: number[] = new Array<number>(BUCKETS).fill(0)
  /** Number of the newest bucket, counted from time 0. */
  #newest: number

  constructor (window: number, now: number) {
    this.#width = window / BUCKETS
    this.#newest = Math.floor(now / this.#width)
  }

  add (now: number, total: number, marked: number): void {
    const bucket = Math.floor(now / this.#width)
    if (bucket !== this.#newest) this.#advance(bucket)
    this.#totals[bucket % BUCKETS]! += total
    this.#marks[bucket % BUCKETS]! += marked
    this.total += total
    this.marked += marked
  }

  clear (): void {
    this.#totals.fill(0)
    this.#marks.fill(0)
    this.total = 0
    this.marked = 0
  }

  /** Empties what the window has left behind. */
  #advance (bucket: number): void {
    for (let i = Math.max(this.#newest + 1, bucket - BUCKETS + 1); i <= bucket; i++) {
      const slot = i % BUCKETS
      this.total -= this.#totals[slot]!
      this.marked -= this.#marks[slot]!
      this.#totals[slot] = 0
      this.#marks[slot] = 0
    }
    this.#newest = bucket
  }
}
