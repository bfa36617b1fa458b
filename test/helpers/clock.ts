import type { Clock } from '../../lib/balancing/clock.js'

interface Pending { at: number, run: () => void }

/** Time that stands still until it is told to move. */
export class FakeClock implements Clock {
  #now: number
  readonly #pending = new Set<Pending>()

  constructor (now = 1_700_000_000_000) {
    this.#now = now
  }

  readonly now = (): number => this.#now

  readonly after = <A>(ms: number, run: (arg: A) => void, arg: A): unknown => {
    const pending = { at: this.#now + ms, run: () => { run(arg) } }
    this.#pending.add(pending)
    return pending
  }

  readonly cancel = (timer: unknown): void => {
    this.#pending.delete(timer as Pending)
  }

  /** Calls waiting for their time. */
  get pending (): number { return this.#pending.size }

  /** Lets `ms` pass: what falls due in it runs in its order, each at its own time. */
  advance (ms: number): void {
    const end = this.#now + ms
    while (true) {
      const due = [...this.#pending].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#pending.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.run()
    }
    this.#now = end
  }
}

/** Numbers 0 <= n < 1 that are the same in every run (mulberry32). */
export function seededRandom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
