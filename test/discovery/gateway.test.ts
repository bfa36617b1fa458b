/** Discovery as a user of the plugin meets it: options, start, log, snapshot, end. */
import t from 'tap'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import Fastify, { type FastifyServerOptions } from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { selfSigned } from '../helpers/certificates.js'
import { FakeClock } from '../helpers/clock.js'
import { Feed } from '../helpers/discovering.js'
import { startDns } from '../helpers/dns-server.js'
import { startGateway, startTarget, type Ending } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

async function start (t: Ending, options: LoadBalancerOptions, server: FastifyServerOptions = {}) {
  const app = Fastify(server)
  t.teardown(() => app.close())
  await app.register(loadBalancer, options)
  return app
}

t.test('faults are told at registration', async t => {
  await t.rejects(start(t, { upstreams: { shop: { discovery: { dns: 'api', type: 'MX' as never } }, api: { discovery: 'api.internal' as never } } }), {
    code: 'FST_LB_INVALID_OPTIONS',
    message: /^upstreams\.shop\.discovery\.type: expected 'A' or 'AAAA' or 'SRV', got "MX" \(string\)\nupstreams\.api\.discovery: expected \{ dns \}, /
  })
  const app = await start(t, { upstreams: { shop: { discovery: false } } })
  t.equal(app.upstreams.get('shop')!.snapshot().discovery, null)
})

t.test('a server listens once targets have been found, and each has been probed', async t => {
  let answered = 0
  const targets = await Promise.all(['a', 'b'].map(name => startTarget(t, name, (_seen, _request, response) => {
    answered++
    response.end(name)
  })))
  const feed = new Feed()
  const app = await start(t, { upstreams: { shop: { targets: [targets[0]!.url], discovery: feed, health: { active: {} }, random: () => 0.5 } } })
  let listens = false
  const listening = app.listen({ port: 0, host: '127.0.0.1' }).then(() => { listens = true })
  await until(() => answered === 1, 'the first probe of the one that is known already')
  t.notOk(listens)
  feed.put([targets[1]!.url])
  await listening
  t.equal(answered, 2)
  const { discovery, targets: there } = app.upstreams.get('shop')!.snapshot()
  t.match(discovery, { kind: 'iterable', resolves: 1, failures: 0 })
  t.strictSame(there.map(({ id, health }) => [id, health]), targets.map(({ url }) => [url, 'healthy']))
})

t.test('it does not wait for ever', async t => {
  const clock = new FakeClock()
  const app = await start(t, { upstreams: { shop: { discovery: new Feed(), now: clock.now, timers: clock } } })
  let ready = false
  const waiting = app.ready().then(() => { ready = true })
  clock.advance(4_999)
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(ready)
  clock.advance(1)
  await waiting
})

t.test('an upstream that is added at run time finds its targets, too; it looks no more when it is removed, nor when the server closes', async t => {
  const app = await start(t, {})
  app.get('/:name', (request, reply) => reply.balance((request.params as { name: string }).name))
  const target = await startTarget(t, 'a')
  const feeds = [new Feed().put([target.url]), new Feed().put([target.url])]
  for (const [i, feed] of feeds.entries()) {
    const upstream = app.upstreams.add(`shop-${i}`, { discovery: feed })
    await until(() => upstream.targets.size === 1, 'a target')
    t.equal((await app.inject(`/shop-${i}`)).body, 'a')
  }
  await app.upstreams.remove('shop-0')
  t.strictSame(feeds.map(({ returned }) => returned), [1, 0])
  await app.close()
  t.strictSame(feeds.map(({ returned }) => returned), [1, 1])
})

t.test('failures are in the server\'s log, with the upstream', async t => {
  const lines: Array<Record<string, unknown>> = []
  const stream = new Writable({
    write (line, _encoding, done) {
      lines.push(JSON.parse(String(line)) as Record<string, unknown>)
      done()
    }
  })
  const file = `${t.testdir({ 'targets.yaml': '- ftp://a\n- { url: http://a, wait: 2 }\n' })}/targets.yaml`
  const clock = new FakeClock()
  const app = await start(t, { upstreams: { shop: { discovery: { file }, now: clock.now, timers: clock } } }, { logger: { stream } })
  await until(() => lines.length === 1, 'a line')
  t.match(lines, [{
    level: 40,
    upstream: 'shop',
    discovery: `file ${file}`,
    msg: 'discovery has failed, the last good set of targets stays',
    err: { code: 'FST_LB_INVALID_OPTIONS', message: /^targets\[0\]: expected a url: .*\ntargets\[1\]\.wait: unknown option; known are url, id, / }
  }])
  t.match(app.upstreams.get('shop')!.snapshot().discovery, { kind: 'file', place: file, failures: 1 })
  clock.advance(5_000)
})

t.test('https targets that are found by DNS are asked, and verified, by their name', async t => {
  const certificate = selfSigned(t.testdir(), ['DNS:shop.internal'])
  const asked: unknown[] = []
  const server = createServer(certificate, (request, response) => {
    asked.push([(request.socket as TLSSocket & { servername: string }).servername, request.headers.host, request.headers['user-agent']])
    response.setHeader('location', `https://shop.internal:${port}/here`)
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const { port } = server.address() as AddressInfo
  const { address } = await startDns(t, { 'shop.internal': [{ A: '127.0.0.1' }] })
  const { url } = await startGateway(t, {
    upstreams: {
      shop: { discovery: { dns: 'shop.internal', protocol: 'https', port, servers: [address] }, pool: { tls: { ca: certificate.cert } }, health: { active: {} } }
    },
    routes: { '/': 'shop' }
  })
  const answer = await fetch(url, { headers: { 'user-agent': 'me' }, redirect: 'manual' })
  t.equal(await answer.text(), 'ok')
  t.equal(answer.headers.get('location'), '/here', 'what a target says of itself by that name is mapped back')
  // There may have been a second probe by now.
  const kinds = [...new Set(asked.map(String))].sort()
  t.strictSame(kinds, ['fastify-load-balancer', 'me'].map(agent => `shop.internal,shop.internal:${port},${agent}`))
})
