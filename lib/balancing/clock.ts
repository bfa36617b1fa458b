/** Chance and time as the core sees them. Both are handed in, so that a test or a simulation runs the code that ships. */

/** A number n with 0 <= n < 1. */
export type Random = () => number

/** Whatever the clock's owner uses to name a pending call. */
export type Timer = unknown

/** Times are milliseconds. */
export interface Clock {
  /** Never runs backwards. */
  now (): number
  /** Calls `run(arg)` once, `ms` from now; a pending call does not keep the process alive. */
  after<A> (ms: number, run: (arg: A) => void, arg: A): Timer
  /** Forgets a pending call. */
  cancel (timer: Timer): void
}
