/** Fastify's own HTTP/2 server in front. */
import t from 'tap'
import { once } from 'node:events'
import { connect, type ClientHttp2Session, type ServerHttp2Session } from 'node:http2'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../../lib/index.js'
import { startTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { deferred, until } from '../helpers/wait.js'

t.test('requests with and without a body', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => {
    response.setHeader('connection', 'keep-alive')
    response.end(`${seen.method} ${seen.url} ${seen.body.toString()}`)
  })
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(loadBalancer, {
    upstreams: { shop: { targets: [target.url], headers: { host: 'preserve' }, affinity: { cookie: { secret: 'sixteen or more characters' } } } },
    routes: { '/': 'shop' }
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const client = connect(url)
  t.teardown(() => client.close())
  t.match(await ask(client, { ':path': '/x?y' }), { status: 200, body: 'GET /x?y ' })
  t.match(await ask(client, { ':path': '/x', ':method': 'POST' }, 'hello'), { status: 200, body: 'POST /x hello' })
  t.match(await ask(client, { ':path': '/x', ':method': 'POST' }), { status: 200, body: 'POST /x ' })
  t.equal(target.seen[0]!.headers.host, new URL(url).host)
  t.notOk(Object.keys(target.seen[0]!.headers).some(name => name.startsWith(':')))
})

t.test('slots are free when the client leaves, also those of requests that were in a hook', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => {
    if (seen.url.startsWith('/events')) response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  })
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  const held = deferred()
  let arrived = 0
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  app.get('/held', { config: { upstream: 'shop' }, preHandler: async () => { arrived++; await held.promise } }, (_request, reply) => reply.balance())
  const sessions: ServerHttp2Session[] = []
  app.server.on('session', session => { sessions.push(session) })
  const client = connect(await app.listen({ port: 0, host: '127.0.0.1' })).on('error', () => {})
  for (let i = 0; i < 10; i++) {
    for (const path of ['/slow', '/events', '/held']) client.request({ ':path': path }).on('error', () => {})
  }
  const upstream = app.upstreams.get('shop')!
  await until(() => target.seen.length === 20 && inFlight(upstream) === 20 && arrived === 10, 'all have come')
  client.destroy()
  await until(() => sessions[0]!.destroyed && inFlight(upstream) === 0, 'nothing is in flight')
  held.resolve()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(inFlight(upstream), 0)
  t.equal(target.seen.length, 20)
})

async function ask (client: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<{ status: number, body: string }> {
  const stream = client.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  const [response] = await once(stream, 'response') as [Record<string, unknown>]
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status: response[':status'] as number, body: text }
}
