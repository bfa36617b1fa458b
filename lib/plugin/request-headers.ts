/** The header fields that a target gets to see. */
import type { FastifyRequest } from 'fastify'
import type { FieldList, Headers } from '../engine/headers.js'
import { kPayload, type ClaimedRequest } from './body.js'
import { isOfClient, removeNamedFields } from './client-fields.js'
import { withoutCookies } from './cookies.js'
import { isForwardingField, pushForwarded, pushXForwarded } from './forwarded.js'
import { fieldsOf, type HeaderSettings } from './header-options.js'
import { acceptsTrailers } from './trailers.js'
import { pushVia } from './via.js'

/**
 * Fields of one connection: undici refuses some of them, and none is the target's business. Nor is `Proxy`, which is no field of HTTP, but becomes
 * the variable `HTTP_PROXY` in CGI ("httpoxy").
 */
const CONNECTION_FIELDS = new Set(['connection', 'expect', 'http2-settings', 'keep-alive', 'proxy', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/**
 * The client's fields as hooks have left them: without the connection's own, with those that a gateway adds. `prefix`: what was taken off the path,
 * if anything.
 */
export function requestFields (request: FastifyRequest, settings: HeaderSettings, prefix: string): FieldList {
  const { raw } = request
  removeNamedFields(raw)
  // Fastify's own view of them: a hook may have replaced the whole object.
  const headers = request.headers
  const payload = (request as ClaimedRequest)[kPayload]
  const { forwarded } = settings
  // Our own come first: a target that reads only so many fields must not be made to lose these.
  const fields: FieldList = []
  if (forwarded === 'x') pushXForwarded(fields, request, prefix)
  else if (forwarded === 'rfc7239') pushForwarded(fields, request)
  // Without one, undici writes the target's own.
  if (settings.host === 'preserve' && request.host !== '') fields.push('host', request.host)
  pushVia(fields, headers.via, raw.httpVersion, settings.via)
  if (settings.requestId && headers['x-request-id'] === undefined) fields.push('x-request-id', request.id)
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || isPseudo(name) || CONNECTION_FIELDS.has(name)) continue
    if (settings.underscores === 'drop' && name.includes('_') && isOfClient(raw, name, value)) continue
    switch (name) {
      case 'content-length':
        // A body that was written down again, or that a hook has put in the place of the client's, is of another length; and there may be none.
        if (payload === (raw as unknown)) fields.push(name, value)
        break
      case 'content-type':
        // The client's own is put back below, since it says what the body is that comes with it.
        break
      case 'host':
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
  if (raw.headers.te !== undefined && acceptsTrailers(request)) fields.push('te', 'trailers')
  const type = raw.headers['content-type']
  if (type !== undefined) fields.push('content-type', type)
  return settings.request === undefined ? fields : toFields(fieldsOf('request', settings.request(request, fromFields(fields))))
}

/** `:path`, … of HTTP/2. */
function isPseudo (name: string): boolean {
  return name.charCodeAt(0) === 0x3a
}

function fromFields (fields: FieldList): Headers {
  const headers: Headers = {}
  for (let i = 0; i < fields.length; i += 2) headers[fields[i] as string] = fields[i + 1]!
  return headers
}

function toFields (headers: Headers): FieldList {
  return Object.entries(headers).flat() as FieldList
}

function pushCookies (fields: FieldList, header: string, ours: ReadonlyMap<string, unknown>): void {
  const rest = ours.size === 0 ? header : withoutCookies(header, ours)
  if (rest !== '') fields.push('cookie', rest)
}
