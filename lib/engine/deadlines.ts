/** Deadlines of the same length fall due in the order in which they are set: one timer serves all of them. */
import type { Clock, Timer } from '../balancing/clock.js'

export interface Waiter {
  /** When it is due, by the upstream's clock. */
  readonly dueAt: number
  /** It is due, and has left its line. */
  due (): void
}

/** The deadlines of one length. */
class Line {
  readonly #clock: Clock
  readonly #deadlines: Deadlines
  readonly #ms: number
  /** First come, first due. */
  readonly #waiting = new Set<Waiter>()
  #timer: Timer

  constructor (ms: number, deadlines: Deadlines) {
    this.#clock = deadlines.clock
    this.#deadlines = deadlines
    this.#ms = ms
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
      if (waiter.dueAt > now) break
      this.#waiting.delete(waiter)
      waiter.due()
    }
    // Whoever was due may have joined again as the first, which has set a timer.
    this.#clock.cancel(this.#timer)
    const [next] = this.#waiting
    if (next === undefined) this.#deadlines.close(this.#ms, this)
    else this.#timer = this.#clock.after(next.dueAt - now, call, this)
  }
}

/** All deadlines of an upstream, by their lengths. */
export class Deadlines {
  readonly clock: Clock
  readonly #lines = new Map<number, Line>()

  constructor (clock: Clock) {
    this.clock = clock
  }

  /** Lengths that somebody waits for. */
  get size (): number { return this.#lines.size }

  /** `waiter` is due in `ms`, and its `dueAt` says so. */
  join (ms: number, waiter: Waiter): void {
    let line = this.#lines.get(ms)
    if (line === undefined) this.#lines.set(ms, line = new Line(ms, this))
    line.join(waiter)
  }

  leave (ms: number, waiter: Waiter): void {
    const line = this.#lines.get(ms)
    if (line?.leave(waiter) === true) this.close(ms, line)
  }

  /** @internal Nobody is left in this line: lengths of one request alone do not pile up. */
  close (ms: number, line: Line): void {
    if (this.#lines.get(ms) === line) this.#lines.delete(ms)
  }
}

/**
 * One deadline that may be set anew, and moved, any number of times. To move it later costs nothing: a timer that comes too early looks at it again.
 */
export class Countdown implements Waiter {
  /** When its line, or its timer, looks at it; Infinity when neither will. */
  dueAt = Infinity
  /** When it is due; Infinity for never. */
  #at = Infinity
  readonly #deadlines: Deadlines
  readonly #owner: Owner
  /** Milliseconds of the line it waits in, 0 for none. */
  #line = 0
  /** A timer of its own, from when its line has come too early because the deadline had moved. */
  #timer: Timer

  constructor (deadlines: Deadlines, owner: Owner) {
    this.#deadlines = deadlines
    this.#owner = owner
  }

  get running (): boolean { return this.#at !== Infinity }

  /** `ms` from `now`; 0 for never. */
  set (ms: number, now: number): void {
    this.#at = ms === 0 ? Infinity : now + ms
    if (this.#at >= this.dueAt) return
    this.stop()
    this.#at = this.dueAt = now + ms
    this.#line = ms
    this.#deadlines.join(ms, this)
  }

  /** It is due at `at`, which is later than before. */
  moveTo (at: number): void {
    this.#at = at
  }

  stop (): void {
    if (this.#line > 0) this.#deadlines.leave(this.#line, this)
    this.#line = 0
    this.#deadlines.clock.cancel(this.#timer)
    this.#at = this.dueAt = Infinity
  }

  /** @internal Its line, or its timer, looks at it. */
  due (): void {
    this.#line = 0
    this.dueAt = Infinity
    if (this.#at === Infinity) return
    const left = this.#at - this.#deadlines.clock.now()
    if (left > 0) {
      this.dueAt = this.#at
      this.#timer = this.#deadlines.clock.after(left, due, this)
    } else {
      this.#owner.deadlinePassed()
    }
  }
}

/** Whose deadline it is. */
export interface Owner { deadlinePassed (): void }

function call (line: Line): void {
  line.call()
}

function due (countdown: Countdown): void {
  countdown.due()
}
