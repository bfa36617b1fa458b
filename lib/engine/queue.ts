/** Requests that wait for a slot, first come, first served. */
import type { Clock, Timer } from '../balancing/clock.js'
import type { Duration, Settled } from '../duration.js'
import { integer, milliseconds, object, optional, type Check } from '../options.js'

/** Where requests wait while every target is at its limit. */
export interface QueueOptions {
  /** How many requests may wait at once. Further requests get 503, as all do with 0. @default 1_024 */
  size?: number
  /** Milliseconds a request may wait for a slot before it gets 503. @default 5_000 */
  timeout?: Duration
}

export type QueueSettings = Settled<QueueOptions>

/**
 * A limit protects the targets. It must not fail requests that a short wait would serve, so the queue is on wherever there is a limit. Its length is
 * that of Envoy's `max_pending_requests`: enough for a peak, and little enough for memory. A client that waits for longer than 5 s has mostly left.
 */
const queueFields = object<QueueSettings>({
  size: optional(integer(0), 1_024),
  timeout: optional(milliseconds(1, 50), 5_000)
})

/** `false`: nothing waits. */
export const queueOptions: Check<QueueSettings> = (value, path, faults) =>
  queueFields(value === false ? { size: 0 } : value === undefined || value === true ? {} : value, path, faults)

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
