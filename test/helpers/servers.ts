/** Real servers on loopback, closed when the test ends: gateways, and the targets behind them. */
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { seededRandom } from './clock.js'
import type { Ending } from './targets.js'

export * from './targets.js'

export interface Gateway { app: FastifyInstance, url: string }

let seed = 0

/** With chance the same in every run, but another in each upstream: what holds for one draw of a hundred is not to fail in another. */
function reproducible (options: LoadBalancerOptions): LoadBalancerOptions {
  const upstreams = Object.entries(options.upstreams ?? {}).map(([name, upstream]) => [name, { random: seededRandom(++seed), ...upstream }] as const)
  return { ...options, upstreams: Object.fromEntries(upstreams) }
}

/** A Fastify server with the plugin, listening. `before` and `after` register what a user would, around it. */
export async function startGateway (t: Ending, options: LoadBalancerOptions, { server = {}, before, after }: {
  server?: FastifyServerOptions
  before?: (app: FastifyInstance) => unknown
  after?: (app: FastifyInstance) => unknown
} = {}): Promise<Gateway> {
  const app = Fastify({ forceCloseConnections: true, ...server }) as FastifyInstance
  await before?.(app)
  await app.register(loadBalancer, reproducible(options))
  await after?.(app)
  t.teardown(() => app.close())
  // Workers of a cluster would share a port.
  const url = await app.listen({ port: 0, host: '127.0.0.1', exclusive: true })
  return { app, url }
}
