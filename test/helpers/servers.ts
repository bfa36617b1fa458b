/** Real servers on loopback, closed when the test ends: gateways, and the targets behind them. */
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { LoadBalancerOptions } from '../../lib/index.js'
import type { Ending } from './targets.js'

export * from './targets.js'

export interface Gateway { app: FastifyInstance, url: string }

/** A Fastify server with the plugin, listening. `before` and `after` register what a user would, around it. */
export async function startGateway (t: Ending, options: LoadBalancerOptions, { server = {}, before, after }: {
  server?: FastifyServerOptions
  before?: (app: FastifyInstance) => unknown
  after?: (app: FastifyInstance) => unknown
} = {}): Promise<Gateway> {
  const app = Fastify({ forceCloseConnections: true, ...server }) as FastifyInstance
  await before?.(app)
  await app.register(loadBalancer, options)
  await after?.(app)
  t.teardown(() => app.close())
  // Workers of a cluster would share a port.
  const url = await app.listen({ port: 0, host: '127.0.0.1', exclusive: true })
  return { app, url }
}
