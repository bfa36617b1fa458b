/** Plain counts, kept where things happen and read by whoever wants to show them. */
import type { Outcome, Settlement } from './outcome.js'

/** Upper bounds in milliseconds of the classes that times are counted in; there is one more for what is longer. */
export const TIME_BOUNDS: readonly number[] = Object.freeze([1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000])

/** How long things took, by class. */
export class Times {
  /** How many in each class of `TIME_BOUNDS`, and in the one above. */
  readonly counts = new Float64Array(TIME_BOUNDS.length + 1)
  count = 0
  /** Milliseconds in all. */
  sum = 0

  add (ms: number): void {
    let i = 0
    while (i < TIME_BOUNDS.length && ms > TIME_BOUNDS[i]!) i++
    this.counts[i]!++
    this.count++
    this.sum += ms
  }

  /** Milliseconds that a share `q` of all took at most, by straight lines within a class; undefined when there is nothing. */
  quantile (q: number): number | undefined {
    if (this.count === 0) return undefined
    let left = q * this.count
    let i = 0
    while (i < TIME_BOUNDS.length && (this.counts[i] === 0 || left > this.counts[i]!)) left -= this.counts[i++]!
    const from = TIME_BOUNDS[i - 1] ?? 0
    // There is no telling how long the longest took.
    return i === TIME_BOUNDS.length ? from : from + (TIME_BOUNDS[i]! - from) * left / this.counts[i]!
  }
}

/** What has become of the attempts at one target. */
export class TargetCounters {
  /** Attempts that have ended, by how. */
  readonly outcomes: Record<Outcome, number> = {
    success: 0,
    'bad-status': 0,
    'connect-failure': 0,
    timeout: 0,
    reset: 0,
    malformed: 0,
    'client-aborted': 0,
    'client-fault': 0,
    abandoned: 0
  }

  /** Times it was ejected. */
  ejections = 0
  /** From the start of an attempt to the headers of its response. */
  readonly firstByte = new Times()
  /** Why the last attempt that counted against it did; undefined when none has. */
  lastFailure: string | undefined

  add ({ outcome, ttfbMs }: Settlement): void {
    this.outcomes[outcome]++
    if (ttfbMs !== undefined) this.firstByte.add(ttfbMs)
  }
}
