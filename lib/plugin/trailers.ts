/** Fields that follow a body (RFC 9110 §6.5). */
import type { FastifyRequest } from 'fastify'
import { allHeaders, oneValueEach, type Headers, type RawHeaders } from '../engine/headers.js'

/** What must be known before the body, or says who may have it, does not count behind it (RFC 9110 §6.5.1). */
const NOT_BEHIND = /^(?:connection|http2-settings|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-(?:encoding|length|range|type)|host|authorization|set-cookie|cache-control|expires|age|date|location|retry-after|vary|www-authenticate)$/

/** Whether the client of this request takes trailers: it says so, or speaks HTTP/2, where they are part of every message. */
export function acceptsTrailers ({ raw }: FastifyRequest): boolean {
  if (raw.httpVersionMajor === 2) return true
  const { te } = raw.headers
  return te !== undefined && raw.httpVersion !== '1.0' && /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(String(te))
}

/**
 * The fields that may be passed on. On HTTP/2, Node sends them in an event of its own: one that it refuses would end the process, not the request.
 */
export function allowedTrailers (raw: RawHeaders): Headers {
  const trailers = Object.fromEntries(Object.entries(allHeaders(raw)).filter(([name]) => !NOT_BEHIND.test(name)))
  oneValueEach(trailers)
  return trailers
}
