/** What an error of undici means: whose fault it was, and what the client hears of it. */
import type { Outcome } from '../balancing/outcome.js'
import { BadGatewayError, BadRequestError, GatewayTimeoutError } from '../errors.js'
import { DeadlineError } from './timeouts.js'

const CLIENT_FAULTS = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'])
const CLOSED_HERE = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'])
const MALFORMED = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])

/** Why the connections of a target are cut: it was removed, or the gateway closes, and its time to drain is over. */
export class TargetGoneError extends Error {
  constructor () {
    super('the target was removed')
    this.name = 'TargetGoneError'
  }
}

/** How far the attempt had come when the error struck. */
export interface Situation {
  started: boolean
  /** Headers of the final response had come. */
  answered: boolean
  /** The connection had carried a request before. */
  reused: boolean
}

export function outcomeOf (error: NodeJS.ErrnoException, { started, answered, reused }: Situation): Outcome {
  const code = error.code ?? ''
  if (CLIENT_FAULTS.has(code)) return 'client-fault'
  if (CLOSED_HERE.has(code) || error instanceof TargetGoneError) return 'abandoned'
  // An idle connection may end while undici makes sure of it, just before the request starts.
  if (!started && !(reused && error.syscall !== 'connect')) return 'connect-failure'
  // Once headers are here, a wrong length is a body cut short.
  if (MALFORMED.has(code)) return answered ? 'reset' : 'malformed'
  // undici's parser errors lose their code, and an interim response it does not understand is a SocketError with this text.
  if (error.name === 'HTTPParserError' || error.message === 'bad response' || error.message === 'bad upgrade') return 'malformed'
  return 'reset'
}

/** The target has said that it did nothing about the request (RFC 9113 §8.7). undici passes on what Node makes of it. */
export function isRefusedStream (error: NodeJS.ErrnoException): boolean {
  return error.code === 'ERR_HTTP2_STREAM_ERROR' && error.message.includes('NGHTTP2_REFUSED_STREAM')
}

/** What the client gets to hear; the original stays in `cause`. */
export function clientError (outcome: Outcome, cause: Error): Error {
  if (cause instanceof DeadlineError) return new GatewayTimeoutError({ cause })
  if (outcome === 'client-aborted') return cause
  if (outcome === 'client-fault') return new BadRequestError({ cause })
  return new BadGatewayError({ cause })
}

/** Trying elsewhere could help: it was neither the client's doing nor ours. A target that was taken away while it worked is no reason to stop. */
export function mayBeBetterElsewhere (outcome: Outcome, cause: Error): boolean {
  if (outcome === 'client-aborted' || outcome === 'client-fault') return false
  return outcome !== 'abandoned' || !(cause instanceof DeadlineError)
}
