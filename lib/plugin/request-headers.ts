/** The header fields that a target gets to see. */
import type { FastifyRequest } from 'fastify'
import type { FieldList, Headers } from '../engine/headers.js'
import { kPayload, type ClaimedRequest } from './body.js'
import { withoutCookies } from './cookies.js'
import { acceptsTrailers } from './trailers.js'
import { isForwardingField, pushForwarded, pushXForwarded } from './forwarded.js'
import { fieldsOf, type HeaderSettings } from './header-options.js'

/**
 * Fields of one connection that reply-from leaves in: undici refuses some of them, and none is the target's business. Nor is `Proxy`, which is no
 * field of HTTP, but becomes the variable `HTTP_PROXY` in CGI ("httpoxy").
 */
const CONNECTION_FIELDS = new Set(['connection', 'expect', 'http2-settings', 'keep-alive', 'proxy', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** The gateway in `Via` (RFC 9110 §7.6.3): a pseudonym, since its host is nobody's business. */
const PSEUDONYM = 'fastify-load-balancer'

/**
 * From what reply-from has made of the client's fields: without the connection's own, with those that a gateway adds. `prefix`: what was taken off
 * the path, if anything.
 */
export function requestFields (headers: Record<string, string | string[] | undefined>, request: FastifyRequest, settings: HeaderSettings, prefix: string): FieldList {
  const payload = (request as ClaimedRequest)[kPayload]
  const { forwarded } = settings
  // Our own come first: a target that reads only so many fields must not be made to lose these.
  const fields: FieldList = []
  if (forwarded === 'x') pushXForwarded(fields, request, prefix)
  else if (forwarded === 'rfc7239') pushForwarded(fields, request)
  pushVia(fields, headers.via, request, settings.via)
  if (settings.requestId && headers['x-request-id'] === undefined) fields.push('x-request-id', request.id)
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || CONNECTION_FIELDS.has(name)) continue
    switch (name) {
      case 'host':
        // Without one, undici writes the target's own.
        if (settings.host === 'preserve') fields.push(name, request.host)
        break
      case 'content-length':
        // A body that was written down again, or that a hook has put in the place of the client's, is of another length; and there may be none.
        if (payload === (request.raw as unknown)) fields.push(name, value)
        break
      case 'content-type':
        // reply-from takes it away with a body that was parsed: the client's own is put back below.
        break
      case 'via':
        break
      case 'cookie':
        pushCookies(fields, value as string, request.server.upstreams.cookieNames)
        break
      default:
        if (forwarded === false || !isForwardingField(name)) fields.push(name, value)
    }
  }
  // The one coding of a connection that is for the target, too (RFC 9110 §10.1.4).
  if (request.raw.headers.te !== undefined && acceptsTrailers(request)) fields.push('te', 'trailers')
  const type = request.raw.headers['content-type']
  if (type !== undefined) fields.push('content-type', type)
  return settings.request === undefined ? fields : toFields(fieldsOf('request', settings.request(request, fromFields(fields))))
}

function fromFields (fields: FieldList): Headers {
  const headers: Headers = {}
  for (let i = 0; i < fields.length; i += 2) headers[fields[i] as string] = fields[i + 1]!
  return headers
}

function toFields (headers: Headers): FieldList {
  return Object.entries(headers).flat() as FieldList
}

function pushVia (fields: FieldList, before: string | string[] | undefined, { raw }: FastifyRequest, own: boolean): void {
  if (own) fields.push('via', `${before === undefined ? '' : `${String(before)}, `}${raw.httpVersion} ${PSEUDONYM}`)
  else if (before !== undefined) fields.push('via', before)
}

function pushCookies (fields: FieldList, header: string, ours: ReadonlyMap<string, unknown>): void {
  const rest = ours.size === 0 ? header : withoutCookies(header, ours)
  if (rest !== '') fields.push('cookie', rest)
}
