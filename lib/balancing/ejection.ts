/**
 * Passive health: targets whose traffic fails are ejected for a while, then let back on trial. One state machine a target:
 *
 *     in ──(rules below)──▶ out ──(time is up)──▶ trial ──(one success)──▶ in
 *                            ▲                      │
 *                            └──────(a failure)─────┘
 *
 * A target that is out can still get requests as a last resort. One that succeeds brings it back.
 * Whether an ejection is allowed at all (the share that may be out, never the last one) is for `PassiveHealth` to say: that needs the other targets.
 */
import type { Duration, Settled } from '../duration.js'
import { array, boolean, integer, milliseconds, number, object, optional } from '../options.js'
import { RollingCounts } from './rolling-counts.js'

/**
 * When a target whose traffic fails is ejected, and for how long: passive health (nginx `max_fails` and `fail_timeout`, Envoy `outlier_detection`).
 */
export interface EjectionOptions {
  /** Failures in a row after which a target is ejected. @default 5 */
  consecutiveFailures?: number
  /** Share of failed attempts, 0 to 1, at or above which a target is ejected. 0 switches this rule off. @default 0.5 */
  failureRate?: number
  /** Milliseconds that `failureRate` looks back. @default 10_000 */
  window?: Duration
  /** Attempts in the window below which `failureRate` says nothing. @default 20 */
  minimumRequests?: number
  /** Milliseconds of the first ejection; each further one is longer by this much. @default 10_000 */
  ejectionTime?: Duration
  /** Milliseconds no ejection exceeds. @default 300_000 */
  maxEjectionTime?: Duration
  /**
   * Share of the targets, 0 to 1, that may be out at once for bad statuses, timeouts and resets, which may have a common cause; at least one of two
   * or more always may. Targets that cannot be connected to do not count. The last one in is never ejected. For a timeout, nobody is ejected while
   * most of the others fail at least half as often: there is more to do than all can, and fewer can do still less. @default 0.5
   */
  maxEjected?: number
  /** Statuses that count as failures. @default [502, 503, 504] */
  failureStatuses?: number[]
  /**
   * A passing probe ends an ejection at once. Off, because a health page often works when the rest does not. After an outage of all targets, a target
   * that becomes healthy again is no longer ejected in either case. @default false
   */
  restoredByProbe?: boolean
}

export type EjectionRules = Settled<EjectionOptions>

export const ejectionOptions = object<EjectionRules>({
  consecutiveFailures: optional(integer(1), 5),
  failureRate: optional(number(0, 1), 0.5),
  window: optional(milliseconds(1, 100), 10_000),
  minimumRequests: optional(integer(1), 20),
  ejectionTime: optional(milliseconds(1, 100), 10_000),
  maxEjectionTime: optional(milliseconds(1, 500), 300_000),
  maxEjected: optional(number(0, 1), 0.5),
  failureStatuses: optional(array(integer(100, 599)), [502, 503, 504]),
  restoredByProbe: optional(boolean, false)
})

export type Standing = 'in' | 'out' | 'trial'

/** Milliseconds that an ejection lasts at least when it is cut short: targets that still fail are tried no more often. */
const SHORTEST = 1_000
/** Milliseconds after which a trial request that has no response yet is joined by a second one. The wait doubles with each further one. */
const PATIENCE = 1_000

/** What an attempt at an ejected target may decide: a success ends the ejection; a failure prolongs it if the attempt is a trial. */
export interface Chance {
  /** The ejection that it is about. */
  readonly term: number
  readonly trial: boolean
}

