/** This package with everything on. */
import fastify from 'fastify'
import loadBalancer from 'fastify-load-balancer'
import prometheus from 'prom-client'

export const everything = {
  affinity: { cookie: { secret: 'known to everybody who reads this' } },
  health: { passive: {} },
  retry: {}
}

export async function start (origins) {
  const app = fastify()
  await app.register(loadBalancer, {
    upstreams: { shop: { targets: origins, ...everything } },
    routes: { '/': 'shop' },
    metrics: { client: prometheus }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server.address().port
}
