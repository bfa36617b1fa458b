import type { Readable } from 'node:stream'
import type { Timeouts } from '../engine/timeouts.js'
import type { Retry } from '../engine/retry.js'
import type { Handshake } from './handshake.js'
import type { Split } from './split.js'

/** How one request is proxied: what its route, its call and its upstream say, put together. */
export interface ProxiedOptions {
  readonly path: string
  /** What was taken off the path, as the client has written it; '' for nothing. */
  readonly prefix: string
  /** What was put in its place, without a slash at its end. */
  readonly rewritePrefix: string
  /** The client wants to change to another protocol. */
  readonly handshake: Handshake | undefined
  readonly payload: Readable | Buffer | string | null
  /** Bytes of the body at most. */
  readonly bodyLimit: number
  readonly timeouts: Timeouts
  readonly retry: Retry | false
  readonly hashKey: string | undefined
  readonly tags: Record<string, string> | undefined
  readonly fallback: 'any' | 'none' | undefined
  readonly split: Split | undefined
  /** The route has a `handlerTimeout`. */
  readonly timed: boolean
}
