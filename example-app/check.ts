/** `--check`: says what is wrong with a configuration, and starts nothing. */
import { ConfigError, type GatewayConfig } from './config.js'
import { buildGateway } from './gateway.js'

/**
 * What only Fastify finds wrong, as routes that are there twice. Throws `ConfigError`.
 * What looks for targets or at them is left out: nobody is to notice that there was a check.
 */
export async function checkRoutes (config: GatewayConfig, path: string): Promise<void> {
  const upstreams = Object.fromEntries(Object.entries(config.balancer.upstreams ?? {}).map(([name, { discovery, health, ...upstream }]) => [name, upstream]))
  const balancer = { ...config.balancer, upstreams }
  try {
    const app = await buildGateway({ ...config, logLevel: 'silent', balancer })
    await app.ready()
    await app.close()
  } catch (error) {
    throw new ConfigError(path, [(error as Error).message])
  }
}

/** One line about what is right. */
export function summary ({ listen, workers, tls, balancer }: GatewayConfig, path: string): string {
  const count = (record: object | undefined, what: string): string => {
    const { length } = Object.keys(record ?? {})
    return `${length} ${what}${length === 1 ? '' : 's'}`
  }
  return `${path} is right: ${count(balancer.upstreams, 'upstream')}, ${count(balancer.routes, 'route')}, ` +
    `${tls === undefined ? 'http' : 'https'}://${listen.host}:${listen.port}, ${workers} worker${workers === 1 ? '' : 's'}\n`
}