export class Ejection {
  standing: Standing = 'in'
  /** When the ejection ends, in the clock's milliseconds; 0 when there is none. */
  until = 0
  /** Why it is out or on trial, in words; undefined when it is in. */
  reason: string | undefined
  /** Failures since the last success. */
  consecutive = 0
  /** An attempt that decides the trial is under way, and no other may begin for now. */
  trying = false
  /** It failed when all targets did, or all of its tier. */
  shared = false
  /** Counts ejections and returns, so that an attempt decides only about the ejection during which it began. */
  term = 0
  /** It could not even be connected to, so it does not count towards `maxEjected`. */
  unreachable = false
  readonly #rules: EjectionRules | false
  /** Attempts, and among them failures; undefined where `failureRate` is 0. */
  readonly #rate: RollingCounts | undefined
  /** Ejections that are not forgiven yet. */
  #times = 0
  #ejectedAt = 0
  #restoredAt = 0
  /** Attempts of this trial so far. */
  #trials = 0
  /** What the failures since the last success have in common; undefined when they differ. */
  #common: string | undefined

  constructor (rules: EjectionRules | false, now: number) {
    this.#rules = rules
    if (rules !== false && rules.failureRate > 0) this.#rate = new RollingCounts(rules.window, now)
  }

  /** May take a request now. */
  get admits (): boolean {
    return this.standing === 'in' || (this.standing === 'trial' && !this.trying)
  }

  /** It is ejected, or would be if others could take its requests. */
  get isDown (): boolean {
    return this.standing !== 'in' || (this.#rules !== false && this.consecutive >= this.#rules.consecutiveFailures)
  }

  /** Share of the attempts of late that failed; 0 where nobody counts. */
  get failing (): number {
    const rate = this.#rate
    return rate === undefined || rate.total === 0 ? 0 : rate.marked / rate.total
  }

  succeeded (now: number): void {
    this.consecutive = 0
    this.#rate?.add(now, 1, 0)
  }

  /** Counts a failure, in words; returns why the target should be ejected, if it should. */
  failed (now: number, why: string): string | undefined {
    if (this.#rules === false) return undefined
    this.consecutive++
    if (this.consecutive === 1) this.#common = why
    else if (this.#common !== why) this.#common = undefined
    this.#rate?.add(now, 1, 1)
    if (this.consecutive >= this.#rules.consecutiveFailures) {
      return this.#common === undefined ? `${this.consecutive} failures in a row, the last: ${why}` : `${this.consecutive} × ${why}`
    }
    const rate = this.#rate
    if (rate === undefined || rate.total < this.#rules.minimumRequests) return undefined
    if (rate.marked < this.#rules.failureRate * rate.total) return undefined
    return `${rate.marked} of ${rate.total} attempts failed, the last: ${why}`
  }

  /**
   * Puts the target out, for a reason in words; returns for how many milliseconds. `shared`: nobody else does better. Ejections do not become longer
   * for that, since it does not show that this target is worse than the others.
   */
  eject (now: number, unreachable: boolean, reason: string, shared = false): number {
    const { ejectionTime, maxEjectionTime } = this.#rules as EjectionRules
    // One step is forgiven for each ejection time it has been well since it came back.
    if (this.standing === 'in') this.#times = Math.max(0, this.#times - Math.floor((now - this.#restoredAt) / ejectionTime))
    if (!shared || this.#times === 0) this.#times++
    const length = Math.min(ejectionTime * this.#times, maxEjectionTime)
    this.standing = 'out'
    this.shared = shared
    this.term++
    this.#ejectedAt = now
    this.until = now + length
    this.unreachable = unreachable
    this.reason = reason
    return length
  }

  /** Somebody serves again after an outage of all: this ejection ends early. Returns in how many milliseconds. */
  shorten (now: number): number {
    this.until = Math.min(this.until, Math.max(now, this.#ejectedAt + SHORTEST))
    return this.until - now
  }

  /** Time is up: the next request is a trial. */
  tryAgain (): void {
    this.standing = 'trial'
    this.trying = false
    this.#trials = 0
  }

  /** A trial request begins; returns after how many milliseconds another may. */
  try (): number {
    this.trying = true
    return PATIENCE * 2 ** this.#trials++
  }

  restore (now: number): void {
    this.standing = 'in'
    this.until = 0
    this.reason = undefined
    this.consecutive = 0
    this.trying = false
    this.unreachable = false
    this.shared = false
    this.term++
    this.#restoredAt = now
    this.#rate?.clear()
  }
}
