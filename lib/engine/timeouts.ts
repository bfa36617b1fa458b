import type { Duration, Settled } from '../duration.js'
import { milliseconds, object, optional, type Fields } from '../options.js'

/** Deadlines, in milliseconds or as text (`'5s'`); 0 means none. */
export interface TimeoutOptions {
  /** Until an attempt is on a connection, TLS included. @default 2_000 */
  connect?: Duration
  /** From the last byte of the request to the headers of the response. @default 60_000 */
  headers?: Duration
  /** Longest silence while a body moves, in either direction. Event streams and upgraded connections have none. @default 60_000 */
  body?: Duration
  /** For one attempt, until its response headers. @default 0 */
  attempt?: Duration
  /** For the request until its response headers: queue, all attempts and the waits between them. @default 0 */
  total?: Duration
}

export type Timeouts = Settled<TimeoutOptions>

export const timeoutFields: Fields<Timeouts> = {
  connect: optional(milliseconds(0, 20), 2_000),
  headers: optional(milliseconds(0, 150), 60_000),
  body: optional(milliseconds(0, 150), 60_000),
  attempt: optional(milliseconds(0, 50), 0),
  total: optional(milliseconds(0, 100), 0)
}

export const timeoutOptions = object(timeoutFields)

export type Deadline = keyof Timeouts

/** A deadline of ours has passed. Stays inside: the client gets `FST_LB_GATEWAY_TIMEOUT`, with this as its cause. */
export class DeadlineError extends Error {
  readonly deadline: Deadline

  constructor (deadline: Deadline, ms: number) {
    super(`${deadline} deadline of ${ms} ms passed`)
    this.name = 'DeadlineError'
    this.deadline = deadline
  }
}
