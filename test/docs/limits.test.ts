/** docs/limits.md as it is written. */
import t from 'tap'
import { Guide } from './harness/guide.js'
import { until } from '../helpers/wait.js'
import type { Handler } from './harness/guide.js'

const guide = new Guide('docs/limits.md')

/** A target that answers when it is told to. */
function holding (): { held: Array<() => void>, handler: Handler } {
  const held: Array<() => void> = []
  return { held, handler: (_seen, _request, response) => { held.push(() => response.end('served')) } }
}

t.test('request 101 waits for one of 100 slots', async t => {
  const { held, handler } = holding()
  const { get, upstream } = await guide.play(t, 'size: 1_024', { targets: { '*': handler } })
  const responses = Array.from({ length: 101 }, async () => await get('/'))
  await until(() => held.length === 100 && upstream().snapshot().queued === 1, '100 in flight and one in the queue')
  held.shift()!()
  await until(() => held.length === 100, 'the one that waited')
  for (const finish of held) finish()
  t.strictSame(new Set(await Promise.all(responses)), new Set(['served']))
})

t.test('without a queue, request 101 gets 503 at once', async t => {
  const { held, handler } = holding()
  const { get, url } = await guide.play(t, 'queue: false', { targets: { '*': handler } })
  const responses = Array.from({ length: 100 }, async () => await get('/'))
  await until(() => held.length === 100, '100 in flight')
  const refused = await fetch(url)
  t.same([refused.status, refused.headers.get('retry-after'), (await refused.json() as { code: string }).code], [503, '1', 'FST_LB_OVERLOADED'])
  for (const finish of held) finish()
  await Promise.all(responses)
})

t.test('the minimum rate of bodies is the default, written down', async t => {
  const { url, upstream } = await guide.play(t, 'minBodyRate: {', { targets: { '*': (seen, _request, response) => { response.end(seen.body) } } })
  t.equal(await (await fetch(url, { method: 'POST', body: 'hello' })).text(), 'hello')
  const { limits } = upstream().settings
  t.strictSame(limits.minBodyRate, { bytesPerSecond: 240, grace: 20_000 })
})

guide.complete(t)
