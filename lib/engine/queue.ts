/** Requests that wait for a slot, first come, first served. */
import type { Clock, Timer } from '../balancing/clock.js'
import { integer, milliseconds, object, optional } from '../options.js'

/** Where requests wait that find every target at its limit. */
export interface QueueOptions {
  /** Requests that may wait at once; 0 refuses at once what finds no slot. @default 0 */
  size?: number
  /** Milliseconds a request may wait. @default 1_000 */
  timeout?: number
}

export type QueueSettings = Required<QueueOptions>

export const queueOptions = object<QueueSettings>({
  size: optional(integer(0), 0),
  timeout: optional(milliseconds(1), 1_000)
})

/** A request that waits for a slot. */
export interface Waiting {
  /** There may be a slot: leaves the queue, takes it and returns true; or goes on waiting, or leaves. */
  proceed (): boolean
  /** It has waited for too long. */
  expired (): void
}

export class Queue {
  readonly #settings: QueueSettings
  readonly #clock: Clock
  /** In the order of their arrival. */
  readonly #waiting = new Map<Waiting, Timer>()

  constructor (settings: QueueSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  get length (): number { return this.#waiting.size }

  /** False when there is no room. */
  join (waiting: Waiting): boolean {
    if (this.#waiting.size >= this.#settings.size) return false
    this.#waiting.set(waiting, this.#clock.after(this.#settings.timeout, this.#onTimeout, waiting))
    return true
  }

  leave (waiting: Waiting): void {
    const timer = this.#waiting.get(waiting)
    if (this.#waiting.delete(waiting)) this.#clock.cancel(timer)
  }

  /** A slot was given back: it goes to the first who can use it. Not everybody can, when tags or affinity bind them. */
  oneSlot (): void {
    for (const waiting of this.#waiting.keys()) if (waiting.proceed()) return
  }

  /** Somebody may take requests who could not before. */
  manySlots (): void {
    // Whoever joins again meanwhile has had its chance.
    for (const waiting of [...this.#waiting.keys()]) if (this.#waiting.has(waiting)) waiting.proceed()
  }

  readonly #onTimeout = (waiting: Waiting): void => {
    this.#waiting.delete(waiting)
    waiting.expired()
  }
}
