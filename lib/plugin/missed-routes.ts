/**
 * Routes with `config.upstream` that the plugin has not seen: they were declared before it was loaded, or belong to a scope that it is not part of.
 * Such a route would lose its raw body, or find no `reply.balance()`, at its first request. The server refuses to start instead.
 */
import type { FastifyInstance, RouteOptions } from 'fastify'

const kSeen = Symbol('fastify-load-balancer.seen')

interface Config { url: string, method: string | string[], upstream?: unknown, [kSeen]?: true }

/** What Fastify's router keeps of a route. */
interface Store { config: Config, server: FastifyInstance }

/** The plugin has this route. */
export function seen (route: RouteOptions): void {
  route.config = { ...route.config, [kSeen]: true } as NonNullable<RouteOptions['config']>
}

/** A line for each route that was missed. `fastify`: an instance of the scope. */
export function missedRoutes (fastify: FastifyInstance): string[] {
  const lines = new Map<string, string>()
  for (const { config, server } of storesOf(fastify)) {
    const { upstream, url, method } = config
    if (typeof upstream !== 'string' || config[kSeen] || lines.has(url)) continue
    const own = server.upstreams as typeof server.upstreams | undefined
    const why = own === fastify.upstreams
      ? 'the route was declared before the plugin was loaded; declare it after "await app.register(loadBalancer, …)", or in a plugin that is registered after it'
      : own === undefined && fastify.upstreams.has(upstream)
        ? 'the plugin is registered in another scope; register it on the instance that has the route, or wrap the plugin that registers it in fastify-plugin'
        : undefined
    if (why !== undefined) lines.set(url, `${String(method)} ${url}: config.upstream: ${why}`)
  }
  return [...lines.values()]
}

/**
 * Fastify lists routes only as text, in `printRoutes()`. Its router asks a function of the options what to print of each: ours prints nothing, and
 * keeps what it is shown. Should a later version not ask, no route is found missing.
 */
function storesOf (fastify: FastifyInstance): Store[] {
  const stores: Store[] = []
  const buildPrettyMeta = ({ store }: { store: Store }): object => {
    stores.push(store)
    return {}
  }
  // The router sets its own function, which this must not take.
  const seeing = { get: () => buildPrettyMeta, set () {} }
  // Fastify adds a HEAD to each GET: the route as it was declared comes first.
  for (const method of [...fastify.supportedMethods.filter(name => name !== 'HEAD'), 'HEAD']) {
    fastify.printRoutes(Object.defineProperty({ method, includeMeta: true }, 'buildPrettyMeta', seeing) as never)
  }
  return stores
}
