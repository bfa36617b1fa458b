/** Deadlines of the same length fall due in the order in which they are set: one timer serves all of them. */
import type { Clock, Timer } from '../balancing/clock.js'

export interface Waiter {
  /** When it is due, by the upstream's clock. */
  readonly dueAt: number
  /** It is. It waits no more. */
  due (): void
}

/** Those who wait for this many milliseconds. */
class Line {
  readonly #clock: Clock
  readonly #ms: number
  /** First come, first due. */
  readonly #waiting = new Set<Waiter>()
  #timer: Timer

  constructor (ms: number, clock: Clock) {
    this.#ms = ms
    this.#clock = clock
  }

  join (waiter: Waiter): void {
    if (this.#waiting.size === 0) this.#timer = this.#clock.after(this.#ms, call, this)
    this.#waiting.add(waiter)
  }

  /** Returns whether nobody is left. */
  leave (waiter: Waiter): boolean {
    if (this.#waiting.delete(waiter) && this.#waiting.size === 0) this.#clock.cancel(this.#timer)
    return this.#waiting.size === 0
  }

  call (): void {
    const now = this.#clock.now()
    for (const waiter of this.#waiting) {
      if (waiter.dueAt > now) {
        this.#timer = this.#clock.after(waiter.dueAt - now, call, this)
        return
      }
      this.#waiting.delete(waiter)
      waiter.due()
    }
  }
}

/** All who wait, by how long. */
export class Deadlines {
  readonly #clock: Clock
  readonly #lines = new Map<number, Line>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** `waiter` is due in `ms`, and its `dueAt` says so. */
  join (ms: number, waiter: Waiter): void {
    let line = this.#lines.get(ms)
    if (line === undefined) this.#lines.set(ms, line = new Line(ms, this.#clock))
    line.join(waiter)
  }

  leave (ms: number, waiter: Waiter): void {
    // Lengths of one request alone do not pile up.
    if (this.#lines.get(ms)?.leave(waiter) === true) this.#lines.delete(ms)
  }
}

function call (line: Line): void {
  line.call()
}
