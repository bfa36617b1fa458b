/** When a policy hears of answers: as soon as there are headers, however long the rest takes. */
import t from 'tap'
import { request, upgrade } from 'undici'
import type { PolicyFactory } from '../../lib/index.js'
import { startTarget } from '../helpers/servers.js'
import { startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

/** A policy that takes the first, and what it hears of. */
function listener (): { policy: PolicyFactory, told: string[] } {
  const told: string[] = []
  return {
    told,
    policy: () => ({
      pick: targets => targets[0]!,
      answered: ({ id }, { status, ttfbMs, header }) => { told.push(`${id} answered ${status} after ${ttfbMs}, ${header('x-target')}, ${header('x-none')}`) },
      settle: ({ id }, { outcome, durationMs }) => { told.push(`${id} ${outcome} after ${durationMs}`) }
    })
  }
}

t.test('an event stream: at its headers; how long it stays open is not its latency, and it is counted apart', async t => {
  const { policy, told } = listener()
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 1\n\n')
  })
  const { upstream, clock } = await startUpstream(t, { targets: [{ id: 'a', url: target.url }], policy })
  const abort = new AbortController()
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher, signal: abort.signal })
  t.same(told.splice(0), ['a answered 200 after 0, a, undefined'])
  t.equal(upstream.targets.get('a')!.streams, 1)
  clock.advance(3_600_000)
  abort.abort()
  await t.rejects(body.text())
  await until(() => told.length > 0, 'the stream has ended')
  t.same(told, ['a client-aborted after 3600000'])
  t.equal(upstream.targets.get('a')!.streams, 0)
})

t.test('an upgraded connection: at the 101', async t => {
  const { policy, told } = listener()
  const target = await startTarget(t, 'a')
  target.server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nX-Target: a\r\n\r\n')
    socket.once('data', () => socket.end())
  })
  const { upstream, clock } = await startUpstream(t, { targets: [{ id: 'a', url: target.url }], policy })
  const { socket } = await upgrade('http://shop/', { protocol: 'echo', dispatcher: upstream.dispatcher })
  t.same(told.splice(0), ['a answered 101 after 0, a, undefined'])
  t.equal(upstream.targets.get('a')!.streams, 1)
  clock.advance(60_000)
  socket.end('bye')
  await until(() => told.length > 0, 'the connection has ended')
  t.same(told, ['a success after 60000'])
  t.equal(upstream.targets.get('a')!.streams, 0)
})

t.test('a response that is not wanted: its headers may tell something, too', async t => {
  const { policy, told } = listener()
  const bad = await startTarget(t, 'bad', (_seen, _request, response) => response.writeHead(503).end())
  const good = await startTarget(t, 'good')
  const { upstream } = await startUpstream(t, { targets: [{ id: 'bad', url: bad.url }, { id: 'good', url: good.url }], policy })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  t.equal(await body.text(), 'good')
  t.same(told, ['bad answered 503 after 0, bad, undefined', 'bad bad-status after 0', 'good answered 200 after 0, good, undefined', 'good success after 0'])
})

t.test('a target that breaks off before headers: only that it has', async t => {
  const { policy, told } = listener()
  const target = await startTarget(t, 'a', (_seen, request) => request.socket.destroy())
  const { upstream } = await startUpstream(t, { targets: [{ id: 'a', url: target.url }], policy, retry: false })
  await t.rejects(request('http://shop/', { dispatcher: upstream.dispatcher }))
  t.same(told, ['a reset after 0'])
})
