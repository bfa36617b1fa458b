/** Cookies of targets that have the name of an affinity cookie. A client that had one could be sent to a target by another, or lose its own. */
import type { FastifyRequest } from 'fastify'
import type { Headers } from '../engine/headers.js'
import type { Upstream } from '../engine/upstream.js'

/** Upstreams whose targets do that, once the operator has been told. */
const told = new WeakSet<Upstream>()

/** Takes cookies of these names out of what a target sets, with a warning for the first of each upstream. */
export function dropAffinityCookies (headers: Headers, upstream: Upstream, request: FastifyRequest): void {
  const { cookieNames } = request.server.upstreams
  const cookies = headers['set-cookie']
  if (cookies === undefined || cookieNames.size === 0) return
  const kept = [cookies].flat().filter(cookie => !cookieNames.has(nameOf(cookie)))
  if (kept.length === [cookies].flat().length) return
  if (kept.length === 0) delete headers['set-cookie']
  else headers['set-cookie'] = kept
  if (told.has(upstream)) return
  told.add(upstream)
  request.log.warn({ upstream: upstream.name }, 'a target sets a cookie with the name of an affinity cookie: it is dropped')
}

/** A cookie without a name (`=lb_shop=value`) is one of a name in the end: that is how clients send it back (RFC 6265bis §5.6). */
function nameOf (cookie: string): string {
  const pair = cookie.trim().replace(/^=/, '').trim()
  return pair.slice(0, Math.max(pair.indexOf('='), 0)).trim()
}
