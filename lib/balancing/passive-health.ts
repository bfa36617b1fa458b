/**
 * Passive health: what traffic says of the targets of one upstream. `Ejection` knows when one of them has failed too often; whether it is taken out
 * for that is decided here, since that needs the others.
 */
import type { Clock, Timer } from './clock.js'
import type { EjectionRules } from './ejection.js'
import { verdictOf, type Outcome, type Settlement } from './outcome.js'
import type { Target } from './target.js'

export interface PassiveHealthOptions {
  readonly rules: EjectionRules | false
  readonly clock: Clock
  /** All targets there are. */
  readonly all: () => readonly Target[]
  /** It is one of the targets still. */
  readonly has: (target: Target) => boolean
  /** Who may be picked has changed: to be worked out before anybody is told. */
  readonly changed: () => void
  /** A target that was out may have a request again, to see how it does. */
  readonly opened: () => void
  readonly ejected: (target: Target, reason: string) => void
  readonly restored: (target: Target, reason: string) => void
}

export class PassiveHealth {
  readonly #options: PassiveHealthOptions
  readonly #failureStatuses: ReadonlySet<number>
  /** When those who are out may come back. */
  readonly #returns = new Map<Target, Timer>()

  constructor (options: PassiveHealthOptions) {
    this.#options = options
    this.#failureStatuses = new Set(options.rules === false ? [] : options.rules.failureStatuses)
  }

  /** An attempt at this target has ended. `trial`: it was the one that decides whether the target comes back. */
  record (target: Target, settlement: Settlement, trial: boolean): void {
    const { outcome, status, why, endedAt } = settlement
    const verdict = verdictOf(settlement, this.#failureStatuses)
    const inWords = outcome === 'bad-status' ? `status ${status}` : why ?? outcome
    target.counters.add(settlement)
    if (verdict === 'bad') {
      target.failures++
      target.counters.lastFailure = inWords
    }
    if (!this.#options.has(target)) return
    if (trial) this.#decide(target, verdict, outcome, inWords)
    else if (verdict === 'good') target.ejection.succeeded(endedAt ?? this.#options.clock.now())
    else if (verdict === 'bad') this.#failed(target, outcome, inWords, endedAt ?? this.#options.clock.now())
  }

  /** The request that decides whether this target comes back has been answered well, whatever becomes of the rest of the answer. */
  proven (target: Target): void {
    if (this.#options.has(target)) this.#decide(target, 'good', 'success', 'success')
  }

  /** Takes it back, before its time or because its trial went well. */
  restore (target: Target, reason: string): void {
    this.forget(target)
    target.ejection.restore(this.#options.clock.now())
    this.#options.restored(target, reason)
  }

  /** Its return is not waited for any more. */
  forget (target: Target): void {
    this.#options.clock.cancel(this.#returns.get(target))
    this.#returns.delete(target)
  }

  #decide (target: Target, verdict: 'good' | 'bad' | 'neutral', outcome: Outcome, why: string): void {
    if (target.ejection.standing !== 'trial') return
    if (verdict === 'good') {
      this.restore(target, 'the trial request succeeded')
    } else if (verdict === 'bad') {
      this.#eject(target, outcome, `the trial request failed: ${why}`)
    } else {
      target.ejection.trying = false
      this.#options.changed()
      this.#options.opened()
    }
  }

  #failed (target: Target, outcome: Outcome, why: string, now: number): void {
    const reason = target.ejection.failed(now, why)
    if (reason !== undefined && target.ejection.standing === 'in' && this.#mayEject(target, outcome)) this.#eject(target, outcome, reason)
  }

  /** Never the last one in; for failures that may have a common cause, only a share of all. */
  #mayEject (target: Target, outcome: Outcome): boolean {
    const { maxEjected } = this.#options.rules as EjectionRules
    const all = this.#options.all()
    const othersIn = all.filter(other => other !== target && other.eligible && other.ejection.standing === 'in')
    if (othersIn.length === 0) return false
    if (outcome === 'connect-failure') return true
    if (outcome === 'timeout' && isCommon(target, othersIn)) return false
    const out = all.reduce((count, other) => count + (other.ejection.standing !== 'in' && !other.ejection.unreachable ? 1 : 0), 0)
    return out < Math.max(1, Math.floor(maxEjected * all.length))
  }

  #eject (target: Target, outcome: Outcome, reason: string): void {
    const length = target.ejection.eject(this.#options.clock.now(), outcome === 'connect-failure', reason)
    this.#returns.set(target, this.#options.clock.after(length, this.#onReturn, target))
    target.counters.ejections++
    this.#options.ejected(target, reason)
  }

  readonly #onReturn = (target: Target): void => {
    this.#returns.delete(target)
    target.ejection.tryAgain()
    this.#options.changed()
    this.#options.opened()
  }
}

/**
 * Most of the others fail, too, at least half as often as this one. When that is by being too slow, there is more to do than all of them can: with
 * fewer of them, the rest would be slower still, and it would not end when its cause does.
 */
function isCommon (target: Target, others: readonly Target[]): boolean {
  const share = target.ejection.failing
  const alike = others.filter(other => other.ejection.failing >= share / 2)
  return share > 0 && alike.length > others.length / 2
}
