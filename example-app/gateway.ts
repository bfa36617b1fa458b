/** The gateway: a Fastify server with the plugin. */
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../lib/index.js'
import type { GatewayConfig } from './config.js'
import { loggerOptions, RequestLog } from './log.js'
import { withSecret } from './secrets.js'

/** Ready to listen. */
export async function buildGateway ({ logLevel, trustProxy, secret, balancer }: GatewayConfig): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({ logger: loggerOptions(logLevel), logController: new RequestLog(), trustProxy })
  await app.register(loadBalancer, secret === undefined ? balancer : withSecret(balancer, secret))
  return app
}
