/** Interim responses of a target (RFC 9110 §15.2), for clients that can take them. */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Headers } from '../engine/headers.js'

/** Passes a 102 or a 103 (RFC 8297) on. A 100 is the gateway's own business, and undici keeps it to itself. */
export function passInterim (reply: FastifyReply, status: number, headers: Headers): void {
  const raw = reply.raw as ServerResponse
  if (raw.headersSent || raw.destroyed || reply.request.raw.httpVersion === '1.0') return
  if (status === 102) raw.writeProcessing()
  if (status !== 103 || headers.link === undefined) return
  // It has no body, and a client that goes by this would take the answer for one (RFC 9110 §8.6).
  delete headers['content-length']
  // One field may hold several links, which Node wants one by one.
  const link = [headers.link].flat().flatMap(value => value.split(/,\s*(?=<)/))
  try {
    raw.writeEarlyHints({ ...headers, link })
  } catch {
    // Node is more particular about links than RFC 8288: a hint that is not understood is only a hint.
  }
}
