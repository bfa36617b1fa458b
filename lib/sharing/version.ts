/**
 * Versions of what is shared, by a hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014). Whoever changes something after
 * having heard of a change has a later version, whatever the clocks of the two machines say. Of changes that knew nothing of each other, the time of
 * day decides, and then the number of the gateway.
 */

/** Milliseconds since the epoch, changes in one of them, number of the gateway: digits only, whose order is the same in every language and locale. */
const FORM = /^0\d{34}$/
const TIME_DIGITS = 15
const COUNT_DIGITS = 5
const COUNT_MAX = 10 ** COUNT_DIGITS - 1

/** Numbers of gateways are below this. */
export const GATEWAYS = 10 ** 14

export class VersionClock {
  readonly #now: () => number
  readonly #gateway: string
  #time = 0
  #count = 0

  /** `gateway`: drawn once for each gateway, out of `GATEWAYS`. */
  constructor (now: () => number, gateway: number) {
    this.#now = now
    this.#gateway = digits(gateway, TIME_DIGITS)
  }

  /** The version of a change made now: later than all that were made here, or seen. */
  next (): string {
    const now = Math.floor(this.#now())
    if (now > this.#time) this.#set(now, 0)
    else if (this.#count === COUNT_MAX) this.#set(this.#time + 1, 0)
    else this.#count++
    return digits(this.#time, TIME_DIGITS) + digits(this.#count, COUNT_DIGITS) + this.#gateway
  }

  /** A change of this version was made elsewhere. */
  saw (version: string): void {
    const time = timeOf(version)
    const count = Number(version.slice(TIME_DIGITS, TIME_DIGITS + COUNT_DIGITS))
    if (time > this.#time || (time === this.#time && count > this.#count)) this.#set(time, count)
  }

  /** The change was made here. */
  isOurs (version: string): boolean {
    return version.endsWith(this.#gateway)
  }

  #set (time: number, count: number): void {
    this.#time = time
    this.#count = count
  }
}

export function isVersion (value: unknown): value is string {
  return typeof value === 'string' && FORM.test(value)
}

/** Milliseconds since the epoch, or what has been taken for it. */
export function timeOf (version: string): number {
  return Number(version.slice(0, TIME_DIGITS))
}

function digits (value: number, length: number): string {
  return String(value).padStart(length, '0')
}
