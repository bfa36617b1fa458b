/**
 * `TRACE` has a server send back the request as it arrived, with what the gateway has added and with cookies that scripts cannot read ("cross-site
 * tracing"). Only a route that names it among its methods passes it on; nginx answers 405, too.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MethodNotAllowedError } from '../errors.js'

/** Throws `FST_LB_METHOD_NOT_ALLOWED` for a TRACE that nobody has asked for. A route for all methods does not ask for this one. */
export function refuseTrace (request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.method !== 'TRACE') return
  const known = request.server.supportedMethods
  // No route at all: the request is proxied by a handler for what is not found.
  const methods = [request.routeOptions.method ?? known].flat()
  if (methods.includes('TRACE') && known.some(method => !methods.includes(method))) return
  reply.header('allow', methods.filter(method => method !== 'TRACE').join(', '))
  throw new MethodNotAllowedError()
}
