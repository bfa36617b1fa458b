/** A quantile of recent times, in a histogram of buckets that each are a tenth wider than the one before. The last minute counts, or the last two. */
import type { Clock } from '../balancing/clock.js'

const GROWTH = 1.1
const BUCKETS = 160
/** Milliseconds after which the older half is forgotten. */
const HALF_MS = 60_000
/** Fewer times than this say nothing. */
const ENOUGH = 50

export class RecentTimes {
  readonly #now: Clock['now']
  #older = new Uint32Array(BUCKETS)
  #newer = new Uint32Array(BUCKETS)
  #count = 0
  #olderCount = 0
  #turnedAt: number

  constructor (now: Clock['now']) {
    this.#now = now
    this.#turnedAt = now()
  }

  /** Milliseconds. */
  add (ms: number): void {
    this.#turn()
    this.#newer[bucketOf(ms)]!++
    this.#count++
  }

  /** The time that a share `q` of all stays below, in milliseconds; undefined while too few are known. */
  quantile (q: number): number | undefined {
    this.#turn()
    const all = this.#count + this.#olderCount
    if (all < ENOUGH) return undefined
    let bucket = -1
    for (let left = q * all; left > 0 && bucket < BUCKETS - 1;) {
      bucket++
      left -= this.#older[bucket]! + this.#newer[bucket]!
    }
    return upperBound(bucket)
  }

  #turn (): void {
    const now = this.#now()
    if (now - this.#turnedAt < HALF_MS) return
    const skipped = now - this.#turnedAt >= 2 * HALF_MS
    const emptied = this.#older.fill(0)
    this.#older = this.#newer
    this.#newer = emptied
    this.#olderCount = this.#count
    this.#count = 0
    if (skipped) {
      this.#older.fill(0)
      this.#olderCount = 0
    }
    this.#turnedAt = now
  }
}

/** From a tenth of a millisecond on. */
function bucketOf (ms: number): number {
  return Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log(ms * 10) / Math.log(GROWTH))))
}

function upperBound (bucket: number): number {
  return GROWTH ** bucket / 10
}
