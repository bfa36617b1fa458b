/** This package with everything on. */
import fastify from 'fastify'
import loadBalancer from 'fastify-load-balancer'
import prometheus from 'prom-client'

const everything = {
  affinity: { cookie: { secret: 'known to everybody who reads this' } },
  health: { passive: {} },
  retry: {}
}

/** `upstream`: options beside these. */
export async function build (targets, upstream) {
  const app = fastify()
  await app.register(loadBalancer, {
    upstreams: { shop: { targets, ...everything, ...upstream } },
    routes: { '/': 'shop' },
    metrics: { client: prometheus }
  })
  return app
}

export async function start (origins) {
  const app = await build(origins)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server.address().port
}
