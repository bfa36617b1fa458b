/** The line of the log that every change has: who, what, of which target. */
import type { FastifyRequest } from 'fastify'
import { whoAsks } from './guard.js'

/** What was changed: plain values, without keys of TLS or secrets of cookies. */
export interface AuditedChange {
  upstream: string
  target?: string
  [field: string]: unknown
}

export function audit (request: FastifyRequest, change: AuditedChange, text: string): void {
  request.log.info({ by: whoAsks(request), from: request.ip, ...change }, `admin: ${text}`)
}
