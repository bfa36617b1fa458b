/** docs/health.md as it is written. */
import t from 'tap'
import { until } from '../helpers/wait.js'
import { Guide, type Handler } from './harness/guide.js'

const guide = new Guide('docs/health.md')

/** Says that it is well; the rest is as `rest` has it. */
const well = (rest: Handler): Handler => (seen, request, response) => {
  if (seen.url === '/health') response.end('ok')
  else rest!(seen, request, response)
}

t.test('one whose answers are bad is ejected although its health page works, and no client sees that', async t => {
  const { get, targets, upstream } = await guide.play(t, 'slowStart: true', {
    targets: {
      '10.0.0.1': well((_seen, _request, response) => { response.writeHead(503).end() }),
      '*': well((_seen, _request, response) => { response.end('fine') })
    }
  })
  t.ok([...targets.values()].every(({ seen }) => seen[0]?.url === '/health'), 'probed before it listens')
  for (let i = 0; i < 60; i++) t.equal(await get(), 'fine')
  const [first] = upstream().snapshot().targets
  t.match(first, { health: 'healthy', available: false, ejectedUntil: Number })
})

t.test('the rest of the first example: what probes expect', async t => {
  const { upstream } = await guide.play(t, 'slowStart: true', { targets: { '*': (_seen, _request, response) => { response.end('not well') } } })
  t.strictSame(upstream().snapshot().targets.map(({ health }) => health), ['unhealthy', 'unhealthy', 'unhealthy'])
})

t.test('tiers, and in the end nobody', async t => {
  let isWell = true
  const { url, upstream, targets } = await guide.play(t, "panic: 'fail-closed'", {
    targets: { '*': ({ url }, _request, response) => { response.writeHead(url === '/health' && !isWell ? 500 : 200).end() } },
    places: { "active: { path: '/health'": "active: { interval: 20, fall: 1, path: '/health'" }
  })
  const ask = async (): Promise<[number, string | null]> => {
    const answer = await fetch(`${url}/pay`)
    return [answer.status, answer.headers.get('x-target')]
  }
  t.match(await ask(), [200, /^10\.0\.0\./])
  for (const name of ['10.0.0.1', '10.0.0.2']) await targets.get(name)!.kill()
  await until(() => upstream().snapshot().targets.filter(({ health }) => health === 'unhealthy').length === 2, 'the probes to notice')
  t.strictSame(await ask(), [200, '10.1.0.1'])
  isWell = false
  await until(() => upstream().snapshot().targets.every(({ health }) => health === 'unhealthy'), 'all are unhealthy')
  t.equal((await ask())[0], 503)
})

guide.complete(t)
