/**
 * What a router chooses routes by besides method and path: Fastify's `host` and `version`, and strategies of the user's own. Fastify looks up a route
 * with the constraints that it is given, so they are derived here as its router derives them.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Parts of a strategy that matter here. One with three parameters is asynchronous. */
interface Strategy { name: string, deriveConstraint?: (request: unknown) => unknown }

type Strategies = Record<string, Strategy>

/** Servers with routes that nothing here can derive the constraints of. */
const beyondUs = new WeakSet<object>()

/** Notices strategies that were added with `addConstraintStrategy()`, which Fastify shows nowhere, by the routes that use them. */
export function watchConstraints (fastify: FastifyInstance): void {
  const known = new Set(['host', 'version', ...strategiesOf(fastify).map(({ name }) => name)])
  fastify.addHook('onRoute', ({ constraints = {} }) => {
    if (!Object.keys(constraints).every(name => known.has(name))) beyondUs.add(fastify.server)
  })
}

/** The constraints of a request; undefined where they cannot be derived. */
export function constraintsOf ({ server, raw }: FastifyRequest): object | undefined {
  if (beyondUs.has(server.server)) return undefined
  const { headers } = raw
  const constraints: Record<string, unknown> = { host: headers.host ?? headers[':authority'] }
  // The router matches a version only when there are routes that have one.
  if (server.hasConstraintStrategy('version')) constraints['version'] = headers['accept-version']
  for (const strategy of strategiesOf(server)) {
    const { name, deriveConstraint } = strategy
    if (deriveConstraint === undefined || deriveConstraint.length === 3) return undefined
    constraints[name] = deriveConstraint.call(strategy, raw)
  }
  return constraints
}

/** Strategies that the server was created with. */
function strategiesOf ({ initialConfig }: FastifyInstance): Strategy[] {
  const { constraints, routerOptions } = initialConfig as { constraints?: Strategies, routerOptions?: { constraints?: Strategies } }
  return Object.values({ ...constraints, ...routerOptions?.constraints })
}
