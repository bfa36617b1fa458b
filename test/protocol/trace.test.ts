import t from 'tap'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { startGateway, startTarget } from '../helpers/servers.js'
import { WireClient } from './wire/client.js'

t.test('TRACE is refused, with the methods that are allowed, unless a route names it', async t => {
  const target = await startTarget(t, 'a')
  const balanced = (_request: FastifyRequest, reply: FastifyReply): FastifyReply => reply.balance('shop')
  const { app } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url] } },
    routes: { '/': 'shop', '/get': { upstream: 'shop', method: 'GET' }, '/some': { upstream: 'shop', method: ['TRACE', 'GET'] }, '/trace': { upstream: 'shop', method: 'TRACE' } }
  }, {
    after: app => {
      app.all('/claimed', { config: { upstream: 'shop' } }, balanced)
      app.all('/own', balanced)
      app.route({ method: ['TRACE'], url: '/own/trace', handler: balanced })
    }
  })
  for (const url of ['/', '/x', '/claimed', '/own']) {
    const refused = await app.inject({ method: 'TRACE' as never, url })
    t.equal(refused.statusCode, 405, url)
    t.strictSame(String(refused.headers.allow).split(', ').sort(), app.supportedMethods.filter(method => method !== 'TRACE').sort(), url)
    t.match(refused.json(), { code: 'FST_LB_METHOD_NOT_ALLOWED' })
  }
  t.equal(target.seen.length, 0)
  for (const url of ['/some', '/trace/x', '/own/trace']) t.equal((await app.inject({ method: 'TRACE' as never, url })).statusCode, 200, url)
  t.equal(target.seen.length, 3)
  t.equal((await app.inject({ method: 'GET', url: '/claimed' })).statusCode, 200)
})

t.test('its cookies do not come back, and the connection goes on', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = await WireClient.open(url)
  client.send('TRACE / HTTP/1.1\r\nHost: x\r\nCookie: session=secret\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const refused = (await client.next())!
  t.equal(refused.status, 405)
  t.notMatch(refused.body.toString(), /secret/)
  t.equal((await client.next())?.status, 200)
  client.leave()
})

t.test('it is refused where a handler for what is not found passes requests on, too', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => app.setNotFoundHandler((_request, reply) => { reply.balance('shop') })
  })
  const refused = await app.inject({ method: 'TRACE' as never, url: '/x' })
  t.equal(refused.statusCode, 405)
  t.match(refused.headers.allow, /\bGET\b/)
  t.notMatch(refused.headers.allow, /TRACE/)
  t.equal((await app.inject('/x')).statusCode, 200)
  t.equal(target.seen.length, 1)
})
