/** Fastify's own HTTP/2 server in front. */
import t from 'tap'
import { once } from 'node:events'
import { connect, type ClientHttp2Session } from 'node:http2'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../../lib/index.js'
import { startTarget } from '../helpers/servers.js'

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

async function ask (client: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<{ status: number, body: string }> {
  const stream = client.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  const [response] = await once(stream, 'response') as [Record<string, unknown>]
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status: response[':status'] as number, body: text }
}
