/** Gateways that share: each a server of its own, all in this process. */
import type { FastifyInstance } from 'fastify'
import type { LoadBalancerOptions, SharedOptions, Upstream, UpstreamOptions } from '../../lib/index.js'
import { startGateway, type Ending } from './servers.js'
import { until } from './wait.js'

export interface SharingGateway {
  app: FastifyInstance
  url: string
  shop: Upstream
  /** What was logged as a warning. */
  warnings: string[]
  /** `id state weight` of all targets of `shop`, in their order. */
  state: () => string
}

export async function sharingGateway (t: Ending, shared: SharedOptions, shop: UpstreamOptions, more: LoadBalancerOptions = {}): Promise<SharingGateway> {
  const warnings: string[] = []
  const stream = { write (line: string) { warnings.push((JSON.parse(line) as { msg: string }).msg) } }
  const { app, url } = await startGateway(t, { shared, upstreams: { shop }, routes: { '/': 'shop' }, ...more }, { server: { logger: { level: 'warn', stream } } })
  const upstream = app.upstreams.get('shop')!
  return { app, url, shop: upstream, warnings, state: () => stateOf(upstream) }
}

export function stateOf (upstream: Upstream): string {
  return upstream.snapshot().targets.map(({ id, state, weight }) => `${id} ${state} ${weight}`).join(', ')
}

/** Waits until all gateways have these targets. The time for it is what is promised: a second. */
export async function allHave (gateways: SharingGateway[], state: string, ms = 1_000): Promise<void> {
  await until(() => gateways.every(gateway => gateway.state() === state), state, ms)
}

/** The store has answered each of them. */
export async function allUp (gateways: SharingGateway[], up = true): Promise<void> {
  await until(() => gateways.every(({ app }) => app.upstreams.shared!.up === up), `the store is ${up ? 'there' : 'lost'}`)
}
