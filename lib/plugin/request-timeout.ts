/** A hint for servers that let a client take any time to send a request, while it holds one of few slots. */
import type { FastifyInstance } from 'fastify'
import type { Upstream } from '../engine/upstream.js'

/** Fastify's default is 0: Node then limits the time for the headers of a request, but not for its body. Servers of HTTP/2 have no such timeout. */
export function hintAtRequestTimeout ({ server, log }: FastifyInstance, upstreams: Iterable<Upstream>): void {
  if (server.requestTimeout !== 0) return
  const limited = [...upstreams].filter(isLimited).map(({ name }) => name)
  if (limited.length === 0) return
  log.info({ upstreams: limited, requestTimeout: 0 }, 'the server has no requestTimeout: a slow client can hold a slot of a limited upstream for a long time')
}

function isLimited ({ settings: { limits, pool, targets } }: Upstream): boolean {
  return [limits.maxRequests, pool.connections, ...targets.map(({ ownLimit }) => ownLimit)].some(limit => limit !== undefined && limit !== Infinity)
}
