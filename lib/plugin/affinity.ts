/** Affinity: a client's later requests go to the target of an earlier one. Two kinds, one interface. */
import type { FastifyRequest } from 'fastify'
import type { Target } from '../balancing/target.js'
import type { Headers } from '../engine/headers.js'

export interface Affinity {
  /** No other target will do for a client whose own is not available: 503. */
  readonly required: boolean
  /** What the request says: whose client it is, if anybody's. Garbage is nobody's. */
  read (request: FastifyRequest): Visitor
  /** The target that served, before its response goes on; changes `headers` where the client has to be told, or remembers. */
  served (visitor: Visitor, target: Target, headers: Headers, request: FastifyRequest): void
}

/** What an affinity knows of the client of one request. */
export interface Visitor {
  /** Id of the target it belongs to. */
  readonly target: string | undefined
  /** It may be known elsewhere: a promise of the same with what was found, which does not reject. */
  readonly sought?: Promise<Visitor> | undefined
}

export const stranger: Visitor = { target: undefined, sought: undefined }
