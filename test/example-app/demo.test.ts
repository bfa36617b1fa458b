/** `npm start`: three backends behind a gateway, and what to try. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { get, isAlive, startApp, until } from './helper.js'

const run = promisify(execFile)

interface Answered { name: string }

const nobodyFailed = (answers: Answered[]): boolean => answers.length === 6 && answers.every(({ name }) => ['ash', 'birch', 'cedar'].includes(name))

t.test('what it says to try works when it is pasted', async t => {
  const app = startApp(t, [], { PORT: '0' })
  await app.says(/Ctrl-C ends it all/)
  const said = app.stdout()
  t.match(said, /^\n {2}gateway {2}http:\/\/127\.0\.0\.1:\d+ /, 'nothing is written before it')
  t.equal(app.stderr(), '')
  const gateway = /gateway {2}(http:\S+)/.exec(said)![1]!
  const dashboard = await get(/look at {2}(http:\S+)/.exec(said)![1]!)
  t.match([dashboard.status, dashboard.body], [200, /<title>Load balancer<\/title>/])
  const backends = [...said.matchAll(/(\w+) +(http:\S+) +pid (\d+)/g)].map(([, name, url, pid]) => ({ name: name!, url: url!, pid: Number(pid) }))
  t.same(backends.map(({ name }) => name), ['ash', 'birch', 'cedar'])

  const pasted = new Map([...said.matchAll(/^ {2}# (\w+):.*\n((?: {2}.*\n)+)/gm)].map(([, what, commands]) => [what!, commands!.trim().split('\n')]))
  const paste = async (command: string | undefined): Promise<Answered[]> => {
    const { stdout } = await run('bash', ['-c', command!])
    return stdout.split('\n').slice(0, -1).map(line => JSON.parse(line) as Answered)
  }
  const names = async (command: string | undefined): Promise<string[]> => (await paste(command)).map(({ name }) => name)
  t.same([...pasted.keys()], ['balance', 'stickiness', 'failure', 'death'])
  const [ask] = pasted.get('balance')!
  t.same((await names(ask)).sort(), ['ash', 'ash', 'birch', 'birch', 'cedar', 'cedar'])

  const [sticky] = pasted.get('stickiness')!
  const kept = await names(sticky)
  t.equal(kept.length, 6)
  t.equal(new Set(kept).size, 1, 'who keeps the cookie keeps the backend')

  const [fail, whileFailing, recover] = pasted.get('failure')!
  t.match(await paste(fail), [{ name: 'birch', failing: true }])
  t.ok(nobodyFailed(await paste(whileFailing)), 'no client sees it')
  await until('birch is taken out', () => app.log('a target is unhealthy').some(({ target }) => target === 'birch'))
  t.notOk((await names(ask)).includes('birch'))
  t.match(await paste(recover), [{ name: 'birch', failing: false }])
  await until('birch is back', () => app.log('a target is healthy').some(({ target, level }) => target === 'birch' && level === 40))
  await until('birch serves', async () => (await names(ask)).includes('birch'))

  const [kill, afterwards] = pasted.get('death')!
  t.same(await paste(kill), [])
  t.ok(nobodyFailed(await paste(afterwards)), 'nor that one is gone')

  t.match(JSON.parse((await get(`${gateway}/hello?x=1`, { method: 'PUT', headers: { 'content-type': 'text/plain' } })).body), {
    name: String, pid: Number, method: 'PUT', path: '/hello?x=1', headers: { host: String, 'content-type': 'text/plain' }
  })

  // As a terminal does it: the signal goes to the whole group.
  process.kill(-app.child.pid!, 'SIGINT')
  t.same(await app.exited, { code: 0, signal: null })
  await until('the backends are gone', () => !backends.some(({ pid }) => isAlive(pid)))
})
