import { EventQueue } from './event-queue.js'

/** Time that jumps from one event to the next. It has what the core asks of a clock; times are milliseconds from 0. */
export class VirtualClock {
  #now = 0
  #events = new EventQueue()

  now = () => this.#now

  after = (ms, run, arg) => this.#events.plan(this.#now + ms, run, arg)

  cancel = event => { this.#events.cancel(event) }

  /** At a time, or now when that is over. */
  at (time, run, arg) {
    return this.#events.plan(Math.max(time, this.#now), run, arg)
  }

  /** Lets everything happen that falls due until `time`, this included. */
  runUntil (time) {
    while (this.#events.next <= time) this.step()
    this.#now = time
  }

  /** Lets the next thing happen; false when nothing is planned. */
  step () {
    if (this.#events.size === 0) return false
    const { at, run, arg } = this.#events.take()
    this.#now = at
    run(arg)
    return true
  }
}
