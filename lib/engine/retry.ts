/** When a request may be sent again, and when it waits. Only what cannot do harm: see the table at `maySendAgain`. */
import { array, boolean, integer, milliseconds, object, optional, type Fields } from '../options.js'
import type { Random } from '../balancing/clock.js'

export interface RetryOptions {
  /** Attempts in all, the first included. Targets that could not be connected to are not counted. @default 3 */
  attempts?: number
  /** Statuses after which another target is tried, for methods that are idempotent. @default [502, 503, 504] */
  statuses?: number[]
  /** Also resend POST and PATCH that may have been processed. Only for applications that recognise a repeated request. @default false */
  nonIdempotent?: boolean
  /** Bytes of a request body that are kept to be sent again; longer bodies stream and are resent only while nothing of them was read. @default 65_536 */
  replayLimit?: number
  /** Waits before a target is tried a second time, drawn between 0 and `base`, doubled each time up to `max`. Milliseconds. */
  backoff?: BackoffOptions
}

export interface BackoffOptions {
  /** @default 25 */
  base?: number
  /** @default 250 */
  max?: number
}

export interface Retry {
  attempts: number
  statuses: number[]
  nonIdempotent: boolean
  replayLimit: number
  backoff: Required<BackoffOptions>
}

const backoffOptions = object<Required<BackoffOptions>>({
  base: optional(milliseconds(1), 25),
  max: optional(milliseconds(1), 250)
})

export const retryFields: Fields<Retry> = {
  attempts: optional(integer(1, 100), 3),
  statuses: optional(array(integer(400, 599)), [502, 503, 504]),
  nonIdempotent: optional(boolean, false),
  replayLimit: optional(integer(0, 64 * 1024 * 1024), 65_536),
  backoff: optional(backoffOptions, { base: 25, max: 250 })
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
}

/**
 * | what is known | may be sent again |
 * |---|---|
 * | never on a connection | any method |
 * | on a connection, nothing written (the body stream was not touched) | any method |
 * | written | idempotent methods, when the body can be replayed; others with `nonIdempotent` |
 */
export function maySendAgain (method: string, { started, written, replayable }: Progress, nonIdempotent: boolean): boolean {
  if (!started || !written) return true
  return replayable && (nonIdempotent || IDEMPOTENT.has(method))
}

/** Milliseconds to wait before the `n`-th second try (from 0): full jitter, doubling. */
export function backoffDelay (n: number, { base, max }: Required<BackoffOptions>, random: Random): number {
  return random() * Math.min(max, base * 2 ** n)
}
