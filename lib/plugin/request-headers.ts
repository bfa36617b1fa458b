/** The header fields that a target gets to see. */
import type { FastifyRequest } from 'fastify'
import { kPayload, type ClaimedRequest } from './body.js'
import { withoutCookies } from './cookies.js'
import type { HeaderSettings } from './options.js'

/** Names and values in turn, as undici takes them. */
export type Fields = Array<string | string[]>

/** Fields of one connection that reply-from leaves in: undici refuses some of them, and none is the target's business. */
const CONNECTION_FIELDS = new Set(['connection', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** From what reply-from has made of the client's fields: without the connection's own, in one pass. */
export function requestFields (headers: Record<string, string | string[] | undefined>, request: FastifyRequest, settings: HeaderSettings): Fields {
  const payload = (request as ClaimedRequest)[kPayload]
  const fields: Fields = []
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
      case 'cookie':
        pushCookies(fields, value as string, request.server.upstreams.cookieNames)
        break
      default:
        fields.push(name, value)
    }
  }
  const type = request.raw.headers['content-type']
  if (type !== undefined) fields.push('content-type', type)
  return fields
}

function pushCookies (fields: Fields, header: string, ours: ReadonlySet<string>): void {
  const rest = ours.size === 0 ? header : withoutCookies(header, ours)
  if (rest !== '') fields.push('cookie', rest)
}
