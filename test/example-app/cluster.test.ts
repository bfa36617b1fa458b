/** Several processes that are one gateway. */
import t from 'tap'
import { get, isAlive, startConfigured, threeTargets, until, workersOf, type RunningApp } from './helper.js'

/** Requests with the cookie until each of the workers has served one. Returns who answered. */
async function askAll (app: RunningApp, cookie: string, workers: number[]): Promise<Set<string>> {
  const answers = new Set<string>()
  const before = app.log('request').length
  await until('each worker has served', async () => {
    answers.add((await get(app.url, { headers: { cookie } })).body)
    const served = new Set(app.log('request').slice(before).map(({ pid }) => pid))
    return workers.every(pid => served.has(pid))
  })
  return answers
}

t.test('a cookie of one worker holds at the others, and at the one that replaces a dead one', async t => {
  const app = await startConfigured(t, { workers: 2, ...await threeTargets(t) })
  const [first, second] = workersOf(app) as [number, number]
  t.equal(app.stderr(), '')
  t.match(app.log().filter(({ msg }) => msg.startsWith('affinity.cookie has no secret')), [{ pid: app.child.pid, upstreams: ['shop'] }], 'it is told once')

  const { body, headers } = await get(app.url)
  const cookie = headers['set-cookie']![0]!.split(';')[0]!
  t.same(await askAll(app, cookie, [first, second]), new Set([body]))

  process.kill(first, 'SIGKILL')
  const third = await until('a third worker listens', () => workersOf(app)[2])
  t.same(await askAll(app, cookie, [second, third]), new Set([body]))
  t.match(app.log('a worker died'), [{ worker: first, signal: 'SIGKILL' }])

  app.child.kill('SIGTERM')
  t.same(await app.exited, { code: 0, signal: null })
  t.notOk([second, third].some(isAlive))
})

t.test('with LB_SECRET nothing is told, and a worker is replaced after its SIGTERM', async t => {
  const app = await startConfigured(t, { workers: 2, ...await threeTargets(t) }, { LB_SECRET: 'a secret of some length' })
  t.same(app.log().filter(({ level }) => Number(level) > 30), [])
  const [first] = workersOf(app) as [number]
  process.kill(first, 'SIGTERM')
  await until('a third worker listens', () => workersOf(app)[2])
  t.match(app.log('a worker died'), [{ worker: first, code: 0 }])
})

t.test('workers go when the primary is gone', async t => {
  const app = await startConfigured(t, { workers: 2, ...await threeTargets(t) })
  const workers = workersOf(app)
  app.child.kill('SIGKILL')
  t.ok(await until('they are gone', () => !workers.some(isAlive)))
})
