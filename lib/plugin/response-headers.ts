/** The header fields that a client gets to see. */
import type { FastifyRequest } from 'fastify'
import type { Exchange } from '../engine/exchange.js'
import { endToEndHeaders, rawHeader, type Headers, type RawHeaders } from '../engine/headers.js'
import type { EngineTargetConfig } from '../engine/target-options.js'
import type { Visitor } from './affinity.js'
import type { ProxiedOptions } from './proxied-options.js'
import { dropAffinityCookies } from './foreign-cookies.js'
import { mapBack, mapCookiePaths, type Mapping } from './redirects.js'
import type { Entry } from './registry.js'

/** The request that is answered, and who has served it. */
export interface Served {
  readonly request: FastifyRequest
  readonly entry: Entry
  readonly exchange: Exchange
  readonly visitor: Visitor
  readonly options: ProxiedOptions
}

/** From the fields of the target: without those of the connection, with addresses as the client knows them, and with its affinity. */
export function responseHeaders (status: number, rawHeaders: RawHeaders, served: Served): Headers {
  const { request, entry, exchange, visitor } = served
  const { affinity, upstream, headers: settings, reportFields } = entry
  const headers = endToEndHeaders(rawHeaders)
  for (const name of reportFields) delete headers[name]
  // A response has one type. Of several, clients would see any; nginx passes the last.
  if (Array.isArray(headers['content-type'])) headers['content-type'] = headers['content-type'].at(-1)!
  if (status === 426) namesProtocols(headers, rawHeaders, request)
  // RFC 9110 §8.6: it must not be there, and a client that goes by it waits for a body, or takes the next answer for one.
  // Node ends a 205 of HTTP/2 with its headers, whatever the target has sent (RFC 9110 §15.3.6).
  if (status === 204 || (status === 205 && request.raw.httpVersionMajor === 2)) delete headers['content-length']
  dropAffinityCookies(headers, upstream, request)
  if (settings.location) mapBack(headers, () => mappingOf(served))
  if (settings.cookiePath) mapCookiePaths(headers, mappingOf(served))
  if (affinity !== undefined && !upstream.isFailureStatus(status)) {
    const { servedBy } = exchange
    const { target } = visitor
    upstream.counters.affinity[target === undefined ? 'miss' : target === servedBy!.id ? 'hit' : 'moved']++
    affinity.served(visitor, servedBy!, headers, request)
  }
  return headers
}

/** A 426 says which protocol to change to (RFC 9110 §15.5.22), which HTTP/2 has no words for. */
function namesProtocols (headers: Headers, rawHeaders: RawHeaders, { raw }: FastifyRequest): void {
  const protocols = rawHeader(rawHeaders, 'upgrade')
  if (protocols === undefined || raw.httpVersionMajor === 2) return
  headers.upgrade = protocols
  headers.connection = 'upgrade'
}

function mappingOf ({ request, exchange, options: { prefix, rewritePrefix } }: Served): Mapping {
  const { origin, basePath } = exchange.servedBy!.config as EngineTargetConfig
  return { origin, from: basePath + rewritePrefix, to: prefix, host: request.host }
}

/** Cookies are the only field that a hook and the target may both have their say in. */
export function bothCookies (a: Headers, b: Headers): Headers {
  const cookies = [a['set-cookie'] ?? [], b['set-cookie'] ?? []].flat()
  return cookies.length === 0 ? {} : { 'set-cookie': cookies }
}
