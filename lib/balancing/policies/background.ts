import type { Later } from '../policy.js'

/** Work that takes long: it yields wherever it may be interrupted. */
export type Work<T> = Generator<void, T>

/**
 * Makes tables off the path of requests, a slice at a time, so that no request waits for a whole one. Until a new table is there, look-ups go by the
 * one before.
 */
export class Background<T> {
  /** The newest that is complete. */
  current: T | undefined
  readonly #later: Later
  #running = false
  /** Wanted while another one is being made. */
  #next: (() => Work<T>) | undefined

  constructor (later: Later) {
    this.#later = later
  }

  /**
   * Makes a new one: at once where there is none yet, or where that is `quick`; otherwise when it is ready. What was wanted last is what there will
   * be.
   */
  make (begin: () => Work<T>, quick: boolean): void {
    if (this.#running) {
      // The one that is being made is not given up: with a change every second, none would ever be finished.
      this.#next = begin
    } else if (quick || this.current === undefined) {
      this.current = atOnce(begin())
    } else {
      this.#running = true
      this.#slice(begin())
    }
  }

  #slice (work: Work<T>): void {
    this.#later(() => {
      const step = work.next()
      if (step.done !== true) {
        this.#slice(work)
        return
      }
      this.current = step.value
      this.#running = false
      const next = this.#next
      this.#next = undefined
      if (next !== undefined) this.make(next, false)
    })
  }
}

/** Does all of it without a pause. */
export function atOnce<T> (work: Work<T>): T {
  let step = work.next()
  while (step.done !== true) step = work.next()
  return step.value
}
