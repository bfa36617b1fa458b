/** When a request may be sent again, and when it waits. Only what cannot do harm: see the table at `maySendAgain`. */
import type { Random } from '../balancing/clock.js'
import type { Duration, Settled } from '../duration.js'
import { array, boolean, defaultsOf, integer, milliseconds, object, optional, shorthand, switchable, type Check, type Fields } from '../options.js'
import { budgetOptions, type BudgetOptions, type BudgetSettings } from './retry-budget.js'

/** When a request is tried again, and how often (nginx `proxy_next_upstream`). */
export interface RetryOptions {
  /** Attempts in all, the first included. Targets that could not be connected to are not counted, up to `unreachable`. @default 3 */
  attempts?: number
  /**
   * Targets that a request may find unreachable (refused, no such host, TLS, connect deadline) without a charge to `attempts` or the budget. Each may
   * cost a connect deadline, and a pool that is down altogether one connection for each of them and each request. @default 5
   */
  unreachable?: number
  /** Statuses after which another target is tried, for methods that are idempotent. @default [502, 503, 504] */
  statuses?: number[]
  /** Also resend POST and PATCH that may have been processed. Only for applications that recognise a repeated request. @default false */
  nonIdempotent?: boolean
  /**
   * Bytes of a request body that are kept to be sent again; longer bodies stream and are resent only while nothing of them was read. @default 65_536
   */
  replayLimit?: number
  /** Waits before a target is tried a second time, drawn between 0 and `base`, doubled each time up to `max`. @default {} */
  backoff?: BackoffOptions
  /**
   * How many retries there may be, as a share of the requests; `false` for as many as `attempts` allows, which can keep a pool down that is
   * overloaded. @default {}
   */
  budget?: BudgetOptions | boolean
  /** A second attempt elsewhere when the first is slow. @default false */
  hedge?: HedgeOptions | false
}

/**
 * The first good answer is taken, the other attempt is given up. Only for idempotent methods with a body that is short or none; each counts against
 * the budget; none while health is being ignored (panic).
 */
export interface HedgeOptions {
  /** Milliseconds without response headers after which the second attempt begins; `'p95'`: the time that 95 % of recent answers took. */
  after: Duration | 'p95'
}

/** How long to wait before a target is tried a second time: full jitter, doubling. */
export interface BackoffOptions {
  /** Milliseconds that the first wait takes at most. @default 25 */
  base?: Duration
  /** Milliseconds that any wait takes at most. @default 250 */
  max?: Duration
}

export interface Retry {
  attempts: number
  unreachable: number
  statuses: number[]
  nonIdempotent: boolean
  replayLimit: number
  backoff: Settled<BackoffOptions>
  budget: BudgetSettings | false
  hedge: Settled<HedgeOptions> | false
}

const backoffOptions = object<Settled<BackoffOptions>>({
  base: optional(milliseconds(1), 25),
  max: optional(milliseconds(1), 250)
})

const hedgeAfter: Check<number | 'p95'> = (value, path, faults) => value === 'p95' ? value : milliseconds(1)(value, path, faults)

const hedgeOptions = object<Settled<HedgeOptions>>({ after: hedgeAfter })

export const retryFields: Fields<Retry> = {
  attempts: optional(integer(1, 100), 3),
  unreachable: optional(integer(0, 1_000), 5),
  statuses: optional(array(integer(400, 599)), [502, 503, 504]),
  nonIdempotent: optional(boolean, false),
  replayLimit: optional(integer(0, 64 * 1024 * 1024), 65_536),
  backoff: optional(backoffOptions, defaultsOf(backoffOptions)),
  budget: shorthand(budgetOptions, defaultsOf(budgetOptions)),
  hedge: switchable(hedgeOptions, false)
}

export const retryOptions = object(retryFields)

/** Methods whose repetition is harmless by definition (RFC 9110 §9.2.2; QUERY: RFC 10008). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE'])

/** What is known of an attempt that failed. */
export interface Progress {
  /** It was on a connection. */
  started: boolean
  /** Something of the request may have been written. */
  written: boolean
  /** The body can be sent once more, whole. */
  replayable: boolean
  /** The target has said that it did nothing about it. */
  refused: boolean
}

/**
 * | what is known | may be sent again |
 * |---|---|
 * | never on a connection | any method |
 * | on a connection, nothing written (the body stream was not touched) | any method |
 * | written, and refused by the target (HTTP/2) | any method, when the body can be replayed |
 * | written | idempotent methods, when the body can be replayed; others with `nonIdempotent` |
 */
export function maySendAgain (method: string, { started, written, replayable, refused }: Progress, nonIdempotent: boolean): boolean {
  if (!started || !written) return true
  return replayable && (refused || nonIdempotent || isIdempotent(method))
}

export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}

/** Milliseconds to wait before the `n`-th second try (from 0): full jitter, doubling. */
export function backoffDelay (n: number, { base, max }: Settled<BackoffOptions>, random: Random): number {
  return random() * Math.min(max, base * 2 ** n)
}

/** Milliseconds that a `Retry-After` value asks for (RFC 9110 §10.2.3: seconds, or a date); undefined when it is neither. */
export function retryAfterMs (value: string, now: number): number | undefined {
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
