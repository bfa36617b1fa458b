/**
 * Passive health: what traffic says of the targets of one upstream. `Ejection` knows when one of them has failed too often; whether it is taken out
 * for that is decided here, since that needs the others.
 */
import type { Clock, Timer } from './clock.js'
import { failingWith } from './common-cause.js'
import type { Chance, EjectionRules } from './ejection.js'
import { verdictOf, type Outcome, type Settlement, type Verdict } from './outcome.js'
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
  /** `shared`: it was out because all targets were, or all of its tier. */
  readonly restored: (target: Target, reason: string, shared: boolean) => void
}

export class PassiveHealth {
  readonly #options: PassiveHealthOptions
  readonly #failureStatuses: ReadonlySet<number>
  /** When those who are out may come back, and when those who are on trial may have another request. */
  readonly #returns = new Map<Target, Timer>()

  constructor (options: PassiveHealthOptions) {
    this.#options = options
    this.#failureStatuses = new Set(options.rules === false ? [] : options.rules.failureStatuses)
  }

  /** An attempt at this target begins. Returns what it may decide: when the target is on trial, or gets a request as a last resort. */
  began (target: Target): Chance | undefined {
    const { ejection } = target
    if (ejection.standing === 'in') return undefined
    const trial = ejection.standing === 'trial' && !ejection.trying
    if (trial) {
      this.#waitFor(target, ejection.try(), this.#onPatienceLost)
      this.#options.changed()
    }
    return { term: ejection.term, trial }
  }

  /** An attempt at this target has ended. */
  record (target: Target, settlement: Settlement, chance: Chance | undefined): void {
    const { outcome, status, why, endedAt } = settlement
    const verdict = verdictOf(settlement, this.#failureStatuses)
    const inWords = outcome === 'bad-status' ? `status ${status}` : why ?? outcome
    target.counters.add(settlement)
    if (verdict === 'bad') {
      target.failures++
      target.counters.lastFailure = inWords
    }
    if (!this.#options.has(target)) return
    if (chance !== undefined) this.#decide(target, chance, verdict, outcome, inWords)
    else if (verdict === 'good') this.#succeeded(target, endedAt ?? this.#options.clock.now())
    else if (verdict === 'bad') this.#failed(target, outcome, inWords, endedAt ?? this.#options.clock.now())
  }

  /** A request that may end this target's ejection has been answered well, whatever becomes of the rest of the answer. */
  proven (target: Target, chance: Chance): void {
    if (this.#options.has(target)) this.#decide(target, chance, 'good', 'success', 'success')
  }

  /** Probes have found this. It ends an ejection where that was asked for, and where the probes had seen an outage of all targets, too. */
  probed (target: Target, health: 'healthy' | 'unhealthy'): void {
    const { rules } = this.#options
    if (rules === false || health === 'unhealthy' || target.ejection.standing === 'in') return
    if (rules.restoredByProbe || (target.ejection.shared && target.health === 'unhealthy')) this.restore(target, 'a probe passed')
  }

  /** This target is down, by its traffic or its probes. When it was the last that was not, all have failed together. */
  fell (target: Target): void {
    for (const other of failingWith(target, this.#options.all())) other.ejection.shared = true
  }

  /** Takes it back, before its time or because a request of it went well. */
  restore (target: Target, reason: string): void {
    const { shared } = target.ejection
    this.forget(target)
    target.ejection.restore(this.#options.clock.now())
    this.#options.restored(target, reason, shared)
    if (shared) this.#outageIsOver()
  }

  /** Nothing is waited for any more. */
  forget (target: Target): void {
    this.#options.clock.cancel(this.#returns.get(target))
    this.#returns.delete(target)
  }

  #decide (target: Target, { term, trial }: Chance, verdict: Verdict, outcome: Outcome, why: string): void {
    if (term !== target.ejection.term) return
    if (verdict === 'good') {
      this.restore(target, trial ? 'the trial request succeeded' : 'a request succeeded that it got as a last resort')
    } else if (trial && verdict === 'bad') {
      this.#eject(target, outcome, `the trial request failed: ${why}`)
    } else if (trial) {
      this.forget(target)
      this.#open(target)
    }
  }

  #succeeded (target: Target, now: number): void {
    const { ejection } = target
    ejection.succeeded(now)
    if (!ejection.shared) return
    ejection.shared = false
    this.#outageIsOver()
  }

  /** One of the targets that failed together serves again: the others need not wait for the end of their ejections to be tried. */
  #outageIsOver (): void {
    const now = this.#options.clock.now()
    for (const target of this.#options.all()) {
      const { ejection } = target
      if (ejection.shared && ejection.standing === 'out') this.#waitFor(target, ejection.shorten(now), this.#onReturn)
    }
  }

  #failed (target: Target, outcome: Outcome, why: string, now: number): void {
    const { ejection } = target
    const reason = ejection.failed(now, why)
    if (reason === undefined || ejection.standing !== 'in') return
    if (this.#mayEject(target, outcome)) this.#eject(target, outcome, reason)
    else if (ejection.isDown && !ejection.shared) this.fell(target)
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
    const together = failingWith(target, this.#options.all())
    for (const other of together) other.ejection.shared = true
    const length = target.ejection.eject(this.#options.clock.now(), outcome === 'connect-failure', reason, together.length > 0)
    this.#waitFor(target, length, this.#onReturn)
    target.counters.ejections++
    this.#options.ejected(target, reason)
  }

  #waitFor (target: Target, length: number, run: (target: Target) => void): void {
    this.#options.clock.cancel(this.#returns.get(target))
    this.#returns.set(target, this.#options.clock.after(length, run, target))
  }

  readonly #onReturn = (target: Target): void => {
    this.#returns.delete(target)
    target.ejection.tryAgain()
    this.#open(target)
  }

  /** The trial takes long, which says nothing: the request may be a long poll, or the target may still hang. */
  readonly #onPatienceLost = (target: Target): void => {
    this.#returns.delete(target)
    this.#open(target)
  }

  #open (target: Target): void {
    target.ejection.trying = false
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
