/** @fastify/http-proxy, with the line that makes it take turns between targets. */
import fastifyHttpProxy from '@fastify/http-proxy'
import fastify from 'fastify'

export async function start (origins, { websocket = false } = {}) {
  const app = fastify()
  let turn = 0
  await app.register(fastifyHttpProxy, {
    upstream: '',
    websocket,
    replyOptions: { getUpstream: () => origins[turn++ % origins.length] }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server.address().port
}
