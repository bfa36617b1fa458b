import t from 'tap'
import { request } from 'undici'
import { RetryBudget } from '../../lib/engine/retry-budget.js'
import { retryAfterMs } from '../../lib/engine/retry.js'
import { FakeClock } from '../helpers/clock.js'
import { startTarget } from '../helpers/servers.js'
import { startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

t.test('ten a second, and a fifth of the requests of the last ten seconds', async t => {
  const clock = new FakeClock()
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 10 }, clock.now)
  const takeAll = (): number => {
    let taken = 0
    while (budget.withdraw()) taken++
    return taken
  }
  t.equal(takeAll(), 100, 'full at the start')
  t.equal(budget.refused, 1)
  for (let i = 0; i < 1_000; i++) budget.deposit(clock.now())
  t.equal(takeAll(), 200)
  clock.advance(5_000)
  t.equal(takeAll(), 0, 'what was taken in the last ten seconds counts')
  clock.advance(5_000)
  t.equal(takeAll(), 100, 'requests of more than ten seconds ago do not')
  clock.advance(3_600_000)
  t.equal(takeAll(), 100, 'nothing is saved up')

  const none = new RetryBudget({ ratio: 0, minPerSecond: 0 }, clock.now)
  t.notOk(none.withdraw())
})

t.test('when it is used up, the first answer is what the client gets', async t => {
  const [a, b] = [await startTarget(t, 'a', (_seen, _request, response) => response.writeHead(503).end('a')), await startTarget(t, 'b')]
  const { upstream } = await startUpstream(t, {
    targets: [a.url, b.url], policy: 'first', health: { passive: false }, retry: { budget: { ratio: 0.5, minPerSecond: 0 } }
  })
  const get = async (): Promise<string> => await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text()
  t.equal(await get(), 'a', 'one request allows half a retry')
  t.equal(await get(), 'b', 'two allow one')
  t.equal(await get(), 'a')
  t.equal(await get(), 'b')
  t.equal(upstream.budget!.refused, 2)
})

t.test('moving on from a target that cannot be connected to costs nothing; budget: false sets no limit', async t => {
  const dying = await startTarget(t, 'dying', (_seen, request) => request.socket.destroy())
  const good = await startTarget(t, 'good')
  for (const [budget, text] of [[{ ratio: 0, minPerSecond: 0 }, undefined], [false, 'good']] as const) {
    const { upstream } = await startUpstream(t, { targets: [dying.url, good.url], policy: 'first', retry: { budget } })
    const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
    if (text === undefined) await t.rejects(answer, { code: 'FST_LB_BAD_GATEWAY' })
    else t.equal(await (await answer).body.text(), text)
  }
  await dying.kill()
  const { upstream } = await startUpstream(t, { targets: [dying.url, good.url], policy: 'first', retry: { budget: { ratio: 0, minPerSecond: 0 } } })
  t.equal(await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text(), 'good')
})

t.test('Retry-After: seconds and dates', async t => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  t.equal(retryAfterMs('3', now), 3_000)
  t.equal(retryAfterMs(' 0 ', now), 0)
  t.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:02 GMT', now), 2_000)
  t.equal(retryAfterMs('Wed, 31 Dec 2025 23:59:59 GMT', now), 0, 'long gone')
  for (const nonsense of ['soon', '-1x', '']) t.equal(retryAfterMs(nonsense, now), undefined)
})

t.test('Retry-After binds the same target: another is tried at once, a short time is waited for, a long one is not', async t => {
  let after = '1'
  const busy = await startTarget(t, 'busy', (_seen, _request, response) => { response.writeHead(503, { 'retry-after': after }).end('busy') })
  const good = await startTarget(t, 'good')
  const both = await startUpstream(t, { targets: [busy.url, good.url], policy: 'first' })
  t.equal(await (await request('http://shop/', { dispatcher: both.upstream.dispatcher })).body.text(), 'good')

  const alone = await startUpstream(t, { targets: [busy.url], retry: { attempts: 2 }, random: () => 0, timeouts: { headers: 0, body: 0, connect: 0 } })
  busy.seen.length = 0
  const answer = request('http://shop/', { dispatcher: alone.upstream.dispatcher })
  await until(() => busy.seen.length === 1 && alone.clock.pending === 1, 'it waits')
  alone.clock.advance(999)
  t.equal(alone.upstream.snapshot().targets[0]!.requests, 1)
  alone.clock.advance(1)
  t.equal((await answer).statusCode, 503)
  t.equal(busy.seen.length, 2)

  after = '2'
  busy.seen.length = 0
  const kept = await request('http://shop/', { dispatcher: alone.upstream.dispatcher })
  t.equal(kept.headers['retry-after'], '2')
  t.equal(busy.seen.length, 1, 'the client is told, and may come again')

  // Of two that were tried, the one that asked for a long time is left out.
  const other = await startTarget(t, 'other', (_seen, _request, response) => { response.writeHead(other.seen.length === 1 ? 503 : 200).end('other') })
  busy.seen.length = 0
  const two = await startUpstream(t, { targets: [busy.url, other.url], policy: 'first', random: () => 0, timeouts: { headers: 0, body: 0, connect: 0 } })
  const last = request('http://shop/', { dispatcher: two.upstream.dispatcher })
  await until(() => other.seen.length === 1 && two.clock.pending === 1, 'it waits')
  two.clock.advance(0)
  t.equal(await (await last).body.text(), 'other')
  t.equal(busy.seen.length, 1)
})
