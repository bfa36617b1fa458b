/**
 * What is told to whoever listens (`node:diagnostics_channel`), and built for nobody else.
 *
 * `tracingChannel('fastify-load-balancer:attempt')`: `start` and `end` around the sending of an attempt, so that stores bound to `start` hold for it,
 * `asyncEnd` when it has ended, with `error` before it when it failed. The message is one object for all of them.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import type { Outcome } from '../balancing/outcome.js'

/** The message of the attempt channels. */
export interface AttemptMessage {
  /** Name of the upstream. */
  readonly upstream: string
  /** Id of the target. */
  readonly target: string
  /** Where the target is. */
  readonly url: string
  /** Method of the request. */
  readonly method: string
  /** Path and query that the target is asked for. */
  readonly path: string
  /** 1 for the first attempt of a request. */
  readonly attempt: number
  /** How it ended; this and what follows is there once it has. */
  outcome?: Outcome
  /** Status of the response, when there was one. */
  status?: number
  /** What went wrong. */
  error?: Error
  /** Milliseconds from its start to its end. */
  durationMs?: number
}

/** The message of the channel `fastify-load-balancer:target`: what the events of the upstreams say. */
export interface TargetMessage {
  /** `added`, `removed`, `changed`, `healthy`, `unhealthy`, `ejected` or `restored`. */
  readonly event: string
  /** Name of the upstream. */
  readonly upstream: string
  /** Id of the target. */
  readonly target: string
  /** Why, in words, where there is more to say than the event's name does. */
  readonly reason?: string
}

const attempts = tracingChannel<unknown, AttemptMessage>('fastify-load-balancer:attempt')

export const targetChannel = channel('fastify-load-balancer:target')

export function attemptsAreHeard (): boolean {
  return attempts.hasSubscribers
}

/** Runs something in the asynchronous context of a request. */
export type InContext = (run: () => void) => void

const inPresentContext: InContext = run => { run() }

/**
 * The context that a request comes in, for attempts that begin where another request's has been: in the turn of a connection that served it before.
 */
export function contextOfRequest (): InContext {
  return attempts.hasSubscribers ? AsyncLocalStorage.snapshot() : inPresentContext
}

/** Runs `send` in what `start` has bound. */
export function attemptStarts (message: AttemptMessage, inContext: InContext, send: () => void): void {
  inContext(() => {
    attempts.start.runStores(message, () => {
      try {
        send()
      } finally {
        attempts.end.publish(message)
      }
    })
  })
}

export function attemptEnds (message: AttemptMessage): void {
  if (message.error !== undefined) attempts.error.publish(message)
  attempts.asyncStart.publish(message)
  attempts.asyncEnd.publish(message)
}
