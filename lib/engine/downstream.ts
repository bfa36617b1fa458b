import type { Duplex } from 'node:stream'
import type { RawHeaders } from './headers.js'

/**
 * Who waits for the answer: a Fastify reply, or the handler of an undici dispatch. It hears of one answer only: attempts that are
 * tried again leave no trace.
 */
export interface Downstream {
  /** An interim response (1xx). */
  informed (status: number, headers: RawHeaders): void
  /** The response begins. `resume` ends a pause. Returns false to pause. */
  responded (status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean
  /** Returns false to pause. */
  received (chunk: Buffer): boolean
  completed (trailers: RawHeaders): void
  /** There is no response, or there is no more of it. */
  failed (error: Error): void
  /** The connection is theirs now. Returns what ends it in good manners, if there is more to that than closing `socket`. */
  upgraded (status: number, headers: RawHeaders, socket: Duplex): (() => void) | void
}
