/** The gateway: a Fastify server with the plugin. */
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer, { type LoadBalancerOptions, type SharedOptions } from '../lib/index.js'
import { basicAuth } from './basic-auth.js'
import type { GatewayConfig } from './config.js'
import { loggerOptions, RequestLog } from './log.js'
import { withSecret } from './secrets.js'

/** Ready to listen. `shared`: what this process has in common with others. */
export async function buildGateway (config: GatewayConfig, shared: SharedOptions | false = false): Promise<FastifyInstance> {
  const { logLevel, trustProxy, tls, secret, balancer } = config
  const options = { logger: loggerOptions(logLevel), logController: new RequestLog(), trustProxy }
  const app = (tls === undefined ? Fastify(options) : Fastify({ ...options, https: tls })) as FastifyInstance
  const guarded = { ...withGuard(balancer, config), shared }
  await app.register(loadBalancer, secret === undefined ? guarded : withSecret(guarded, secret))
  return app
}

/** The password in place of the rule that nobody from elsewhere may. */
function withGuard (balancer: LoadBalancerOptions, { credentials }: GatewayConfig): LoadBalancerOptions {
  if (credentials === undefined || balancer.admin === undefined || balancer.admin === false) return balancer
  return { ...balancer, admin: { ...(balancer.admin === true ? {} : balancer.admin), authorize: basicAuth(credentials) } }
}
