/**
 * How fast a client must send the body of a request. A body that trickles would hold its slot for as long as the client likes: each byte starts
 * `timeouts.body` anew. Only the time counts in which the gateway waits for the client, not the time that a target takes to read.
 */
import type { Clock } from '../balancing/clock.js'
import { defaultsOf, milliseconds, number, object, optional, switchable, type Check } from '../options.js'

/** How slowly a client may send. */
export interface BodyRateOptions {
  /** Bytes per second that a client has to send while the gateway waits for it. @default 240 */
  bytesPerSecond?: number
  /** Milliseconds that it may be behind that rate. What it sends faster than it must makes up for at most this much. @default 20_000 */
  grace?: number
}

export type BodyRate = Required<BodyRateOptions>

/** The rate is that of ASP.NET's Kestrel (`MinRequestBodyDataRate`), the grace that of Apache's `RequestReadTimeout`. */
const bodyRate = object<BodyRate>({
  bytesPerSecond: optional(number(1), 240),
  grace: optional(milliseconds(), 20_000)
})

/** `false`: clients may be as slow as they like. */
export const bodyRateOption: Check<BodyRate | false> = switchable(bodyRate, defaultsOf(bodyRate))

/** What is asked of a client's request: all of it is here. */
export interface Sending { readonly complete?: boolean }

/** The pace of one client with one body. */
export class Pace {
  readonly #clock: Clock
  readonly #msPerByte: number
  readonly #request: Sending
  /** Milliseconds that the client may be waited for, at most and now. */
  #most: number
  #left: number
  /** Since when it is waited for; -1 while it is not. */
  #since = -1

  constructor ({ bytesPerSecond, grace }: BodyRate, clock: Clock, request: Sending) {
    this.#clock = clock
    this.#msPerByte = 1_000 / bytesPerSecond
    this.#most = this.#left = grace
    this.#request = request
  }

  /** There is nothing to read: from now on the gateway waits for the client. */
  waits (): void {
    if (this.#since === -1) this.#since = this.#clock.now()
  }

  /** So many bytes have come. False: the client is too slow. */
  received (bytes: number): boolean {
    if (this.#since !== -1) {
      this.#left -= this.#clock.now() - this.#since
      this.#since = -1
    }
    this.#left = Math.min(this.#left + bytes * this.#msPerByte, this.#most)
    // What comes late from a hook that has kept it is not the client's doing.
    return this.#left >= 0 || this.#request.complete === true
  }

  /** The response has begun: target and client now talk at their own pace. */
  stop (): void {
    this.#most = this.#left = Infinity
  }
}
