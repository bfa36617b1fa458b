/**
 * How many retries an upstream may have, as a share of its requests. Without one, retries keep an overloaded pool overloaded after the cause has
 * gone: each failure brings another request. (Finagle `RetryBudget`, Envoy `retry_budget`, linkerd `retryBudget`.)
 */
import type { Clock } from '../balancing/clock.js'
import { RollingCounts } from '../balancing/rolling-counts.js'
import { number, object, optional } from '../options.js'

/** How many retries an upstream may have, as a share of its requests (Finagle `RetryBudget`, Envoy `retry_budget`). */
export interface BudgetOptions {
  /** Retries per request, over the last 10 seconds. @default 0.2 */
  ratio?: number
  /** Retries per second that are allowed besides, so that little traffic can be retried, too. @default 10 */
  minPerSecond?: number
}

export type BudgetSettings = Required<BudgetOptions>

export const budgetOptions = object<BudgetSettings>({
  ratio: optional(number(0, 10), 0.2),
  minPerSecond: optional(number(0), 10)
})

const WINDOW_MS = 10_000

export class RetryBudget {
  /** Retries that were refused since the start. */
  refused = 0
  readonly #settings: BudgetSettings
  readonly #now: Clock['now']
  /** Requests, and among them retries. */
  readonly #counts: RollingCounts

  constructor (settings: BudgetSettings, now: Clock['now']) {
    this.#settings = settings
    this.#now = now
    this.#counts = new RollingCounts(WINDOW_MS, now())
  }

  /** A request has come. */
  deposit (now: number): void {
    this.#counts.add(now, 1, 0)
  }

  /** Takes one retry out; false when there is none left. */
  withdraw (): boolean {
    // Brings the window up to date.
    this.#counts.add(this.#now(), 0, 0)
    const { ratio, minPerSecond } = this.#settings
    if (this.#counts.marked + 1 > ratio * this.#counts.total + minPerSecond * WINDOW_MS / 1000) {
      this.refused++
      return false
    }
    this.#counts.add(this.#now(), 0, 1)
    return true
  }
}
