/** @fastify/reply-from with an array for a base, which is undici's BalancedPool. */
import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'

export async function start (origins) {
  const app = fastify()
  // Bodies stream.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  await app.register(replyFrom, { base: origins })
  app.all('/*', (request, reply) => reply.from(request.raw.url))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server.address().port
}
