import Fastify from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { Upstream, UpstreamOptions } from '../../lib/index.js'
import { FakeClock } from './clock.js'
import type { Ending } from './servers.js'
import { until } from './wait.js'

/** An upstream with a clock of its own, used through its dispatcher. */
export async function startUpstream (t: Ending, options: UpstreamOptions): Promise<{ upstream: Upstream, clock: FakeClock }> {
  const clock = new FakeClock()
  const app = Fastify()
  t.teardown(async () => {
    let closed = false
    const closing = app.close().then(() => { closed = true })
    // What is still in flight is cut when its time is up, which it is only by this clock.
    await until(() => { clock.advance(1_000); return closed }, 'the gateway is closed')
    await closing
  })
  await app.register(loadBalancer, { drainMs: 0, upstreams: { shop: { now: clock.now, timers: clock, ...options } } })
  return { upstream: app.upstreams.get('shop')!, clock }
}

/** Requests in flight to all targets of an upstream. */
export function inFlight (upstream: Upstream): number {
  return upstream.snapshot().targets.reduce((sum, target) => sum + target.inFlight, 0)
}

/** Failures of all targets of an upstream. */
export function failures (upstream: Upstream): number {
  return upstream.snapshot().targets.reduce((sum, target) => sum + target.failures, 0)
}
