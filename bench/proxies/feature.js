/** This package with one of its features on. */
import fastify from 'fastify'
import loadBalancer from 'fastify-load-balancer'
import { bare, features } from '../features.js'

export async function start (origins, { feature }) {
  const { upstream, plugin, listening } = features[feature]
  const app = fastify()
  await app.register(loadBalancer, { upstreams: { shop: { targets: origins, ...bare, ...upstream } }, routes: { '/': 'shop' }, ...plugin })
  await app.listen({ host: '127.0.0.1', port: 0 })
  listening?.(app)
  return app.server.address().port
}
