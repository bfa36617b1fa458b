/** A gateway for a snippet that is only a part of one: with the package as it was built, as snippets have it. */
import Fastify, { type FastifyInstance } from 'fastify'
import type { LoadBalancerOptions } from '../../../lib/index.js'
import type { Ending, Gateway } from '../../helpers/servers.js'

/** Typed by the source: the same declarations twice would not agree with each other. */
const PACKAGE: string = 'fastify-load-balancer'

export async function startGateway (t: Ending, options: LoadBalancerOptions, { before, after }: {
  before?: (app: FastifyInstance) => unknown
  after?: (app: FastifyInstance) => unknown
} = {}): Promise<Gateway> {
  const { default: loadBalancer } = await import(PACKAGE) as typeof import('../../../lib/index.js')
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  await before?.(app)
  await app.register(loadBalancer, options)
  await after?.(app)
  t.teardown(async () => await app.close())
  return { app, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
}
