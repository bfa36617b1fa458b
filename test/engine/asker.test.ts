/** What policies ask of targets, apart from the requests of clients. */
import t from 'tap'
import type { Answer, Ask, PolicyFactory } from '../../lib/balancing/policy.js'
import type { Target, Upstream } from '../../lib/index.js'
import type { FakeClock } from '../helpers/clock.js'
import { startRawTarget, startTarget } from '../helpers/servers.js'
import { startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

type Ending = Parameters<typeof startTarget>[0]

interface Curious {
  upstream: Upstream
  clock: FakeClock
  target: Target
  ask: (timeoutMs?: number, path?: string) => void
  heard: Array<Pick<Answer, 'status' | 'ttfbMs'> & { load: string | undefined }>
}

/** A policy that asks when the test wants it to. */
async function curious (t: Ending, url: string, onHeard = (): void => {}): Promise<Curious> {
  let put!: Ask
  const policy: PolicyFactory = ({ ask }) => {
    put = ask
    return { pick: targets => targets[0]! }
  }
  const { upstream, clock } = await startUpstream(t, { targets: [{ id: 'a', url }], policy })
  const target = upstream.targets.get('a')!
  const heard: Curious['heard'] = []
  const ask = (timeoutMs = 100, path = '/load'): void => {
    put(target, path, timeoutMs, ({ status, ttfbMs, header }) => {
      heard.push({ status, ttfbMs, load: header('x-load') })
      onHeard()
    })
  }
  return { upstream, clock, target, ask, heard }
}

t.test('an answer is heard, and the connection serves the next question; none of it takes a slot', async t => {
  const server = await startTarget(t, 'a', (_seen, _request, response) => response.setHeader('x-load', '7').writeHead(204).end())
  const { ask, heard, target } = await curious(t, `${server.url}/base`)
  for (let i = 1; i <= 3; i++) {
    ask()
    t.equal(target.inFlight, 0)
    await until(() => heard.length === i, 'the answer')
    await new Promise(resolve => setImmediate(resolve))
  }
  t.same(heard, new Array(3).fill({ status: 204, ttfbMs: 0, load: '7' }))
  t.equal(server.seen[0]!.url, '/base/load', 'behind the base path of the target')
  t.equal(server.sockets.size, 1)
  t.equal(target.requests, 0)
})

t.test('a question that cannot be sent does not keep the connection from the next', async t => {
  const server = await startTarget(t, 'a')
  const { ask, heard } = await curious(t, server.url)
  ask(100, '/load level')
  ask()
  await until(() => heard.length === 1, 'the answer')
  t.equal(server.seen.length, 1)
})

t.test('a question that was not answered yet is not put a second time', async t => {
  const waiting: Array<() => void> = []
  const server = await startTarget(t, 'a', (_seen, _request, response) => { waiting.push(() => response.end()) })
  const { ask, heard } = await curious(t, server.url)
  ask()
  ask()
  await until(() => waiting.length === 1, 'the question')
  waiting[0]!()
  await until(() => heard.length === 1, 'the answer')
  t.equal(server.seen.length, 1)
})

t.test('an answer that does not come in time is not waited for, and the next question finds another connection', async t => {
  let answers = false
  const server = await startTarget(t, 'a', (_seen, _request, response) => { if (answers) response.end() })
  const { ask, heard, clock } = await curious(t, server.url)
  ask()
  await until(() => server.seen.length === 1, 'the question')
  clock.advance(100)
  await until(() => server.sockets.size === 0, 'its connection is closed')
  answers = true
  ask()
  await until(() => heard.length === 1, 'the answer')
  t.equal(server.seen.length, 2)
})

t.test('one that is late before there is a connection is not put at all', async t => {
  const server = await startTarget(t, 'a')
  const { ask, heard, clock } = await curious(t, server.url)
  ask()
  clock.advance(100)
  await until(() => { ask(); return heard.length > 0 }, 'an answer to a later one')
  t.equal(server.seen.length, 1)
})

t.test('a target that refuses, or breaks off, is asked again the next time', async t => {
  let connections = 0
  const { url, sockets } = await startRawTarget(t, socket => {
    connections++
    socket.destroy()
  })
  const { ask, heard } = await curious(t, url)
  ask()
  await until(() => connections === 1 && sockets.size === 0, 'the first')
  await until(() => { ask(); return connections === 2 }, 'the second')
  t.same(heard, [])
})

t.test('interim answers are not the answer, and an endless body is cut', async t => {
  const { url, sockets } = await startRawTarget(t, socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 103 Early Hints\r\nX-Load: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Load: 2\r\nContent-Length: 999999999\r\n\r\n')
      const pour = (): void => { while (!socket.destroyed && socket.write('x'.repeat(16_384))) { /* as much as goes */ } }
      socket.on('drain', pour)
      pour()
    })
  })
  const { ask, heard } = await curious(t, url)
  ask()
  await until(() => heard.length > 0 && sockets.size === 0, 'cut')
  t.same(heard, [{ status: 200, ttfbMs: 0, load: '2' }])
})

t.test('a target that leaves is not heard any more, and its connection is closed', async t => {
  let answer!: () => void
  const server = await startTarget(t, 'a', (_seen, _request, response) => { answer = () => response.end() })
  const { ask, heard, upstream } = await curious(t, server.url)
  ask()
  await until(() => server.seen.length === 1, 'the question')
  await upstream.remove('a')
  answer()
  await until(() => server.sockets.size === 0, 'its connection is closed')
  t.same(heard, [])
})

t.test('other certificates: the next question is put on another connection', async t => {
  const server = await startTarget(t, 'a')
  const { ask, heard, upstream } = await curious(t, server.url)
  ask()
  await until(() => heard.length === 1, 'the first answer')
  upstream.replace([{ id: 'a', url: server.url, tls: { servername: 'other' } }])
  await until(() => { ask(); return heard.length === 2 }, 'the second')
})

t.test('a policy that throws when it hears the answer takes nothing with it', async t => {
  const server = await startTarget(t, 'a')
  const { ask, heard } = await curious(t, server.url, () => { throw new Error('not what it wanted to hear') })
  ask()
  await until(() => heard.length === 1, 'the answer')
  await until(() => { ask(); return heard.length === 2 }, 'another one')
})
