import { milliseconds, object, optional, type Fields } from '../options.js'

/** Deadlines in milliseconds; 0 means none. */
export interface TimeoutOptions {
  /** Until an attempt is on a connection, TLS included. @default 2_000 */
  connect?: number
  /** From the last byte of the request to the headers of the response. @default 60_000 */
  headers?: number
  /** Longest silence while a body moves, in either direction. Event streams and upgraded connections have none. @default 60_000 */
  body?: number
  /** For one attempt, until its response headers. @default 0 */
  attempt?: number
  /** For the request until its response headers: queue, all attempts and the waits between them. @default 0 */
  total?: number
}

export type Timeouts = Required<TimeoutOptions>

export const timeoutFields: Fields<Timeouts> = {
  connect: optional(milliseconds(), 2_000),
  headers: optional(milliseconds(), 60_000),
  body: optional(milliseconds(), 60_000),
  attempt: optional(milliseconds(), 0),
  total: optional(milliseconds(), 0)
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
