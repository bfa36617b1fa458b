/** How long targets stay that a source does not find any more, and what it said last, when it says nothing (HAProxy's `hold`). */
import type { Clock, Timer } from '../balancing/clock.js'
import type { Duration } from '../duration.js'
import { milliseconds, object, optional, type Check } from '../options.js'

/** How long targets stay that are not found any more, as HAProxy's `hold`. `Infinity`: for good. */
export interface HoldOptions {
  /**
   * Milliseconds that a target stays which is missing in a set. It keeps its health, its connections and the clients that belong to it, but gets no new
   * clients. When it is found again in that time, nothing has happened. @default 30_000 for DNS, 0 for the others
   */
  obsolete?: Duration
  /**
   * Milliseconds that the last good set stays when its source says that there is none: no such name or record, no such file or key, status 404 or 410.
   * After that there are no targets: an address may belong to another application by then. @default 30_000 for DNS, Infinity for the others
   */
  nx?: Duration
  /** Milliseconds that the last good set stays when its source cannot be asked, or says something that is wrong. @default Infinity */
  timeout?: Duration
}

export interface Hold { obsolete: number, nx: number, timeout: number }

/** For sources that say whole sets, which are to be believed. */
export const HOLD: Hold = { obsolete: 0, nx: Infinity, timeout: Infinity }

/** For DNS: resolvers leave out some of many records, and addresses are given to others. */
export const HOLD_OF_DNS: Hold = { obsolete: 30_000, nx: 30_000, timeout: Infinity }

const time: Check<number> = (value, path, faults) => value === Infinity ? value : milliseconds(0, 100)(value, path, faults)

/** The option `hold` of a source whose defaults are these. */
export function holdOption (defaults: Hold): Check<Hold> {
  return optional(object<Hold>({
    obsolete: optional(time, defaults.obsolete),
    nx: optional(time, defaults.nx),
    timeout: optional(time, defaults.timeout)
  }), defaults)
}

/** A source says that what it looks for does not exist. */
export class AbsentError extends Error {}

/** How long a source has been failing: calls `over` once for each kind of failure that lasts longer than it may. */
export class FailureHold {
  readonly #hold: Hold
  readonly #clock: Clock
  readonly #over: () => void
  readonly #timers = new Map<'nx' | 'timeout', Timer>()

  constructor (hold: Hold, clock: Clock, over: () => void) {
    this.#hold = hold
    this.#clock = clock
    this.#over = over
  }

  failed (error: unknown): void {
    const kind = error instanceof AbsentError ? 'nx' : 'timeout'
    if (this.#hold[kind] !== Infinity && !this.#timers.has(kind)) this.#timers.set(kind, this.#clock.after(this.#hold[kind], this.#over, undefined))
  }

  /** A good set came, or nothing is looked for any more. */
  end (): void {
    for (const timer of this.#timers.values()) this.#clock.cancel(timer)
    this.#timers.clear()
  }
}
